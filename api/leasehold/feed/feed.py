"""The feed of one server: reads the committed stream, signs each step once, and gives it to all who follow.

A commit of this process arrives by itself and is told at once. Those of other processes are found by a look into the
database, at every beat or when the database says so. INVARIANT: no heartbeat without such a look. A server that cannot
reach its database falls silent, and its followers know how old their knowledge is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial

from leasehold.feed.ports import Listener, StatementMint, Store
from leasehold.feed.readers import Reader
from leasehold.feed.statements import batch_claims, snapshot_claims
from leasehold.feed.subscription import Ending, Subscription
from leasehold.model.errors import LeaseholdError, Unavailable
from leasehold.model.leases import Node
from leasehold.model.revocations import BEAT_SECONDS, RevocationEvent

MAX_BEHIND = 10_000  # further back, a snapshot is the shorter way
_EVENTS_PER_BATCH = 1000
_log = logging.getLogger(__name__)


class TooFarBehind(LeaseholdError):
    """The events behind this sequence are gone, or too many; the snapshot holds all that matters of them."""

    code = "too_far_behind"


class Feed:
    """Belongs to one event loop. `batches` and `snapshots` sign the two types of statement."""

    def __init__(
        self,
        *,
        issuer: str,
        store: Store,
        batches: StatementMint,
        snapshots: StatementMint,
        clock: Callable[[], datetime],
    ) -> None:
        self._issuer = issuer
        self._store = store
        self._batches = batches
        self._snapshots = snapshots
        self._clock = clock
        self._sequence = 0
        self._confirmed_at: datetime | None = None
        self._subscriptions: set[Subscription] = set()
        self._inbox: deque[Sequence[RevocationEvent]] = deque()
        self._woken = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self._listener: Listener | None = None
        self._looking = asyncio.Lock()
        self._beat: tuple[int, datetime | None, bytes] = (0, None, b"")

    async def subscribe(self, since: int, reader: Reader) -> Subscription:
        """A subscription that begins right behind `since`. Raises `TooFarBehind`, `Unavailable`."""
        subscription = Subscription(reader)
        async with self._looking:  # nothing is told meanwhile: what follows `missed` is the next that is told
            if self._pump is None or since > self._sequence:
                await self._read_and_tell()
            for batch in await self._missed_batches(since):
                subscription.push(await self._frame(batch[0].sequence - 1, batch))
            subscription.push(await self._frame(self._sequence, ()))
            self._join(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """End a subscription; the last one takes the beat with it."""
        self._subscriptions.discard(subscription)
        if not self._subscriptions and self._pump is not None and self._listener is not None:
            self._store.unlisten(self._listener)
            self._pump.cancel()
            self._pump = self._listener = None

    async def snapshot(self) -> str:
        """All that matters now, signed. Raises `Unavailable`."""
        at = self._clock()
        sequence, minimums = await asyncio.to_thread(self._minimums)
        return await self._snapshots.sign(snapshot_claims(self._issuer, sequence, minimums, at))

    def _join(self, subscription: Subscription) -> None:
        self._subscriptions.add(subscription)
        if self._pump is None:
            loop = asyncio.get_running_loop()
            self._listener = partial(_in_loop, loop, self._arrive)
            self._inbox.clear()
            self._store.listen(self._listener)
            self._woken.set()  # what was committed since the look above woke nobody
            self._pump = loop.create_task(self._run())

    def _arrive(self, events: Sequence[RevocationEvent]) -> None:
        self._inbox.append(events)
        self._woken.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._woken.wait()
            self._woken.clear()
            try:
                complete = await self._tell_arrived()
                if not complete or loop.time() >= due:
                    due = loop.time() + BEAT_SECONDS
                    await self._look()
            except Unavailable:
                _log.warning("the feed is silent: the database or the signer does not answer")
            except Exception as error:  # noqa: BLE001  silence is safe, and the next beat may succeed
                _log.error("the feed is silent: %s", type(error).__name__, exc_info=error)
            self._end_expired()

    async def _tell_arrived(self) -> bool:
        """Tell what this process committed; whether that left no gap to look for."""
        async with self._looking:
            complete = bool(self._inbox)
            while self._inbox:
                arrived = self._inbox.popleft()
                news = [event for event in arrived if event.sequence > self._sequence]
                if news and news[0].sequence == self._sequence + 1:
                    await self._tell(news)
                elif news or not arrived:  # another process was first, or committed without our knowing what
                    complete = False
            return complete

    async def _look(self) -> None:
        async with self._looking:
            await self._read_and_tell(beat=True)

    async def _read_and_tell(self, *, beat: bool = False) -> None:
        """Ask the database what was committed, and tell it. Raises `Unavailable`."""
        while True:
            at = self._clock()
            events, latest = await asyncio.to_thread(self._read, self._sequence)
            if latest < self._sequence or (events and events[0].sequence != self._sequence + 1):
                self._start_over(latest)
                events = ()
            self._confirmed_at = at  # a clock that was set back says so: nobody waits until it has caught up
            await self._tell(events, beat=beat)
            if self._sequence >= latest:
                return

    def _read(self, since: int) -> tuple[Sequence[RevocationEvent], int]:
        with self._store.read() as unit:
            return unit.revocations.since(since, _EVENTS_PER_BATCH), unit.revocations.latest()

    def _start_over(self, latest: int) -> None:
        # Nobody followed for so long that the stream was pruned past us, or the database is an older copy of itself.
        for subscription in self._subscriptions:
            subscription.end(Ending.STREAM_LOST)
        self._sequence = latest

    async def _tell(self, events: Sequence[RevocationEvent], *, beat: bool = False) -> None:
        if not events and not beat:
            return
        frame = await self._frame(self._sequence, events) if self._subscriptions else b""
        self._sequence = events[-1].sequence if events else self._sequence
        for subscription in self._subscriptions:
            subscription.push(frame)
            if events and subscription.reader.ends_with(events):
                subscription.end(Ending.TOKEN_ENDED)

    async def _frame(self, since: int, events: Sequence[RevocationEvent]) -> bytes:
        at = self._confirmed_at or self._clock()
        if not events and self._beat[:2] == (since, at):  # many who join between two beats are told the same
            return self._beat[2]
        signed = await self._batches.sign(batch_claims(self._issuer, since, events, at))
        sequence = events[-1].sequence if events else since
        frame = f"id: {sequence}\ndata: {signed}\n\n".encode()
        if not events:
            self._beat = (since, at, frame)
        return frame

    def _end_expired(self) -> None:
        now = self._clock()
        for subscription in self._subscriptions:
            if now >= subscription.reader.expires_at:
                subscription.end(Ending.TOKEN_ENDED)

    async def _missed_batches(self, since: int) -> Iterator[Sequence[RevocationEvent]]:
        if since == self._sequence:
            return iter(())
        missed = await asyncio.to_thread(self._missed, since, self._sequence)
        return (missed[start : start + _EVENTS_PER_BATCH] for start in range(0, len(missed), _EVENTS_PER_BATCH))

    def _missed(self, since: int, sequence: int) -> Sequence[RevocationEvent]:
        if not sequence - MAX_BEHIND <= since <= sequence:
            raise TooFarBehind("take the snapshot: these events are gone, too many, or of another database")
        with self._store.read() as unit:
            if since < unit.revocations.horizon():
                raise TooFarBehind("take the snapshot: these events are gone")
            return [event for event in unit.revocations.since(since, MAX_BEHIND) if event.sequence <= sequence]

    def _minimums(self) -> tuple[int, Mapping[Node, int]]:
        with self._store.read() as unit:
            return unit.revocations.latest(), unit.revocations.minimums()


def _in_loop(
    loop: asyncio.AbstractEventLoop,
    arrive: Callable[[Sequence[RevocationEvent]], None],
    events: Sequence[RevocationEvent],
) -> None:
    with suppress(RuntimeError):  # the loop has closed: nobody follows any more
        loop.call_soon_threadsafe(arrive, events)
