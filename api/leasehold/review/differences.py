"""Every difference between declared and live, seen from the agents; not yet dressed as findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from leasehold.model.access import applies
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.people import Agent, Owner
from leasehold.model.tools import Scope
from leasehold.review.attributes import deltas
from leasehold.review.entitlements import Entitlements, beyond, entitlements, entitlements_through, undecided
from leasehold.review.findings import Deed, Delta, DriftClass
from leasehold.review.shifts import Sides
from leasehold.review.worlds import Key, World

NOTHING: Entitlements = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one object's difference does to one agent, or to none that we know (`agent` None).

    `unproven`: for some of it nobody can tell; it counts as gained, or lost.
    """

    agent: str | None
    gains: Entitlements = NOTHING
    losses: Entitlements = NOTHING
    unproven: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One object that is not as declared. A side is None where the object is absent."""

    key: Key
    declared: Spec | None
    live: Spec | None
    deltas: tuple[Delta, ...] = ()
    effects: tuple[Effect, ...] = field(default=())

    @property
    def presence(self) -> DriftClass | None:
        """`missing` or `unmanaged`, if one side is absent."""
        if self.live is None:
            return DriftClass.MISSING
        return DriftClass.UNMANAGED if self.declared is None else None


class Comparison:
    """Two worlds at one instant. Access of an agent in either is worked out once."""

    def __init__(self, sides: Sides, now: datetime) -> None:
        self.sides, self.now = sides, now
        self.declared_access = cache(lambda agent: entitlements(sides.declared, agent, now))
        self.live_access = cache(lambda agent: entitlements(sides.live, agent, now))
        self.limited = cache(self._limited)

    def difference(self, key: Key) -> Difference | None:
        """How one object differs, with its effect on each agent; None if it means the same on both sides."""
        kind, name = key
        declared, live = self.sides.declared.find(kind, name), self.sides.live.find(kind, name)
        if declared == live:
            return None
        changed = deltas(declared, live) if declared is not None and live is not None else ()
        if declared is not None and live is not None and not changed:
            return None
        if declared is not None and live is not None and kind is Kind.GRANT_SETS:
            return None  # a refreshed claim lists what lives: the grants themselves are compared, one by one
        effects = tuple(self._effects(key, declared, live))
        return Difference(key=key, declared=declared, live=live, deltas=changed, effects=effects)

    def _limited(self, agent: str) -> frozenset[Deed]:
        """What the agent may do with certain arguments, on one of the sides."""
        both = (*self.declared_access(agent), *self.live_access(agent))
        return frozenset(one.deed for one in both if one.constraints)

    def _effects(self, key: Key, declared: Spec | None, live: Spec | None) -> Iterator[Effect]:
        spec = live if live is not None else declared
        if isinstance(spec, Grant):
            yield self._grant_effect(key[1], declared, live)
        elif isinstance(spec, Agent | Owner | Scope | Ceiling) or key[0] is Kind.TOOL_SERVERS:
            yield from (one for one in self._shared_effects(key, declared, live) if one.gains or one.losses)

    def _grant_effect(self, name: str, declared: Spec | None, live: Spec | None) -> Effect:
        """A grant is judged by itself: two loose grants of the same access must not hide each other."""
        gains = losses = unsure = NOTHING
        agent = live.agent if isinstance(live, Grant) else declared.agent if isinstance(declared, Grant) else ""
        if isinstance(live, Grant):
            mine = entitlements_through(self.sides.live, agent, {name: live}, self.now)
            gains = beyond(mine, self.declared_access(agent))
            unsure |= undecided(mine, self.declared_access(agent))
        if isinstance(declared, Grant):
            mine = entitlements_through(self.sides.declared, agent, {name: declared}, self.now)
            losses = beyond(mine, self.live_access(agent))
            unsure |= undecided(mine, self.live_access(agent))
        return Effect(agent=agent, gains=gains, losses=losses, unproven=bool(unsure))

    def _shared_effects(self, key: Key, declared: Spec | None, live: Spec | None) -> Iterator[Effect]:
        """What this object alone changes, asked of both worlds, so that no second difference can mask it."""
        kind, name = key
        live_as_declared = self.sides.live.supposing(kind, name, declared)
        declared_as_live = self.sides.declared.supposing(kind, name, live)
        for agent in self._touched(key, declared, live):
            is_live, is_declared = self.live_access(agent), self.declared_access(agent)
            reverted = entitlements(live_as_declared, agent, self.now)
            adopted = entitlements(declared_as_live, agent, self.now)
            gains = beyond(is_live, reverted) | (beyond(adopted, is_declared) & is_live)
            losses = beyond(is_declared, adopted) | (beyond(reverted, is_live) & is_declared)
            unsure = undecided(is_live, reverted) | undecided(is_declared, adopted)
            yield Effect(agent=agent, gains=gains, losses=losses, unproven=bool(unsure))

    def _touched(self, key: Key, *specs: Spec | None) -> list[str]:
        """Agents whose access may hang on the object: a generous guess, since a miss would hide drift."""
        worlds = (self.sides.declared, self.sides.live)
        agents = {name for world in worlds for name in world.of(Agent)}
        if key[0] is Kind.AGENTS:
            return [key[1]] if key[1] in agents else []
        if key[0] is Kind.OWNERS:
            agents = {n for w in worlds for n, agent in w.of(Agent).items() if agent.owner == key[1]}
        if key[0] is Kind.CEILINGS:
            agents = {n for w in worlds for n in w.of(Agent) if any(_bounds(w, n, spec) for spec in specs)}
        return sorted(agents)


def _bounds(world: World, name: str, spec: Spec | None) -> bool:
    if not isinstance(spec, Ceiling):
        return False
    agent = world.of(Agent)[name]
    owner = world.of(Owner).get(agent.owner)
    return owner is not None and applies(spec, agent_name=name, agent=agent, owner=owner)
