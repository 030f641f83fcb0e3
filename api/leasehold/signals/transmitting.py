"""Pushes events to their receivers, each in order, each until it is taken, whatever breaks on the way.

| a stream is | when | what happens |
|---|---|---|
| enabled | something ended, or a verification is asked for | pushed one by one, its position behind what is taken |
| failing | a push was not taken | again after growing pauses, from where it was |
| dead | failing for ten minutes | disabled, with the reason where its receiver and the audit log see it |
| lost | its position is older than what is kept | disabled: it would tell of less than ended |
| orphaned | the binding that its receiver came through is gone or changed | disabled |

INVARIANT: a position moves past an event only after the receiver took it, or does not want it. A receiver
may therefore be told twice, with the same `jti`, and is never told too little.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from threading import Event, main_thread

from leasehold.model.errors import Unavailable
from leasehold.model.external import StillLive
from leasehold.model.revocations import RevocationEvent
from leasehold.model.signals import EventNotTaken, Stream, StreamStatus
from leasehold.signals.ports import Courier, EventMint, Sealer, Store, UnitOfWork
from leasehold.signals.records import told
from leasehold.signals.statements import session_revoked, stream_updated, verification

LOOK_EVERY_SECONDS = 0.25
DEAD_AFTER = timedelta(minutes=10)  # less than events are kept for: nothing is lost before somebody is told
ORPHANED, LOST, DEAD = "the receiver's binding has ended or changed", "events were lost", "the receiver does not answer"
_CLAIM = timedelta(seconds=30)  # longer than one turn: other replicas leave the stream alone meanwhile
_TURN = timedelta(seconds=15)
_AT_ONCE = 50
_FINISH_SECONDS = 2.0
_LONGEST_PAUSE = timedelta(seconds=30)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a stream is to be told now. `stopped`: it was disabled, and this is why."""

    stream: Stream
    events: Sequence[RevocationEvent]
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class _Taken:
    """How far a turn came."""

    position: int
    verified: bool
    problem: str = ""


class Transmitter:
    """The worker. Any number of servers may run it on one database; it belongs to one event loop."""

    def __init__(
        self,
        *,
        issuer: str,
        store: Store,
        mint: EventMint,
        courier: Courier,
        sealer: Sealer,
        clock: Callable[[], datetime],
    ) -> None:
        self._issuer = issuer
        self._store = store
        self._mint = mint
        self._courier = courier
        self._sealer = sealer
        self._clock = clock
        self._wanted = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving: dict[str, asyncio.Task[None]] = {}

    def wake(self, *_: object) -> None:
        """Look now: something was revoked, or a stream was changed. Called in any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has closed: nobody pushes any more
                self._loop.call_soon_threadsafe(self._wanted.set)

    def run(self, stop: Event) -> None:
        """Look again and again until `stop`, in a loop of this thread's own."""
        asyncio.run(self._run(stop))

    async def _run(self, stop: Event) -> None:
        self._loop = asyncio.get_running_loop()
        while not stop.is_set() and main_thread().is_alive():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_SECONDS):
                    await self._wanted.wait()
            self._wanted.clear()
            try:
                await self.look()
            except Unavailable as error:  # what is due stays due
                _log.warning("event streams were not looked at: %s", error)
            except Exception as error:  # noqa: BLE001  a worker that stops would leave receivers unaware
                _log.error("event streams were not looked at: %s", type(error).__name__)
        if self._serving:  # what is not done by then is told again, by whoever comes after us
            await asyncio.wait(self._serving.values(), timeout=_FINISH_SECONDS)

    async def look(self) -> Sequence[asyncio.Task[None]]:
        """One round: a turn for every stream that is due. Turns go on by themselves: a slow one holds up no other."""
        for stream_id in await asyncio.to_thread(self._due, self._clock()):
            if stream_id not in self._serving:
                task = asyncio.create_task(self._serve(stream_id))
                self._serving[stream_id] = task
                task.add_done_callback(partial(self._served, stream_id))
        return tuple(self._serving.values())

    def _served(self, stream_id: str, _task: asyncio.Task[None]) -> None:
        self._serving.pop(stream_id, None)

    def _due(self, now: datetime) -> Sequence[str]:
        with self._store.read() as unit:
            streams = [one for one in unit.streams.list() if one.status is StreamStatus.ENABLED]
            latest = unit.revocations.latest() if streams else 0
            nodes = {ancestor.node for one in streams for ancestor in one.standing}
            generations = unit.nodes.generations(nodes) if nodes else {}
        return [
            one.id
            for one in streams
            if one.delivery.next_attempt_at <= now
            and (
                one.delivery.position != latest
                or one.delivery.verification is not None
                or any(generations.get(a.node) != a.generation for a in one.standing)
            )
        ]

    async def _serve(self, stream_id: str) -> None:
        try:
            turn = await asyncio.to_thread(self._claim, stream_id, self._clock())
            if turn is None:
                return
            if turn.stopped:
                await self._say_that_it_stops(turn)
                return
            taken = await self._tell(turn)
            if await asyncio.to_thread(self._settle, turn.stream, taken, self._clock()):
                self.wake()
        except Unavailable as error:
            _log.warning("event stream %s: %s", stream_id, error)
        except Exception as error:  # noqa: BLE001  it is due again when the claim is over
            _log.error("event stream %s: %s", stream_id, type(error).__name__, exc_info=error)

    def _claim(self, stream_id: str, now: datetime) -> _Turn | None:
        """Make a stream this server's for a while, and read what it is to be told; None if it is not to be had."""
        with self._store.begin() as unit:
            stream = unit.streams.lock(stream_id)
            if stream is None or stream.status is not StreamStatus.ENABLED or stream.delivery.next_attempt_at > now:
                return None
            if stopped := _why_stopped(unit, stream):
                return _Turn(_disable(unit, stream, stopped, now), (), stopped)
            events = unit.revocations.since(stream.delivery.position, _AT_ONCE)
            claimed = replace(stream, delivery=replace(stream.delivery, next_attempt_at=now + _CLAIM))
            unit.streams.replace(claimed)
        return _Turn(claimed, events)

    async def _tell(self, turn: _Turn) -> _Taken:
        stream, position, verified = turn.stream, turn.stream.delivery.position, False
        until = self._clock() + _TURN
        try:
            if stream.delivery.verification is not None:
                unique, now = secrets.token_hex(8), self._clock()
                claims = verification(self._issuer, stream, stream.delivery.verification, unique, now)
                await self._push(stream, claims)
                verified = True
            for event in turn.events:
                if stream.wants(event.node):
                    await self._push(stream, session_revoked(self._issuer, stream, event, self._clock()))
                position = event.sequence
                if self._clock() > until:
                    break
        except EventNotTaken as error:
            return _Taken(position, verified, str(error))
        except StillLive:  # the header was sealed with another key: only the receiver can say it again
            return _Taken(position, verified, "the authorization header cannot be read: set it again")
        return _Taken(position, verified)

    async def _push(self, stream: Stream, claims: dict[str, object]) -> None:
        authorization = self._sealer.unseal(stream.sealed, stream.id) if stream.sealed is not None else None
        await self._courier.push(stream.endpoint, await self._mint.sign(claims), authorization)

    async def _say_that_it_stops(self, turn: _Turn) -> None:
        claims = stream_updated(
            self._issuer, turn.stream, StreamStatus.DISABLED, turn.stopped, secrets.token_hex(8), self._clock()
        )
        try:
            await self._push(turn.stream, claims)
        except (EventNotTaken, StillLive) as error:  # its receiver reads it off the stream's status
            _log.info("event stream %s: not told that it stops: %s", turn.stream.id, error)

    def _settle(self, served: Stream, taken: _Taken, now: datetime) -> bool:
        """Keep how far the turn came; whether there may be more to tell at once."""
        with self._store.begin() as unit:
            stream = unit.streams.lock(served.id)
            if stream is None:
                return False
            moved = _moved(stream, served, taken, now)
            failing = moved.delivery.failing_since
            if failing is not None and now - failing >= DEAD_AFTER and stream.status is StreamStatus.ENABLED:
                _disable(unit, moved, f"{DEAD}: {taken.problem}", now)
                return False
            unit.streams.replace(moved)
        if taken.problem:
            _log.warning("event stream %s: attempt %d: %s", stream.id, moved.delivery.attempts, taken.problem)
        return not taken.problem


def _why_stopped(unit: UnitOfWork, stream: Stream) -> str:
    generations = unit.nodes.generations({ancestor.node for ancestor in stream.standing})
    if any(generations.get(ancestor.node) != ancestor.generation for ancestor in stream.standing):
        return ORPHANED
    position = stream.delivery.position
    if not unit.revocations.horizon() <= position <= unit.revocations.latest():  # or the database is an older copy
        return LOST
    return ""


def _disable(unit: UnitOfWork, stream: Stream, reason: str, now: datetime) -> Stream:
    stopped = replace(stream, status=StreamStatus.DISABLED, reason=reason)
    unit.streams.replace(stopped)
    unit.audit.append(told(stopped, "disabled", None, now, reason))
    return stopped


def _moved(stream: Stream, served: Stream, taken: _Taken, now: datetime) -> Stream:
    """The stream after a turn. What its receiver changed meanwhile stays changed."""
    before, delivery = served.delivery, stream.delivery
    if taken.verified and delivery.verified_at == before.verified_at:
        delivery = replace(delivery, verification=None)
    if delivery.position == before.position:  # else it was disabled and enabled meanwhile: it starts anew
        delivery = replace(delivery, position=taken.position)
    if not taken.problem:
        return replace(stream, delivery=replace(delivery, attempts=0, failing_since=None, next_attempt_at=now))
    pause = min(_LONGEST_PAUSE, timedelta(seconds=0.5 * 2 ** min(delivery.attempts, 10)))
    progressed = taken.verified or taken.position != before.position
    failing = delivery.failing_since if delivery.failing_since is not None and not progressed else now
    attempts = 1 if progressed else delivery.attempts + 1
    return replace(
        stream,
        delivery=replace(delivery, attempts=attempts, failing_since=failing, next_attempt_at=now + pause),
    )
