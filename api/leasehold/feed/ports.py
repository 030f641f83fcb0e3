"""What the feed needs of the world: the committed stream, a wake-up when it grows, and somebody who signs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from leasehold.model.leases import Node
from leasehold.model.revocations import RevocationEvent

Listener = Callable[[Sequence[RevocationEvent]], None]


class Revocations(Protocol):
    """The committed stream of one instant."""

    def latest(self) -> int: ...
    def horizon(self) -> int: ...
    def since(self, sequence: int, limit: int) -> Sequence[RevocationEvent]: ...
    def minimums(self) -> Mapping[Node, int]: ...


class UnitOfWork(Protocol):
    """One consistent look."""

    @property
    def revocations(self) -> Revocations: ...


class Store(Protocol):
    """Opens such a look, and calls listeners after a commit, in whatever thread committed. Raises `Unavailable`."""

    def read(self) -> AbstractContextManager[UnitOfWork]: ...
    def listen(self, listener: Listener) -> None: ...
    def unlisten(self, listener: Listener) -> None: ...


class StatementMint(Protocol):
    """Signs statements of one type. Raises `Unavailable`."""

    async def sign(self, claims: Mapping[str, object]) -> str: ...
