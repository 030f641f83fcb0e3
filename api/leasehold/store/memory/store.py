"""Transactions in memory: one writer at a time, on a copy that becomes the state on success."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from leasehold.model.clients import ClientSecret
from leasehold.model.connections import EndingConnection, Promotion, UpstreamClient
from leasehold.model.consents import Consent, Pending
from leasehold.model.decision_records import SealedQuestion
from leasehold.model.events import AuditEvent, Change
from leasehold.model.external import ExternalCredential
from leasehold.model.heartbeats import Heartbeat
from leasehold.model.kinds import Kind
from leasehold.model.leaps import Leaps
from leasehold.model.leases import Lease, Node
from leasehold.model.objects import Spec, Stored
from leasehold.model.observations import Observation
from leasehold.model.outside import Baseline
from leasehold.model.records import BootstrapToken, Version
from leasehold.model.registrations import RegisteredClient, RegistrationToken
from leasehold.model.revocations import RevocationEvent
from leasehold.model.signals import Stream
from leasehold.model.tasks import Task
from leasehold.store.bumps import Bumps
from leasehold.store.memory.history import MemoryAuditLog, MemoryChanges, MemoryVersions
from leasehold.store.memory.keeping import MemoryKeeping, MemoryKept
from leasehold.store.memory.nodes import MemoryBootstrap, MemoryNodes
from leasehold.store.memory.objects import MemoryObjects
from leasehold.store.memory.revocations import MemoryRevocations
from leasehold.store.memory.trail import MemoryTrail, MemoryTrailState
from leasehold.store.memory_baselines import MemoryBaselines
from leasehold.store.memory_clients import MemoryRegistrations
from leasehold.store.memory_connections import (
    Claimed,
    MemoryConnectionEndings,
    MemoryConnections,
    MemoryPromotions,
    MemoryUpstreamClients,
)
from leasehold.store.memory_connections import Place as ConnectionPlace
from leasehold.store.memory_credentials import MemoryCredentials
from leasehold.store.memory_lease_uses import Counted, MemoryLeaseUses, Place
from leasehold.store.memory_leases import MemoryLeases, MemoryReplays
from leasehold.store.memory_observations import MemoryObservations
from leasehold.store.memory_people import MemoryAuthorizations, MemoryClientSecrets, MemoryConsents
from leasehold.store.memory_questions import MemoryQuestions
from leasehold.store.memory_streams import MemoryStreams
from leasehold.store.memory_tasks import MemoryTasks
from leasehold.store.memory_workloads import MemoryHeartbeats, MemoryWorkloads
from leasehold.store.shared_secrets import MemorySharedSecrets
from leasehold.store.wakeups import Listener, Wakeups


@dataclass(slots=True)
class MemoryState:
    """All that is remembered. Values are frozen, so that a shallow copy is a snapshot."""

    objects: dict[tuple[Kind, str], Stored[Spec]] = field(default_factory=dict)
    references: dict[tuple[Kind, str], frozenset[tuple[Kind, str]]] = field(default_factory=dict)
    versions: dict[tuple[Kind, str], tuple[Version, ...]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    nodes: dict[Node, int] = field(default_factory=dict)
    audit: list[AuditEvent] = field(default_factory=list)
    bootstrap: list[BootstrapToken] = field(default_factory=list)
    leases: dict[str, Lease] = field(default_factory=dict)
    replays: dict[tuple[str, str], datetime] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    credentials: dict[str, ExternalCredential] = field(default_factory=dict)
    revocations: list[RevocationEvent] = field(default_factory=list)
    client_secrets: dict[str, ClientSecret] = field(default_factory=dict)
    consents: dict[tuple[str, str, str], Consent] = field(default_factory=dict)
    authorizations: dict[str, Pending] = field(default_factory=dict)
    questions: dict[str, SealedQuestion] = field(default_factory=dict)
    streams: dict[str, Stream] = field(default_factory=dict)
    shared_secrets: dict[str, str] = field(default_factory=dict, repr=False)
    client_names: dict[str, str] = field(default_factory=dict)
    registered_clients: dict[str, RegisteredClient] = field(default_factory=dict)
    registration_tokens: dict[str, RegistrationToken] = field(default_factory=dict)
    ended_workloads: dict[Node, datetime] = field(default_factory=dict)
    heartbeats: dict[str, Heartbeat] = field(default_factory=dict)
    looks: list[datetime] = field(default_factory=list)
    lease_uses: dict[Place, Counted] = field(default_factory=dict)
    baselines: dict[str, Baseline] = field(default_factory=dict)
    connections: dict[ConnectionPlace, Claimed] = field(default_factory=dict)
    promotions: dict[tuple[str, str], Promotion] = field(default_factory=dict)
    connection_endings: dict[str, EndingConnection] = field(default_factory=dict)
    upstream_clients: dict[tuple[str, str], UpstreamClient] = field(default_factory=dict)
    observations: dict[tuple[str, str], Observation] = field(default_factory=dict)
    trail: MemoryTrailState = field(default_factory=MemoryTrailState)
    kept: MemoryKept = field(default_factory=MemoryKept)

    def copy(self) -> MemoryState:
        """A state that can change without changing this one."""
        return MemoryState(
            objects=dict(self.objects),
            references=dict(self.references),
            versions=dict(self.versions),
            changes=list(self.changes),
            nodes=dict(self.nodes),
            audit=list(self.audit),
            bootstrap=list(self.bootstrap),
            leases=dict(self.leases),
            replays=dict(self.replays),
            tasks=dict(self.tasks),
            credentials=dict(self.credentials),
            revocations=list(self.revocations),
            client_secrets=dict(self.client_secrets),
            consents=dict(self.consents),
            authorizations=dict(self.authorizations),
            questions=dict(self.questions),
            streams=dict(self.streams),
            shared_secrets=dict(self.shared_secrets),
            client_names=dict(self.client_names),
            registered_clients=dict(self.registered_clients),
            registration_tokens=dict(self.registration_tokens),
            ended_workloads=dict(self.ended_workloads),
            heartbeats=dict(self.heartbeats),
            looks=list(self.looks),
            lease_uses=dict(self.lease_uses),
            baselines=dict(self.baselines),
            connections=dict(self.connections),
            promotions=dict(self.promotions),
            connection_endings=dict(self.connection_endings),
            upstream_clients=dict(self.upstream_clients),
            observations=dict(self.observations),
            trail=self.trail.copy(),
            kept=self.kept.copy(),
        )


class MemoryUnitOfWork:
    """One transaction on a state of its own."""

    def __init__(self, state: MemoryState, bumps: Bumps) -> None:
        self.objects = MemoryObjects(state.objects, state.references)
        self.nodes = MemoryNodes(state.nodes, bumps)
        self.changes = MemoryChanges(state.changes, bumps)
        self.versions = MemoryVersions(state.versions)
        self.audit = MemoryAuditLog(state.audit, bumps, state.kept.contents)
        self.bootstrap = MemoryBootstrap(state.bootstrap)
        self.leases = MemoryLeases(state.leases, bumps)
        self.replays = MemoryReplays(state.replays)
        self.tasks = MemoryTasks(state.tasks)
        self.credentials = MemoryCredentials(state.credentials)
        self.client_secrets = MemoryClientSecrets(state.client_secrets)
        self.consents = MemoryConsents(state.consents)
        self.authorizations = MemoryAuthorizations(state.authorizations)
        self.registrations = MemoryRegistrations(
            state.client_names, state.registered_clients, state.registration_tokens
        )
        self.revocations = MemoryRevocations(state.revocations)
        self.questions = MemoryQuestions(state.questions)
        self.streams = MemoryStreams(state.streams)
        self.shared_secrets = MemorySharedSecrets(state.shared_secrets)
        self.workloads = MemoryWorkloads(state.nodes, state.ended_workloads)
        self.heartbeats = MemoryHeartbeats(state.heartbeats, state.looks)
        self.lease_uses = MemoryLeaseUses(state.leases, state.lease_uses, state.nodes)
        self.baselines = MemoryBaselines(state.baselines)
        self.connections = MemoryConnections(state.connections, bumps)
        self.promotions = MemoryPromotions(state.promotions, bumps)
        self.connection_endings = MemoryConnectionEndings(state.connection_endings)
        self.upstream_clients = MemoryUpstreamClients(state.upstream_clients)
        self.observations = MemoryObservations(state.observations)
        self.trail = MemoryTrail(state.trail, state.audit)
        self.keeping = MemoryKeeping(state.kept, state.trail, state.audit)


class MemoryStore:
    """Opens transactions on a state that dies with the program."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._state = MemoryState()
        self._leaps = Leaps(steady)
        self._writer = threading.Lock()
        self._wakeups = Wakeups()

    @contextmanager
    def begin(self) -> Iterator[MemoryUnitOfWork]:
        """A transaction that writes: kept on normal exit, dropped on an exception."""
        with self._writer:
            state = self._state.copy()
            bumps = Bumps()
            unit = MemoryUnitOfWork(state, bumps)
            yield unit
            events = unit.revocations.record(bumps, datetime.now(UTC), self._leaps) if bumps else ()
            self._state = state
        if events or bumps.changed:
            self._wakeups.tell(events)

    def listen(self, listener: Listener) -> None:
        """Call `listener` with what a transaction of this store revoked, or with nothing if it only wrote."""
        self._wakeups.add(listener)

    def unlisten(self, listener: Listener) -> None:
        """Call `listener` no more."""
        self._wakeups.remove(listener)

    @contextmanager
    def read(self) -> Iterator[MemoryUnitOfWork]:
        """A transaction that sees one state throughout; what is written in it is lost."""
        yield MemoryUnitOfWork(self._state.copy(), Bumps())
