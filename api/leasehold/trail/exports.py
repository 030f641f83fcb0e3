"""Exports looked after: how far each has come, told again from a place on, and tested the whole way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from leasehold.model.errors import NotFound, Unavailable
from leasehold.model.trail.heads import Cursor
from leasehold.model.trail.keeping import TRAIL
from leasehold.model.trail.queries import TrailQuery
from leasehold.policy.decision import Permit
from leasehold.trail.own_events import asked_for
from leasehold.trail.ports import CatchingUp, Store
from leasehold.trail.telling import DEAD_LETTER, cursor_of

_SHOWN = 100
Exports = Mapping[str, str]
"""Where events go, by name, as the settings say it: no secret is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportState:
    """How far a receiver has come: `position` is the place that it is told next, `size` the end of the trail.

    `set_aside` are the newest places that it did not take while it took others. `told_at` is None before the first.
    """

    name: str
    to: str
    position: int
    size: int
    told_at: str | None
    set_aside: Sequence[int]


def list_exports(store: Store, exports: Exports) -> Sequence[ExportState]:
    """Every export that is configured, by name."""
    return [_state(store, name, exports[name]) for name in sorted(exports)]


def replay(store: Store, permit: Permit, exports: Exports, name: str, start: int, now: datetime) -> ExportState:
    """Tell a receiver again from `start` on; it knows what it had by the places. Raises `NotFound`."""
    to = _to(exports, name)
    with store.begin() as unit:
        before = unit.trail.cursor(cursor_of(name)) or Cursor(cursor_of(name), 0)
        start = min(start, before.position)  # nothing is passed over
        unit.trail.move(Cursor(before.name, start, before.state))
        unit.audit.append(asked_for(permit, "replay", name, now, {"from": start, "before": before.position}))
    return _state(store, name, to)


def send_test(store: Store, sealer: CatchingUp, permit: Permit, exports: Exports, name: str, now: datetime) -> int:
    """Write an event for a receiver to take; its place. Raises `NotFound`, `Unavailable`."""
    to = _to(exports, name)
    with store.begin() as unit:
        unit.audit.append(asked_for(permit, "test", name, now, {"to": to}))
    sealer.catch_up()
    with store.read() as unit:
        (found,) = unit.trail.search(TrailQuery(kind=TRAIL, name=name, action="test"), None, 1)
    if found.position is None:
        raise Unavailable("the test event has no place in the trail yet")
    return found.position


def _to(exports: Exports, name: str) -> str:
    if name not in exports:
        raise NotFound("export", name)
    return exports[name]


def _state(store: Store, name: str, to: str) -> ExportState:
    with store.read() as unit:
        cursor = unit.trail.cursor(cursor_of(name)) or Cursor(cursor_of(name), 0)
        size = unit.trail.head().size
        letters = unit.trail.search(TrailQuery(kind=TRAIL, name=name, action=DEAD_LETTER), None, _SHOWN)
    places = [one.record.event.detail.get("position") for one in letters]
    return ExportState(
        name=name,
        to=to,
        position=cursor.position,
        size=size,
        told_at=json.loads(cursor.state).get("at"),
        set_aside=[place for place in places if isinstance(place, int)],
    )
