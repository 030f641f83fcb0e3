"""What some agents can reach at one moment, ceilings and all: taken before and after a write, it shows who lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from leasehold.model.access import Reach, applies, is_live, reach_of_grant
from leasehold.model.authority.order import Verdict
from leasehold.model.authority.order import covers as covers_reach
from leasehold.model.ceilings import dpop_under, within_ceilings
from leasehold.model.clients import DpopUse
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.patterns import covers
from leasehold.model.people import TTL_MAX_SECONDS, Agent, Owner
from leasehold.model.records import Filters
from leasehold.model.tools import Scope, ToolServer
from leasehold.registry.bounds import of_type, scopes_named
from leasehold.registry.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class Access:
    """What an agent can be issued now: reach by (server's URL, tool, action), for how many seconds, bound or not.

    `bound`: URLs of servers that take no token but one that is bound to a key.
    """

    reach: Mapping[tuple[str, str, str], frozenset[Reach]]
    max_ttl: int
    dpop: DpopUse
    bound: frozenset[str] = frozenset()

    def loses_to(self, after: Access) -> bool:
        """True unless all that could be issued before can be issued after: what cannot be decided counts as lost."""
        proves = self.dpop is DpopUse.OFF and (
            after.dpop is DpopUse.REQUIRED or any(url in after.bound - self.bound for url, _, _ in self.reach)
        )
        return (
            proves
            or self.max_ttl > after.max_ttl
            or any(
                covers_reach(after.reach.get(tool, ()), reach) is not Verdict.YES for tool, reach in self.reach.items()
            )
        )


@dataclass(frozen=True, slots=True)
class World:
    """The live specs that decide what `agents` can reach."""

    agents: Mapping[str, Agent]
    owners: Mapping[str, Owner]
    grants: Mapping[str, Grant]
    scopes: Mapping[str, Scope]
    ceilings: Mapping[str, Ceiling]
    servers: Mapping[str, ToolServer]

    def access(self, now: datetime) -> Mapping[str, Access]:
        """The access of each agent."""
        granted: dict[str, list[Reach]] = {name: [] for name in self.agents}
        for grant in self.grants.values():
            if grant.agent in granted and is_live(grant, now):
                granted[grant.agent].extend(reach_of_grant(grant, self.scopes))
        return {name: self._access(name, reach) for name, reach in granted.items()}

    def ceilings_over(self, agent_name: str) -> Mapping[str, Ceiling]:
        """The ceilings that bound an agent; its owner is known."""
        agent = self.agents[agent_name]
        owner = self.owners[agent.owner]
        return {
            name: ceiling
            for name, ceiling in self.ceilings.items()
            if applies(ceiling, agent_name=agent_name, agent=agent, owner=owner)
        }

    def _access(self, agent_name: str, granted: Iterable[Reach]) -> Access:
        ceilings = self.ceilings_over(agent_name)
        found: dict[tuple[str, str, str], set[Reach]] = {}
        for reach in within_ceilings(granted, ceilings, self.scopes):
            for key in self._tools(reach):
                # A server that is renamed, or a tool that `*` stood for, is the same to whoever holds a token.
                found.setdefault(key, set()).add(replace(reach, tool_server="", tool=key[1]))
        bounds = [c.max_ttl for c in ceilings.values() if c.max_ttl is not None]
        max_ttl = min([TTL_MAX_SECONDS, self.agents[agent_name].max_ttl, *bounds])
        dpop = dpop_under(self.agents[agent_name], ceilings.values())
        bound = {server.url for server in self.servers.values() if server.dpop is DpopUse.REQUIRED}
        return Access({key: frozenset(reach) for key, reach in found.items()}, max_ttl, dpop, frozenset(bound))

    def _tools(self, reach: Reach) -> Iterator[tuple[str, str, str]]:
        server = self.servers.get(reach.tool_server)
        if server is None:
            return
        for tool, definition in server.tools.items():
            if covers(reach.tool, tool):
                yield server.url, tool, definition.action.value


def load_world(unit: UnitOfWork, agents: Iterable[str]) -> World:
    """What decides the access of these agents, in a number of reads that does not grow with theirs."""
    names = frozenset(agents)
    found = of_type(Agent, _specs(unit, Kind.AGENTS, names))
    listed = unit.objects.list(Kind.GRANTS, filters=Filters(agents=names)) if names else ()
    grants = of_type(Grant, {g.name: g.spec for g in listed})
    ceilings = of_type(Ceiling, {c.name: c.spec for c in unit.objects.list(Kind.CEILINGS)})
    named = {scope for ceiling in ceilings.values() for scope in ceiling.scopes}
    scopes = scopes_named(unit, named | {g.scope for g in grants.values() if g.scope is not None})
    servers = {s.tool_server for s in scopes.values()} | {g.tool_server for g in grants.values() if g.tool_server}
    return World(
        agents=found,
        owners=of_type(Owner, _specs(unit, Kind.OWNERS, {a.owner for a in found.values()})),
        grants=grants,
        scopes=scopes,
        ceilings=ceilings,
        servers=of_type(ToolServer, _specs(unit, Kind.TOOL_SERVERS, servers)),
    )


def agents_under(unit: UnitOfWork, ceilings: Iterable[Ceiling]) -> frozenset[str]:
    """The live agents that any of these ceilings bounds."""
    bounding = list(ceilings)
    if all(c.principal.startswith("agent:") for c in bounding):
        return frozenset(c.principal.removeprefix("agent:") for c in bounding)
    agents = of_type(Agent, {a.name: a.spec for a in unit.objects.list(Kind.AGENTS)})
    owners = of_type(Owner, _specs(unit, Kind.OWNERS, {a.owner for a in agents.values()}))
    return frozenset(
        name
        for name, agent in agents.items()
        if any(applies(c, agent_name=name, agent=agent, owner=owners[agent.owner]) for c in bounding)
    )


def _specs(unit: UnitOfWork, kind: Kind, names: Iterable[str]) -> dict[str, Spec]:
    return {name: stored.spec for name, stored in unit.objects.named(kind, names).items()}
