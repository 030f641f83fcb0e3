"""What a plan would have made of calls that were really made: decisions on record that it turns round.

Whoever can guess at arguments and see what turns can read them out of the record, one policy at a time. So
it is replayed for those alone who may have decisions explained; to others a review says that it was not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from leasehold.model.principal import Principal
from leasehold.policy.decision import Permit
from leasehold.policy.platform import PlatformAction, decide_platform
from leasehold.policy.replaying import Recount, Turned
from leasehold.review.findings import WIRE

MOST = 50  # kinds of calls in one report
_KIND = "decisions"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedCalls:
    """Calls of one tool by one agent (`agent` null: by people themselves) that would be decided otherwise.

    `allowed`: what they would be. `example` is the newest decision, as `leasehold explain` takes it, made at `at` (in
    UTC) for `principal`.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    allowed: bool
    agent: str | None
    action: str
    count: int
    example: str
    principal: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReplay:
    """What became of the newest decisions on record: made again as things are, and as they would be.

    `withheld`: whoever asked may not have decisions explained, so that none was replayed. `unreadable` were sealed by
    another key, `left_out` were not reached in time. `newly_allowed` and `newly_denied` count decisions; `turned` shows
    at most fifty kinds of them, the most frequent first.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    withheld: bool
    replayed: int = 0
    unreadable: int = 0
    left_out: int = 0
    newly_allowed: int = 0
    newly_denied: int = 0
    turned: tuple[TurnedCalls, ...] = ()


WITHHELD = PlanReplay(withheld=True)


def may_recall(author: Principal | None) -> Permit | None:
    """The permit to look at decisions on record; None for whoever has none."""
    if author is None:
        return None
    decision = decide_platform(author, PlatformAction.EXPLAIN, _KIND)
    return decision if isinstance(decision, Permit) else None


def plan_replay(recount: Recount) -> PlanReplay:
    """The recount as a report has it."""
    turned = sorted(_calls(recount.turned), key=lambda one: (-one.count, one.allowed, one.agent or "", one.action))
    return PlanReplay(
        withheld=False,
        replayed=recount.replayed,
        unreadable=recount.unreadable,
        left_out=recount.left_out,
        newly_allowed=sum(one.allowed for one in recount.turned),
        newly_denied=sum(not one.allowed for one in recount.turned),
        turned=tuple(turned[:MOST]),
    )


def _calls(every: Iterable[Turned]) -> Iterator[TurnedCalls]:
    alike: dict[tuple[bool, str | None, str], list[Turned]] = {}
    for one in every:
        alike.setdefault((one.allowed, one.agent, one.action), []).append(one)
    for (allowed, agent, action), several in alike.items():
        newest = max(several, key=lambda one: (one.at, one.id))
        yield TurnedCalls(
            allowed=allowed,
            agent=agent,
            action=action,
            count=len(several),
            example=newest.id,
            principal=newest.principal,
            at=newest.at,
        )
