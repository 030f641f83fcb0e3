"""What this room needs of the world: a store, systems that mint, and somebody who keeps secrets shut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from leasehold.model.events import AuditEvent
from leasehold.model.external import (
    EVERY_CREDENTIAL,
    CredentialFilters,
    CredentialState,
    ExternalCredential,
    Minted,
    Order,
    Sealed,
)
from leasehold.model.kinds import Kind
from leasehold.model.leases import Lease, Node
from leasehold.model.objects import Spec, Stored


class Objects(Protocol):
    """The live objects, as far as they are read here."""

    def find(self, kind: Kind, name: str) -> Stored[Spec] | None: ...


class Nodes(Protocol):
    """Generations of the revocation tree."""

    def generations(self, nodes: Iterable[Node]) -> Mapping[Node, int]: ...


class Leases(Protocol):
    """Leases by id."""

    def add_all(self, leases: Sequence[Lease]) -> None: ...
    def find_all(self, lease_ids: Iterable[str]) -> Mapping[str, Lease]: ...


class Credentials(Protocol):
    """Credentials handed out."""

    def add(self, credential: ExternalCredential) -> None: ...
    def replace(self, credential: ExternalCredential) -> None: ...
    def find(self, credential_id: str) -> ExternalCredential | None: ...
    def due(self, states: frozenset[CredentialState], now: datetime, limit: int) -> Sequence[ExternalCredential]: ...
    def list(
        self, *, after: str = "", limit: int, filters: CredentialFilters = EVERY_CREDENTIAL
    ) -> Sequence[ExternalCredential]: ...
    def forget(self, before: datetime) -> int: ...


class Replays(Protocol):
    """Proofs already used."""

    def first_uses(self, uses: Mapping[tuple[str, str], datetime]) -> frozenset[tuple[str, str]]: ...


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
    def leases(self) -> Leases: ...
    @property
    def credentials(self) -> Credentials: ...
    @property
    def replays(self) -> Replays: ...
    @property
    def audit(self) -> AuditLog: ...


class Store(Protocol):
    """Opens transactions: commits on normal exit, rolls back on an exception. Raises `Unavailable`."""

    def begin(self) -> AbstractContextManager[UnitOfWork]: ...
    def read(self) -> AbstractContextManager[UnitOfWork]: ...


class Source(Protocol):
    """A system that mints credentials and, as far as it can, kills them. Killing twice is no error."""

    async def mint(self, order: Order) -> Minted: ...  # raises MintRefused if nothing was made; else: who knows
    def kill(self, credential: ExternalCredential, ends_with: str | None) -> None: ...  # raises StillLive
    def clear(self, credential: ExternalCredential) -> None: ...  # takes leftovers away; raises StillLive


class Sealer(Protocol):
    """Shuts a secret so that only this server can open it. `about` must be the same both times."""

    def seal(self, secret: str, about: str) -> Sealed: ...
    def unseal(self, sealed: Sealed, about: str) -> str: ...  # raises StillLive if it is not ours
