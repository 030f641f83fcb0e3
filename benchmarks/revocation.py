"""From revoked to refused, the revocation of a million leases at once, and the price of a check.

`revoke_to_refused_*`: a durable revocation of one lease (SQLite, `synchronous=FULL`) until every verifier's `check`
refuses the token: commit, signature, HTTP stream, signature check, look-up. Server and verifiers share one machine; all
verifiers run in one process, so that the signature of a batch, the same for all, is checked once there and not by each.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx
from tests.fakes.exchange_world import ISSUER, TOOLS
from tests.fakes.live_feed import Serving, serving

from benchmarks.figure import Figure
from leasehold.model.leases import agent_node
from leasehold.model.tools import Action
from leasehold.store.sql_store import open_store
from leasehold.verify.access import TokenReader
from leasehold.verify.follower import Follower
from leasehold.verify.issuer import Introspection, IssuerKeys, http_client
from leasehold.verify.known import Known
from leasehold.verify.refusals import Reason
from leasehold.verify.statements import Batch, Snapshot, StatementReader
from leasehold.verify.verifier import AccessRefused, Patience, Verifier

VERIFIERS = {2: 200, 50: 100, 500: 15}
LEASES = 1_000_000
REVOCATIONS = 40
CHECKS = 200_000
FOLLOWS_SECONDS = 0.6
AT_ONCE = 25
SETTLES_SECONDS = 20.0
_KUBERNETES_MS = 10_000.0  # a TokenReview that was cached right before the pod was deleted


class SharedReader(StatementReader):
    """Checks the signature of a statement once for all verifiers of this process."""

    def __init__(self, issuer: str, keys: IssuerKeys) -> None:
        super().__init__(issuer, keys)
        self._last: tuple[str, Batch] | None = None

    def batch(self, text: str) -> Batch:
        if self._last is None or self._last[0] != text:
            self._last = (text, super().batch(text))
        return self._last[1]


def figures() -> Iterator[Figure]:
    """Latencies at 2, 50 and 500 verifiers, one bump over a million leases, and checks per second."""
    yield from _subtree()
    yield from _checks()
    for verifiers, rounds in VERIFIERS.items():
        with tempfile.TemporaryDirectory() as scratch, _service(Path(scratch)) as service:
            milliseconds = sorted(asyncio.run(_revoked_to_refused(service, verifiers, rounds)))
        yield Figure(f"revoke_to_refused_{verifiers}_p50_ms", _percentile(milliseconds, 0.5), "ms")
        p99 = _percentile(milliseconds, 0.99)
        yield Figure(f"revoke_to_refused_{verifiers}_p99_ms", p99, "ms", _KUBERNETES_MS, _KUBERNETES_MS / p99)


@contextmanager
def _service(folder: Path) -> Iterator[dict[str, str]]:
    """A token service in a process of its own; where it is, and a bearer for its feed."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(str(folder), theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join(timeout=10)


def _serve(folder: str, pipe: Any) -> None:
    store = open_store(f"sqlite:///{folder}/leasehold.db")
    with serving(store, Path(folder)) as service:
        pipe.send({"url": service.url, "bearer": service.world.registry_token(), "tokens": _tokens(service)})
        pipe.recv()
    store.close()


def _tokens(service: Serving) -> list[str]:
    return [service.world.get(service.world.pod_token()).access_token for _ in range(max(VERIFIERS.values()))]


class Watched(Known):
    """Notes when its verifier begins to refuse the token of the round."""

    def __init__(self) -> None:
        super().__init__()
        self.verifier: Verifier | None = None
        self.token = ""
        self.refused_at: asyncio.Future[float] | None = None

    def add(self, batch: Batch, wall: float, monotonic: float) -> None:
        super().add(batch, wall, monotonic)
        if batch.events and self.verifier and self.refused_at and _refuses(self.verifier, self.token):
            self.refused_at.set_result(time.perf_counter())
            self.refused_at = None

    def watch(self, token: str) -> asyncio.Future[float]:
        """When `token`, which is good now, is refused."""
        assert self.verifier
        assert not _refuses(self.verifier, token)
        self.token, self.refused_at = token, asyncio.get_running_loop().create_future()
        return self.refused_at


async def _revoked_to_refused(service: dict[str, Any], count: int, rounds: int) -> list[float]:
    client = http_client()
    keys = IssuerKeys(service["url"], client)
    statements = SharedReader(ISSUER, keys)
    watched = [Watched() for _ in range(count)]
    following = []
    for known in watched:
        known.verifier = _verifier(service, keys, known, client)
        follower = Follower(
            endpoint=service["url"], known=known, statements=statements, bearer=lambda: service["bearer"]
        )
        following.append(asyncio.create_task(follower.follow()))
        if len(following) % AT_ONCE == 0:  # a machine that also plays every verifier is no fair judge of a storm
            await _until_all_follow(watched[: len(following)])
    await _until_all_follow(watched)
    milliseconds: list[float] = []
    async with httpx.AsyncClient() as http:
        for token in service["tokens"][:rounds]:
            await asyncio.sleep(0.02)
            ends = [known.watch(token) for known in watched]
            began = time.perf_counter()
            (await http.post(f"{service['url']}/oauth2/revoke", data={"token": token})).raise_for_status()
            milliseconds += [(at - began) * 1000 for at in await asyncio.gather(*ends)]
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    client.close()
    return milliseconds


async def _until_all_follow(watched: Sequence[Watched]) -> None:
    deadline = time.monotonic() + SETTLES_SECONDS
    for known in watched:
        if time.monotonic() > deadline:
            raise TimeoutError("this machine is too busy to play so many verifiers")
        while known.staleness(time.monotonic()) > FOLLOWS_SECONDS:  # noqa: ASYNC110  the end of a wait, not of a round
            await asyncio.sleep(0.05)


def _refuses(verifier: Verifier, token: str) -> bool:
    try:
        verifier.check(token, "read_file", "repo:web")
    except AccessRefused as refused:
        if refused.receipt.refused != Reason.REVOKED:
            raise
        return True
    return False


def _verifier(service: dict[str, Any], keys: IssuerKeys, known: Known, client: httpx.Client) -> Verifier:
    return Verifier(
        tokens=TokenReader(ISSUER, TOOLS, keys),
        known=known,
        introspection=Introspection(service["url"], client, lambda: service["bearer"]),
        patience=Patience(tools={"read_file": Action.READ}),
    )


def _subtree() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "leasehold.db"
        store = open_store(f"sqlite:///{path}")
        _insert_leases(path)
        milliseconds, cpu = list[float](), time.thread_time()
        for _ in range(REVOCATIONS):
            began = time.perf_counter()
            with store.begin() as unit:
                unit.nodes.bump(agent_node("triage"))
            milliseconds.append((time.perf_counter() - began) * 1000)
        cpu = time.thread_time() - cpu
        with (Path(scratch) / "bare").open("wb", buffering=0) as file:
            bare = [_written(file) for _ in range(REVOCATIONS)]
        store.close()
    median, disk = _percentile(sorted(milliseconds), 0.5), _percentile(sorted(bare), 0.5)
    yield Figure("revoke_1m_subtree_ms", median, "ms", disk, median / disk)  # the disk alone, for as many bytes
    yield Figure("revoke_1m_subtree_worst_ms", max(milliseconds), "ms", max(bare), max(milliseconds) / max(bare))
    yield Figure("revoke_1m_subtree_cpu_ms", cpu / REVOCATIONS * 1000, "ms")


def _written(file: IO[bytes]) -> float:
    """How many milliseconds the disk takes for what SQLite writes to revoke: four pages, one flush."""
    began = time.perf_counter()
    file.write(bytes(4 * 4120))
    os.fdatasync(file.fileno())
    return (time.perf_counter() - began) * 1000


def _insert_leases(path: Path) -> None:
    ancestors = json.dumps([["registry", 1], ["agent:triage", 1]])
    row = ("agent:triage", "triage", "prod", "pods", TOOLS, "[]", ancestors, 0, 2_000_000_000_000_000)
    database = sqlite3.connect(path)
    database.execute("PRAGMA synchronous=OFF")
    database.executemany(
        "INSERT INTO leases (id, subject, agent, deployment, binding, audience, scopes, ancestors, issued_at,"
        " expires_at, token_sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ((f"{n:032x}", *row, f"{n:064x}") for n in range(LEASES)),
    )
    database.commit()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # or the first revocation would pay for the bulk insert
    database.close()


def _checks() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as scratch:
        store = open_store(f"sqlite:///{scratch}/leasehold.db")
        with serving(store, Path(scratch)) as service, service.resource_server() as server:
            tokens = [service.world.get(service.world.pod_token()).access_token for _ in range(1000)]
            known = server.follower._known  # noqa: SLF001
            ended = {f"lease:{n:032x}": 1 for n in range(300_000)}
            now = time.time()
            known.start(Snapshot(sequence=known.sequence or 0, at=now, minimums=ended), now, time.monotonic())
            check = server.verifier.check
            for token in tokens:
                check(token, "read_file", "repo:web")
            server.follower.close()  # neither thread of these is part of a check; reads may be 30 s old
            service.stop()
            cpu = wall = 0.0
            for _ in range(CHECKS // len(tokens)):
                arrived = [token.encode().decode() for token in tokens]  # new text, as each request brings it
                began = time.process_time(), time.perf_counter()
                for token in arrived:
                    check(token, "read_file", "repo:web")
                cpu, wall = cpu + time.process_time() - began[0], wall + time.perf_counter() - began[1]
        store.close()
    yield Figure("verified_checks_per_second", CHECKS / wall, "1/s")
    yield Figure("verified_checks_per_cpu_second", CHECKS / cpu, "1/cpu-s")


def _percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
