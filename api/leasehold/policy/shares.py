"""What an agent may reach, each grant beneath every ceiling, and the part of it that a wish asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeAlias

from leasehold.model.access import Reach, applies, is_live, reach_of_grant, unconditional_scopes, wire_scopes
from leasehold.model.authority.order import Verdict
from leasehold.model.authority.order import covers as covers_reach
from leasehold.model.ceilings import dpop_under, within_ceilings
from leasehold.model.clients import DpopUse
from leasehold.model.deployments import Deployment
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.heartbeats import Heartbeat
from leasehold.model.leases import MANY_POLICIES, POLICIES, Node, policies_node, policy_node
from leasehold.model.mcp_methods import is_reserved
from leasehold.model.patterns import covers
from leasehold.model.people import TTL_MAX_SECONDS, Agent, Owner
from leasehold.model.tools import Scope, ToolServer
from leasehold.policy.wishes import ActingFor, LeaseDenied, LeaseReason, LeaseWish

NEVER = datetime.max.replace(tzinfo=UTC)
_SHARES_KEPT = 256
MAX_POLICIES = 8
"""How many policies a lease names that it rests on: a token grows by some 25 bytes with each."""


class Rulings(Protocol):
    """The enforced policies, as of one version of the registry."""

    def on(self, agent: str, acting: ActingFor, reach: Reach, now: datetime) -> frozenset[str] | None:
        """The policies with a say on calls of a tool; None if they deny every call of it."""


@dataclass(frozen=True, slots=True)
class BoundGrant:
    """What one grant reaches beneath every ceiling, and until when."""

    reach: tuple[Reach, ...]
    grant: Grant


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFacts:
    """What the registry holds of one agent. `max_ttl` is the least of its own and of the ceilings above it.

    With `dpop` required, by itself or by a ceiling, every token of it is bound to a key.

    `rulings` are the policies that are enforced, None if there are none.
    `others` are scopes on resources of our own, by resource. `gone` are deployments whose workload does not stand;
    `heartbeats` are owed by those deployments that have a `heartbeat_ttl`. `shares` are answers that were worked out,
    while they stand.
    """

    name: str
    agent: Agent
    owner: Owner
    deployments: Mapping[str, Deployment]
    grants: tuple[BoundGrant, ...]
    servers: Mapping[str, ToolServer]
    max_ttl: timedelta
    dpop: DpopUse
    others: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rulings: Rulings | None = field(default=None, repr=False, compare=False)
    gone: frozenset[str] = frozenset()
    heartbeats: Mapping[str, Heartbeat] = field(default_factory=dict)
    shares: dict[Asked, Share] = field(default_factory=dict, init=False, repr=False, compare=False)


Asked: TypeAlias = tuple[str, frozenset[str] | None, frozenset[Reach] | None, frozenset[str] | None, ActingFor]
"""Resource, scopes, reach, bound and person of a wish: all of it that the share depends on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The part of its authority that an agent asks for. `ends_at`: when the first of the grants ends that it rests on.

    `policies` are the nodes of the policies that it rests on.

    True from `since` until `until`, when some grant of the agent ends and there may be less.
    """

    scopes: frozenset[str]
    promised: frozenset[str]
    reach: tuple[Reach, ...]
    policies: tuple[Node, ...]
    ends_at: datetime
    since: datetime
    until: datetime


def agent_facts(  # noqa: PLR0913  six kinds of object make an agent's reach
    name: str,
    agent: Agent,
    owner: Owner,
    *,
    deployments: Mapping[str, Deployment],
    grants: Iterable[Grant],
    ceilings: Mapping[str, Ceiling],
    scopes: Mapping[str, Scope],
    servers: Mapping[str, ToolServer],
) -> AgentFacts:
    """The facts of one agent, each grant held under the ceilings that apply."""
    above = {c: spec for c, spec in ceilings.items() if applies(spec, agent_name=name, agent=agent, owner=owner)}
    bound = (
        BoundGrant(tuple(within_ceilings(reach_of_grant(grant, scopes), above, scopes)), grant) for grant in grants
    )
    limits = [agent.max_ttl, TTL_MAX_SECONDS, *(c.max_ttl for c in above.values() if c.max_ttl is not None)]
    return AgentFacts(
        name=name,
        agent=agent,
        owner=owner,
        deployments=deployments,
        grants=tuple(one for one in bound if one.reach),
        servers=servers,
        max_ttl=timedelta(seconds=min(limits)),
        dpop=dpop_under(agent, above.values()),
    )


def share_of(facts: AgentFacts, wish: LeaseWish, now: datetime) -> Share | LeaseDenied:
    """What is granted of a wish: worked out once, for it is the most of a decision and the same for most of them."""
    asked = (wish.resource, wish.scopes, wish.reach, wish.at_most, wish.acting)
    known = facts.shares.get(asked)
    if known is not None and known.since <= now < known.until:
        return known
    share = _work_out(facts, wish, now)
    if isinstance(share, Share):
        if len(facts.shares) >= _SHARES_KEPT:
            facts.shares.clear()
        facts.shares[asked] = share
    return share


def _work_out(facts: AgentFacts, wish: LeaseWish, now: datetime) -> Share | LeaseDenied:
    held, named = _ruled(facts, _granted(facts, wish.resource, now), wish, now)
    available = wire_scopes((one for bound in held for one in bound.reach), facts.servers)
    available |= facts.others.get(wish.resource, frozenset())
    if wish.at_most is not None:
        available &= wish.at_most
    if not available:
        return LeaseDenied(LeaseReason.NOTHING_GRANTED)
    scopes = _wanted_scopes(wish, available, facts.servers)
    if scopes is None:
        return LeaseDenied(LeaseReason.SCOPE_EXCEEDED)
    used = [bound for bound in (_narrowed(bound, scopes) for bound in held) if bound.reach]
    reach = frozenset(one for bound in used for one in bound.reach)
    if wish.reach is not None and covers_reach(reach, wish.reach) is not Verdict.YES:
        return LeaseDenied(LeaseReason.DETAILS_EXCEEDED)
    wanted = reach if wish.reach is None else wish.reach
    return Share(
        scopes=scopes,
        promised=promised(scopes, wanted, facts.servers),
        reach=tuple(sorted(wanted)),
        policies=_rests_on(reach, named),
        ends_at=_first_end((bound.grant for bound in used), now),
        since=now,
        until=_first_end((bound.grant for bound in facts.grants), now),
    )


_Named: TypeAlias = Mapping[tuple[str, str], frozenset[str]]
"""The policies with a say, by tool server and tool."""


def _ruled(
    facts: AgentFacts, held: list[BoundGrant], wish: LeaseWish, now: datetime
) -> tuple[list[BoundGrant], _Named]:
    """What is granted without the tools of which policies deny every call: no token holds what nobody may use."""
    if facts.rulings is None:
        return held, {}
    named: dict[tuple[str, str], frozenset[str]] = {}
    kept = []
    for bound in held:
        reach = []
        for one in _tool_by_tool(bound.reach, facts.servers):
            rulings = frozenset() if is_reserved(one.tool) else facts.rulings.on(facts.name, wish.acting, one, now)
            if rulings is not None:
                reach.append(one)
                at = one.tool_server, one.tool
                named[at] = named.get(at, frozenset()) | rulings
        if reach:
            kept.append(BoundGrant(tuple(reach), bound.grant))
    return kept, named


def _tool_by_tool(reach: Iterable[Reach], servers: Mapping[str, ToolServer]) -> Iterator[Reach]:
    for one in reach:
        yield from (replace(one, tool=tool) for tool in servers[one.tool_server].tools if covers(one.tool, tool))


def _rests_on(reach: frozenset[Reach], named: _Named) -> tuple[Node, ...]:
    """The nodes of the policies with a say: each, or one for all where they are many; and of those to come.

    None for what no policy speaks of, such as credentials of other systems.
    """
    if not reach:
        return ()
    policies = frozenset[str]().union(*(named.get((one.tool_server, one.tool), ()) for one in reach))
    to_come = (POLICIES, *(policies_node(server) for server in sorted({one.tool_server for one in reach})))
    if len(policies) > MAX_POLICIES:
        return *to_come, MANY_POLICIES
    return *to_come, *(policy_node(one) for one in sorted(policies))


def _first_end(grants: Iterable[Grant], now: datetime) -> datetime:
    """When the first of those grants that live now ends."""
    return min((g.expires_at for g in grants if g.expires_at is not None and now < g.expires_at), default=NEVER)


def promised(scopes: frozenset[str], reach: Iterable[Reach], servers: Mapping[str, ToolServer]) -> frozenset[str]:
    """The scopes without those of tools that are allowed with certain arguments only."""
    reached = tuple(reach)
    if not any(one.constraints for one in reached):
        return scopes
    return scopes - (wire_scopes(reached, servers) - unconditional_scopes(reached, servers))


def _granted(facts: AgentFacts, resource: str, now: datetime) -> list[BoundGrant]:
    """The live grants on the tool server of this very URL."""
    servers = {name for name, server in facts.servers.items() if server.url == resource}
    reaches = (
        BoundGrant(tuple(one for one in bound.reach if one.tool_server in servers), bound.grant)
        for bound in facts.grants
        if is_live(bound.grant, now)
    )
    return [bound for bound in reaches if bound.reach]


def _wanted_scopes(
    wish: LeaseWish, available: frozenset[str], servers: Mapping[str, ToolServer]
) -> frozenset[str] | None:
    """The scopes that are asked for, by name or by what they reach; None if not all of them are to be had."""
    named = wire_scopes(wish.reach, servers) if wish.reach is not None else available
    scopes = named if wish.scopes is None else wish.scopes
    fitting = bool(scopes) and scopes <= available
    return scopes if fitting and (wish.reach is None or scopes == named) else None


def _narrowed(bound: BoundGrant, scopes: frozenset[str]) -> BoundGrant:
    """The part of a grant that the scopes asked for name, tool by tool."""
    tools = sorted(scope.removeprefix("mcp:tool:").rpartition(":")[0] for scope in scopes)
    named = (replace(one, tool=tool) for one in bound.reach for tool in tools if covers(one.tool, tool))
    return BoundGrant(tuple(named), bound.grant)
