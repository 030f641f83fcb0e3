"""What happens to the trail itself, as its own events: by whom it was asked for, or by the server alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.trail.keeping import TRAIL
from leasehold.policy.decision import Permit
from leasehold.trail.ports import Store

SYSTEM = "system:leasehold"


def asked_for(permit: Permit, action: str, name: str, now: datetime, detail: Mapping[str, object]) -> AuditEvent:
    """Somebody who may did this."""
    return AuditEvent(
        at=now,
        principal=permit.principal.id,
        action=action,
        kind=TRAIL,
        name=name,
        outcome=Outcome.OK,
        stack=permit.principal.stack,
        detail=detail,
    )


def begun(permit: Permit, action: str, name: str, now: datetime, detail: Mapping[str, object]) -> AuditEvent:
    """Somebody who may is about to be given something; unfinished, until `finish` says what came of it."""
    event = asked_for(permit, action, name, now, detail)
    return replace(event, outcome=Outcome.ERROR, reason="not_finished")


def finish(store: Store, permit: Permit, event: AuditEvent, problem: str, size: int, now: datetime) -> None:
    """What came of it, `ok` if there was no problem, and how many bytes went out. Raises `Unavailable`."""
    ended = asked_for(permit, event.action, event.name, now, {**event.detail, "bytes": size})
    if problem:
        ended = replace(ended, outcome=Outcome.ERROR, reason=problem)
    with store.begin() as unit:
        unit.audit.append(ended)


def by_itself(action: str, name: str, now: datetime, detail: Mapping[str, object]) -> AuditEvent:
    """The server did this, as its settings say."""
    return AuditEvent(at=now, principal=SYSTEM, action=action, kind=TRAIL, name=name, outcome=Outcome.OK, detail=detail)
