"""How far a difference reaches: agents, resources, and what the leases on record tell of its use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta

from leasehold.model.access import applies
from leasehold.model.calls import CallUse
from leasehold.model.credentials import CredentialProfile
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.leases import LeaseUse
from leasehold.model.people import Agent, Owner
from leasehold.model.tools import Scope, ToolServer
from leasehold.review.drafts import Draft
from leasehold.review.entitlements import EVERY_TOOL
from leasehold.review.findings import Blast, Entitlement
from leasehold.review.history import Evidence
from leasehold.review.worlds import Live, World

USED_DAYS = 30


class Blasts:
    """The reach of many drafts, looked up together."""

    def __init__(self, drafts: Iterable[Draft], live: Live, evidence: Evidence) -> None:
        self._world = live.world
        self._by_scope = _agents_by_scope(live.world)
        self._agents = {id(draft): self._concerned(draft) for draft in drafts}
        everybody = sorted({agent for agents in self._agents.values() for agent in agents})
        self._uses = _by_agent(evidence.uses(everybody, live.at - timedelta(days=USED_DAYS)))
        self._live = _by_agent(evidence.live(everybody, live.at))
        found = evidence.calls(live.at - timedelta(days=USED_DAYS))
        self._calls, self._calls_since = _calls_by_agent(found.uses), found.since

    def blast(self, draft: Draft) -> Blast:
        """How far one draft reaches."""
        reach = draft.gains | draft.losses
        agents = self._agents[id(draft)]
        uses = [one for agent in agents for one in self._uses.get(agent, ()) if self._carries(one, reach)]
        living = [one for agent in agents for one in self._live.get(agent, ()) if self._carries(one, reach)]
        calls = [one for agent in agents for one in self._calls.get(agent, ()) if _is_of(one, reach)]
        return Blast(
            agents=len(agents),
            resources=len({one.resource for one in reach}),
            live_leases=sum(one.count for one in living),
            used=sum(one.count for one in uses),
            used_days=USED_DAYS,
            last_used=max((one.last_at for one in uses), default=None),
            calls=sum(one.count for one in calls),
            calls_since=self._calls_since if agents else None,
            last_called=max((one.last_at for one in calls), default=None),
        )

    def _concerned(  # noqa: PLR0911  one arm per noun
        self, draft: Draft
    ) -> frozenset[str]:
        if draft.agent is not None:
            return frozenset({draft.agent})
        kind, name = draft.key
        spec = self._world.find(kind, name)
        match spec:
            case Owner():
                return frozenset(n for n, agent in self._world.of(Agent).items() if agent.owner == name)
            case Scope():
                return frozenset(self._by_scope.get(name, ()))
            case ToolServer():
                return self._of_server(name)
            case Ceiling():
                return frozenset(n for n in self._world.of(Agent) if _bounds(self._world, n, spec))
            case CredentialProfile():
                return spec.agents
            case _:
                return frozenset()

    def _of_server(self, server: str) -> frozenset[str]:
        scopes = [name for name, scope in self._world.of(Scope).items() if scope.tool_server == server]
        direct = {grant.agent for grant in self._world.of(Grant).values() if grant.tool_server == server}
        return frozenset(direct).union(*(self._by_scope.get(scope, ()) for scope in scopes))

    def _carries(self, use: LeaseUse, reach: Iterable[Entitlement]) -> bool:
        """True if a token could be used for some of the reach; any token of the agent, if it is not of access."""
        wanted = tuple(reach)
        return not wanted or any(self._allows(use, one) for one in wanted)

    def _allows(self, use: LeaseUse, one: Entitlement) -> bool:
        server = self._world.of(ToolServer).get(one.tool_server)
        if server is None or use.audience != server.url:
            return False
        if one.tool == EVERY_TOOL or one.action is None:
            return bool(use.scopes)
        return f"mcp:tool:{one.tool}:{one.action.value}" in use.scopes


def _agents_by_scope(world: World) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for grant in world.of(Grant).values():
        if grant.scope is not None:
            found[grant.scope].add(grant.agent)
    return found


def _by_agent(uses: Iterable[LeaseUse]) -> Mapping[str, list[LeaseUse]]:
    found: dict[str, list[LeaseUse]] = defaultdict(list)
    for use in uses:
        found[use.agent].append(use)
    return found


def _calls_by_agent(uses: Iterable[CallUse]) -> Mapping[str, list[CallUse]]:
    found: dict[str, list[CallUse]] = defaultdict(list)
    for use in uses:
        found[use.agent].append(use)
    return found


def _is_of(call: CallUse, reach: Iterable[Entitlement]) -> bool:
    """True of a call of some tool of the reach; of any call of the agent, if it is not of access."""
    server, _, tool = call.tool.partition("/")
    wanted = [one for one in reach if one.tool_server == server]
    return any(one.tool in {tool, EVERY_TOOL} for one in wanted) if wanted or tuple(reach) else True


def _bounds(world: World, name: str, ceiling: Ceiling) -> bool:
    agent = world.of(Agent)[name]
    owner = world.of(Owner).get(agent.owner)
    return owner is not None and applies(ceiling, agent_name=name, agent=agent, owner=owner)
