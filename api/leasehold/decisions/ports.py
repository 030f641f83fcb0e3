"""What decisions need of the world: the registry to read, a place to remember, and a way to shut things away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from leasehold.model.decision_records import SealedQuestion
from leasehold.model.events import AuditEvent, Change, Content
from leasehold.model.external import Sealed
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec, Stored
from leasehold.model.records import EVERYTHING, AuditRecord, Filters
from leasehold.model.revocations import RevocationEvent
from leasehold.model.trail.queries import Found, Place, TrailQuery

Listener = Callable[[Sequence[RevocationEvent]], None]


class Objects(Protocol):
    """The live objects, as far as they are read here."""

    def list(
        self, kind: Kind, *, after: str = "", limit: int | None = None, filters: Filters = EVERYTHING
    ) -> Sequence[Stored[Spec]]: ...
    def named(self, kind: Kind, names: Iterable[str]) -> Mapping[str, Stored[Spec]]: ...
    def referrers(self, kind: Kind, name: str) -> Sequence[tuple[Kind, str]]: ...


class Changes(Protocol):
    """The gap-free sequence of committed writes."""

    def latest(self) -> int: ...
    def since(self, sequence: int, limit: int) -> Sequence[Change]: ...
    def latest_at(self, at: datetime) -> int: ...


class Versions(Protocol):
    """Every revision of every object."""

    def as_of(self, kind: Kind, at: datetime, beginning: str = "") -> Mapping[str, Spec]: ...


class AuditLog(Protocol):
    """Events, append-only."""

    def append_all(self, events: Sequence[AuditEvent]) -> None: ...
    def list(
        self, *, kind: str | None = None, name: str | None = None, before: int | None = None, limit: int = 100
    ) -> Sequence[AuditRecord]: ...


class Trail(Protocol):
    """Events, by when they were and whom they are about."""

    def search(self, query: TrailQuery, before: Place | None, limit: int) -> Sequence[Found]: ...


class Questions(Protocol):
    """Questions that were decided, sealed."""

    def add_all(self, questions: Sequence[SealedQuestion]) -> None: ...
    def find(self, question_id: str) -> SealedQuestion | None: ...
    def latest(self, limit: int) -> Sequence[SealedQuestion]: ...
    def forget(self, before: datetime) -> int: ...


class UnitOfWork(Protocol):
    """One transaction: what happens in it happens together, or not at all."""

    @property
    def objects(self) -> Objects: ...
    @property
    def changes(self) -> Changes: ...
    @property
    def versions(self) -> Versions: ...
    @property
    def audit(self) -> AuditLog: ...
    @property
    def trail(self) -> Trail: ...
    @property
    def questions(self) -> Questions: ...


class Store(Protocol):
    """Opens transactions, and calls listeners after a commit, in whatever thread committed. Raises `Unavailable`."""

    def begin(self) -> AbstractContextManager[UnitOfWork]: ...
    def read(self) -> AbstractContextManager[UnitOfWork]: ...
    def listen(self, listener: Listener) -> None: ...
    def unlisten(self, listener: Listener) -> None: ...


class Vault(Protocol):
    """Shuts contents away under the key of a subject, and digests with it. Raises `Unavailable`."""

    def shut(self, subject: str, said: Mapping[str, object]) -> Content: ...
    def digest(self, subject: str, said: bytes) -> str: ...
    def seal(self, subject: str, text: str, about: str) -> Sealed: ...
    def unseal(self, sealed: Sealed, about: str) -> str: ...  # raises StillLive for what cannot be read any more
