"""The disk is full, the database goes away, the server is killed: nothing is half-written, and work goes on after."""

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Semaphore, Thread

import pytest
import toolchain
from sqlalchemy import event
from tests.fakes import postgres as fake_postgres
from tests.fakes.registry import OWNER, RegistryClient, furnished
from tests.fakes.registry_http import LiveRegistry, live_registry
from toolchain import postgres

from leasehold.store.database import open_engine
from leasehold.store.migrate import migrate
from leasehold.store.sql_store import SqlStore, open_store

WRITERS = 4


def consistent(database: Path) -> int:
    """Check that objects, versions, changes and audit tell one story; return how many changes there were."""
    with sqlite3.connect(database) as connection:
        rows = connection.execute("SELECT sequence, kind, name, operation, revision FROM changes ORDER BY 1").fetchall()
        versions = set(connection.execute("SELECT kind, name, operation, revision FROM versions"))
        audit = connection.execute(
            "SELECT kind, name, action, detail FROM audit_events WHERE outcome = 'ok'"
        ).fetchall()
        live = set(connection.execute("SELECT kind, name, revision FROM objects"))
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert {row[1:] for row in rows} == versions
    audited = {(k, n, a, json.loads(d)["revision"]) for k, n, a, d in audit if a in {"create", "update", "delete"}}
    assert audited == versions
    last = {(kind, name): (operation, revision) for _, kind, name, operation, revision in rows}
    assert live == {(k, n, revision) for (k, n), (operation, revision) in last.items() if operation != "delete"}
    return len(rows)


def write_until_it_stops(registry: LiveRegistry, writer: str, written: list[str], progress: Semaphore) -> None:
    with suppress(OSError, AssertionError):
        for number in range(10_000):
            name = f"{writer}-{number}"
            registry.create("owners", name, OWNER)
            written.append(name)
            progress.release()
            if number % 3 == 0:
                registry.change("owners", name, team="moved")


def test_a_server_killed_in_the_middle_of_writing_tells_one_story_afterwards(tmp_path):
    with live_registry(tmp_path) as registry:
        registry.token()
        written: list[str] = []
        for life in range(2):
            progress = Semaphore(0)
            names = [f"life{life}-writer{n}" for n in range(WRITERS)]
            threads = [Thread(target=write_until_it_stops, args=(registry, n, written, progress)) for n in names]
            for thread in threads:
                thread.start()
            assert all(progress.acquire(timeout=60) for _ in range(20))
            registry.kill()
            for thread in threads:
                thread.join()
            consistent(tmp_path / "leasehold.db")
            assert registry.start() == ""
        # What was answered is there; what was under way when the power went may be there too, and whole.
        assert set(written) <= set(registry_names(registry))


def registry_names(registry: LiveRegistry) -> list[str]:
    picture = registry.call("GET", "/v1/snapshot")
    return [owner["name"] for owner in picture["objects"]["owners"]]


def full_disk(path: Path) -> tuple[SqlStore, dict[str, int]]:
    """A store whose database may grow to so many pages."""
    engine, limit = open_engine(f"sqlite:///{path}"), {"pages": 1_000_000}

    @event.listens_for(engine, "checkout")
    def _limit(connection, *_):
        connection.execute(f"PRAGMA max_page_count = {limit['pages']}")

    with engine.connect() as connection:
        migrate(connection)
        connection.commit()
    return SqlStore(engine), limit


def test_a_full_disk_refuses_the_write_whole_and_reads_go_on(tmp_path):
    database = tmp_path / "x.db"
    store, limit = full_disk(database)
    registry = furnished(store)
    limit["pages"] = 1  # SQLite never goes below what is there
    full = None
    for number in range(200):
        answer = registry.create("owners", f"o{number}", {**OWNER, "display_name": "x" * 1000})
        if not answer.is_success:
            full = number, answer
            break
    assert full is not None
    number, answer = full
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"]
    assert registry.get("owners", f"o{number}").status_code == 404
    assert registry.get("owners", "alice").status_code == 200
    consistent(database)
    limit["pages"] = 1_000_000
    registry.must("owners", f"o{number}", OWNER)
    assert consistent(database) > number
    store.close()


@contextmanager
def stoppable_cluster() -> Iterator[tuple[str, "Switch"]]:
    """A PostgreSQL of the test's own, and a switch to turn it off and on."""
    server = postgres.available(toolchain.repository())
    assert server, "no PostgreSQL server was found: run `make setup`"
    owner = fake_postgres._unprivileged_user()
    with tempfile.TemporaryDirectory(prefix="leasehold-pg-", dir=fake_postgres._short_open_folder()) as scratch:
        home = Path(scratch)
        home.chmod(0o711)
        binaries = fake_postgres._readable(server.path, home / "server", owner)
        cluster = home / "cluster"
        cluster.mkdir(mode=0o700)
        if owner:
            os.chown(cluster, fake_postgres.pwd.getpwnam(owner).pw_uid, -1)
        fake_postgres._initialise(binaries, cluster / "data", owner)
        switch = Switch(binaries, cluster, owner)
        switch.on()
        try:
            yield fake_postgres.PostgresCluster(cluster, "").url(), switch
        finally:
            switch.off()


class Switch:
    """Turns a cluster on and off."""

    def __init__(self, binaries: Path, cluster: Path, owner: str | None) -> None:
        self._start = lambda: fake_postgres._server(binaries, cluster, owner)
        self._cluster = cluster
        self._running = None

    def on(self) -> None:
        self._running = self._start()
        self._running.__enter__()
        fake_postgres._wait_until_ready(self._cluster)

    def off(self) -> None:
        if self._running is not None:
            self._running.__exit__(None, None, None)
            self._running = None


@pytest.mark.postgres
def test_a_database_that_goes_away_is_said_and_survived():
    with stoppable_cluster() as (url, switch):
        store = open_store(url)
        registry = furnished(store)
        switch.off()
        for answer in (
            registry.get("owners", "alice"),
            registry.send("GET", "/v1/snapshot"),
            registry.create("owners", "bob", OWNER),
            registry.delete("owners", "alice", 1),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert "postgres" not in answer.text.lower()
        assert registry.anonymous("GET", "/healthz").status_code == 200
        switch.on()
        assert registry.get("owners", "bob").status_code == 404
        registry.must("owners", "bob", OWNER)
        sequences = [change.sequence for change in registry.changes()]
        assert sequences == list(range(1, len(sequences) + 1))
        store.close()


def test_a_database_that_was_never_there_stops_the_start_in_one_line(tmp_path):
    registry = LiveRegistry(tmp_path)
    (tmp_path / "leasehold.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(AssertionError, match=r"cannot start: the database does not answer|cannot start: "):
        registry.start()
    assert "Traceback" not in (tmp_path / "serve.log").read_text()
    registry.close()


def test_a_new_database_is_nobody_elses_to_read(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'deep' / 'er' / 'x.db'}")
    assert RegistryClient(store).send("GET", "/v1/snapshot").json()["revision"] == 0
    for path in (tmp_path / "deep" / "er", tmp_path / "deep" / "er" / "x.db"):
        assert path.stat().st_mode & 0o077 == 0
    store.close()
