"""Approvals of reviewed plans are on record before anybody can use them."""

from __future__ import annotations

from datetime import datetime

from leasehold.policy.decision import Permit
from leasehold.registry.journal import attempt, record_success
from leasehold.registry.ports import Store


def record_approval(store: Store, permit: Permit, receipt_id: str, now: datetime) -> None:
    """Remember who approved which review. Raises `Unavailable`: then nothing is approved."""
    with store.begin() as unit:
        record_success(unit, attempt(permit.principal, "approve", "plan-reviews", receipt_id, now))
