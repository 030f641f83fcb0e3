"""What is forgotten when, and what is held: each kind of event for its time, nothing that a hold is on.

An event that is pruned leaves its hash, so that proofs stay what they were; and the pruning is an event, which says
which places it emptied and how many they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from leasehold.model.errors import NotFound
from leasehold.model.trail.keeping import TRAIL, Hold
from leasehold.policy.decision import Permit
from leasehold.trail.own_events import asked_for, by_itself
from leasehold.trail.ports import Store

_BATCH = 500
Retention = Mapping[str, timedelta]
"""How long events of a kind are kept; of a kind that it does not name, for ever."""


def prune_due(store: Store, retention: Retention, now: datetime) -> int:
    """Forget what has had its time; how many events it was. Raises `Unavailable`."""
    forgotten = 0
    for kind, kept in sorted(retention.items()):
        while pruned := _prune(store, kind, now - kept, now):
            forgotten += pruned
    return forgotten


def list_holds(store: Store, _permit: Permit) -> Sequence[Hold]:
    """The holds that stand."""
    with store.read() as unit:
        return unit.keeping.holds()


def place_hold(store: Store, permit: Permit, name: str, reason: str, agent: str | None, now: datetime) -> Hold:
    """Let nothing be pruned about an agent, or nothing at all."""
    hold = Hold(name=name, reason=reason, by=permit.principal.id, at=now, agent=agent)
    with store.begin() as unit:
        unit.keeping.hold(hold)
        unit.audit.append(asked_for(permit, "hold", name, now, {"reason": reason, "agent": agent}))
    return hold


def release_hold(store: Store, permit: Permit, name: str, now: datetime) -> None:
    """End a hold. Raises `NotFound`."""
    with store.begin() as unit:
        if not unit.keeping.release(name):
            raise NotFound("hold", name)
        unit.audit.append(asked_for(permit, "release", name, now, {}))


def _prune(store: Store, kind: str, until: datetime, now: datetime) -> int:
    """One batch. Of what is not signed for nothing is forgotten: it would leave without ever having been proved."""
    if kind == TRAIL:
        return 0
    with store.begin() as unit:
        signed = unit.trail.last_checkpoint()
        pruned = unit.keeping.prune(kind, until, signed.size, _BATCH) if signed is not None else None
        if pruned is None:
            return 0
        detail = {"of": kind, "until": until.isoformat(), "count": pruned.count}
        told = {**detail, "first": pruned.first, "before": pruned.before}
        unit.audit.append(by_itself("prune", kind, now, told))
    return pruned.count
