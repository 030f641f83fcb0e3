"""Things that go wrong at the worst moment: a signature that takes its time, a database that is away, a full disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from leasehold.keys.signing import TokenMint
from leasehold.model.errors import Unavailable


class InterruptedMint:
    """Signs as production does; `meanwhile` happens between the decision and the signature."""

    def __init__(self, mint: TokenMint) -> None:
        self._mint = mint
        self.meanwhile: Callable[[], None] = lambda: None

    async def sign(self, claims: Mapping[str, object]) -> str:
        self.meanwhile()
        return await self._mint.sign(claims)


class FaultyStore:
    """A store whose writes can be made to fail: away before they begin, or full when the event is recorded."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.away = self.full = False

    def read(self) -> Any:
        return self._store.read()

    def listen(self, listener: Any) -> None:
        self._store.listen(listener)

    @contextmanager
    def begin(self) -> Iterator[Any]:
        if self.away:
            raise Unavailable("the database does not answer")
        with self._store.begin() as unit:
            if self.full:
                unit.audit.append = unit.audit.append_all = _disk_full
            yield unit


def _disk_full(_event: object) -> None:
    raise Unavailable("the disk is full")
