"""What the registry needs of the world: objects that it can remember, all or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from leasehold.model.clients import ClientSecret
from leasehold.model.directory import ForeignId
from leasehold.model.events import AuditEvent, Change
from leasehold.model.kinds import Kind
from leasehold.model.leases import Lease, Node
from leasehold.model.objects import Reference, Spec, Stored
from leasehold.model.policies import Policy, PolicyProblem
from leasehold.model.principal import Principal
from leasehold.model.records import EVERYTHING, AuditRecord, BootstrapToken, Filters, Version
from leasehold.model.tasks import Task
from leasehold.model.tools import ToolServer


class Objects(Protocol):
    """The live objects, by kind and name. Names sort by code point."""

    def get(self, kind: Kind, name: str) -> Stored[Spec]: ...  # raises NotFound
    def find(self, kind: Kind, name: str) -> Stored[Spec] | None: ...
    def list(
        self, kind: Kind, *, after: str = "", limit: int | None = None, filters: Filters = EVERYTHING
    ) -> Sequence[Stored[Spec]]: ...
    def named(self, kind: Kind, names: Iterable[str]) -> Mapping[str, Stored[Spec]]: ...
    def names(self, kind: Kind, filters: Filters = EVERYTHING) -> Sequence[str]: ...
    def put(self, stored: Stored[Spec], refers_to: Iterable[Reference]) -> None: ...
    def delete(self, kind: Kind, name: str) -> None: ...
    def referrers(self, kind: Kind, name: str) -> Sequence[tuple[Kind, str]]: ...
    def bearer(self, kind: Kind, identity: ForeignId) -> str | None: ...
    def expired(self, kind: Kind, now: datetime) -> int: ...


class Nodes(Protocol):
    """Generations of the revocation tree. A node that was never written has none."""

    def generations(self, nodes: Iterable[Node]) -> Mapping[Node, int]: ...
    def bump(self, node: Node) -> int: ...
    def ensure(self, node: Node) -> int: ...


class Changes(Protocol):
    """The gap-free sequence of committed writes."""

    def lock(self) -> None: ...  # until the end of the transaction no other writer passes here
    def latest(self) -> int: ...
    def append(self, change: Change) -> None: ...
    def since(self, sequence: int, limit: int) -> Sequence[Change]: ...


class Versions(Protocol):
    """Every revision of every object."""

    def append(self, version: Version) -> None: ...
    def last_revision(self, kind: Kind, name: str) -> int: ...
    def since(self, kind: Kind, name: str, revision: int) -> Sequence[Version]: ...  # `revision` itself included


class AuditLog(Protocol):
    """Events, append-only."""

    def append(self, event: AuditEvent) -> None: ...
    def list(
        self, *, kind: str | None = None, name: str | None = None, before: int | None = None, limit: int = 100
    ) -> Sequence[AuditRecord]: ...


class Bootstrap(Protocol):
    """The one-time token of a registry's first start."""

    def find(self) -> BootstrapToken | None: ...
    def put(self, token: BootstrapToken) -> None: ...


class Leases(Protocol):
    """Of leases, the registry only ends them."""

    def find(self, lease_id: str) -> Lease | None: ...
    def revoke(self, lease_id: str, at: datetime) -> None: ...


class ClientSecrets(Protocol):
    """The hash of each agent's one client secret."""

    def find(self, agent: str) -> ClientSecret | None: ...
    def put(self, secret: ClientSecret) -> None: ...
    def delete(self, agent: str) -> bool: ...


class Tasks(Protocol):
    """What agents take leases for."""

    def find(self, task_id: str) -> Task | None: ...
    def end(self, task_id: str, at: datetime) -> bool: ...


class Receipts(Protocol):
    """Lets a write through, or raises `ReceiptRefused`: what a stack writes may need the receipt of a reviewed plan."""

    def check(
        self, principal: Principal, kind: Kind, name: str, before: Spec | None, after: Spec | None, /
    ) -> None: ...


class PolicyChecker(Protocol):
    """Reads a policy as the engine will, beside these tool servers. Empty: nothing is wrong."""

    def check(self, name: str, policy: Policy, servers: Mapping[str, ToolServer]) -> Sequence[PolicyProblem]: ...


class UnitOfWork(Protocol):
    """One transaction: what happens in it happens together, or not at all."""

    @property
    def objects(self) -> Objects: ...
    @property
    def nodes(self) -> Nodes: ...
    @property
    def changes(self) -> Changes: ...
    @property
    def versions(self) -> Versions: ...
    @property
    def audit(self) -> AuditLog: ...
    @property
    def bootstrap(self) -> Bootstrap: ...
    @property
    def leases(self) -> Leases: ...
    @property
    def tasks(self) -> Tasks: ...
    @property
    def client_secrets(self) -> ClientSecrets: ...


class Store(Protocol):
    """Opens transactions: commits on normal exit, rolls back on an exception. Raises `Unavailable`."""

    def begin(self) -> AbstractContextManager[UnitOfWork]: ...
    def read(self) -> AbstractContextManager[UnitOfWork]: ...
