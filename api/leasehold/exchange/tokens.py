"""The token exchange (RFC 8693): one straight line from a subject token to an access token."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from leasehold.authn.ports import SubjectTokenVerifier
from leasehold.authn.subjects import Subject, authenticate_subject
from leasehold.exchange.claims import access_claims
from leasehold.exchange.ledger import Issue, Ledger, Note, Root, Written
from leasehold.exchange.ports import TokenMint
from leasehold.exchange.records import Decided, ExchangeRequest, first_use, issuance, new_lease, refusal
from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused
from leasehold.exchange.selection import choose_agent, choose_role
from leasehold.exchange.views import Pieces, Views
from leasehold.model.errors import Unavailable
from leasehold.model.leases import REGISTRY, Lease, Node
from leasehold.model.tokens import MAX_TOKEN_BYTES, TokenRefused
from leasehold.model.trust import WorkloadBinding
from leasehold.policy.leasing import LeaseDenied, LeasePermit, LeaseWish, decide_agent_lease, decide_registry_lease

_ATTEMPTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """An access token and what it allows. `stack` is that of a registry token."""

    access_token: str = field(repr=False)
    lease: Lease
    stack: str | None


class TokenExchange:
    """Exchanges subject tokens. `registry` is the audience of registry tokens."""

    def __init__(
        self,
        *,
        issuer: str,
        registry: str,
        verifier: SubjectTokenVerifier,
        mint: TokenMint,
        views: Views,
        ledger: Ledger,
    ) -> None:
        self._issuer = issuer
        self._registry = registry
        self._verifier = verifier
        self._mint = mint
        self._views = views
        self._ledger = ledger

    async def exchange(self, request: ExchangeRequest, now: datetime) -> Issued:
        """A token as asked for. Raises `ExchangeRefused`, which is on record then; `Unavailable`."""
        sequence: int | None = self._views.pieces.sequence
        for _ in range(_ATTEMPTS):
            pieces, subject = self._views.pieces, None
            try:
                subject = await self._authenticate(request, pieces, now)
                decided = await self._decide(request, subject, pieces, now)
                issued = await self._issue(request, subject, decided, now, sequence)
            except ExchangeRefused as refused:
                if refused.reason is ExchangeReason.REPLAYED:
                    raise
                # What is kept may be older than a write that its caller knows to be done: look again, then say no.
                if sequence is None or not await self._views.refresh(pieces):
                    await self._ledger.write(Note(refusal(request, subject, refused.reason, now)))
                    raise
            else:
                if issued is not None:
                    return issued
                await self._views.forget(pieces)
            sequence = None  # read after the request came in: as new as anybody can ask for
        raise Unavailable("the registry is changing too fast; nothing was issued")

    async def _authenticate(self, request: ExchangeRequest, pieces: Pieces, now: datetime) -> Subject:
        issuers = await self._views.issuers(pieces)
        try:
            return await authenticate_subject(request.subject_token, issuers, self._verifier, now)
        except TokenRefused as refused:
            raise ExchangeRefused(refused.flaw) from refused

    async def _decide(self, request: ExchangeRequest, subject: Subject, pieces: Pieces, now: datetime) -> Decided:
        view = await self._views.bindings(pieces, subject.trust_issuer)
        wish = LeaseWish(
            resource=request.resource,
            scopes=request.scopes,
            subject_expires_at=subject.verified.expires_at,
            proposes=subject.proposes,
        )
        if request.resource == self._registry:
            name, binding = choose_role(view.bindings, subject, request.stack)
            return _decided(decide_registry_lease(name, binding, wish, now), name, binding, view.generations)
        name, binding = choose_agent(view.bindings, subject, request.agent)
        agent = await self._views.agent(pieces, binding.agent or "")
        if agent is None:
            raise ExchangeRefused(ExchangeReason.AGENT_GONE)
        decision = decide_agent_lease(agent.facts, name, binding, wish, now)
        return _decided(decision, name, binding, {**view.generations, **agent.generations})

    async def _issue(
        self, request: ExchangeRequest, subject: Subject, decided: Decided, now: datetime, sequence: int | None
    ) -> Issued | None:
        """The token, durably on record; None if the world has moved since it was decided."""
        permit, nodes = decided.permit, (REGISTRY, *decided.permit.nodes)
        unwritten = tuple(node for node in nodes if node not in decided.generations)
        if unwritten:
            await self._ledger.write(Root(unwritten))
            return None
        lease = new_lease(decided, secrets.token_hex(16), now)
        token = await self._mint.sign(access_claims(self._issuer, permit, lease, decided.binding))
        if len(token) > MAX_TOKEN_BYTES:  # nobody, ourselves included, would take it
            raise ExchangeRefused(ExchangeReason.TOKEN_TOO_LARGE)
        lease = replace(lease, token_sha256=hashlib.sha256(token.encode()).hexdigest())
        entry = Issue(
            permit=permit,
            lease=lease,
            generations={ancestor.node: ancestor.generation for ancestor in lease.ancestors},
            sequence=sequence,
            first_use=first_use(subject),
            event=issuance(request, subject, decided, lease),
        )
        written = await self._ledger.write(entry)
        if written is Written.REPLAYED:
            raise ExchangeRefused(ExchangeReason.REPLAYED)
        if written is Written.STALE:
            return None
        return Issued(access_token=token, lease=lease, stack=decided.binding.stack)


def _decided(
    decision: LeasePermit | LeaseDenied, name: str, binding: WorkloadBinding, generations: Mapping[Node, int]
) -> Decided:
    if isinstance(decision, LeaseDenied):
        raise ExchangeRefused(decision.reason)
    return Decided(decision, name, binding, generations)
