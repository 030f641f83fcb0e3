"""Is a reach held under every ceiling that applies? What cannot be decided is not held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from leasehold.model.access import Reach, reach_of_scope
from leasehold.model.authority.order import Verdict, covers
from leasehold.model.clients import DpopUse
from leasehold.model.grants import Ceiling
from leasehold.model.people import Agent
from leasehold.model.tools import Scope


@dataclass(frozen=True, slots=True)
class Excess:
    """A reach that a ceiling does not cover, or of which that cannot be decided (`verdict`)."""

    ceiling: str
    reach: Reach
    verdict: Verdict


def first_excess(reach: Iterable[Reach], ceilings: Mapping[str, Ceiling], scopes: Mapping[str, Scope]) -> Excess | None:
    """The first reach that some ceiling of `ceilings` (those that apply, by name) does not cover, or None."""
    wanted = tuple(reach)
    for name in sorted(ceilings):
        allowed = reach_under(ceilings[name], scopes)
        for one in wanted:
            verdict = covers(allowed, (one,))
            if verdict is not Verdict.YES:
                return Excess(name, one, verdict)
    return None


def within_ceilings(
    reach: Iterable[Reach], ceilings: Mapping[str, Ceiling], scopes: Mapping[str, Scope]
) -> Iterator[Reach]:
    """Only what every applicable ceiling covers whole; one that sticks out is withheld, not trimmed."""
    bounds = tuple(reach_under(ceiling, scopes) for ceiling in ceilings.values())
    return (one for one in reach if held_under(one, bounds))


def held_under(reach: Reach, bounds: Iterable[tuple[Reach, ...]]) -> bool:
    """True iff each bound provably covers the reach."""
    return all(covers(bound, (reach,)) is Verdict.YES for bound in bounds)


def dpop_under(agent: Agent, ceilings: Iterable[Ceiling]) -> DpopUse:
    """Whether an agent's tokens must be bound to a key: it says so itself, or a ceiling above it does."""
    asked = {agent.dpop, *(ceiling.dpop for ceiling in ceilings)}
    return DpopUse.REQUIRED if DpopUse.REQUIRED in asked else DpopUse.OFF


def reach_under(ceiling: Ceiling, scopes: Mapping[str, Scope]) -> tuple[Reach, ...]:
    """Everything that a ceiling leaves room for."""
    return tuple(one for name in sorted(ceiling.scopes) if name in scopes for one in reach_of_scope(scopes[name]))
