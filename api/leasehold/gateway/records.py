"""What is remembered of a call: that it was let through before it is, and what came of it before anybody hears.

INVARIANT: a call that may change something is on disk as unfinished before it goes out, and as it ended before its
answer is released. Where nothing can be written, nothing is let through.
A call that only reads is one event, once it has ended; it has one more that tells of its beginning if it takes long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from leasehold.decisions.recording import Recorder
from leasehold.decisions.records import Decided, Done, printable, side_document
from leasehold.gateway.answers import Pending
from leasehold.gateway.deciding import Place
from leasehold.mcp.refusals import NOT_RECORDED, Refused
from leasehold.model.access_requests import action_name
from leasehold.model.calls import CALLS, ENDED
from leasehold.model.connections import Authorized
from leasehold.model.entities import USER
from leasehold.model.errors import Unavailable
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.principal import Principal, Role
from leasehold.policy.decision import Permit
from leasehold.policy.platform import PlatformAction, decide_platform

_OVERDUE_SECONDS = 0.5
_SELF = Principal(id="leasehold:gateway", role=Role.ENFORCER)


class Records:
    """Records calls."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        answer = decide_platform(_SELF, PlatformAction.DECIDE, "decisions")
        assert isinstance(answer, Permit)  # noqa: S101  an enforcement point may ask; a test holds policy to it
        self._permit: Permit = answer

    async def begun(self, place: Place, pending: Sequence[Pending]) -> None:
        """What is about to go out. Raises `Refused`."""
        durable = [one for one in pending if is_durable(one)]
        await self._write([entry for one in durable for entry in _told(place, one, place.now, {}, durable=True)])
        if len(durable) == len(pending):
            return
        try:
            self._recorder.check()
        except Unavailable:
            raise _not_recorded() from None
        loop = asyncio.get_running_loop()
        for one in pending:
            if not one.told:
                one.overdue = loop.call_later(_OVERDUE_SECONDS, self._overdue, place, one)

    async def ended(
        self, place: Place, one: Pending, at: datetime, authorized: Authorized | None, seconds: float
    ) -> None:
        """What came of a request. Raises `Refused`."""
        if one.overdue is not None:
            one.overdue.cancel()
        more: dict[str, object] = {ENDED: round(seconds * 1000, 3), "bytes": one.size}
        if authorized is not None:
            more |= {"connection": authorized.connection, "connection_kind": str(authorized.kind)}
        if one.found:
            more["found"] = dict(one.found)
        if one.hidden:
            more["hidden"] = one.hidden
        await self._write(_told(place, one, at if one.told else place.now, more, durable=is_durable(one)))

    async def refused(self, place: Place, pending: Sequence[Pending], reason: str) -> None:
        """What was not let through. Raises `Refused`."""
        entries: list[Decided | Done] = []
        for one in pending:
            one.reason = next((judged.why for judged in one.judgements if not judged.allowed), reason)
            entries += _told(place, one, place.now, {}, durable=False, outcome=Outcome.DENIED)
        await self._write(entries)

    def _overdue(self, place: Place, one: Pending) -> None:
        """Of a call that takes its time, the beginning is on record before its end."""
        if not one.recorded:
            self._recorder.note(self._permit, _told(place, one, place.now, {}, durable=False))

    async def _write(self, entries: Sequence[Decided | Done]) -> None:
        if not entries:
            return
        try:
            await self._recorder.record(self._permit, entries)
        except Unavailable:
            raise _not_recorded() from None


def _not_recorded() -> Refused:
    said = "what happens cannot be recorded, so nothing happens"
    return Refused(503, NOT_RECORDED, said, reason="not_recorded", headers={"retry-after": "1"})


def _told(
    place: Place,
    one: Pending,
    at: datetime,
    more: Mapping[str, object],
    *,
    durable: bool,
    outcome: Outcome | None = None,
) -> list[Decided | Done]:
    """The event of a request; and, the first time, the decisions on it: one stands in that event, several apart."""
    decided = [] if one.told else [judged.decided for judged in one.judgements]
    one.told = True
    within = decided[0] if len(decided) == 1 else None
    said = one.said if one.judgements else ""  # of a list, that it was cut down is enough
    done = Done(
        event=_event(place, one, at, more, outcome),
        durable=durable,
        decided=within,
        subject=_subject(place),
        output=one.digest,
        said=said,
    )
    return [done] if within is not None else [*decided, done]


def is_durable(one: Pending) -> bool:
    """True if it may change something."""
    return any(judged.decided.durable for judged in one.judgements)


def _subject(place: Place) -> str:
    """Whose inputs and outputs these are: known, for their token was."""
    facts = place.caller.facts
    if facts.user is None:
        return f"agent:{facts.agent}"
    return str(place.state.directory.ref(USER, facts.user))


def _event(place: Place, one: Pending, at: datetime, more: Mapping[str, object], outcome: Outcome | None) -> AuditEvent:
    facts = place.caller.facts
    detail: dict[str, object] = {
        "method": printable(one.message.method),
        "agent": facts.agent,
        "lease": place.caller.token.lease,
        "version": place.state.published.version,
        **({"user": printable(facts.user)} if facts.user is not None else {}),
        **({"chain": list(facts.chain)} if facts.chain else {}),
        **({"deployment": facts.deployment} if facts.deployment is not None else {}),
        **more,
    }
    if one.judgements:
        detail["decisions"] = [judged.decided.id for judged in one.judgements]
        detail["called"] = [printable(judged.want.called) for judged in one.judgements]
        detail["tool"] = printable(action_name(place.served.name, one.judgements[0].want.tool))
        detail["sides"] = [[side_document(side) for side in judged.decided.decision.sides] for judged in one.judgements]
    ended = Outcome.ERROR if one.is_error else Outcome.OK
    return AuditEvent(
        at=at,
        principal=f"agent:{facts.agent}",
        action="call",
        kind=CALLS,
        name=place.served.name,
        outcome=outcome or ended,
        reason=one.reason,
        detail=detail,
    )
