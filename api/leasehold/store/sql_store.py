"""The store on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from leasehold.store.database import open_engine, transaction
from leasehold.store.migrate import migrate
from leasehold.store.sql_history import SqlAuditLog, SqlChanges, SqlVersions
from leasehold.store.sql_leases import SqlLeases, SqlReplays
from leasehold.store.sql_nodes import SqlBootstrap, SqlNodes
from leasehold.store.sql_objects import SqlObjects


class SqlUnitOfWork:
    """One transaction, by what is remembered in it."""

    __slots__ = ("audit", "bootstrap", "changes", "leases", "nodes", "objects", "replays", "versions")

    def __init__(self, connection: Connection) -> None:
        self.objects = SqlObjects(connection)
        self.nodes = SqlNodes(connection)
        self.changes = SqlChanges(connection)
        self.versions = SqlVersions(connection)
        self.audit = SqlAuditLog(connection)
        self.bootstrap = SqlBootstrap(connection)
        self.leases = SqlLeases(connection)
        self.replays = SqlReplays(connection)


class SqlStore:
    """Opens transactions on one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def begin(self) -> Iterator[SqlUnitOfWork]:
        """A transaction that writes: durable on normal exit, undone on an exception. Raises `Unavailable`."""
        with transaction(self._engine, writes=True) as connection:
            yield SqlUnitOfWork(connection)

    @contextmanager
    def read(self) -> Iterator[SqlUnitOfWork]:
        """A transaction that sees one state of the registry throughout. Raises `Unavailable`."""
        with transaction(self._engine, writes=False) as connection:
            yield SqlUnitOfWork(connection)

    def close(self) -> None:
        """Give every idle connection back."""
        self._engine.dispose()


def open_store(url: str) -> SqlStore:
    """The store at a database URL, its schema brought up to date. Raises `Unavailable`."""
    engine = open_engine(url)
    try:
        with transaction(engine, writes=True) as connection:
            migrate(connection)
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine)
