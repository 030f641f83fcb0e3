"""May an agent hand this part of its authority to that sub-agent? Pure.

What a sub-agent gets lies within its parent's token *and* within its own grants, strictly within the former. Whatever
cannot be decided is denied.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from leasehold.model.access import Reach, wire_scopes
from leasehold.model.authority.order import Verdict, covers, meet, strictly_narrower
from leasehold.model.consents import Consent
from leasehold.model.leases import REGISTRY, Ancestor, Node, lease_node
from leasehold.model.patterns import covers as covers_name
from leasehold.model.people import Agent
from leasehold.policy.leasing import MIN_TTL, Hold, LeasePermit, decide_lease
from leasehold.policy.shares import AgentFacts, promised
from leasehold.policy.wishes import ITSELF, ActingFor, LeaseDenied, LeaseWish


class DelegationReason(StrEnum):
    """Why a delegation is denied; the words of the audit log."""

    OTHER_RESOURCE = "other_resource"
    NOT_ALLOWED_TO_DELEGATE = "not_allowed_to_delegate"
    DEPTH_EXCEEDED = "depth_exceeded"
    DELEGATION_LOOP = "delegation_loop"
    PARENT_UNPROVEN = "parent_unproven"
    ACTOR_DELEGATED = "actor_delegated"
    BEYOND_PARENT = "beyond_parent"
    BEYOND_ACTOR = "beyond_actor"
    NOT_NARROWER = "not_narrower"
    UNDECIDABLE = "undecidable"
    PARENT_EXPIRING = "parent_expiring"
    RE_EXCHANGED = "re_exchanged"


@dataclass(frozen=True, slots=True)
class DelegationDenied:
    """No lease, and why not."""

    reason: DelegationReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """A live lease that is to be delegated from. `chain`: every agent that acts in it, the current one first.

    `limit` is the deepest level allowed below it, None where no ancestor said. `key` is what its token is bound to.
    """

    lease_id: str
    chain: tuple[str, ...]
    agent: Agent
    audience: str
    reach: frozenset[Reach]
    ancestors: tuple[Ancestor, ...]
    depth: int
    limit: int | None
    expires_at: datetime
    key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationWish:
    """What a sub-agent is to get: some scopes, or this very `reach`, or both. `actor_reach` bounds what it can get.

    `key` is what the caller proved to hold. `acting`: for whom, beneath whom.
    """

    resource: str
    scopes: frozenset[str] | None
    reach: frozenset[Reach] | None
    actor_reach: frozenset[Reach] | None
    actor_expires_at: datetime
    proposes: bool
    key: str | None
    acting: ActingFor = ITSELF


@dataclass(frozen=True, slots=True)
class Delegated:
    """A permit for a sub-agent, `depth` levels down; `limit` is the deepest level below it.

    `again`: nobody new acts; the agent that acts in the parent has another token for the same person.
    """

    permit: LeasePermit
    depth: int
    limit: int | None
    again: bool = False


Bound: TypeAlias = tuple[DelegationReason, frozenset[Reach]]
Denied: TypeAlias = DelegationDenied | LeaseDenied


def decide_delegation(
    parent: Parent, child: AgentFacts, hold: Hold, wish: DelegationWish, now: datetime
) -> Delegated | Denied:
    """May the sub-agent `child` lease this part of what its parent holds?"""
    standing = _standing(parent, child, wish)
    if standing is not None:
        return DelegationDenied(standing)
    own = decide_lease(child, hold, _own_wish(wish, child), now)
    if isinstance(own, LeaseDenied):
        return own
    reach = _reach(parent, frozenset(own.reach), wish)
    if isinstance(reach, DelegationReason):
        return DelegationDenied(reach)
    permit = _within_parent(parent, own, reach, child, wish, now)
    if isinstance(permit, DelegationDenied):
        return permit
    depth = parent.depth + 1
    return Delegated(permit, depth, min(_limit(parent), depth + child.agent.max_delegation_depth))


def decide_again(
    parent: Parent, agent: AgentFacts, hold: Hold, wish: DelegationWish, consent: Consent | None, now: datetime
) -> Delegated | Denied:
    """May the agent that acts for a person in the parent have another token to act for them in?

    For less of the same resource, by what the parent holds. For another resource, by what the person consented to for
    this very agent there; a sub-agent has no consent of its own, and none of its parent's.
    """
    if parent.key is not None and parent.key != wish.key:
        return DelegationDenied(DelegationReason.PARENT_UNPROVEN)
    if parent.limit == 0:  # of a public client: from what it holds nobody gets anything else
        return DelegationDenied(DelegationReason.DEPTH_EXCEEDED)
    elsewhere = parent.audience != wish.resource
    if elsewhere and (consent is None or consent.revoked_at is not None or len(parent.chain) > 1):
        return DelegationDenied(DelegationReason.OTHER_RESOURCE)
    at_most = consent.scopes if elsewhere and consent is not None else None
    own = decide_lease(agent, hold, replace(_own_wish(wish, agent), at_most=at_most), now)
    if isinstance(own, LeaseDenied):
        return own
    granted = frozenset(own.reach)
    reach = _reach_elsewhere(granted, wish) if elsewhere else _reach(parent, granted, wish)
    if isinstance(reach, DelegationReason):
        return DelegationDenied(reach)
    permit = _within_parent(parent, own, reach, agent, wish, now)
    return permit if isinstance(permit, DelegationDenied) else Delegated(permit, parent.depth, parent.limit, again=True)


def _reach_elsewhere(own: frozenset[Reach], wish: DelegationWish) -> frozenset[Reach] | DelegationReason:
    """What is granted where the parent reaches nothing, within the token that was the proof."""
    bounds = [(DelegationReason.BEYOND_ACTOR, own)]
    if wish.actor_reach is not None:
        bounds.append((DelegationReason.BEYOND_ACTOR, wish.actor_reach))
    return _within(wish.reach, bounds) if wish.reach is not None else _shared(wish, bounds)


def _within_parent(
    parent: Parent, own: LeasePermit, reach: frozenset[Reach], child: AgentFacts, wish: DelegationWish, now: datetime
) -> LeasePermit | DelegationDenied:
    """The permit of what was found, under the parent's lease and no longer than it."""
    scopes = wire_scopes(reach, child.servers)
    if not scopes or (wish.scopes is not None and scopes != wish.scopes):  # never less than asked for, unsaid
        return DelegationDenied(DelegationReason.BEYOND_PARENT)
    expires_at = min(own.expires_at, parent.expires_at.replace(microsecond=0))
    if expires_at - now < MIN_TTL:
        return DelegationDenied(DelegationReason.PARENT_EXPIRING)
    return replace(
        own,
        nodes=_nodes(parent, own),
        scopes=scopes,
        promised=promised(scopes, reach, child.servers),
        reach=tuple(sorted(reach)),
        expires_at=expires_at,
    )


def _standing(parent: Parent, child: AgentFacts, wish: DelegationWish) -> DelegationReason | None:
    """What stands against any delegation between the two."""
    grounds = {
        DelegationReason.OTHER_RESOURCE: parent.audience != wish.resource,
        DelegationReason.PARENT_UNPROVEN: parent.key is not None and parent.key != wish.key,
        DelegationReason.DELEGATION_LOOP: child.name in parent.chain,
        DelegationReason.NOT_ALLOWED_TO_DELEGATE: child.name not in parent.agent.may_delegate_to,
        DelegationReason.DEPTH_EXCEEDED: parent.depth + 1 > _limit(parent),
    }
    return next((reason for reason, holds in grounds.items() if holds), None)


def _limit(parent: Parent) -> int:
    own = parent.depth + parent.agent.max_delegation_depth
    return own if parent.limit is None else min(own, parent.limit)


def _own_wish(wish: DelegationWish, child: AgentFacts) -> LeaseWish:
    named = wire_scopes(wish.reach, child.servers) if wish.reach is not None else None
    return LeaseWish(
        resource=wish.resource,
        scopes=wish.scopes if wish.scopes is not None else named,
        subject_expires_at=wish.actor_expires_at,
        proposes=wish.proposes,
        proven=wish.key is not None,
        acting=wish.acting,
    )


def _reach(parent: Parent, own: frozenset[Reach], wish: DelegationWish) -> frozenset[Reach] | DelegationReason:
    """What exactly the sub-agent gets: as written, if that lies within every bound, else what all bounds share."""
    bounds = [(DelegationReason.BEYOND_PARENT, parent.reach), (DelegationReason.BEYOND_ACTOR, own)]
    if wish.actor_reach is not None:  # a token of its own may be narrower than its grants
        bounds.append((DelegationReason.BEYOND_ACTOR, wish.actor_reach))
    reach = _within(wish.reach, bounds) if wish.reach is not None else _shared(wish, bounds)
    if isinstance(reach, DelegationReason):
        return reach
    return _must(strictly_narrower(reach, parent.reach), DelegationReason.NOT_NARROWER) or reach


def _within(wanted: frozenset[Reach], bounds: Iterable[Bound]) -> frozenset[Reach] | DelegationReason:
    refusals = (_must(covers(bound, wanted), reason) for reason, bound in bounds)
    return next((reason for reason in refusals if reason is not None), wanted)


def _shared(wish: DelegationWish, bounds: Iterable[Bound]) -> frozenset[Reach] | DelegationReason:
    (_, first), *others = bounds
    found = frozenset(_named(wish, first))
    for reason, bound in others:
        shared = meet(found, _named(wish, bound))
        if shared is None:
            return DelegationReason.UNDECIDABLE
        if not shared:
            return reason
        found = shared
    return found


def _named(wish: DelegationWish, reach: Iterable[Reach]) -> list[Reach]:
    """The part that the scopes name, tool by tool."""
    tools = {scope.removeprefix("mcp:tool:").rpartition(":")[0] for scope in wish.scopes or ()}
    return [replace(one, tool=tool) for one in reach for tool in sorted(tools) if covers_name(one.tool, tool)]


def _must(verdict: Verdict, otherwise: DelegationReason) -> DelegationReason | None:
    match verdict:
        case Verdict.YES:
            return None
        case Verdict.NO:
            return otherwise
        case Verdict.UNDECIDABLE:
            return DelegationReason.UNDECIDABLE


def _nodes(parent: Parent, own: LeasePermit) -> tuple[Node, ...]:
    """Everything that the sub-agent's lease dies with: what its parent's does, that lease itself, and its own."""
    above = (*(ancestor.node for ancestor in parent.ancestors), lease_node(parent.lease_id), *own.nodes)
    return tuple(node for node in dict.fromkeys(above) if node != REGISTRY)
