"""Create or change one object: everything that must hold, checked and written in one transaction."""

from __future__ import annotations

from datetime import datetime

from leasehold.model.errors import FieldError, InvalidBody, InvalidValue
from leasehold.model.kinds import Kind
from leasehold.model.names import check_name
from leasehold.model.objects import Spec, Stored, references
from leasehold.policy.decision import Permit
from leasehold.registry.bounds import check_bounds, check_environment, check_exception
from leasehold.registry.consequences import ending_what_is_lost
from leasehold.registry.delete import remove
from leasehold.registry.grant_sets import grants_to_remove
from leasehold.registry.journal import attempt, record_success, record_write, recording_failure
from leasehold.registry.policies import NoPolicies, check_policy
from leasehold.registry.ports import PolicyChecker, Receipts, Store, UnitOfWork
from leasehold.registry.preconditions import check_precondition, check_stack
from leasehold.registry.receipts import Unheld
from leasehold.registry.references import check_references
from leasehold.registry.stacks import check_roles
from leasehold.registry.teams import check_teams
from leasehold.registry.uniqueness import check_unique
from leasehold.registry.views import view
from leasehold.registry.writes import Put, Written

_NONE = NoPolicies()
_UNHELD = Unheld()


def put_object(
    store: Store,
    permit: Permit,
    put: Put,
    now: datetime,
    policies: PolicyChecker = _NONE,
    receipts: Receipts = _UNHELD,
) -> Written:
    """Write one object. Raises the error that says why not; the refusal is audited too."""
    event = attempt(permit.principal, "put", put.kind, put.name, now)
    with recording_failure(store, event), store.begin() as unit:
        unit.changes.lock()
        return apply_put(unit, permit, put, now, policies, receipts)


def apply_put(
    unit: UnitOfWork,
    permit: Permit,
    put: Put,
    now: datetime,
    policies: PolicyChecker = _NONE,
    receipts: Receipts = _UNHELD,
) -> Written:
    """Write one object inside a transaction that holds the writers' lock."""
    live = unit.objects.find(put.kind, put.name)
    _check(unit, permit, put, live)
    held = receipts.check(permit.principal, put.kind, put.name, live.spec if live is not None else None, put.spec)
    stored = _next(unit, permit, put, live, now)
    ended = grants_to_remove(unit, permit.principal, put, live) if put.kind is Kind.GRANT_SETS else []
    for grant in ended:
        remove(unit, permit, grant, now, held)
    if live is not None and _is_same(live, stored):
        record_success(unit, attempt(permit.principal, "put", put.kind, put.name, now), live.revision)
        return Written(view(unit, live, now), created=False)
    check_bounds(unit, permit, put.name, put.spec)
    check_exception(live.spec if live is not None else None, put.spec, now)
    check_policy(unit, policies, put.name, put.spec)
    with ending_what_is_lost(unit, put.kind, put.name, live.spec if live else None, put.spec, now):
        unit.objects.put(stored, references(put.name, put.spec))
    record_write(unit, permit.principal, "create" if live is None else "update", stored, held)
    return Written(view(unit, stored, now), created=live is None)


def _check(unit: UnitOfWork, permit: Permit, put: Put, live: Stored[Spec] | None) -> None:
    _check_name(put)
    if live is not None:
        check_teams(unit, permit, put.name, live.spec)
    check_stack(live, permit.principal)
    check_roles(unit, permit, put.name, live.spec if live is not None else None, put.spec)
    check_precondition(unit, put.kind, put.name, live, put.precondition)
    check_references(unit, put.name, put.spec)
    check_teams(unit, permit, put.name, put.spec)
    check_environment(permit, live.spec if live is not None else None, put.spec)
    check_unique(unit, put.kind, put.name, put.spec)


def _check_name(put: Put) -> None:
    if put.kind in {Kind.GRANTS, Kind.RELATIONS}:
        return  # the name of an edge follows from its spec: checked with its bounds
    try:
        check_name(put.name)
    except InvalidValue as error:
        raise InvalidBody([FieldError("name", str(error))]) from error


def _next(unit: UnitOfWork, permit: Permit, put: Put, live: Stored[Spec] | None, now: datetime) -> Stored[Spec]:
    by_hand = live.stack if live is not None else None
    return Stored(
        kind=put.kind,
        name=put.name,
        # Deletions count too, so that a revision never comes back.
        revision=unit.versions.last_revision(put.kind, put.name) + 1,
        spec=put.spec,
        stack=permit.principal.stack or by_hand,
        created_at=live.created_at if live is not None else now,
        updated_at=now,
        updated_by=permit.principal.id,
    )


def _is_same(live: Stored[Spec], stored: Stored[Spec]) -> bool:
    # A deployment is never the same: every write is a new epoch.
    return live.kind is not Kind.DEPLOYMENTS and stored.spec == live.spec and stored.stack == live.stack
