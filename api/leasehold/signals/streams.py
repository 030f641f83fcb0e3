"""Streams as their receivers manage them (SSF 1.0 §8.1). Another's stream answers like one that is not there."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from leasehold.model.errors import Forbidden, NotFound
from leasehold.model.events import AuditEvent
from leasehold.model.leases import Ancestor, Node
from leasehold.model.principal import Principal
from leasehold.model.signals import EVENTS_SUPPORTED, Delivery, Stream, StreamStatus, check_text, node_of
from leasehold.policy.decision import Deny
from leasehold.policy.signals import StreamPermit, decide_change, decide_new_stream, may_see
from leasehold.signals.ports import Sealer, Store, UnitOfWork
from leasehold.signals.records import StreamIsDisabled, StreamWish, TooManyStreams, TooSoon, refused, told

STREAMS_PER_RECEIVER = 4
STREAMS_MAX = 200
VERIFY_EVERY = timedelta(seconds=5)
_BINDING = "binding:"


class Streams:
    """Every method is durable when it returns, and raises `Forbidden`, `NotFound`, `Unavailable`."""

    def __init__(self, *, issuer: str, store: Store, sealer: Sealer, changed: Callable[[], None]) -> None:
        """`changed` is called after a commit that gives the worker something to do."""
        self._issuer = issuer
        self._store = store
        self._sealer = sealer
        self._changed = changed

    def create(self, principal: Principal, endpoint: str, wish: StreamWish, now: datetime) -> Stream:
        """A stream of what ends from now on. Raises `TooManyStreams`, and `InvalidValue` for what it cannot be."""
        permit = self._permitted(decide_new_stream(principal), principal, "create", "", now)
        return self._create(permit, endpoint, wish, now)

    def list(self, principal: Principal) -> Sequence[Stream]:
        """The streams that a principal may know of."""
        with self._store.read() as unit:
            return [stream for stream in unit.streams.list() if may_see(principal, stream)]

    def get(self, principal: Principal, stream_id: str) -> Stream:
        """One stream."""
        for stream in self.list(principal):
            if stream.id == stream_id:
                return stream
        raise NotFound("stream", "of that id")

    def update(self, principal: Principal, stream_id: str, wish: StreamWish, now: datetime) -> Stream:
        """Change what is wished for. Raises `InvalidValue`."""

        def updated(_unit: UnitOfWork, stream: Stream) -> Stream:
            return replace(
                stream,
                endpoint=stream.endpoint if wish.endpoint is None else wish.endpoint,
                # A header that was meant for one address is not sent to another.
                sealed=stream.sealed if wish.endpoint in {None, stream.endpoint} else None,
                events=stream.events if wish.events is None else wish.events,
                description=stream.description if wish.description is None else wish.description,
            )

        return self._change(principal, stream_id, "update", now, lambda u, s: self._sealed(updated(u, s), wish))

    def remove(self, principal: Principal, stream_id: str, now: datetime) -> None:
        """End a stream."""
        answer = decide_change(principal, self.get(principal, stream_id))
        self._remove(self._permitted(answer, principal, "delete", stream_id, now), stream_id, now)

    def set_status(
        self, principal: Principal, stream_id: str, status: StreamStatus, reason: str, now: datetime
    ) -> Stream:
        """Enable, pause or disable. A disabled stream starts anew with what ends from now on."""

        def moved(unit: UnitOfWork, stream: Stream) -> Stream:
            delivery = replace(stream.delivery, attempts=0, failing_since=None, next_attempt_at=now)
            if StreamStatus.DISABLED in {stream.status, status} and stream.status is not status:
                delivery = replace(delivery, position=unit.revocations.latest(), verification=None)
            standing = _standing(unit, principal) if principal.id == stream.receiver else stream.standing
            return replace(stream, status=status, reason=reason, delivery=delivery, standing=standing)

        return self._change(principal, stream_id, status.value, now, moved)

    def verify(self, principal: Principal, stream_id: str, state: str, now: datetime) -> None:
        """Have a verification event sent. Raises `TooSoon`, `StreamIsDisabled`."""

        def asked(_unit: UnitOfWork, stream: Stream) -> Stream:
            last = stream.delivery.verified_at
            if stream.status is StreamStatus.DISABLED:
                raise StreamIsDisabled("the stream is disabled: enable it first")
            if last is not None and timedelta() <= now - last < VERIFY_EVERY:
                raise TooSoon(f"a verification can be asked for every {VERIFY_EVERY.total_seconds():g} seconds")
            check_text(state, "state")
            return replace(stream, delivery=replace(stream.delivery, verification=state, verified_at=now))

        self._change(principal, stream_id, "verify", now, asked)

    def add_subject(self, principal: Principal, stream_id: str, subject: Mapping[str, object], now: datetime) -> None:
        """Tell of this subject again; a stream tells of all from the start. Raises `NotFound` for what is none."""
        self._subject(principal, stream_id, subject, now, wanted=True)

    def remove_subject(
        self, principal: Principal, stream_id: str, subject: Mapping[str, object], now: datetime
    ) -> None:
        """Tell of this subject no more. Raises `NotFound` for what is none, `InvalidValue` when there are too many."""
        self._subject(principal, stream_id, subject, now, wanted=False)

    def _subject(
        self, principal: Principal, stream_id: str, subject: Mapping[str, object], now: datetime, *, wanted: bool
    ) -> None:
        node = node_of(self._issuer, subject)
        if node is None:
            raise NotFound("subject", "like that")
        one: frozenset[Node] = frozenset({node})
        self._change(
            principal,
            stream_id,
            "add-subject" if wanted else "remove-subject",
            now,
            lambda _, stream: replace(stream, excluded=stream.excluded - one if wanted else stream.excluded | one),
        )

    def _create(self, permit: StreamPermit, endpoint: str, wish: StreamWish, now: datetime) -> Stream:
        with self._store.begin() as unit:
            there = unit.streams.list()
            own = [stream for stream in there if stream.receiver == permit.principal.id]
            if len(own) >= STREAMS_PER_RECEIVER or len(there) >= STREAMS_MAX:
                raise TooManyStreams(f"a receiver has {STREAMS_PER_RECEIVER} streams at most")
            stream = Stream(
                id=secrets.token_hex(16),
                receiver=permit.principal.id,
                standing=_standing(unit, permit.principal),
                endpoint=endpoint,
                events=EVENTS_SUPPORTED if wish.events is None else wish.events,
                description=wish.description or "",
                status=StreamStatus.ENABLED,
                reason="",
                excluded=frozenset(),
                created_at=now,
                delivery=Delivery(position=unit.revocations.latest(), next_attempt_at=now),
            )
            stream = self._sealed(stream, wish)
            unit.streams.add(stream)
            unit.audit.append(told(stream, "create", permit.principal, now))
        return stream

    def _remove(self, permit: StreamPermit, stream_id: str, now: datetime) -> None:
        with self._store.begin() as unit:
            stream = unit.streams.lock(stream_id)
            if stream is None:
                raise NotFound("stream", "of that id")
            unit.streams.remove(stream_id)
            unit.audit.append(told(stream, "delete", permit.principal, now))

    def _change(
        self,
        principal: Principal,
        stream_id: str,
        action: str,
        now: datetime,
        changed: Callable[[UnitOfWork, Stream], Stream],
    ) -> Stream:
        answer = decide_change(principal, self.get(principal, stream_id))
        permit = self._permitted(answer, principal, action, stream_id, now)
        stream = self._changed_stream(permit, action, now, changed)
        self._changed()
        return stream

    def _changed_stream(
        self, permit: StreamPermit, action: str, now: datetime, changed: Callable[[UnitOfWork, Stream], Stream]
    ) -> Stream:
        with self._store.begin() as unit:
            stream = unit.streams.lock(permit.stream_id or "")
            if stream is None:
                raise NotFound("stream", "of that id")
            stream = changed(unit, stream)
            unit.streams.replace(stream)
            unit.audit.append(told(stream, action, permit.principal, now))
        return stream

    def _permitted(
        self, answer: StreamPermit | Deny, principal: Principal, action: str, stream_id: str, now: datetime
    ) -> StreamPermit:
        if isinstance(answer, Deny):
            self._refused(refused(principal, action, stream_id, answer.reason, now))
            raise Forbidden(answer.reason)
        return answer

    def _refused(self, event: AuditEvent) -> None:
        with self._store.begin() as unit:
            unit.audit.append(event)

    def _sealed(self, stream: Stream, wish: StreamWish) -> Stream:
        if wish.authorization is None:
            return stream
        return replace(stream, sealed=self._sealer.seal(wish.authorization, stream.id) if wish.authorization else None)


def _standing(unit: UnitOfWork, principal: Principal) -> tuple[Ancestor, ...]:
    """The binding that the receiver came through: whoever takes it away, or changes it, stops the stream."""
    lease = unit.leases.find_all((principal.lease or "",)).get(principal.lease or "")
    found = tuple(a for a in lease.ancestors if a.node.startswith(_BINDING)) if lease is not None else ()
    if not found:
        raise Forbidden("a stream is for who came through a workload binding")
    return found
