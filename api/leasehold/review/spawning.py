"""What agents can have done through agents that they may spawn: nothing that either may not, and yet more than before.

A sub-agent holds what its parent holds and what it has been granted itself, at once. An agent that may hand over to
another thus gains hands, along chains as long as it allows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from leasehold.model.access import Reach
from leasehold.model.authority.order import meet
from leasehold.model.authority.plain import constraints_of, plain_of
from leasehold.model.people import Agent
from leasehold.model.tools import ToolServer
from leasehold.review.differences import NOTHING, Comparison
from leasehold.review.entitlements import EVERY_TOOL, Entitlements, beyond, collapsed
from leasehold.review.findings import WIRE, Entitlement
from leasehold.review.quotation import quoted
from leasehold.review.sentences import deeds
from leasehold.review.worlds import World

_MOST = 500  # pairs of agents looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationChange:
    """What an agent can newly have done by another, `depth` levels below it. `unproven`: nobody can tell all of it."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    agent: str
    through: str
    depth: int
    gains: tuple[Entitlement, ...]
    unproven: bool
    sentence: str


def delegation_changes(comparison: Comparison) -> Iterator[DelegationChange]:
    """Every pair of agents that comes to reach more together."""
    was, now = comparison.sides.declared, comparison.sides.live
    looked_at = 0
    for agent in sorted(now.of(Agent)):
        before = spawned(was, agent)
        for other, depth in spawned(now, agent).items():
            looked_at += 1
            then = _shared(was, comparison.declared_access(agent), comparison.declared_access(other))
            mine = _shared(now, comparison.live_access(agent), comparison.live_access(other))
            known = then if other in before else NOTHING
            gains = beyond(mine or NOTHING, known or NOTHING)
            unproven = mine is None or looked_at > _MOST
            if gains or unproven:
                yield _change(agent, other, depth, gains, unproven=unproven)


def spawned(world: World, agent: str) -> Mapping[str, int]:
    """The agents that one may spawn, themselves or through others, each with how far below it."""
    agents = world.of(Agent)
    found: dict[str, int] = {}
    level, deepest = {agent}, agents[agent].max_delegation_depth if agent in agents else 0
    for depth in range(1, deepest + 1):
        able = (agents[one] for one in level if one in agents and agents[one].max_delegation_depth > 0)
        level = {other for one in able for other in one.may_delegate_to if other in agents} - found.keys() - {agent}
        found |= dict.fromkeys(sorted(level), depth)
    return found


def _shared(world: World, left: Entitlements, right: Entitlements) -> Entitlements | None:
    """What lies within both; None if no authority says it."""
    common = meet(map(_reach, left), map(_reach, right))
    if common is None:
        return None
    servers = world.of(ToolServer)
    return frozenset(_entitlement(one, servers) for one in common)


def _reach(one: Entitlement) -> Reach:
    return Reach(one.tool_server, one.tool, one.resource, constraints_of(one.constraints))


def _entitlement(one: Reach, servers: Mapping[str, ToolServer]) -> Entitlement:
    server = servers.get(one.tool_server)
    tool = server.tools.get(one.tool) if server is not None and one.tool != EVERY_TOOL else None
    action = tool.action if tool is not None else None
    return Entitlement(one.tool_server, one.tool, action, one.resource, plain_of(one.constraints))


def _change(agent: str, other: str, depth: int, gains: Entitlements, *, unproven: bool) -> DelegationChange:
    done = deeds(gains) if gains else "what cannot be told"
    return DelegationChange(
        agent=agent,
        through=other,
        depth=depth,
        gains=collapsed(gains),
        unproven=unproven,
        sentence=f"agent {quoted(agent)} can now have {quoted(other)} do {done}",
    )
