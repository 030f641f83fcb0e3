"""May this subject have this lease, and how much of it? Pure: what the registry holds comes in, a permit comes out.

A denial carries a reason for audit. Callers are told less, by `exchange`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from leasehold.model.access import Reach, applies, is_live, reach_of_grant, unconditional_scopes, wire_scopes
from leasehold.model.authority.order import Verdict
from leasehold.model.authority.order import covers as covers_reach
from leasehold.model.ceilings import within_ceilings
from leasehold.model.clients import DpopUse
from leasehold.model.deployments import Deployment
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.heartbeats import Heartbeat
from leasehold.model.leases import Node, agent_node, binding_node, deployment_node, owner_node
from leasehold.model.patterns import covers
from leasehold.model.people import TTL_MAX_SECONDS, Agent, AgentState, Owner, OwnerState
from leasehold.model.principal import Role
from leasehold.model.tools import Scope, ToolServer
from leasehold.model.trust import WorkloadBinding

REGISTRY_READ = "registry:read"
REGISTRY_WRITE = "registry:write"
MIN_TTL = timedelta(seconds=1)
_SHARES_KEPT = 256
_NEVER = datetime.max.replace(tzinfo=UTC)


class LeaseReason(StrEnum):
    """Why a lease is denied; the words of the audit log."""

    UNMERGED_CODE = "unmerged_code"
    AGENT_SUSPENDED = "agent_suspended"
    OWNER_DISABLED = "owner_disabled"
    NO_DEPLOYMENT = "no_deployment"
    AMBIGUOUS_DEPLOYMENT = "ambiguous_deployment"
    DEPLOYMENT_EXPIRED = "deployment_expired"
    DEPLOYMENT_GONE = "deployment_gone"
    HEARTBEAT_MISSED = "heartbeat_missed"
    NOTHING_GRANTED = "nothing_granted"
    SCOPE_EXCEEDED = "scope_exceeded"
    DETAILS_EXCEEDED = "details_exceeded"
    SUBJECT_EXPIRING = "subject_expiring"
    PROOF_MISSING = "proof_missing"


@dataclass(frozen=True, slots=True)
class LeaseDenied:
    """No lease, and why not."""

    reason: LeaseReason


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasePermit:
    """One lease may be issued, exactly so. Only this module makes one.

    `promised` are those of `scopes` that hold whatever the arguments of a call: nobody may read more out of a scope.
    """

    agent: str | None
    deployment: str | None
    nodes: tuple[Node, ...]
    audience: str
    scopes: frozenset[str]
    promised: frozenset[str]
    reach: tuple[Reach, ...]
    role: Role | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class EndPermit:
    """One lease may be ended. Only this module makes one."""

    lease_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseWish:
    """What is asked for: one resource; `scopes` None asks for all there is. Not to outlive `subject_expires_at`.

    `reach`, unless None, is exactly what is wanted of that. `at_most`, unless None, is all that a person consented to.
    `proven`: the caller proved that it holds a key.
    `dies_with`: the nodes of what runs the subject, if it is known.
    """

    resource: str
    scopes: frozenset[str] | None
    subject_expires_at: datetime
    proposes: bool
    reach: frozenset[Reach] | None = None
    at_most: frozenset[str] | None = None
    proven: bool = False
    dies_with: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class BoundGrant:
    """What one grant reaches beneath every ceiling, and until when."""

    reach: tuple[Reach, ...]
    grant: Grant


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFacts:
    """What the registry holds of one agent. `max_ttl` is the least of its own and of the ceilings above it.

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
    others: Mapping[str, frozenset[str]] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    heartbeats: Mapping[str, Heartbeat] = field(default_factory=dict)
    shares: dict[Asked, Share] = field(default_factory=dict, init=False, repr=False, compare=False)


Asked: TypeAlias = tuple[str, frozenset[str] | None, frozenset[Reach] | None, frozenset[str] | None]
"""Resource, scopes, reach and bound of a wish: all of it that the share depends on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The part of its authority that an agent asks for. `ends_at`: when the first of the grants ends that it rests on.

    True from `since` until `until`, when some grant of the agent ends and there may be less.
    """

    scopes: frozenset[str]
    promised: frozenset[str]
    reach: tuple[Reach, ...]
    ends_at: datetime
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """What a lease hangs on besides its agent: the nodes of who proved to be it, and their deployment, if pinned."""

    nodes: tuple[Node, ...]
    deployment: str | None = None


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
    )


def decide_agent_lease(
    facts: AgentFacts, binding_name: str, binding: WorkloadBinding, wish: LeaseWish, now: datetime
) -> LeasePermit | LeaseDenied:
    """May the subject of this binding lease the agent's reach on one tool server?"""
    hold = Hold((binding_node(binding_name), *wish.dies_with), binding.deployment)
    return decide_lease(facts, hold, wish, now)


def decide_lease(facts: AgentFacts, hold: Hold, wish: LeaseWish, now: datetime) -> LeasePermit | LeaseDenied:
    """May whoever proved to be this agent lease its reach on one tool server?"""
    deployment = _deployment(facts, hold, wish, now)
    if isinstance(deployment, LeaseDenied):
        return deployment
    if facts.agent.dpop is DpopUse.REQUIRED and not wish.proven:
        return LeaseDenied(LeaseReason.PROOF_MISSING)
    share = _share(facts, wish, now)
    if isinstance(share, LeaseDenied):
        return share
    expires_at = _agent_expiry(facts, deployment, share, wish, now)
    if expires_at - now < MIN_TTL:
        return LeaseDenied(LeaseReason.SUBJECT_EXPIRING)
    return LeasePermit(
        agent=facts.name,
        deployment=deployment,
        nodes=_nodes(facts, deployment, hold),
        audience=wish.resource,
        scopes=share.scopes,
        promised=share.promised,
        reach=share.reach,
        role=None,
        expires_at=expires_at,
    )


def _share(facts: AgentFacts, wish: LeaseWish, now: datetime) -> Share | LeaseDenied:
    """What is granted of a wish: worked out once, for it is the most of a decision and the same for most of them."""
    asked = (wish.resource, wish.scopes, wish.reach, wish.at_most)
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
    held = _granted(facts, wish.resource, now)
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
        ends_at=_first_end((bound.grant for bound in used), now),
        since=now,
        until=_first_end((bound.grant for bound in facts.grants), now),
    )


def _first_end(grants: Iterable[Grant], now: datetime) -> datetime:
    """When the first of those grants that live now ends."""
    return min((g.expires_at for g in grants if g.expires_at is not None and now < g.expires_at), default=_NEVER)


def promised(scopes: frozenset[str], reach: Iterable[Reach], servers: Mapping[str, ToolServer]) -> frozenset[str]:
    """The scopes without those of tools that are allowed with certain arguments only."""
    reached = tuple(reach)
    if not any(one.constraints for one in reached):
        return scopes
    return scopes - (wire_scopes(reached, servers) - unconditional_scopes(reached, servers))


def decide_registry_lease(
    binding_name: str, binding: WorkloadBinding, wish: LeaseWish, now: datetime
) -> LeasePermit | LeaseDenied:
    """May the subject of this binding take its platform role? A run of unmerged code may read."""
    available = {REGISTRY_READ} if wish.proposes else {REGISTRY_READ, REGISTRY_WRITE}
    scopes = frozenset(available) if wish.scopes is None else wish.scopes
    if not scopes <= available:
        return LeaseDenied(LeaseReason.SCOPE_EXCEEDED)
    expires_at = _whole_second(min(now + timedelta(seconds=TTL_MAX_SECONDS), wish.subject_expires_at))
    if expires_at - now < MIN_TTL:
        return LeaseDenied(LeaseReason.SUBJECT_EXPIRING)
    return LeasePermit(
        agent=None,
        deployment=None,
        nodes=(binding_node(binding_name), *wish.dies_with),
        audience=wish.resource,
        scopes=scopes,
        promised=scopes,
        reach=(),
        role=binding.role,
        expires_at=expires_at,
    )


def decide_end_of_lease(possessed: str) -> EndPermit:
    """May whoever holds a lease's token end it? Always: giving up access needs no more than having it (RFC 7009)."""
    return EndPermit(possessed)


def _deployment(facts: AgentFacts, hold: Hold, wish: LeaseWish, now: datetime) -> str | LeaseDenied:
    if wish.proposes:
        return LeaseDenied(LeaseReason.UNMERGED_CODE)
    if facts.agent.state is not AgentState.ACTIVE:
        return LeaseDenied(LeaseReason.AGENT_SUSPENDED)
    if facts.owner.state is not OwnerState.ACTIVE:
        return LeaseDenied(LeaseReason.OWNER_DISABLED)
    fates = {n: _fate(facts, n, now) for n in facts.deployments if hold.deployment in {None, n}}
    live = [name for name, fate in fates.items() if fate is None]
    if len(live) > 1:
        return LeaseDenied(LeaseReason.AMBIGUOUS_DEPLOYMENT)
    if live:
        return live[0]
    ended = next((fate for fate in fates.values() if fate is not None), LeaseReason.DEPLOYMENT_EXPIRED)
    return LeaseDenied(ended if facts.deployments else LeaseReason.NO_DEPLOYMENT)


def _fate(facts: AgentFacts, name: str, now: datetime) -> LeaseReason | None:
    """Why a deployment holds nothing, None if it lives."""
    deployment, heartbeat = facts.deployments[name], facts.heartbeats.get(name)
    if deployment.expires_at is not None and now >= deployment.expires_at:
        return LeaseReason.DEPLOYMENT_EXPIRED
    if name in facts.gone:
        return LeaseReason.DEPLOYMENT_GONE
    if deployment.heartbeat_ttl is not None and (heartbeat is None or heartbeat.is_missed(now)):
        return LeaseReason.HEARTBEAT_MISSED
    return None


def _nodes(facts: AgentFacts, deployment: str, hold: Hold) -> tuple[Node, ...]:
    runs_as = facts.deployments[deployment].runs_as
    above = (owner_node(facts.agent.owner), agent_node(facts.name), deployment_node(deployment))
    return (*above, *((runs_as.node,) if runs_as is not None else ()), *hold.nodes)


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


def _agent_expiry(facts: AgentFacts, deployment: str, share: Share, wish: LeaseWish, now: datetime) -> datetime:
    # INVARIANT: a lease outlives nothing that it was issued on.
    deployed_until = facts.deployments[deployment].expires_at or _NEVER
    return _whole_second(min(now + facts.max_ttl, wish.subject_expires_at, share.ends_at, deployed_until))


def _whole_second(at: datetime) -> datetime:
    return at.replace(microsecond=0)  # `exp` counts seconds (RFC 7519 §2)
