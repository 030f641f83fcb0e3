"""What this room needs of the world: a store, and who signs, who delivers, who keeps secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from leasehold.model.events import AuditEvent
from leasehold.model.external import Sealed
from leasehold.model.leases import Lease, Node
from leasehold.model.revocations import RevocationEvent
from leasehold.model.signals import Stream


class Nodes(Protocol):
    """Generations of the revocation tree."""

    def generations(self, nodes: Iterable[Node]) -> Mapping[Node, int]: ...


class Leases(Protocol):
    """Leases by id."""

    def find_all(self, lease_ids: Iterable[str]) -> Mapping[str, Lease]: ...


class Revocations(Protocol):
    """The committed stream of what ended."""

    def latest(self) -> int: ...
    def horizon(self) -> int: ...
    def since(self, sequence: int, limit: int) -> Sequence[RevocationEvent]: ...


class Streams(Protocol):
    """Streams by id. `lock` keeps others from changing one until the transaction is over."""

    def add(self, stream: Stream) -> None: ...
    def lock(self, stream_id: str) -> Stream | None: ...
    def replace(self, stream: Stream) -> None: ...
    def remove(self, stream_id: str) -> None: ...
    def list(self) -> Sequence[Stream]: ...


class AuditLog(Protocol):
    """Events, append-only."""

    def append(self, event: AuditEvent) -> None: ...


class UnitOfWork(Protocol):
    """One transaction: what happens in it happens together, or not at all."""

    @property
    def nodes(self) -> Nodes: ...
    @property
    def leases(self) -> Leases: ...
    @property
    def revocations(self) -> Revocations: ...
    @property
    def streams(self) -> Streams: ...
    @property
    def audit(self) -> AuditLog: ...


class Store(Protocol):
    """Opens transactions: commits on normal exit, rolls back on an exception. Raises `Unavailable`."""

    def begin(self) -> AbstractContextManager[UnitOfWork]: ...
    def read(self) -> AbstractContextManager[UnitOfWork]: ...


class EventMint(Protocol):
    """Signs security event tokens. Raises `Unavailable`."""

    async def sign(self, claims: Mapping[str, object]) -> str: ...


class Courier(Protocol):
    """Brings a security event token to its receiver. Raises `EventNotTaken`."""

    async def push(self, endpoint: str, token: str, authorization: str | None) -> None: ...


class Sealer(Protocol):
    """Shuts a secret so that only this server can open it. `about` must be the same both times."""

    def seal(self, secret: str, about: str) -> Sealed: ...
    def unseal(self, sealed: Sealed, about: str) -> str: ...  # raises StillLive if it is not ours
