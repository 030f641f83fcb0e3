"""What is remembered of a call: that it was let through before it is, and what came of it before anybody hears.

INVARIANT: a call that may change something is on disk as unfinished before it goes out, and as it ended before its
answer is released. Where nothing can be written, nothing is let through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from leasehold.decisions.recording import Recorder
from leasehold.decisions.records import Decided, Done, printable, side_document
from leasehold.gateway.answers import Pending
from leasehold.gateway.deciding import Place
from leasehold.gateway.refusals import NOT_RECORDED, Refused
from leasehold.model.access_requests import action_name
from leasehold.model.connections import Authorized
from leasehold.model.entities import USER
from leasehold.model.errors import Unavailable
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.principal import Principal, Role
from leasehold.policy.decision import Permit
from leasehold.policy.platform import PlatformAction, decide_platform

KIND = "calls"
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
        entries: list[Decided | Done] = []
        for one in pending:
            entries += [judged.decided for judged in one.judgements]
            if is_durable(one):
                entries.append(Done(event=_event(place, one, place.now, {}), durable=True))
        await self._write(entries)

    async def ended(
        self, place: Place, one: Pending, at: datetime, authorized: Authorized | None, seconds: float
    ) -> None:
        """What came of a request. Raises `Refused`."""
        more: dict[str, object] = {"milliseconds": round(seconds * 1000, 3), "bytes": one.size}
        if authorized is not None:
            more |= {"connection": authorized.connection, "connection_kind": str(authorized.kind)}
        if one.found:
            more["found"] = dict(one.found)
        if one.hidden:
            more["hidden"] = one.hidden
        event = _event(place, one, at, more)
        said = one.said if one.judgements else ""  # of a list, that it was cut down is enough
        done = Done(event=event, durable=is_durable(one), subject=_subject(place), output=one.digest, said=said)
        await self._write([done])

    async def refused(self, place: Place, pending: Sequence[Pending], reason: str) -> None:
        """What was not let through. Raises `Refused`."""
        entries: list[Decided | Done] = []
        for one in pending:
            entries += [judged.decided for judged in one.judgements]
            one.reason = next((judged.why for judged in one.judgements if not judged.allowed), reason)
            event = _event(place, one, place.now, {}, Outcome.DENIED)
            entries.append(Done(event=event, durable=False))
        await self._write(entries)

    async def _write(self, entries: Sequence[Decided | Done]) -> None:
        if not entries:
            return
        try:
            await self._recorder.record(self._permit, entries)
        except Unavailable:
            said = "what happens cannot be recorded, so nothing happens"
            raise Refused(503, NOT_RECORDED, said, reason="not_recorded", headers={"retry-after": "1"}) from None


def is_durable(one: Pending) -> bool:
    """True if it may change something."""
    return any(judged.decided.durable for judged in one.judgements)


def _subject(place: Place) -> str:
    """Whose inputs and outputs these are: known, for their token was."""
    facts = place.caller.facts
    if facts.user is None:
        return f"agent:{facts.agent}"
    return str(place.state.directory.ref(USER, facts.user))


def _event(
    place: Place, one: Pending, at: datetime, more: Mapping[str, object], outcome: Outcome | None = None
) -> AuditEvent:
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
        kind=KIND,
        name=place.served.name,
        outcome=outcome or ended,
        reason=one.reason,
        detail=detail,
    )
