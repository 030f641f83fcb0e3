"""What this room needs of the world: a memory of what was seen, and the pins of now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from leasehold.model.events import AuditEvent
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec, Stored
from leasehold.model.observations import Marks, Observation
from leasehold.model.pins import ToolPin
from leasehold.model.tools import Pinning


@dataclass(frozen=True, slots=True)
class Governing:
    """What decides about the tools of one server now."""

    pinning: Pinning
    pin: ToolPin | None


class Pins(Protocol):
    """The pins as the registry has them now. Raises `Unavailable` if nobody can say; None: there is no such server."""

    def governing(self, server: str) -> Governing | None: ...


class Objects(Protocol):
    """The live objects."""

    def get(self, kind: Kind, name: str) -> Stored[Spec]: ...  # raises NotFound
    def find(self, kind: Kind, name: str) -> Stored[Spec] | None: ...


class Observations(Protocol):
    """What servers were seen to show."""

    def latest(self, servers: Iterable[str]) -> Mapping[str, Observation]: ...
    def marks(self) -> Marks: ...
    def put(self, observation: Observation) -> None: ...


class AuditLog(Protocol):
    """Events, append-only."""

    def append(self, event: AuditEvent) -> None: ...


class UnitOfWork(Protocol):
    """One transaction."""

    @property
    def objects(self) -> Objects: ...
    @property
    def observations(self) -> Observations: ...
    @property
    def audit(self) -> AuditLog: ...


class Store(Protocol):
    """Opens transactions. Raises `Unavailable`."""

    def begin(self) -> AbstractContextManager[UnitOfWork]: ...
    def read(self) -> AbstractContextManager[UnitOfWork]: ...
