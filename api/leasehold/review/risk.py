"""How bad a difference is, and why: every point of a score is a factor that the report names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from leasehold.model.people import Agent
from leasehold.model.tools import Action
from leasehold.review.entitlements import EVERY_TOOL
from leasehold.review.findings import Entitlement

PRODUCTION = frozenset({"prod", "production"})
_POINTS = {Action.READ: 1, Action.WRITE: 2, Action.EXECUTE: 3, Action.DELETE: 3}
UNPROVEN = "unproven"
"""The factor of what is reported because nobody can tell that it is not so."""
MAY_DIFFER = "decisions may differ"
"""The factor of what policies ask for: whether anybody gained or lost by it, only the engine can tell."""
_GRAVE = 3  # the points from which an action should not stand for ever
_WORDS = {
    Action.READ: "read",
    Action.WRITE: "write",
    Action.EXECUTE: "executes code",
    Action.DELETE: "destructive action",
}


@dataclass(frozen=True, slots=True)
class Assessment:
    """A rank (1 low to 4 critical and beyond) and the factors that made it, heaviest first."""

    rank: int
    factors: tuple[str, ...]

    def raised(self, by: int, factor: str) -> Assessment:
        """The same with one more factor, worth `by` points."""
        return Assessment(self.rank + by, (*self.factors, factor))


@dataclass(frozen=True, slots=True)
class Setting:
    """What surrounds a gain: where the agent runs, whether it ends by itself, whether it went around the code."""

    production: bool = False
    standing: bool = False
    out_of_band: bool = False


def in_production(agent: Agent | None) -> bool:
    """True if the agent says that it runs in production."""
    return agent is not None and agent.environment in PRODUCTION


def of_gain(gains: Iterable[Entitlement], setting: Setting) -> Assessment:
    """Effect × reach × duration: the points of the worst action, and one more for each thing that makes it worse."""
    found = tuple(gains)
    points = max((_points(one) for one in found), default=0)
    worst = sorted({_word(one) for one in found if _points(one) == points})
    worse = {
        "wildcard": any("*" in one.resource or one.tool == EVERY_TOOL for one in found),
        "standing": setting.standing and points >= _GRAVE,
        "production": setting.production and points > _POINTS[Action.READ],
        "out of band": setting.out_of_band,
    }
    named = tuple(factor for factor, counts in worse.items() if counts)
    return Assessment(points + len(named), (*worst, *named))


def of_loss(*, production: bool) -> Assessment:
    """Lost access breaks work, not secrecy."""
    lost = Assessment(1, ("access lost",))
    return lost.raised(1, "production") if production else lost


def _points(one: Entitlement) -> int:
    return _POINTS[one.action] if one.action is not None else max(_POINTS.values())


def _word(one: Entitlement) -> str:
    return _WORDS[one.action] if one.action is not None else "every tool"
