"""What an agent can really do: grants, resolved to tools and resources, held under every ceiling that applies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from leasehold.model.authority.constraints import Constraint
from leasehold.model.authority.constraints import covers as covers_values
from leasehold.model.authority.plain import Constraints, plain_of
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.patterns import covers
from leasehold.model.people import Agent, Owner
from leasehold.model.tools import Action, Scope, ToolServer


@dataclass(frozen=True, slots=True)
class Reach:
    """One tool (or `*`) on one resource pattern of one tool server, with arguments that satisfy `constraints`."""

    tool_server: str
    tool: str
    resource: str
    constraints: Constraints = ()

    def __lt__(self, other: Reach) -> bool:
        return self._rank < other._rank

    @property
    def _rank(self) -> tuple[str, ...]:
        constraints = json.dumps(plain_of(self.constraints)) if self.constraints else ""
        return self.tool_server, self.tool, self.resource, constraints

    def covers(self, other: Reach) -> bool:
        """True iff everything in `other` lies within this. Of several together, `authority.order` tells."""
        return self.reaches(other) and (not self.constraints or self._covers_arguments(dict(other.constraints)))

    def reaches(self, other: Reach) -> bool:
        """The same, whatever the arguments."""
        return (
            self.tool_server == other.tool_server
            and covers(self.tool, other.tool)
            and covers(self.resource, other.resource)
        )

    def _covers_arguments(self, others: Mapping[str, Constraint]) -> bool:
        # An argument that the other leaves free may be missing or anything.
        return all(name in others and covers_values(mine, others[name]) for name, mine in self.constraints)


@dataclass(frozen=True, slots=True)
class Excess:
    """A reach that a ceiling does not cover."""

    ceiling: str
    reach: Reach


def reach_of_scope(scope: Scope) -> Iterator[Reach]:
    """Every tool × resource of a scope."""
    yield from _product(scope.tool_server, scope.tools, scope.resources)


def reach_of_grant(grant: Grant, scopes: Mapping[str, Scope]) -> Iterator[Reach]:
    """Every tool × resource of a grant; nothing for an unknown scope or a resource that its scope does not cover."""
    if grant.tool_server is not None:
        yield from _product(grant.tool_server, grant.tools, grant.resources)
        return
    scope = scopes.get(grant.scope or "")
    if scope is None:
        return
    within = tuple(reach_of_scope(scope))
    wanted = _product(scope.tool_server, scope.tools, grant.resources) if grant.resources else within
    yield from (one for one in wanted if any(reach.covers(one) for reach in within))


def _product(tool_server: str, tools: Iterable[str], resources: Iterable[str]) -> Iterator[Reach]:
    ordered = sorted(resources)
    return (Reach(tool_server, tool, resource) for tool in sorted(tools) for resource in ordered)


def applies(ceiling: Ceiling, *, agent_name: str, agent: Agent, owner: Owner) -> bool:
    """True iff the ceiling bounds this agent, itself or through its team, its environment or the organisation."""
    what, _, name = ceiling.principal.partition(":")
    bounded = {"agent": agent_name, "team": owner.team, "environment": agent.environment}
    return what == "organization" or bounded.get(what) == name


def first_excess(reach: Iterable[Reach], ceilings: Mapping[str, Ceiling], scopes: Mapping[str, Scope]) -> Excess | None:
    """The first reach that some ceiling of `ceilings` (those that apply, by name) does not cover, or None."""
    wanted = tuple(reach)
    for name in sorted(ceilings):
        allowed = [r for s in sorted(ceilings[name].scopes) if s in scopes for r in reach_of_scope(scopes[s])]
        for one in wanted:
            if not any(upper.covers(one) for upper in allowed):
                return Excess(name, one)
    return None


def within_ceilings(
    reach: Iterable[Reach], ceilings: Mapping[str, Ceiling], scopes: Mapping[str, Scope]
) -> Iterator[Reach]:
    """Only what every applicable ceiling covers whole; one that sticks out is withheld, not trimmed."""
    for one in reach:
        if first_excess((one,), ceilings, scopes) is None:
            yield one


def is_live(grant: Grant, now: datetime) -> bool:
    """True until the grant's expiry, the expiry itself excluded."""
    return grant.expires_at is None or now < grant.expires_at


def wire_scopes(reach: Iterable[Reach], servers: Mapping[str, ToolServer]) -> frozenset[str]:
    """The wire form of a reach: `mcp:tool:<tool>:<action>` for each tool that the server lists and the reach covers."""
    return frozenset(
        f"mcp:tool:{tool}:{definition.action}"
        for one in reach
        if one.tool_server in servers
        for tool, definition in servers[one.tool_server].tools.items()
        if covers(one.tool, tool)
    )


def action_of(reach: Reach, servers: Mapping[str, ToolServer]) -> Action | None:
    """The action of an exactly named tool that its server lists; None for `*` and unknown tools."""
    server = servers.get(reach.tool_server)
    tool = server.tools.get(reach.tool) if server is not None else None
    return tool.action if tool is not None else None
