"""Who can do what where in a world, tool by tool, and what one set of entitlements holds beyond another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from leasehold.model.access import Reach, applies, is_live, reach_of_grant, reach_of_scope
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
    within = (one for one in reach if all(any(upper.covers(one) for upper in bound) for bound in bounds))
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
        tuple(reach_under(ceiling, scopes))
        for ceiling in world.of(Ceiling).values()
        if applies(ceiling, agent_name=agent, agent=declared, owner=owner)
    )


def reach_under(ceiling: Ceiling, scopes: Mapping[str, Scope]) -> Iterator[Reach]:
    """Everything that a ceiling leaves room for."""
    return (one for name in sorted(ceiling.scopes) if name in scopes for one in reach_of_scope(scopes[name]))


def expanded(reach: Iterable[Reach], servers: Mapping[str, ToolServer]) -> Iterator[Entitlement]:
    """Each listed tool that a reach covers, and `*` itself, which covers tools to come; unlisted tools do nothing."""
    for one in reach:
        server = servers.get(one.tool_server)
        if server is None:
            continue
        if one.tool == EVERY_TOOL:
            yield Entitlement(one.tool_server, EVERY_TOOL, None, one.resource)
        for tool, definition in server.tools.items():
            if covers(one.tool, tool):
                yield Entitlement(one.tool_server, tool, definition.action, one.resource)


def beyond(wide: Iterable[Entitlement], narrow: Iterable[Entitlement]) -> Entitlements:
    """What `wide` allows and `narrow` does not. Exact: a union of patterns covers one iff a member does."""
    resources: dict[tuple[str, str, str | None], set[str]] = defaultdict(set)
    for one in narrow:
        resources[one.tool_server, one.tool, one.action].add(one.resource)
    return frozenset(one for one in wide if not _covered(one, resources.get((one.tool_server, one.tool, one.action))))


def collapsed(found: Iterable[Entitlement]) -> tuple[Entitlement, ...]:
    """Sorted, without the tools that a `*` on the same resource says already."""
    ordered = sorted(found)
    everything = {(one.tool_server, one.resource) for one in ordered if one.tool == EVERY_TOOL}
    return tuple(one for one in ordered if one.tool == EVERY_TOOL or (one.tool_server, one.resource) not in everything)


def _covered(one: Entitlement, resources: set[str] | None) -> bool:
    if not resources:
        return False
    return one.resource in resources or any(covers(wide, one.resource) for wide in resources)
