"""What happens to the trail itself, as its own events: by whom it was asked for, or by the server alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.trail.keeping import TRAIL
from leasehold.policy.decision import Permit

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


def by_itself(action: str, name: str, now: datetime, detail: Mapping[str, object]) -> AuditEvent:
    """The server did this, as its settings say."""
    return AuditEvent(at=now, principal=SYSTEM, action=action, kind=TRAIL, name=name, outcome=Outcome.OK, detail=detail)
