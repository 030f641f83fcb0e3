"""The token exchange (RFC 8693): one straight line from a subject token to an access token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from leasehold.authn.ports import SubjectTokenVerifier
from leasehold.authn.subjects import Subject, authenticate_subject
from leasehold.exchange.claims import access_claims
from leasehold.exchange.details import wanted_reach
from leasehold.exchange.holds import Holds
from leasehold.exchange.issuing import Draft, Issued, Issuing
from leasehold.exchange.ledger import Ledger
from leasehold.exchange.ports import TokenMint
from leasehold.exchange.records import Decided, ExchangeRequest, first_use, issuance, new_lease, refusal
from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused, Reason
from leasehold.exchange.selection import choose_agent, choose_role
from leasehold.exchange.tasks import Tasks
from leasehold.exchange.views import Pieces, Views
from leasehold.model.events import AuditEvent
from leasehold.model.leases import Node
from leasehold.model.tokens import TokenRefused
from leasehold.model.trust import WorkloadBinding
from leasehold.policy.leasing import LeasePermit, decide_agent_lease, decide_registry_lease
from leasehold.policy.wishes import LeaseDenied, LeaseWish


class TokenExchange:
    """Exchanges subject tokens. `registry` is the audience of registry tokens."""

    def __init__(  # noqa: PLR0913  the whole token service stands behind it
        self,
        *,
        issuer: str,
        registry: str,
        verifier: SubjectTokenVerifier,
        mint: TokenMint,
        views: Views,
        ledger: Ledger,
        holds: Holds,
    ) -> None:
        self._issuer = issuer
        self._registry = registry
        self._verifier = verifier
        self._views = views
        self._holds = holds
        self._issuing = Issuing(mint=mint, views=views, ledger=ledger)
        self._tasks = Tasks(views=views, ledger=ledger)

    async def exchange(self, request: ExchangeRequest, now: datetime) -> Issued:
        """A token as asked for. Raises `ExchangeRefused`, which is on record then; `Unavailable`."""
        return await self._issuing.issue(_Exchange(self, request), now)

    async def authenticate(self, request: ExchangeRequest, pieces: Pieces, now: datetime) -> Subject:
        """The subject of a request. Raises `ExchangeRefused`."""
        issuers = await self._views.issuers(pieces)
        try:
            return await authenticate_subject(request.subject_token, issuers, self._verifier, now)
        except TokenRefused as refused:
            raise ExchangeRefused(refused.flaw) from refused

    async def decide(self, request: ExchangeRequest, subject: Subject, pieces: Pieces, now: datetime) -> Decided:
        """What a subject is given. Raises `ExchangeRefused`."""
        view = await self._views.bindings(pieces, subject.trust_issuer)
        held = await self._holds.of(subject, pieces)
        wish = LeaseWish(
            resource=request.resource,
            scopes=request.scopes,
            subject_expires_at=subject.verified.expires_at,
            proposes=subject.proposes,
            proven=request.proof is not None,
            dies_with=tuple(held),
        )
        if request.resource == self._registry:
            if request.details is not None:  # a platform role is a role, whole
                raise ExchangeRefused(ExchangeReason.DETAILS_REFUSED)
            name, binding = choose_role(view.near(subject), subject, request.stack)
            generations = {**view.generations_of(name), **held}
            return _decided(decide_registry_lease(name, binding, wish, now), name, binding, generations)
        name, binding = choose_agent(view.near(subject), subject, request.agent)
        agent = await self._views.agent(pieces, binding.agent or "")
        if agent is None:
            raise ExchangeRefused(ExchangeReason.AGENT_GONE)
        if request.details is not None:
            wish = replace(wish, reach=wanted_reach(request.details, request.resource, agent.facts.servers))
        decision = decide_agent_lease(agent.facts, name, binding, wish, now)
        return _decided(decision, name, binding, {**view.generations_of(name), **held, **agent.generations})

    async def under_task(self, request: ExchangeRequest, decided: Decided, now: datetime) -> Decided:
        """The same, held under the task asked for. Raises `ExchangeRefused`."""
        permit, generations = await self._tasks.held(request.task, decided.permit, decided.generations, now)
        return Decided(permit, decided.binding_name, decided.binding, generations)

    def draft(self, request: ExchangeRequest, subject: Subject, decided: Decided, now: datetime) -> Draft:
        """How what was decided becomes a lease and its token."""
        uses = (first_use(subject), request.proof.first_use if request.proof is not None else None)
        key = request.proof.key if request.proof is not None else None
        task = request.task.id if request.task is not None else None
        return Draft(
            permit=decided.permit,
            generations=decided.generations,
            lease=lambda lease_id, place: new_lease(decided, lease_id, place, now, task),
            claims=lambda lease: access_claims(self._issuer, decided.permit, lease, decided.binding, key),
            event=lambda lease: issuance(request, subject, decided, lease),
            first_uses=tuple(use for use in uses if use is not None),
            stack=decided.binding.stack,
            key=key,
        )


class _Exchange:
    """One exchange. Remembers the subject, once it is known, for the audit log."""

    def __init__(self, exchange: TokenExchange, request: ExchangeRequest) -> None:
        self._exchange = exchange
        self._request = request
        self._subject: Subject | None = None

    async def draft(self, pieces: Pieces, now: datetime) -> Draft:
        self._subject = None
        self._subject = await self._exchange.authenticate(self._request, pieces, now)
        decided = await self._exchange.decide(self._request, self._subject, pieces, now)
        decided = await self._exchange.under_task(self._request, decided, now)
        return self._exchange.draft(self._request, self._subject, decided, now)

    def refusal(self, reason: Reason, now: datetime) -> AuditEvent:
        return refusal(self._request, self._subject, reason, now)


def _decided(
    decision: LeasePermit | LeaseDenied, name: str, binding: WorkloadBinding, generations: Mapping[Node, int]
) -> Decided:
    if isinstance(decision, LeaseDenied):
        raise ExchangeRefused(decision.reason)
    return Decided(decision, name, binding, generations)
