"""What the token service needs of the world: a store, and somebody who signs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from leasehold.model.clients import ClientSecret
from leasehold.model.consents import Consent, Pending, Stage
from leasehold.model.events import AuditEvent
from leasehold.model.heartbeats import Heartbeat
from leasehold.model.kinds import Kind
from leasehold.model.leases import Lease, Node
from leasehold.model.objects import Spec, Stored
from leasehold.model.registrations import RegisteredClient
from leasehold.model.tasks import Task
from leasehold.model.workloads import Standing, Workload
from leasehold.policy.shares import Rulings


class Objects(Protocol):
    """The live objects, as far as they are read here."""

    def find(self, kind: Kind, name: str) -> Stored[Spec] | None: ...
    def list(self, kind: Kind) -> Sequence[Stored[Spec]]: ...
    def names(self, kind: Kind) -> Sequence[str]: ...
    def named(self, kind: Kind, names: Iterable[str]) -> Mapping[str, Stored[Spec]]: ...
    def referrers(self, kind: Kind, name: str) -> Sequence[tuple[Kind, str]]: ...


class Nodes(Protocol):
    """Generations of the revocation tree. A node that was never written has none."""

    def generations(self, nodes: Iterable[Node]) -> Mapping[Node, int]: ...
    def bump(self, node: Node) -> int: ...
    def ensure(self, node: Node) -> int: ...


class Changes(Protocol):
    """The sequence of committed writes."""

    def latest(self) -> int: ...


class Leases(Protocol):
    """Leases by id."""

    def add_all(self, leases: Sequence[Lease]) -> None: ...
    def find_all(self, lease_ids: Iterable[str]) -> Mapping[str, Lease]: ...
    def on_status_list(self, list_id: str, at: datetime) -> Sequence[Lease]: ...
    def revoke(self, lease_id: str, at: datetime) -> None: ...
    def forget(self, before: datetime) -> int: ...


class LeaseUses(Protocol):
    """A count of what leases were taken for, which outlives them."""

    def count(self, before: datetime) -> None: ...
    def forget(self, before: datetime) -> int: ...


class Replays(Protocol):
    """Subject tokens already used."""

    def first_uses(self, uses: Mapping[tuple[str, str], datetime]) -> frozenset[tuple[str, str]]: ...
    def forget(self, before: datetime) -> int: ...


class Tasks(Protocol):
    """What leases are taken for."""

    def find(self, task_id: str) -> Task | None: ...
    def open(self, task: Task) -> None: ...


class Revocations(Protocol):
    """The stream of what ended."""

    def latest(self) -> int: ...
    def ended_since(self, nodes: Iterable[Node], since: datetime) -> frozenset[Node]: ...


class AuditLog(Protocol):
    """Events, append-only."""

    def append(self, event: AuditEvent) -> None: ...
    def append_all(self, events: Sequence[AuditEvent]) -> None: ...


class ClientSecrets(Protocol):
    """The hash of each agent's one client secret."""

    def find(self, agent: str) -> ClientSecret | None: ...


class Registrations(Protocol):
    """Further clients of agents: whose an address is, and those that registered themselves."""

    def agent_named(self, client_id: str) -> str | None: ...
    def names_any(self) -> bool: ...
    def find(self, client_id: str) -> RegisteredClient | None: ...


class Consents(Protocol):
    """What people consented to."""

    def find(self, user: str, agent: str, resource: str) -> Consent | None: ...
    def put(self, consent: Consent) -> None: ...
    def of_user(self, user: str) -> Sequence[Consent]: ...


class Authorizations(Protocol):
    """Authorizations under way."""

    def add(self, pending: Pending) -> None: ...
    def find(self, digest: str, stage: Stage) -> Pending | None: ...
    def take(self, digest: str, stage: Stage) -> Pending | None: ...
    def forget(self, before: datetime) -> int: ...


class Heartbeats(Protocol):
    """What deployments owe."""

    def find_all(self, deployments: Iterable[str]) -> Mapping[str, Heartbeat]: ...


class UnitOfWork(Protocol):
    """One transaction: what happens in it happens together, or not at all."""

    @property
    def objects(self) -> Objects: ...
    @property
    def nodes(self) -> Nodes: ...
    @property
    def changes(self) -> Changes: ...
    @property
    def leases(self) -> Leases: ...
    @property
    def lease_uses(self) -> LeaseUses: ...
    @property
    def replays(self) -> Replays: ...
    @property
    def tasks(self) -> Tasks: ...
    @property
    def revocations(self) -> Revocations: ...
    @property
    def audit(self) -> AuditLog: ...
    @property
    def client_secrets(self) -> ClientSecrets: ...
    @property
    def registrations(self) -> Registrations: ...
    @property
    def consents(self) -> Consents: ...
    @property
    def authorizations(self) -> Authorizations: ...
    @property
    def heartbeats(self) -> Heartbeats: ...


class Store(Protocol):
    """Opens transactions: commits on normal exit, rolls back on an exception. Raises `Unavailable`."""

    def begin(self) -> AbstractContextManager[UnitOfWork]: ...
    def read(self) -> AbstractContextManager[UnitOfWork]: ...


class Clusters(Protocol):
    """What is known of the clusters behind trust issuers."""

    def standing(self, workload: Workload) -> Standing: ...


class Policies(Protocol):
    """The policies that are enforced. Blocking."""

    def as_of(self, sequence: int) -> Rulings | None:
        """What they say, as of this change of the registry or a later one. Raises `Unavailable`."""


class TokenMint(Protocol):
    """Signs access tokens. Raises `Unavailable`."""

    async def sign(self, claims: Mapping[str, object]) -> str: ...
