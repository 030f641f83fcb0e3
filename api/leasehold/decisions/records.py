"""What is remembered of a decision: who asked, both sides, the version; of what was asked, names and digests."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from leasehold.decisions.inputs import STRANGERS, canonical, shown_of, sorted_json, subject_of
from leasehold.decisions.ports import Vault
from leasehold.decisions.questions import AccessQuestion, Party
from leasehold.model.access_requests import AccessRequest
from leasehold.model.decisions import Decision, Reason, SideOutcome
from leasehold.model.events import ORIGIN, AuditEvent, Origin, Outcome
from leasehold.model.external import Sealed
from leasehold.model.principal import Principal

KIND = "decisions"
ACTION = "decide"
_SHOWN = 256
_DECIMAL = "__decimal"
_UNLISTED = ": not listed"
_TIME_DIGITS, _RANDOM_BYTES = 12, 10
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision on record. `durable`: it has to be on disk before anybody acts on it."""

    id: str
    question: AccessQuestion
    request: AccessRequest | None
    decision: Decision
    at: datetime
    durable: bool
    lease: str | None = None
    origin: Origin = field(default_factory=ORIGIN.get)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of something that was decided: an event of the door that let it through. `durable` as above.

    `decided` is the decision that let it through or did not, where no event of its own tells of it. `output` is the
    SHA-256 of what came out, `said` the beginning of it, sanitised; `subject` whose it is.
    """

    event: AuditEvent
    durable: bool
    decided: Decided | None = None
    subject: str = STRANGERS
    output: bytes = b""
    said: str = field(default="", repr=False)

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self.event.at


def new_id(now: datetime) -> str:
    """A name for a decision of this moment: its millisecond, then 80 random bits, in hexadecimal."""
    return f"{(now - _EPOCH) // _MILLISECOND:0{_TIME_DIGITS}x}{secrets.token_hex(_RANDOM_BYTES)}"


def moment_of(decision_id: str) -> tuple[datetime, datetime] | None:
    """From when to before when the decision of this name was made; None if it is no such name."""
    try:
        since = _EPOCH + int(decision_id[:_TIME_DIGITS], 16) * _MILLISECOND
    except (ValueError, OverflowError):
        return None
    return since, since + _MILLISECOND


def event_of(decided: Decided, asker: Principal, vault: Vault) -> AuditEvent:
    """The audit event. Raw values of arguments, attributes and context are not in it; arguments are beside it.

    Raises `Unavailable`.
    """
    decision, request = decided.decision, decided.request
    about = subject_of(request, decision)
    detail = asked_document(decided, about, vault) | {
        "version": decision.version,
        "sides": [side_document(side) for side in decision.sides],
    }
    if request is not None:
        detail |= {"user": printable(str(request.user.ref))} if request.user is not None else {}
        detail |= {"chain": [printable(one) for one in request.chain]} if request.chain else {}
        detail |= {"deployment": printable(request.deployment)} if request.deployment is not None else {}
    if decided.lease is not None:
        detail["lease"] = decided.lease
    shown = shown_of(request.arguments) if request is not None else {}
    return AuditEvent(
        at=decided.at,
        principal=asker.id,
        action=ACTION,
        kind=KIND,
        name=decided.id,
        outcome=Outcome.OK if decision.allowed else Outcome.DENIED,
        reason=decision.reason.value,
        detail=detail,
        content=vault.shut(about, shown) if shown else None,
        origin=decided.origin,
    )


def done_event(done: Done, vault: Vault) -> AuditEvent:
    """The event with its decision, keyed digests of what went in and came out, and the beginning of both beside.

    Raises `Unavailable`.
    """
    detail, shown, about = dict(done.event.detail), dict[str, object](), done.subject
    if (decided := done.decided) is not None:
        about = subject_of(decided.request, decided.decision)
        detail["decision"] = asked_document(decided, about, vault)
        shown |= shown_of(decided.request.arguments) if decided.request is not None else {}
    if done.output:
        detail["output_digest"] = vault.digest(about, done.output)
        shown |= {"output": done.said} if done.said else {}
    return replace(done.event, detail=detail, content=vault.shut(about, shown) if shown else None)


def asked_document(decided: Decided, about: str, vault: Vault) -> dict[str, object]:
    """What was asked and answered, without who asked for whom and from where. Raises `Unavailable`."""
    question, decision, request = decided.question, decided.decision, decided.request
    found: dict[str, object] = {
        "subject": printable(str(request.subject.ref)) if request is not None else named(question.subject),
        "action": printable(request.action if request is not None else question.action),
        "resource": named(question.resource),
        "reason": decision.reason.value,
        "question_digest": vault.digest(about, canonical(plain_question(question))),
    }
    if request is not None and request.arguments:
        found["arguments_digest"] = vault.digest(about, canonical(request.arguments))
    found |= {"detail": _told(decision.detail)} if decision.detail else {}
    return found | ({"would_flip": True} if decision.would_flip else {})


def _told(detail: str) -> str:
    """What was wrong. A name that nobody listed is a stranger's text, and could be anything."""
    return f"an argument{_UNLISTED}" if detail.endswith(_UNLISTED) else printable(detail)


def side_document(side: SideOutcome) -> dict[str, object]:
    """One side's outcome."""
    found: dict[str, object] = {"side": side.side.value, "allowed": side.allowed, "reason": side.reason.value}
    found |= {"determining": list(side.determining)} if side.determining else {}
    found |= {"failed": list(side.failed)} if side.failed else {}
    found |= {"would_allow": side.would_allow} if side.would_allow is not None else {}
    return found | ({"detail": printable(side.detail)} if side.detail else {})


def plain_question(question: AccessQuestion) -> dict[str, object]:
    """The question as JSON-like values; the other way round `remembered`."""
    return {
        "subject": _plain_party(question.subject),
        "action": question.action,
        "properties": question.properties,
        "resource": _plain_party(question.resource),
        "context": question.context,
    }


@dataclass(frozen=True, slots=True)
class Remembered:
    """A question that was decided, and how."""

    question: AccessQuestion
    reason: Reason


def sealed_question(decided: Decided, vault: Vault) -> Sealed:
    """The question in one text, numbers and all, to be asked again, and what it was answered. Raises `Unavailable`."""
    whole = {"question": plain_question(decided.question), "reason": decided.decision.reason.value}
    text = sorted_json(whole, _exact).decode()
    return vault.seal(subject_of(decided.request, decided.decision), text, decided.id)


def remembered(text: str) -> Remembered:
    """What such a text says."""
    found = json.loads(text, object_hook=_inexact)
    asked = found["question"]
    question = AccessQuestion(
        subject=Party(**asked["subject"]),
        action=asked["action"],
        properties=asked["properties"],
        resource=Party(**asked["resource"]),
        context=asked["context"],
    )
    return Remembered(question, Reason(found["reason"]))


def digest(value: object) -> str:
    """SHA-256 of the value as JSON with sorted keys."""
    return hashlib.sha256(canonical(value)).hexdigest()


def named(party: Party) -> str:
    """Type and id for the audit log."""
    return printable(f"{party.type}:{party.id}")


def printable(text: str) -> str:
    """A stranger's text for the audit log: cut, and made printable."""
    shown = text[:_SHOWN]
    return shown if shown.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in shown)


def _plain_party(party: Party) -> Mapping[str, object]:
    return {"type": party.type, "id": party.id, "properties": party.properties}


def _exact(value: object) -> object:
    if isinstance(value, Decimal):
        return {_DECIMAL: str(value)}  # policy refuses a caller's name that begins so: nobody asked with one and got in
    raise TypeError(f"{type(value).__name__} is no JSON")


def _inexact(found: dict[str, object]) -> object:
    exact = found.get(_DECIMAL)
    return Decimal(exact) if isinstance(exact, str) and len(found) == 1 else found
