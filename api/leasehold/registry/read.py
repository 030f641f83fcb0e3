"""Read live objects, one or a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from leasehold.model.kinds import Kind
from leasehold.model.records import Filters
from leasehold.registry.ports import Store
from leasehold.registry.views import view, views
from leasehold.registry.writes import View


@dataclass(frozen=True, slots=True)
class Page:
    """Objects in the order of their names; `after` is the name to go on behind, None on the last page."""

    items: Sequence[View]
    after: str | None


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
