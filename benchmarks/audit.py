"""The audit trail: what sealing costs whoever writes, how fast it is sealed,
told and verified, and how fast it answers.

Events are written, sealed and exported by the code that serves; a trail of ten million is filled in by SQL, with the
columns that sealing would have written.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from threading import Event, Thread

import toolchain
from sqlalchemy import text
from tests.fakes.postgres import running_cluster
from tests.fakes.trail_world import NAME, START, TrailWorld, event
from toolchain import postgres

from benchmarks.figure import Figure
from leasehold.keys.trail_keys import TrailKey
from leasehold.model.records import AuditRecord
from leasehold.model.trail.heads import TrailHead, extend
from leasehold.model.trail.queries import Facets, TrailQuery, facets_of
from leasehold.model.trail.records import canonical_bytes, record_bytes
from leasehold.model.trail.telling import Told
from leasehold.model.trail.tree import Frontier
from leasehold.store.database import open_engine
from leasehold.store.sql_store import open_store
from leasehold.store.tables import AUDIT, SEALS
from leasehold.trail.telling import Teller
from leasehold.verify.trail import TrailKeyring, verify_trail

COMMITS, SEALED, VERIFIED, KEPT = 1500, 20_000, 1_000_000, 10_000_000
AGENTS, PAGES, STREAMED = 1000, 60, 2000
_PACE, _PATIENCE = 0.005, 30.0
_CHECKPOINT = 10_000
_DAY = timedelta(days=1)


def figures() -> Iterator[Figure]:
    """Writing, sealing, verifying, asking."""
    with tempfile.TemporaryDirectory() as scratch:
        yield from _writing(Path(scratch))
        yield _sealing(Path(scratch))
        yield _telling(Path(scratch))
        yield _verifying(Path(scratch))
        yield _asking(f"sqlite:///{Path(scratch) / 'kept.db'}", "audit_query_10m_p50_ms")
    server = postgres.available(toolchain.repository())
    assert server, "no PostgreSQL server was found: run `make setup`"
    with running_cluster(server.path) as cluster, cluster.database() as url:
        yield _asking(url, "postgresql_audit_query_10m_p50_ms")


def _writing(scratch: Path) -> Iterator[Figure]:
    """A durable transaction of one event, with a sealer at work beside it and without; turn and turn about."""
    world = TrailWorld(scratch, open_store(f"sqlite:///{scratch / 'written.db'}"))
    stop, sealing = Event(), Event()

    def seal() -> None:
        while not stop.is_set():
            if sealing.wait(0.05) and not stop.wait(0.25):
                world.sealer.seal_all()

    worker = Thread(target=seal)
    worker.start()
    took: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(10):
        beside = bool(turn % 2)
        (sealing.set if beside else sealing.clear)()
        time.sleep(0.3)
        for number in range(COMMITS // 10):
            began = time.perf_counter()
            world.write(event(number))
            took[beside].append(time.perf_counter() - began)
    stop.set()
    sealing.set()
    worker.join()
    world.store.close()
    with_it, without = (statistics.median(took[beside]) * 1000 for beside in (True, False))
    yield Figure("audit_added_p50_ms", with_it - without, "ms", without, with_it / without)


def _sealing(scratch: Path) -> Figure:
    """Events sealed per second of processor time, reading and writing the database included."""
    world = TrailWorld(scratch, open_store(f"sqlite:///{scratch / 'sealed.db'}"))
    world.write(*(event(number) for number in range(SEALED)))
    began = time.process_time()
    world.sealer.catch_up()
    spent = time.process_time() - began
    world.store.close()
    return Figure("audit_sealed_per_cpu_second", SEALED / spent, "1/s")


def _telling(scratch: Path) -> Figure:
    """From a durable event to a receiver that has it, sealed and chained, under a steady stream of events."""
    world = TrailWorld(scratch, open_store(f"sqlite:///{scratch / 'told.db'}"))
    written: dict[str, float] = {}
    lags: list[float] = []
    receiver, stop = _Receiver(written, lags), Event()
    teller = Teller(world.store, receiver, NAME, lambda: datetime.now(UTC))
    workers = [Thread(target=world.sealer.run, args=(stop,)), Thread(target=teller.run, args=(stop,))]
    for worker in workers:
        worker.start()
    for number in range(STREAMED):
        world.write(event(number))
        written[f"d{number}"] = time.perf_counter()
        time.sleep(_PACE)
    ends = time.perf_counter() + _PATIENCE
    while len(lags) < STREAMED and time.perf_counter() < ends:
        time.sleep(0.05)
    stop.set()
    for worker in workers:
        worker.join()
    world.store.close()
    assert len(lags) >= STREAMED
    return Figure("audit_export_lag_p99_ms", statistics.quantiles(lags, n=100)[98] * 1000, "ms")


class _Receiver:
    """Takes whatever it is told, and when."""

    name = "siem"

    def __init__(self, written: dict[str, float], lags: list[float]) -> None:
        self._written, self._lags = written, lags

    def take(self, told: Sequence[Told]) -> None:
        now = time.perf_counter()
        self._lags += [now - self._written.get(one.record.event.name, now) for one in told]


def _verifying(scratch: Path) -> Figure:
    """A million events of an export on disk."""
    path = scratch / "trail.ndjson"
    key = TrailKey(scratch / "audit.key", NAME)
    with path.open("wb") as file:
        file.writelines(_export(key))
    began = time.perf_counter()
    with path.open("rb") as lines:
        verdict = verify_trail([lines], TrailKeyring(key.verifier_key))
    spent = time.perf_counter() - began
    assert verdict.whole
    assert verdict.end == VERIFIED
    return Figure("verify_1m_events_seconds", spent, "s")


def _export(key: TrailKey) -> Iterator[bytes]:
    header = {"format": "leasehold-audit/1", "origin": NAME, "start": 0, "end": VERIFIED, "previous": "00" * 32}
    yield canonical_bytes({**header, "peaks": []}) + b"\n"
    head = TrailHead()
    numbers = iter(range(1, VERIFIED + 1))
    while batch := [AuditRecord(number, event(number)) for number in islice(numbers, _CHECKPOINT)]:
        previous = head.leaf
        grown = extend(head, batch, [facets_of(one.event) for one in batch])
        for one, record in zip(grown.sealed, batch, strict=True):
            raw = record_bytes(record, one.seal.position, previous, one.seal.about)
            yield b'{"leaf":"%b","record":%b}\n' % (one.seal.leaf.hex().encode(), raw)
            previous = one.seal.leaf
        head = grown.head
        root = Frontier(head.size, head.peaks).root()
        yield canonical_bytes({"checkpoint": key.checkpoint(head.size, root)}) + b"\n"


_NUMBERS = {
    "sqlite": "WITH RECURSIVE g(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM g WHERE n + 1 < :rows) SELECT {} FROM g",
    "postgresql": "SELECT {} FROM generate_series(0, :rows - 1) AS g(n)",
}
_HASTE = {
    "sqlite": ("PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", "PRAGMA cache_size=-1000000"),
    "postgresql": ("SET synchronous_commit = off", "SET maintenance_work_mem = '1GB'"),
}
_EVENT_COLUMNS = "sequence, at, principal, action, kind, name, outcome, reason, detail, unsealed"
_SEAL_COLUMNS = "position, sequence, leaf, at, kind, agent, tool"
_AT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', :epoch + n / 10, 'unixepoch')",
    "postgresql": "to_timestamp(:epoch + n / 10)",
}


def _asking(url: str, name: str) -> Figure:
    """A page of one agent's events of one day; each question is of another agent."""
    _fill(url)
    store = open_store(url)
    day = START + timedelta(seconds=KEPT // 20)
    took = []
    for number in range(PAGES):
        query = TrailQuery(facets=Facets(agent=f"a{number * 7 % AGENTS}"), since=day, until=day + _DAY)
        began = time.perf_counter()
        with store.read() as unit:
            found = unit.trail.search(query, None, 100)
        took.append(time.perf_counter() - began)
        assert found
    store.close()
    return Figure(name, statistics.median(took) * 1000, "ms")


def _fill(url: str) -> None:
    """Ten million rows in minutes: without a journal, and indexes built behind them, over all at once."""
    open_store(url).close()
    engine = open_engine(url)
    dialect = engine.dialect.name
    numbers, at = _NUMBERS[dialect], _AT[dialect]
    sizes = {"rows": KEPT, "epoch": int((START - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())}
    agent = f"'a' || CAST(n % {AGENTS} AS TEXT)"
    leaf = "zeroblob(32)" if dialect == "sqlite" else "'\\x00'::bytea"
    events = numbers.format(f"n + 1, {at}, 'gateway', 'decide', 'decisions', CAST(n AS TEXT), 'ok', '', '{{}}', false")
    micros = "CAST(:epoch + n / 10 AS BIGINT) * 1000000"
    seals = numbers.format(f"n, n + 1, {leaf}, {micros}, 'decisions', {agent}, 'github/read_file'")
    indexes = [*AUDIT.indexes, *SEALS.indexes]
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        for setting in _HASTE[dialect]:
            driver.execute(setting)
        for index in indexes:
            index.drop(connection)
        connection.execute(text(f"INSERT INTO audit_events ({_EVENT_COLUMNS}) {events}"), sizes)
        connection.execute(text(f"INSERT INTO audit_seals ({_SEAL_COLUMNS}) {seals}"), sizes)
        for index in indexes:
            index.create(connection)
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
    engine.dispose()
