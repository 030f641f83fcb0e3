"""What grants and scopes reach: tools on resources with constraints on arguments, and whom a ceiling bounds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from leasehold.model.arguments import Declared, alternatives_of
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

    def narrowed(self, wanted: Reach) -> Reach | None:
        """`wanted` under these constraints too; None if it, or an argument of it, does not lie within this."""
        mine, theirs = dict(self.constraints), dict(wanted.constraints)
        if not self.reaches(wanted) or not all(covers_values(mine[n], theirs[n]) for n in mine.keys() & theirs.keys()):
            return None
        both = {**mine, **theirs}
        return replace(wanted, constraints=tuple((name, both[name]) for name in sorted(both)))

    def _covers_arguments(self, others: Mapping[str, Constraint]) -> bool:
        # An argument that the other leaves free may be missing or anything.
        return all(name in others and covers_values(mine, others[name]) for name, mine in self.constraints)


def reach_of_scope(scope: Scope) -> Iterator[Reach]:
    """Every tool × resource × alternative of a scope."""
    yield from _product(scope.tool_server, scope.tools, scope.resources, scope.constraints)


def reach_of_grant(grant: Grant, scopes: Mapping[str, Scope]) -> Iterator[Reach]:
    """Every tool × resource × alternative of a grant; nothing for an unknown scope or what its scope does not cover."""
    if grant.tool_server is not None:
        yield from _product(grant.tool_server, grant.tools, grant.resources, grant.constraints)
        return
    scope = scopes.get(grant.scope or "")
    if scope is None:
        return
    within = tuple(reach_of_scope(scope))
    if not grant.resources and not grant.constraints:
        yield from within
        return
    wanted = _product(scope.tool_server, scope.tools, grant.resources or scope.resources, grant.constraints)
    narrowed = (reach.narrowed(one) for one in wanted for reach in within)
    yield from dict.fromkeys(one for one in narrowed if one is not None)


def _product(
    tool_server: str, tools: Iterable[str], resources: Iterable[str], constraints: Declared
) -> Iterator[Reach]:
    alternatives, ordered = alternatives_of(constraints), sorted(resources)
    return (
        Reach(tool_server, tool, resource, one)
        for tool in sorted(tools)
        for resource in ordered
        for one in alternatives
    )


def applies(ceiling: Ceiling, *, agent_name: str, agent: Agent, owner: Owner) -> bool:
    """True iff the ceiling bounds this agent, itself or through its team, its environment or the organisation."""
    what, _, name = ceiling.principal.partition(":")
    bounded = {"agent": agent_name, "team": owner.team, "environment": agent.environment}
    return what == "organization" or bounded.get(what) == name


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


def unconditional_scopes(reach: Iterable[Reach], servers: Mapping[str, ToolServer]) -> frozenset[str]:
    """The same, of the tools that are allowed whatever the arguments: what a scope alone may promise."""
    return wire_scopes((one for one in reach if not one.constraints), servers)


def action_of(reach: Reach, servers: Mapping[str, ToolServer]) -> Action | None:
    """The action of an exactly named tool that its server lists; None for `*` and unknown tools."""
    server = servers.get(reach.tool_server)
    tool = server.tools.get(reach.tool) if server is not None else None
    return tool.action if tool is not None else None
