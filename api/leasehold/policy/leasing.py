"""May this subject have this lease, and how much of it? Pure: what the registry holds comes in, a permit comes out.

A denial carries a reason for audit. Callers are told less, by `exchange`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from leasehold.model.access import Reach
from leasehold.model.clients import DpopUse
from leasehold.model.leases import Node, agent_node, binding_node, deployment_node, owner_node
from leasehold.model.people import TTL_MAX_SECONDS, AgentState, OwnerState
from leasehold.model.principal import Role
from leasehold.model.trust import WorkloadBinding
from leasehold.policy.shares import NEVER, AgentFacts, Share, share_of
from leasehold.policy.wishes import LeaseDenied, LeaseReason, LeaseWish

REGISTRY_READ = "registry:read"
REGISTRY_WRITE = "registry:write"
MIN_TTL = timedelta(seconds=1)


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


@dataclass(frozen=True, slots=True)
class Hold:
    """What a lease hangs on besides its agent: the nodes of who proved to be it, and their deployment, if pinned."""

    nodes: tuple[Node, ...]
    deployment: str | None = None


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
    if not wish.proven and (facts.dpop is DpopUse.REQUIRED or _is_bound_alone(facts, wish.resource)):
        return LeaseDenied(LeaseReason.PROOF_MISSING)
    share = share_of(facts, wish, now)
    if isinstance(share, LeaseDenied):
        return share
    expires_at = _agent_expiry(facts, deployment, share, wish, now)
    if expires_at - now < MIN_TTL:
        return LeaseDenied(LeaseReason.SUBJECT_EXPIRING)
    return LeasePermit(
        agent=facts.name,
        deployment=deployment,
        nodes=(*share.policies, *_nodes(facts, deployment, hold)),
        audience=wish.resource,
        scopes=share.scopes,
        promised=share.promised,
        reach=share.reach,
        role=None,
        expires_at=expires_at,
    )


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


def _is_bound_alone(facts: AgentFacts, resource: str) -> bool:
    """True if the tool server of this address takes no token that is not bound to a key."""
    return any(one.url == resource and one.dpop is DpopUse.REQUIRED for one in facts.servers.values())


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


def _agent_expiry(facts: AgentFacts, deployment: str, share: Share, wish: LeaseWish, now: datetime) -> datetime:
    # INVARIANT: a lease outlives nothing that it was issued on.
    deployed_until = facts.deployments[deployment].expires_at or NEVER
    return _whole_second(min(now + facts.max_ttl, wish.subject_expires_at, share.ends_at, deployed_until))


def _whole_second(at: datetime) -> datetime:
    return at.replace(microsecond=0)  # `exp` counts seconds (RFC 7519 §2)
