"""Streams that are open, and whether the leases behind them still live: asked at every event and beat of the feed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from leasehold.gateway.callers import Caller, Callers, Life
from leasehold.model.revocations import BEAT_SECONDS

ENDINGS = frozenset({"draining", "expired"})
"""Why a stream ends of which nothing broke: whoever listened comes back, elsewhere or with a fresh token."""


class Watched:
    """One stream. `ended` is done, with why, when its lease does not live any more, or the server stops."""

    def __init__(self, caller: Caller, max_staleness: timedelta, *, until_expiry: bool) -> None:
        self.caller, self.max_staleness, self.until_expiry = caller, max_staleness, until_expiry
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def end(self, why: str) -> None:
        """End the stream."""
        if not self.ended.done():
            self.ended.set_result(why)


class Watch:
    """Looks after open streams. Belongs to one event loop."""

    def __init__(self, callers: Callers, every: float = BEAT_SECONDS) -> None:
        self._callers, self._every = callers, every
        self._open: set[Watched] = set()
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None
        self._stopping = ""

    def wake(self) -> None:
        """Something ended. From any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has closed: no stream is open any more
                self._loop.call_soon_threadsafe(self._woken.set)

    @contextmanager
    def over(self, caller: Caller, max_staleness: timedelta, *, until_expiry: bool) -> Iterator[Watched]:
        """Look after a stream for as long as the context lasts."""
        watched = Watched(caller, max_staleness, until_expiry=until_expiry)
        self._open.add(watched)
        if self._stopping and until_expiry:  # it was asked for before, and began only now
            watched.end(self._stopping)
        if self._looking is None:
            self._loop = asyncio.get_running_loop()
            self._looking = self._loop.create_task(self._look())
        try:
            yield watched
        finally:
            self._open.discard(watched)

    def end_all(self, why: str) -> None:
        """End every stream that waits for nothing in particular: the server stops, and clients come back elsewhere."""
        self._stopping = why
        for watched in list(self._open):
            if watched.until_expiry:
                watched.end(why)

    def close(self) -> None:
        """Look no more. From any thread."""
        if self._looking is not None and self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._looking.cancel)
        self._looking = None

    async def _look(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._woken.wait()
            self._woken.clear()
            for watched in list(self._open):
                life = self._callers.life(watched.caller, watched.max_staleness)
                if life is Life.LIVES or (life is Life.EXPIRED and not watched.until_expiry):
                    continue
                watched.end(life.name.lower())
