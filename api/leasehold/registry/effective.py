"""What one agent can really do now, edge by edge, and what it was granted but cannot use, with the reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from leasehold.model.access import Reach, is_live, reach_of_grant
from leasehold.model.authority.plain import Constraints, plain_of
from leasehold.model.ceilings import first_excess
from leasehold.model.errors import NotFound
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.patterns import covers
from leasehold.model.people import AgentState, OwnerState
from leasehold.registry.ports import Store
from leasehold.registry.worlds import World, load_world


@dataclass(frozen=True, slots=True)
class Entry:
    """One tool on one resource through one grant. `action` is None for a tool that the server does not list."""

    tool_server: str
    tool: str
    resource: str
    grant: str
    action: str | None
    expires_at: datetime | None
    constraints: Constraints = ()


@dataclass(frozen=True, slots=True)
class Withheld:
    """An entry that is granted and still not to be had."""

    entry: Entry
    reason: str
    ceiling: str | None = None


@dataclass(frozen=True, slots=True)
class EffectiveAccess:
    """As of one change sequence."""

    agent: str
    sequence: int
    access: tuple[Entry, ...]
    withheld: tuple[Withheld, ...]


def effective_access(store: Store, agent: str, now: datetime) -> EffectiveAccess:
    """Everything that the agent's grants come to. Raises `NotFound`."""
    with store.read() as unit:
        world = load_world(unit, {agent})
        sequence = unit.changes.latest()
    if agent not in world.agents:
        raise NotFound(Kind.AGENTS.singular, agent)
    stopped = _stopped(world, agent)
    found = [judged for name in sorted(world.grants) for judged in _judge(world, name, stopped, now)]
    return EffectiveAccess(
        agent,
        sequence,
        tuple(sorted((one for one in found if isinstance(one, Entry)), key=_order)),
        tuple(sorted((one for one in found if isinstance(one, Withheld)), key=lambda one: _order(one.entry))),
    )


def _judge(world: World, name: str, stopped: str | None, now: datetime) -> Iterator[Entry | Withheld]:
    grant = world.grants[name]
    ceilings = world.ceilings_over(grant.agent)
    reason = stopped or (None if is_live(grant, now) else "expired")
    for reach in reach_of_grant(grant, world.scopes):
        excess = first_excess((reach,), ceilings, world.scopes)
        for entry in _entries(world, name, grant, reach):
            if reason is not None:
                yield Withheld(entry, reason)
            elif entry.action is None:
                yield Withheld(entry, "unknown_tool")
            elif excess is not None:
                yield Withheld(entry, "above_ceiling", excess.ceiling)
            else:
                yield entry


def _entries(world: World, name: str, grant: Grant, reach: Reach) -> Iterator[Entry]:
    server = world.servers.get(reach.tool_server)
    listed = server.tools if server is not None else {}
    matched = [tool for tool in sorted(listed) if covers(reach.tool, tool)]
    for tool in matched or [reach.tool]:
        action = listed[tool].action.value if tool in listed else None
        yield Entry(reach.tool_server, tool, reach.resource, name, action, grant.expires_at, reach.constraints)


def _stopped(world: World, agent: str) -> str | None:
    if world.agents[agent].state is not AgentState.ACTIVE:
        return "agent_suspended"
    if world.owners[world.agents[agent].owner].state is not OwnerState.ACTIVE:
        return "owner_disabled"
    return None


def _order(entry: Entry) -> tuple[str, ...]:
    constraints = json.dumps(plain_of(entry.constraints))
    return entry.tool_server, entry.tool, entry.resource, entry.grant, constraints
