"""Sub-agents (RFC 8693 with `actor_token`): a part of a live token's authority, for another agent, under that token.

Nothing is written but the lease and its audit event, however many sub-agents an agent starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from leasehold.authn.ports import OwnTokenVerifier, SubjectTokenVerifier
from leasehold.exchange.actors import Actor, Actors
from leasehold.exchange.claims import GROUPS_CLAIM
from leasehold.exchange.details import tool_server_at, wanted_reach
from leasehold.exchange.families import (
    DelegationRequest,
    Family,
    child_claims,
    child_event,
    child_lease,
    refused_event,
)
from leasehold.exchange.holds import Holds
from leasehold.exchange.introspection import LiveLeases
from leasehold.exchange.issuing import Draft, Issued, Issuing
from leasehold.exchange.own_tokens import AgentToken, AgentTokens
from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused, Reason
from leasehold.exchange.views import AgentView, Pieces, Views
from leasehold.model.access import Reach
from leasehold.model.consents import Consent
from leasehold.model.events import AuditEvent
from leasehold.model.leases import Node, consent_node, lease_node
from leasehold.policy.delegating import (
    Delegated,
    DelegationReason,
    DelegationWish,
    Parent,
    decide_again,
    decide_delegation,
)
from leasehold.policy.leasing import Hold
from leasehold.policy.wishes import ActingFor


@dataclass(frozen=True, slots=True)
class _Again:
    """What a second token for one person hangs on, and what they consented to, if it is for another resource."""

    hold: Hold
    consent: Consent | None = None
    generations: Mapping[Node, int] = field(default_factory=dict)


class Delegation:
    """Gives sub-agents tokens of their own."""

    def __init__(  # noqa: PLR0913  a parent, an actor, and all that bounds both
        self,
        *,
        issuer: str,
        own: OwnTokenVerifier,
        verifier: SubjectTokenVerifier,
        leases: LiveLeases,
        views: Views,
        issuing: Issuing,
        holds: Holds,
    ) -> None:
        self._issuer = issuer
        self._tokens = AgentTokens(issuer=issuer, verifier=own, leases=leases)
        self._actors = Actors(tokens=self._tokens, verifier=verifier, views=views, holds=holds)
        self._leases = leases
        self._views = views
        self._issuing = issuing

    async def delegate(self, request: DelegationRequest, now: datetime) -> Issued:
        """A token for the sub-agent. Raises `ExchangeRefused`, which is on record then; `Unavailable`."""
        return await self._issuing.issue(_Attempt(self, request), now)

    async def parent(self, request: DelegationRequest, now: datetime) -> AgentToken:
        """The token that is delegated from. Raises `ExchangeRefused`."""
        return await self._tokens.read(request.subject_token, now)

    async def actor(self, request: DelegationRequest, pieces: Pieces, now: datetime) -> Actor:
        """The sub-agent. Raises `ExchangeRefused`."""
        if request.actor_is_ours:
            return await self._actors.by_own_token(request.actor_token, request.agent, request.key, now)
        return await self._actors.by_workload(request.actor_token, request.agent, pieces, now)

    async def decide(
        self, request: DelegationRequest, parent: AgentToken, actor: Actor, pieces: Pieces, now: datetime
    ) -> Family:
        """What the sub-agent is given. Raises `ExchangeRefused`."""
        if request.task not in {None, parent.lease.task}:  # it works on what its parent works on
            raise ExchangeRefused(ExchangeReason.TASK_REFUSED)
        child = await self._agent(actor.agent, pieces)
        above = await self._agent(parent.agent, pieces)
        servers = child.facts.servers
        server = tool_server_at(request.resource, servers)
        wish = DelegationWish(
            resource=request.resource,
            scopes=request.scopes,
            reach=wanted_reach(request.details, request.resource, servers),
            actor_reach=_reach_of_actor(actor, request.resource, server),
            actor_expires_at=actor.expires_at,
            proposes=actor.proposes,
            key=request.key,
            acting=_acting(parent, actor),
        )
        generations = {**child.generations, **actor.generations}
        if actor.agent == parent.agent and parent.is_for_a_person:
            asked = await self._again(parent, actor, request.resource, now)
            generations |= asked.generations
            decision = decide_again(_parent(parent, above, server), child.facts, asked.hold, wish, asked.consent, now)
        else:
            decision = decide_delegation(_parent(parent, above, server), child.facts, actor.hold, wish, now)
        if not isinstance(decision, Delegated):
            raise ExchangeRefused(decision.reason)
        inherited = {ancestor.node: ancestor.generation for ancestor in parent.lease.ancestors}
        return Family(parent, actor, decision, {**generations, **inherited, lease_node(parent.lease.id): 0})

    async def _again(self, parent: AgentToken, actor: Actor, resource: str, now: datetime) -> _Again:
        """What another token for the same person rests on. Raises `ExchangeRefused`."""
        above = parent.lease.parent
        if above is not None:
            # From the first one each time: a token that grew by one lease with every exchange would have no end.
            found = (await self._leases.find((above,), now)).get(above)
            if found is None or found.agent == parent.agent:
                raise ExchangeRefused(DelegationReason.RE_EXCHANGED)
        if resource == parent.lease.audience:
            return _Again(actor.hold)
        consent, generations = await self._views.consent(parent.lease.subject, parent.agent, resource)
        node = consent_node(parent.lease.subject, parent.agent, resource)
        return _Again(replace(actor.hold, nodes=(*actor.hold.nodes, node)), consent, generations)

    def draft(self, request: DelegationRequest, family: Family, now: datetime) -> Draft:
        """How what was decided becomes a lease and its token."""
        uses = (family.actor.first_use, request.proof.first_use if request.proof is not None else None)
        return Draft(
            permit=family.delegated.permit,
            generations=family.generations,
            lease=lambda lease_id, place: child_lease(family, lease_id, place, now),
            claims=lambda lease: child_claims(self._issuer, family, lease, request.key),
            event=lambda lease: child_event(request, family, lease),
            first_uses=tuple(use for use in uses if use is not None),
            key=request.key,
        )

    async def _agent(self, name: str, pieces: Pieces) -> AgentView:
        view = await self._views.agent(pieces, name)
        if view is None:
            raise ExchangeRefused(ExchangeReason.AGENT_GONE)
        return view


class _Attempt:
    """One delegation. Remembers parent and actor, once they are known, for the audit log."""

    def __init__(self, delegation: Delegation, request: DelegationRequest) -> None:
        self._delegation = delegation
        self._request = request
        self._parent: AgentToken | None = None
        self._actor: Actor | None = None

    async def draft(self, pieces: Pieces, now: datetime) -> Draft:
        self._parent = self._actor = None
        self._parent = await self._delegation.parent(self._request, now)
        self._actor = await self._delegation.actor(self._request, pieces, now)
        family = await self._delegation.decide(self._request, self._parent, self._actor, pieces, now)
        return self._delegation.draft(self._request, family, now)

    def refusal(self, reason: Reason, now: datetime) -> AuditEvent:
        return refused_event(self._request, self._parent, self._actor, reason, now)


def _parent(token: AgentToken, agent: AgentView, server: str) -> Parent:
    return Parent(
        lease_id=token.lease.id,
        chain=token.chain,
        agent=agent.facts.agent,
        audience=token.lease.audience,
        reach=token.reach(server),
        ancestors=token.lease.ancestors,
        depth=token.depth,
        limit=token.limit,
        expires_at=token.lease.expires_at,
        key=token.key,
    )


def _acting(parent: AgentToken, actor: Actor) -> ActingFor:
    """For whom the actor acts, and beneath whom: as whoever checks its token will read there."""
    subject, above = parent.lease.subject, parent.chain
    if actor.agent == parent.agent:  # it is itself that acts on
        above = above[1:]
    for_agent = subject.startswith("agent:")
    groups = parent.claims.get(GROUPS_CLAIM)
    named = frozenset(one for one in groups if isinstance(one, str)) if isinstance(groups, list) else frozenset()
    return ActingFor(
        user=None if for_agent else subject, groups=frozenset() if for_agent else named, chain=tuple(reversed(above))
    )


def _reach_of_actor(actor: Actor, resource: str, server: str) -> frozenset[Reach] | None:
    if actor.token is None:
        return None
    if actor.token.lease.audience != resource:
        raise ExchangeRefused(DelegationReason.OTHER_RESOURCE)
    return actor.token.reach(server)
