"""Read live objects, one or a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from leasehold.model.kinds import Kind
from leasehold.model.records import AuditRecord, Filters
from leasehold.registry.ports import Store
from leasehold.registry.views import view, views
from leasehold.registry.writes import View


@dataclass(frozen=True, slots=True)
class Page:
    """Objects in the order of their names; `after` is the name to go on behind, None on the last page."""

    items: Sequence[View]
    after: str | None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Events, newest first; `before` is the sequence to go on below, None on the last page."""

    items: Sequence[AuditRecord]
    before: int | None


def get_object(store: Store, kind: Kind, name: str, now: datetime) -> View:
    """The live object. Raises `NotFound`."""
    with store.read() as unit:
        return view(unit, unit.objects.get(kind, name), now)


def list_objects(store: Store, kind: Kind, *, after: str, limit: int, filters: Filters, now: datetime) -> Page:
    """A page of live objects."""
    with store.read() as unit:
        found = unit.objects.list(kind, after=after, limit=limit + 1, filters=filters)
        more = found[limit - 1].name if len(found) > limit else None
        return Page(views(unit, kind, found[:limit], now), more)


def list_audit_events(store: Store, *, kind: str | None, name: str | None, before: int | None, limit: int) -> AuditPage:
    """A page of audit events."""
    with store.read() as unit:
        found = unit.audit.list(kind=kind, name=name, before=before, limit=limit + 1)
        more = found[limit - 1].sequence if len(found) > limit else None
        return AuditPage(found[:limit], more)
