"""Who can do what where in a world, tool by tool, and what one set of entitlements holds beyond another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from leasehold.model.access import Reach, applies, is_live, reach_of_grant
from leasehold.model.authority.order import Verdict
from leasehold.model.authority.order import covers as covers_reach
from leasehold.model.authority.plain import constraints_of, plain_of
from leasehold.model.ceilings import held_under, reach_under
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.patterns import covers
from leasehold.model.people import Agent, AgentState, Owner, OwnerState
from leasehold.model.tools import Scope, ToolServer
from leasehold.review.findings import Entitlement
from leasehold.review.worlds import World

Entitlements = frozenset[Entitlement]
EVERY_TOOL = "*"


def entitlements(world: World, agent: str, now: datetime) -> Entitlements:
    """Everything that an agent can do: live grants, beneath every ceiling, of an active agent with an active owner."""
    return entitlements_through(world, agent, world.grants_of(agent), now)


def entitlements_through(world: World, agent: str, grants: Mapping[str, Grant], now: datetime) -> Entitlements:
    """What an agent can do through these grants alone."""
    bounds = ceilings_above(world, agent)
    if bounds is None:
        return frozenset()
    scopes = world.of(Scope)
    reach = {one for grant in grants.values() if is_live(grant, now) for one in reach_of_grant(grant, scopes)}
    within = (one for one in reach if held_under(one, bounds))
    return frozenset(expanded(within, world.of(ToolServer)))


def ceilings_above(world: World, agent: str) -> tuple[tuple[Reach, ...], ...] | None:
    """The reach that each applicable ceiling allows; None for an agent that is stopped, itself or with its owner."""
    declared = world.of(Agent).get(agent)
    owner = world.of(Owner).get(declared.owner) if declared is not None else None
    if declared is None or owner is None:
        return None
    if declared.state is not AgentState.ACTIVE or owner.state is not OwnerState.ACTIVE:
        return None
    scopes = world.of(Scope)
    return tuple(
        reach_under(ceiling, scopes)
        for ceiling in world.of(Ceiling).values()
        if applies(ceiling, agent_name=agent, agent=declared, owner=owner)
    )


def expanded(reach: Iterable[Reach], servers: Mapping[str, ToolServer]) -> Iterator[Entitlement]:
    """Each listed tool that a reach covers, and `*` itself, which covers tools to come; unlisted tools do nothing."""
    for one in reach:
        server = servers.get(one.tool_server)
        if server is None:
            continue
        constraints = plain_of(one.constraints)
        if one.tool == EVERY_TOOL:
            yield Entitlement(one.tool_server, EVERY_TOOL, None, one.resource, constraints)
        for tool in _covered(one.tool, server):
            yield Entitlement(one.tool_server, tool, server.tools[tool].action, one.resource, constraints)


def _covered(pattern: str, server: ToolServer) -> Iterable[str]:
    if "*" not in pattern:
        return (pattern,) if pattern in server.tools else ()
    return (tool for tool in server.tools if covers(pattern, tool))


def beyond(wide: Iterable[Entitlement], narrow: Iterable[Entitlement]) -> Entitlements:
    """What `wide` allows and `narrow` does not, or cannot be shown to."""
    held = _Held(narrow)
    return frozenset(one for one in wide if held.verdict(one) is not Verdict.YES)


def undecided(wide: Iterable[Entitlement], narrow: Iterable[Entitlement]) -> Entitlements:
    """The part of `beyond` of which nobody can tell: too many limits to compare."""
    held = _Held(narrow)
    return frozenset(one for one in wide if held.verdict(one) is Verdict.UNDECIDABLE)


class _Held:
    """Entitlements, to be asked what lies within them."""

    def __init__(self, entitlements: Iterable[Entitlement]) -> None:
        self._free: dict[tuple[str, str, str | None], set[str]] = defaultdict(set)
        self._bound: dict[tuple[str, str, str | None], list[Entitlement]] = defaultdict(list)
        for one in entitlements:
            if one.constraints:
                self._bound[_deed(one)].append(one)
            else:
                self._free[_deed(one)].add(one.resource)

    def verdict(self, one: Entitlement) -> Verdict:
        resources = self._free.get(_deed(one), ())
        if one.resource in resources or any(covers(wide, one.resource) for wide in resources):
            return Verdict.YES
        bound = self._bound.get(_deed(one))
        return covers_reach(map(_reach, bound), (_reach(one),)) if bound else Verdict.NO


def _deed(one: Entitlement) -> tuple[str, str, str | None]:
    return one.tool_server, one.tool, one.action


def _reach(one: Entitlement) -> Reach:
    return Reach(one.tool_server, one.tool, one.resource, constraints_of(one.constraints))


def collapsed(found: Iterable[Entitlement]) -> tuple[Entitlement, ...]:
    """Sorted, without the tools that a `*` on the same resource, under the same constraints, says already."""
    ordered = sorted(found)
    said = frozenset(replace(one, tool="", action=None) for one in ordered if one.tool == EVERY_TOOL)
    return tuple(one for one in ordered if one.tool == EVERY_TOOL or replace(one, tool="", action=None) not in said)
