"""What the checks look at: the plan, the worlds before and after it, what it changes, and what was proved of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.people import Agent
from leasehold.model.principal import Principal
from leasehold.policy.possible import never_allowed
from leasehold.review.declared import Declared
from leasehold.review.differences import Comparison
from leasehold.review.gate.rules import Check, Rules
from leasehold.review.gate.verdicts import GateFinding
from leasehold.review.plan_changes import AccessChange, FoundationChange
from leasehold.review.proofs import Proved
from leasehold.review.replays import PlanReplay
from leasehold.review.risk import in_production
from leasehold.review.shown import Seen
from leasehold.review.spawning import DelegationChange
from leasehold.review.worlds import Key, Live, World


@dataclass(frozen=True)
class Scene:
    """One plan under one set of rules. `author` is who asked; `changed` are the keys that mean something else.

    `replay` is None where no decisions are on record at all.
    """

    rules: Rules
    declared: Declared
    live: Live
    comparison: Comparison
    access: tuple[AccessChange, ...]
    foundations: tuple[FoundationChange, ...]
    changed: frozenset[Key]
    proved: Proved
    delegation: tuple[DelegationChange, ...] = ()
    author: Principal | None = None
    seen: Seen = field(default_factory=dict)
    replay: PlanReplay | None = None

    @property
    def was(self) -> World:
        """What lives."""
        return self.comparison.sides.declared

    @property
    def planned(self) -> World:
        """What would live."""
        return self.comparison.sides.live

    @cached_property
    def fresh(self) -> Mapping[Key, Spec]:
        """What the plan adds or changes, as it would be."""
        found = {key: self.planned.find(*key) for key in sorted(self.changed)}
        return {key: spec for key, spec in found.items() if spec is not None}

    @cached_property
    def woken(self) -> frozenset[tuple[str, str]]:
        """Agents and tools of which no call at all was allowed, whoever it was for, and some are."""
        was = self.proved.was
        wider = [one for one in self.proved.proofs if one.agent is not None and one.witness is not None]
        pairs = {(str(one.agent), f"{one.tool_server}/{one.tool}") for one in wider}
        if was is None:
            return frozenset()
        return frozenset((agent, action) for agent, action in pairs if never_allowed(agent, action, was, self.live.at))

    def finding(self, check: Check, sentence: str, *, agent: str | None = None, key: Key | None = None) -> GateFinding:
        """A finding as the rules have it."""
        return GateFinding(
            check=check,
            verdict=self.rules.verdict(check),
            agent=agent,
            address=self.address(key),
            sentence=sentence,
        )

    def address(self, key: Key | None) -> str | None:
        """Where the code declares an object."""
        source = self.declared.by_key.get(key) if key is not None else None
        return source.address if source is not None else None

    def is_production(self, agent: str | None) -> bool:
        """True for an agent that runs in production before or after."""
        sides = (self.was, self.planned)
        return agent is not None and any(in_production(one.of(Agent).get(agent)) for one in sides)

    def agents(self) -> Iterator[str]:
        """The agents that the plan adds or changes."""
        yield from (name for kind, name in self.fresh if kind is Kind.AGENTS)
