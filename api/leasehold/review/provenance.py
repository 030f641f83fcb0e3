"""From the write that brought a difference about to who did it and how: audit events of the write and of its token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leasehold.model.events import AuditEvent
from leasehold.model.records import AuditRecord, Version
from leasehold.review.causes import (
    cause_of_absence,
    cause_of_change,
    cause_of_delisting,
    cause_of_presence,
    cause_of_taking,
)
from leasehold.review.drafts import Draft
from leasehold.review.findings import Cause, DriftClass
from leasehold.review.history import Evidence, History
from leasehold.review.worlds import Key

_LEASES = "leases"
_BOOTSTRAP = "bootstrap"
Trail = Mapping[tuple[str, str], Sequence[AuditRecord]]


class Provenance:
    """The causes of many drafts, looked up together."""

    def __init__(self, drafts: Sequence[Draft], history: History, evidence: Evidence) -> None:
        histories = history.histories({key for draft in drafts for key in (draft.key, draft.cause_key) if key})
        self._culprits = {id(draft): culprit(draft, histories) for draft in drafts}
        written = {(one.kind.value, one.name) for one in self._culprits.values() if one is not None}
        self._writes = evidence.done(written)
        leases = {_text(found.event, "lease") for found in map(self._write, self._culprits.values()) if found}
        self._issues = evidence.done({(_LEASES, lease) for lease in leases if lease})

    def deleted(self, draft: Draft) -> bool:
        """True if somebody deleted the object that a draft is about."""
        found = self._culprits[id(draft)]
        return found is not None and found.spec is None and (found.kind, found.name) == draft.key

    def cause(self, draft: Draft) -> Cause | None:
        """Who brought a draft about, and how; None if nobody did, or nobody is on record."""
        if draft.cause is not None:
            return draft.cause
        version = self._culprits[id(draft)]
        if version is None:
            return _beyond(draft)
        found = self._write(version)
        if found is None:
            return Cause(version.by, version.at, version.operation)
        lease = _text(found.event, "lease")
        told = (one.event for one in self._issues.get((_LEASES, lease or ""), ()))
        issue = next((event for event in told if "binding" in event.detail), None)  # else it tells of the lease's end
        return Cause(
            actor=version.by,
            at=version.at,
            operation=version.operation,
            via=_door(found.event),
            stack=found.event.stack,
            binding=_text(issue, "binding"),
            lease=lease,
            run=_text(issue, "run"),
            event=found.sequence,
            approved_by=_text(found.event, "approved_by"),
        )

    def _write(self, version: Version | None) -> AuditRecord | None:
        """The event of one write: the one that tells of this revision."""
        if version is None:
            return None
        events = self._writes.get((version.kind.value, version.name), ())
        return next((one for one in events if _tells_of(one.event, version)), None)


def _beyond(draft: Draft) -> Cause | None:
    """Who moved it in another system, as that system tells."""
    found = draft.trace.culprit if draft.trace is not None else None
    if found is None:
        return None
    return Cause(found.actor, found.at, found.operation, via=found.via, record=found.record)


def culprit(draft: Draft, histories: Mapping[Key, Sequence[Version]]) -> Version | None:
    """The write that brought a draft about."""
    if draft.cause_key is not None:
        past = histories.get(draft.cause_key, ())
        return cause_of_delisting(past, draft.delisted) if draft.delisted else past[-1] if past else None
    past = histories.get(draft.key, ())
    if draft.difference is None:
        return cause_of_taking(past) if draft.class_ is DriftClass.CONFLICT else None
    match draft.difference.presence:
        case DriftClass.MISSING:
            return cause_of_absence(past)
        case DriftClass.UNMANAGED:
            return cause_of_presence(past)
        case _:
            return cause_of_change(past, draft.difference.deltas)


def _tells_of(event: AuditEvent, version: Version) -> bool:
    return event.action == version.operation and event.detail.get("revision") == version.revision


def _door(event: AuditEvent) -> str:
    if event.principal.startswith(_BOOTSTRAP):
        return _BOOTSTRAP
    return "terraform" if event.stack is not None else "registry API"


def _text(event: AuditEvent | None, name: str) -> str | None:
    found = event.detail.get(name) if event is not None else None
    return found if isinstance(found, str) and found else None
