"""Who a sub-agent is: its own workload proves it, or a token of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from leasehold.authn.ports import SubjectTokenVerifier
from leasehold.authn.subjects import authenticate_subject
from leasehold.exchange.holds import Holds
from leasehold.exchange.own_tokens import AgentToken, AgentTokens
from leasehold.exchange.records import first_use
from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused
from leasehold.exchange.selection import choose_agent
from leasehold.exchange.views import Pieces, Views
from leasehold.model.leases import Node, binding_node, lease_node
from leasehold.model.possession import FirstUse
from leasehold.model.tokens import Flaw, TokenRefused, UnverifiedToken
from leasehold.policy.delegating import DelegationReason
from leasehold.policy.leasing import Hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A sub-agent that proved who it is. `token` is its own access token, if that was the proof."""

    agent: str
    hold: Hold
    binding: str
    expires_at: datetime
    generations: Mapping[Node, int]
    proposes: bool = False
    token: AgentToken | None = None
    first_use: FirstUse | None = None


class Actors:
    """Finds out who acts."""

    def __init__(self, *, tokens: AgentTokens, verifier: SubjectTokenVerifier, views: Views, holds: Holds) -> None:
        self._tokens = tokens
        self._verifier = verifier
        self._views = views
        self._holds = holds

    async def by_own_token(self, token: UnverifiedToken, agent: str | None, key: str | None, now: datetime) -> Actor:
        """The agent of an access token of ours; `agent`, if said, must be it. Raises `ExchangeRefused`."""
        found = await self._tokens.read(token, now)
        if found.actors:  # it acts for somebody already: one lease has one parent
            raise ExchangeRefused(DelegationReason.ACTOR_DELEGATED)
        if agent not in {None, found.agent}:
            raise ExchangeRefused(ExchangeReason.NO_BINDING)
        if found.key is not None and found.key != key:
            raise ExchangeRefused(Flaw.BAD_CLAIM)
        above = {ancestor.node: ancestor.generation for ancestor in found.lease.ancestors}
        own = lease_node(found.lease.id)
        return Actor(
            agent=found.agent,
            hold=Hold((*above, own), found.lease.deployment),
            binding=found.lease.binding,
            expires_at=found.lease.expires_at,
            generations={**above, own: 0},
            token=found,
        )

    async def by_workload(self, token: UnverifiedToken, agent: str | None, pieces: Pieces, now: datetime) -> Actor:
        """The agent that a workload is bound to; `agent` settles which. Raises `ExchangeRefused`."""
        issuers = await self._views.issuers(pieces)
        try:
            subject = await authenticate_subject(token, issuers, self._verifier, now)
        except TokenRefused as refused:
            raise ExchangeRefused(refused.flaw) from refused
        view = await self._views.bindings(pieces, subject.trust_issuer)
        name, binding = choose_agent(view.near(subject), subject, agent)
        held = await self._holds.of(subject, pieces)
        return Actor(
            agent=binding.agent or "",
            hold=Hold((binding_node(name), *held), binding.deployment),
            binding=name,
            expires_at=subject.verified.expires_at,
            generations={**view.generations_of(name), **held},
            proposes=subject.proposes,
            first_use=first_use(subject),
        )
