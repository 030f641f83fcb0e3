"""Approvals of reviewed plans are on record before anybody can use them, under the name of the change."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from leasehold.model.plain import rfc3339
from leasehold.model.receipts import Approval
from leasehold.policy.decision import Permit
from leasehold.registry.journal import attempt, record_success
from leasehold.registry.ports import Store


def record_approval(store: Store, permit: Permit, approval: Approval, now: datetime) -> None:
    """Remember who approved which change. Raises `Unavailable`: then nothing is approved."""
    said = {
        "receipt": approval.receipt,
        "stacks": sorted(approval.stacks),
        "rules": approval.rules,
        "until": rfc3339(approval.until),
    }
    event = attempt(permit.principal, "approve", "plan-reviews", approval.delta, now)
    with store.begin() as unit:
        record_success(unit, replace(event, detail={**event.detail, **said}))
