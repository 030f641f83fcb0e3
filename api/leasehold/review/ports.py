"""What a review needs of the world: a look at the registry, at one instant."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec, Stored
from leasehold.model.records import EVERYTHING, Filters
from leasehold.review.history import History


class Objects(Protocol):
    """The live objects."""

    def list(
        self, kind: Kind, *, after: str = "", limit: int | None = None, filters: Filters = EVERYTHING
    ) -> Sequence[Stored[Spec]]: ...


class Changes(Protocol):
    """The sequence of committed writes."""

    def latest(self) -> int: ...


class View(Protocol):
    """One read-only transaction."""

    @property
    def objects(self) -> Objects: ...
    @property
    def changes(self) -> Changes: ...
    @property
    def versions(self) -> History: ...


class Store(Protocol):
    """Opens views. Raises `Unavailable`."""

    def read(self) -> AbstractContextManager[View]: ...
