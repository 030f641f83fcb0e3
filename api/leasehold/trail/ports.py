"""What the trail needs of others."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from leasehold.model.events import AuditEvent
from leasehold.model.records import AuditRecord
from leasehold.model.trail.checkpoints import Checkpoint
from leasehold.model.trail.heads import Cursor, TrailHead
from leasehold.model.trail.queries import Found, Place, TrailQuery
from leasehold.model.trail.records import SealedRecord
from leasehold.model.trail.tree import Subtree


class Trail(Protocol):
    """Places, tree, checkpoints and cursors."""

    def lock(self) -> bool: ...  # until the transaction ends nobody else seals; False if somebody does
    def head(self) -> TrailHead: ...
    def unsealed(self, limit: int) -> Sequence[AuditRecord]: ...
    def seal(self, sealed: Sequence[SealedRecord], subtrees: Sequence[Subtree], head: TrailHead) -> None: ...
    def range(self, start: int, end: int) -> Sequence[SealedRecord]: ...
    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]: ...
    def add_checkpoint(self, checkpoint: Checkpoint) -> None: ...
    def last_checkpoint(self) -> Checkpoint | None: ...
    def checkpoints(self, start: int, end: int, limit: int) -> Sequence[Checkpoint]: ...
    def first_at(self, at: datetime) -> int | None: ...
    def search(self, query: TrailQuery, before: Place | None, limit: int) -> Sequence[Found]: ...
    def cursor(self, name: str) -> Cursor | None: ...
    def move(self, cursor: Cursor) -> None: ...


class AuditLog(Protocol):
    """Events, append-only."""

    def append(self, event: AuditEvent) -> None: ...


class UnitOfWork(Protocol):
    """One transaction."""

    @property
    def trail(self) -> Trail: ...
    @property
    def audit(self) -> AuditLog: ...


class Store(Protocol):
    """Opens transactions. Raises `Unavailable`."""

    def begin(self) -> AbstractContextManager[UnitOfWork]: ...
    def read(self) -> AbstractContextManager[UnitOfWork]: ...


class CheckpointSigner(Protocol):
    """Signs how long the trail is and what it hashes to."""

    @property
    def name(self) -> str: ...
    @property
    def verifier_key(self) -> str: ...
    def checkpoint(self, size: int, root: bytes) -> str: ...


class CatchingUp(Protocol):
    """Seals all that is committed, and signs for it; the size that is signed for. Raises `Unavailable`."""

    def catch_up(self) -> int: ...


class Anchor(Protocol):
    """A place beyond the reach of whoever runs this database. Raises `NotAnchored`."""

    @property
    def name(self) -> str: ...
    def keep(self, checkpoint: Checkpoint, origin: str) -> None: ...
