"""Two versions, action by action: what does one allow that the other denies? Proved, or said to be unproven."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache

import z3

from leasehold.model.decisions import Side
from leasehold.policy.proving.holding import same_holdings
from leasehold.policy.proving.questions import Bounds, Holder, Question, Versions, holdings, said, spoken
from leasehold.policy.proving.terms import Logic, NotModelled
from leasehold.policy.proving.witnesses import Witness
from leasehold.policy.published import Published

USUAL = Bounds()


class Movement(StrEnum):
    """How what is allowed moved."""

    EQUIVALENT = "equivalent"
    WIDENS = "widens"
    NARROWS = "narrows"
    BOTH = "both"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was found. A movement that widens always has its witness; `why` says what kept it from being proved."""

    side: Side
    action: str
    movement: Movement
    widening: Witness | None = None
    narrowing: Witness | None = None
    why: str = ""


class Comparison:
    """The old version and the new, at one moment."""

    def __init__(self, old: Published, new: Published, at: datetime, bounds: Bounds = USUAL) -> None:
        self._versions = Versions(old, new, at, bounds, Logic())
        self.spoken_alike = cache(self._spoken_alike)

    def changed(self) -> Iterator[Proof]:
        """Every side and action of which the policies are not the very same, proved."""
        actions = sorted({action for one in self._versions.both for action in one.actions})
        for side in Side:
            yield from (self.proof(side, action) for action in actions if not self.spoken_alike(side, action))

    def unchanged(self, action: str, holder: Holder) -> bool:
        """True if nothing that an agent's calls of a tool are decided by is another: then nothing needs a proof."""
        old, new = self._versions.both
        was, now = (holdings(one, Side.AGENT, action, holder) for one in (old, new))
        known = old.facts.known.get(holder.ref) == new.facts.known.get(holder.ref)
        return known and same_holdings(was, now) and self.spoken_alike(Side.AGENT, action)

    def proof(self, side: Side, action: str, holder: Holder | None = None) -> Proof:
        """What changed of one action: for whoever holds it, or for one holder."""
        try:
            return self._proved(side, action, holder)
        except NotModelled as reason:
            return Proof(side=side, action=action, movement=Movement.UNPROVEN, why=f"no model: {reason}")
        except (z3.Z3Exception, RecursionError) as error:
            return Proof(side=side, action=action, movement=Movement.UNPROVEN, why=type(error).__name__)

    def _proved(self, side: Side, action: str, holder: Holder | None) -> Proof:
        tools = [one.actions[action].tool for one in self._versions.both if action in one.actions]
        if None in tools:
            raise NotModelled("another application's question")
        if len({one.arguments for one in tools if one is not None}) > 1:
            raise NotModelled("the tool's arguments change too")
        question = Question(self._versions, side, action, holder)
        widening, narrowing = question.widening(), question.narrowing()
        why = next((one for one in (widening, narrowing) if isinstance(one, str)), "")
        return Proof(
            side=side,
            action=action,
            movement=Movement.UNPROVEN if why else _movement(widening, narrowing),
            widening=widening if isinstance(widening, Witness) else None,
            narrowing=narrowing if isinstance(narrowing, Witness) else None,
            why=why,
        )

    def _spoken_alike(self, side: Side, action: str) -> bool:
        """True if the policies that can speak about the action say the same, and the tool is the same to them."""
        old, new = self._versions.both
        was, now = ({said(one) for one in spoken(version, side, action)} for version in (old, new))
        tools = [one.actions[action].facts if action in one.actions else None for one in (old, new)]
        return was == now and (tools[0] == tools[1] or not now)


def _movement(widening: object, narrowing: object) -> Movement:
    if widening is not None:
        return Movement.BOTH if narrowing is not None else Movement.WIDENS
    return Movement.NARROWS if narrowing is not None else Movement.EQUIVALENT
