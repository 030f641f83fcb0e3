"""The store on SQLite and PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine

from leasehold.model.leaps import Leaps
from leasehold.store.bumps import Bumps
from leasehold.store.database import open_engine, transaction
from leasehold.store.listening import Listening
from leasehold.store.migrate import migrate
from leasehold.store.shared_secrets import SqlSharedSecrets
from leasehold.store.sql_baselines import SqlBaselines
from leasehold.store.sql_clients import SqlRegistrations
from leasehold.store.sql_connection_endings import SqlConnectionEndings, SqlUpstreamClients
from leasehold.store.sql_connections import SqlConnections, SqlPromotions
from leasehold.store.sql_credentials import SqlCredentials
from leasehold.store.sql_history import SqlAuditLog, SqlChanges, SqlVersions
from leasehold.store.sql_keeping import SqlKeeping
from leasehold.store.sql_lease_uses import SqlLeaseUses
from leasehold.store.sql_leases import SqlLeases, SqlReplays
from leasehold.store.sql_nodes import SqlBootstrap, SqlNodes
from leasehold.store.sql_objects import SqlObjects
from leasehold.store.sql_observations import SqlObservations
from leasehold.store.sql_people import SqlAuthorizations, SqlClientSecrets, SqlConsents
from leasehold.store.sql_questions import SqlQuestions
from leasehold.store.sql_revocations import CHANNEL, SqlRevocations
from leasehold.store.sql_streams import SqlStreams
from leasehold.store.sql_tasks import SqlTasks
from leasehold.store.sql_trail import SqlTrail
from leasehold.store.sql_workloads import SqlHeartbeats, SqlWorkloads
from leasehold.store.wakeups import Listener, Wakeups


class SqlUnitOfWork:
    """One transaction, by what is remembered in it."""

    __slots__ = (
        "audit",
        "authorizations",
        "baselines",
        "bootstrap",
        "changes",
        "client_secrets",
        "connection_endings",
        "connections",
        "consents",
        "credentials",
        "heartbeats",
        "keeping",
        "lease_uses",
        "leases",
        "nodes",
        "objects",
        "observations",
        "promotions",
        "questions",
        "registrations",
        "replays",
        "revocations",
        "shared_secrets",
        "streams",
        "tasks",
        "trail",
        "upstream_clients",
        "versions",
        "workloads",
    )

    def __init__(self, connection: Connection, bumps: Bumps) -> None:
        self.objects = SqlObjects(connection)
        self.nodes = SqlNodes(connection, bumps)
        self.changes = SqlChanges(connection, bumps)
        self.versions = SqlVersions(connection)
        self.audit = SqlAuditLog(connection, bumps)
        self.bootstrap = SqlBootstrap(connection)
        self.leases = SqlLeases(connection, bumps)
        self.replays = SqlReplays(connection)
        self.tasks = SqlTasks(connection)
        self.credentials = SqlCredentials(connection)
        self.client_secrets = SqlClientSecrets(connection)
        self.consents = SqlConsents(connection)
        self.authorizations = SqlAuthorizations(connection)
        self.registrations = SqlRegistrations(connection)
        self.revocations = SqlRevocations(connection)
        self.questions = SqlQuestions(connection)
        self.streams = SqlStreams(connection)
        self.shared_secrets = SqlSharedSecrets(connection)
        self.workloads = SqlWorkloads(connection)
        self.heartbeats = SqlHeartbeats(connection)
        self.lease_uses = SqlLeaseUses(connection, self.nodes)
        self.baselines = SqlBaselines(connection)
        self.connections = SqlConnections(connection, bumps)
        self.promotions = SqlPromotions(connection, bumps)
        self.connection_endings = SqlConnectionEndings(connection)
        self.upstream_clients = SqlUpstreamClients(connection)
        self.observations = SqlObservations(connection)
        self.trail = SqlTrail(connection)
        self.keeping = SqlKeeping(connection)


class SqlStore:
    """Opens transactions on one database."""

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._leaps = Leaps(steady)
        self._clock = clock
        self._wakeups = Wakeups()
        self._listening: Listening | None = None

    @contextmanager
    def begin(self) -> Iterator[SqlUnitOfWork]:
        """A transaction that writes: durable on normal exit, undone on an exception. Raises `Unavailable`."""
        with transaction(self._engine, writes=True) as connection:
            bumps = Bumps()
            unit = SqlUnitOfWork(connection, bumps)
            yield unit
            events = unit.revocations.record(bumps, self._clock(), self._leaps) if bumps else ()
            if bumps.changed and not events:
                unit.revocations.wake()
        if events or bumps.changed:
            self._wakeups.tell(events)

    def listen(self, listener: Listener) -> None:
        """Call `listener` with what a transaction of this store revoked, once it is durable.

        A transaction that wrote to the registry and revoked nothing calls it too, with no events. On PostgreSQL it is
        called for other processes' transactions too, with no events: they are in the stream.
        """
        self._wakeups.add(listener)
        if self._engine.dialect.name == "postgresql" and self._listening is None:
            conninfo = self._engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
            self._listening = Listening(conninfo, CHANNEL, lambda: self._wakeups.tell(()))

    def unlisten(self, listener: Listener) -> None:
        """Call `listener` no more."""
        self._wakeups.remove(listener)

    @contextmanager
    def read(self) -> Iterator[SqlUnitOfWork]:
        """A transaction that sees one state of the registry throughout. Raises `Unavailable`."""
        with transaction(self._engine, writes=False) as connection:
            yield SqlUnitOfWork(connection, Bumps())

    def close(self) -> None:
        """Give every idle connection back."""
        if self._listening is not None:
            self._listening.close()
        self._engine.dispose()


def open_store(url: str, steady: Callable[[], float] = time.monotonic) -> SqlStore:
    """The store at a database URL, its schema brought up to date. Raises `Unavailable`."""
    engine = open_engine(url)
    try:
        with transaction(engine, writes=True) as connection:
            migrate(connection)
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine, steady=steady)
