"""Every write leaves a version, a change and an audit event, in its own transaction; every refusal leaves an event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from leasehold.model.errors import (
    AboveCeiling,
    Forbidden,
    LeaseholdError,
    ManagedElsewhere,
    Unauthenticated,
    Unavailable,
)
from leasehold.model.events import AuditEvent, Change, Outcome
from leasehold.model.objects import Spec, Stored
from leasehold.model.plain import plain
from leasehold.model.principal import Principal
from leasehold.model.receipts import ReceiptRefused
from leasehold.model.records import Version
from leasehold.registry.ports import Store, UnitOfWork

_REASON_LIMIT = 2000
_DENIALS = (AboveCeiling, Forbidden, ManagedElsewhere, ReceiptRefused, Unauthenticated)


@dataclass(frozen=True, slots=True)
class Target:
    """What a change is about; revision 0 for what has none."""

    kind: str
    name: str
    revision: int


NOTHING: Mapping[str, str] = {}


def record_write(
    unit: UnitOfWork, principal: Principal, operation: str, stored: Stored[Spec], held: Mapping[str, str] = NOTHING
) -> None:
    """Remember one revision: `stored` as it is now, or, for a deletion, as it was, with the deletion's revision.

    `held` is what let the write through.
    """
    deleted = operation == "delete"
    unit.versions.append(
        Version(
            kind=stored.kind,
            name=stored.name,
            revision=stored.revision,
            operation=operation,
            by=principal.id,
            at=stored.updated_at,
            stack=stored.stack,
            spec=None if deleted else plain(stored.spec),
        )
    )
    target = Target(stored.kind.value, stored.name, stored.revision)
    record_change(unit, principal, operation, target, stored.updated_at)
    event = attempt(principal, operation, stored.kind, stored.name, stored.updated_at)
    record_success(unit, replace(event, detail={**event.detail, **held}), stored.revision)


def record_change(unit: UnitOfWork, principal: Principal, operation: str, target: Target, now: datetime) -> None:
    """Append the next change of the sequence."""
    unit.changes.append(
        Change(
            sequence=unit.changes.latest() + 1,
            kind=target.kind,
            name=target.name,
            operation=operation,
            revision=target.revision,
            by=principal.id,
            at=now,
        )
    )


def attempt(principal: Principal, action: str, kind: str, name: str, now: datetime) -> AuditEvent:
    """The event of an action that is not proven done: it reads `error` until then."""
    detail = {"lease": principal.lease} if principal.lease is not None else {}
    return AuditEvent(
        at=now, principal=principal.id, action=action, kind=kind, name=name, stack=principal.stack, detail=detail
    )


def record_success(unit: UnitOfWork, event: AuditEvent, revision: int | None = None) -> None:
    """Append the event as done, in the transaction that does it."""
    detail = {**event.detail, "revision": revision} if revision is not None else event.detail
    unit.audit.append(replace(event, outcome=Outcome.OK, detail=detail))


@contextmanager
def recording_failure(store: Store, event: AuditEvent) -> Iterator[None]:
    """Whatever refuses the action inside is remembered in a transaction of its own, and raised on."""
    try:
        yield
    except Unavailable:
        raise  # nothing can be written, and nothing was
    except LeaseholdError as error:
        outcome = Outcome.DENIED if isinstance(error, _DENIALS) else Outcome.ERROR
        with store.begin() as unit:
            unit.audit.append(replace(event, outcome=outcome, reason=f"{error.code}: {error}"[:_REASON_LIMIT]))
        raise
