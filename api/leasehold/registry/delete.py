"""Delete one object that nothing refers to, and end what hung on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from leasehold.model.objects import Spec, Stored
from leasehold.policy.decision import Permit
from leasehold.registry.consequences import ending_what_is_lost
from leasehold.registry.journal import NOTHING, attempt, record_write, recording_failure
from leasehold.registry.ports import Receipts, Store, UnitOfWork
from leasehold.registry.preconditions import check_precondition, check_stack
from leasehold.registry.receipts import Unheld
from leasehold.registry.references import check_unused
from leasehold.registry.stacks import check_roles
from leasehold.registry.teams import check_teams
from leasehold.registry.writes import Delete

_UNHELD = Unheld()


def delete_object(store: Store, permit: Permit, delete: Delete, now: datetime, receipts: Receipts = _UNHELD) -> None:
    """Delete one object. Raises the error that says why not; the refusal is audited too."""
    event = attempt(permit.principal, "delete", delete.kind, delete.name, now)
    with recording_failure(store, event), store.begin() as unit:
        unit.changes.lock()
        live = unit.objects.get(delete.kind, delete.name)
        check_teams(unit, permit, delete.name, live.spec)
        check_stack(live, permit.principal)
        check_roles(unit, permit, delete.name, live.spec, None)
        check_precondition(unit, delete.kind, delete.name, live, delete.precondition)
        held = receipts.check(permit.principal, delete.kind, delete.name, live.spec, None)
        check_unused(unit, delete.kind, delete.name)
        remove(unit, permit, live, now, held)


def remove(
    unit: UnitOfWork, permit: Permit, live: Stored[Spec], now: datetime, held: Mapping[str, str] = NOTHING
) -> None:
    """Take a live object away; the deletion is a revision of its own."""
    with ending_what_is_lost(unit, live.kind, live.name, live.spec, None, now):
        unit.objects.delete(live.kind, live.name)
    gone = replace(live, revision=live.revision + 1, updated_at=now, updated_by=permit.principal.id)
    record_write(unit, permit.principal, "delete", gone, held)
