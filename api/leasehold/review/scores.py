"""A score from 0 to 100 to order findings by: every point of it stands in a part that says why.

The level of risk comes from what changed alone, and so does the larger part of the score; how far it reaches and how
much it is used moves a finding within its level, never out of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from leasehold.review.drafts import Draft
from leasehold.review.findings import Blast, Cause, Points, Risk, Score

_LEVEL = 25
_BASE = 5
_MOST = {"reach": 6, "in use": 8}


def score(draft: Draft, risk: Risk, blast: Blast, cause: Cause | None, expires_at: datetime | None) -> Score:
    """The score of a draft at its level of risk."""
    factors = tuple(dict.fromkeys(draft.assessment.factors))
    parts = [Points("access", _LEVEL * (risk.rank - 1) + _BASE, factors)]
    parts += [one for one in (_reach(draft, blast), _use(blast)) if one.points]
    parts += [*_lasting(draft, expires_at), *_actor(draft, cause)]
    return Score(sum(one.points for one in parts), tuple(parts))


def _reach(draft: Draft, blast: Blast) -> Points:
    wild = any("*" in one.resource for one in draft.gains)
    because = [_counted(blast.agents, "agent")] if blast.agents else []
    because += [_counted(blast.resources, "resource pattern")] if blast.resources else []
    because += ["wildcard"] if wild else []
    points = min(blast.agents, 3) + (3 if wild else min(blast.resources, 3))
    return Points("reach", min(points, _MOST["reach"]), tuple(because))


def _use(blast: Blast) -> Points:
    because = [_counted(blast.live_leases, "live lease")] if blast.live_leases else []
    if blast.calls:
        because += [f"{_counted(blast.calls, 'call')} through the gateway"]
    elif blast.used:
        because += [f"{_counted(blast.used, 'token')} in {blast.used_days} days"]
    return Points("in use", 4 * len(because), tuple(because))


def _lasting(draft: Draft, expires_at: datetime | None) -> Iterator[Points]:
    if draft.gains and expires_at is None:
        yield Points("lasting", 2, ("no end",))


def _actor(draft: Draft, cause: Cause | None) -> Iterator[Points]:
    if draft.difference is None:
        return
    if cause is None:
        yield Points("actor", 3, ("nobody on record",))
    elif cause.event is not None and cause.stack is None:
        yield Points("actor", 2, ("by hand",))


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
