"""What this room needs of the world: a store, and the API servers of clusters."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from leasehold.model.events import AuditEvent
from leasehold.model.kinds import Kind
from leasehold.model.leases import Node
from leasehold.model.objects import Spec, Stored
from leasehold.model.trust import TrustIssuer
from leasehold.model.workloads import Listing, Sighting, WorkloadKind


class Objects(Protocol):
    """The live objects, as far as they are read here."""

    def list(self, kind: Kind) -> Sequence[Stored[Spec]]: ...


class Nodes(Protocol):
    """Generations of the revocation tree."""

    def generations(self, nodes: Iterable[Node]) -> Mapping[Node, int]: ...
    def bump(self, node: Node) -> int: ...


class Workloads(Protocol):
    """Workloads by node."""

    def standing(self, start: str) -> frozenset[Node]: ...
    def end(self, node: Node, at: datetime) -> bool: ...
    def forget(self, before: datetime) -> int: ...


class AuditLog(Protocol):
    """Events, append-only."""

    def append(self, event: AuditEvent) -> None: ...


class UnitOfWork(Protocol):
    """One transaction: what happens in it happens together, or not at all."""

    @property
    def objects(self) -> Objects: ...
    @property
    def nodes(self) -> Nodes: ...
    @property
    def workloads(self) -> Workloads: ...
    @property
    def audit(self) -> AuditLog: ...


class Store(Protocol):
    """Opens transactions: commits on normal exit, rolls back on an exception. Raises `Unavailable`."""

    def begin(self) -> AbstractContextManager[UnitOfWork]: ...
    def read(self) -> AbstractContextManager[UnitOfWork]: ...


class Clusters(Protocol):
    """API servers. Both raise `ClusterSilent`; a watch of what is too long ago, `ClusterForgot`."""

    async def list(self, issuer: TrustIssuer, kind: WorkloadKind) -> Listing: ...
    def watch(self, issuer: TrustIssuer, kind: WorkloadKind, version: str) -> AsyncGenerator[Sighting]: ...
