"""Agents on behalf of people: `sub` is the person, `act` the agent, and neither gets more than both allow."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from leasehold.authn.clients import ClientCredential
from leasehold.authn.people import Person, authenticate_id_jag
from leasehold.authn.ports import SubjectTokenVerifier
from leasehold.authn.registry_tokens import LEASE_CLAIM
from leasehold.exchange.claims import GROUPS_CLAIM, access_claims
from leasehold.exchange.client_credentials import ClientRequest, client_refusal, decided_for, key_of, uses_of
from leasehold.exchange.clients import Client, Clients, checked_grant
from leasehold.exchange.issuing import Draft, Issued, Issuing
from leasehold.exchange.ledger import End, Ledger
from leasehold.exchange.metadata import AUTHORIZATION_CODE, JWT_BEARER
from leasehold.exchange.ports import Store
from leasehold.exchange.records import lease_of
from leasehold.exchange.refresh_tokens import (
    NewRefreshToken,
    RefreshTokens,
    Renewal,
    about_person,
    login_of_user,
    standing,
)
from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused, Reason
from leasehold.exchange.tasks import Tasks
from leasehold.exchange.views import Pieces, Views
from leasehold.model.consents import Consent, Pending, Stage, digest_of, nodes_of_person
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.leases import REGISTRY, Lease, Node, consent_node, stood_on, user_node
from leasehold.model.possession import FirstUse, Possession
from leasehold.model.registrations import REFRESH_TOKEN_GRANT
from leasehold.model.tasks import TaskWish
from leasehold.model.tokens import TokenRefused, UnverifiedToken
from leasehold.policy.leasing import LeasePermit, decide_end_of_lease
from leasehold.policy.wishes import ActingFor

_LEASE_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRequest:
    """A code that came back from a person, with what proves that it came back to whoever asked."""

    credential: ClientCredential
    code: str = field(repr=False)
    redirect_uri: str
    verifier: str = field(repr=False)
    resource: str | None = None
    proof: Possession | None = None
    task: TaskWish | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertionRequest:
    """An issuer's word that a person lets this client act (RFC 7523 §2.1, ID-JAG)."""

    credential: ClientCredential
    assertion: UnverifiedToken = field(repr=False)
    resource: str | None = None
    scopes: frozenset[str] | None = None
    proof: Possession | None = None
    task: TaskWish | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """On whose behalf, for what at most, and what else the lease hangs on and uses up."""

    person: str
    resource: str
    at_most: frozenset[str] | None
    scopes: frozenset[str] | None
    nodes: tuple[Node, ...]
    generations: Mapping[Node, int]
    uses: tuple[FirstUse, ...]
    lease_id: str | None = None
    renewal: Renewal | None = None
    groups: frozenset[str] = frozenset()
    details: object = None


class OnBehalf:
    """Issues to agents that act for people."""

    def __init__(  # noqa: PLR0913  the whole token service stands behind it
        self,
        *,
        issuer: str,
        clients: Clients,
        verifier: SubjectTokenVerifier,
        views: Views,
        store: Store,
        ledger: Ledger,
        issuing: Issuing,
        refresh: RefreshTokens,
    ) -> None:
        self._issuer = issuer
        self._refresh = refresh
        self._clients = clients
        self._verifier = verifier
        self._views = views
        self._store = store
        self._ledger = ledger
        self._issuing = issuing
        self._tasks = Tasks(views=views, ledger=ledger)

    async def redeem_code(self, request: CodeRequest, now: datetime) -> Issued:
        """A token for a code. One that comes twice ends what it brought (RFC 6749 §4.1.2). Raises `ExchangeRefused`."""
        attempt = _ByCode(self, request)
        try:
            return await self._issuing.issue(attempt, now)
        except ExchangeRefused as refused:
            if refused.reason in {ExchangeReason.REPLAYED, ExchangeReason.CODE_GONE} and attempt.client is not None:
                lease_id = lease_of_code(request.code)
                event = AuditEvent(
                    at=now,
                    principal=f"agent:{attempt.client.agent}",
                    action="revoke",
                    kind="leases",
                    name=lease_id,
                    outcome=Outcome.OK,
                    reason=refused.reason.value,
                )
                await self._ledger.write(End(decide_end_of_lease(lease_id), event))
            raise

    async def redeem_assertion(self, request: AssertionRequest, now: datetime) -> Issued:
        """A token for an issuer's word. Raises `ExchangeRefused`."""
        return await self._issuing.issue(_ByAssertion(self, request), now)

    async def client(self, credential: ClientCredential, grant: str, pieces: Pieces, now: datetime) -> Client:
        """Who asks. Raises `ExchangeRefused`."""
        return checked_grant(await self._clients.authenticate(credential, pieces, now), grant)

    async def mandate_of_code(self, request: CodeRequest, client: Client, pieces: Pieces, now: datetime) -> Mandate:
        """What a code stands for. Raises `ExchangeRefused`."""
        found = await asyncio.to_thread(self._read_code, request.code)
        if found is None or now >= found[0].expires_at:
            raise ExchangeRefused(ExchangeReason.CODE_GONE)
        pending, consent, generations = found
        if request.resource not in {None, pending.resource}:  # RFC 8707 §2.2: the code is for the one that was shown
            raise ExchangeRefused(ExchangeReason.OTHER_RESOURCE)
        if not _fits(pending, request, client):
            raise ExchangeRefused(ExchangeReason.CODE_REFUSED)
        if consent is None or consent.revoked_at is not None:
            raise ExchangeRefused(ExchangeReason.NO_CONSENT)
        issuer = login_of_user(consent.user, await self._views.issuers(pieces))
        if issuer is None:
            raise ExchangeRefused(ExchangeReason.CODE_REFUSED)  # whoever said who this is is not believed any more
        lease_id, at_most = lease_of_code(request.code), pending.scopes & consent.scopes
        renewal = None
        if client.metadata.public and REFRESH_TOKEN_GRANT in client.metadata.grants:
            renewal = self._refresh.family(lease_id, at_most, issuer.groups_claim or "", now)
        return Mandate(
            person=consent.user,
            resource=pending.resource,
            at_most=at_most,
            scopes=None,
            nodes=(*nodes_of_person(consent.user), consent_node(consent.user, pending.agent, pending.resource)),
            generations=generations,
            uses=(FirstUse("code", pending.digest, pending.expires_at),),
            lease_id=lease_id,
            renewal=renewal,
            groups=frozenset(json.loads(pending.get("groups") or "[]")),
        )

    async def mandate_of_assertion(
        self, request: AssertionRequest, client: Client, pieces: Pieces, now: datetime
    ) -> Mandate:
        """What an assertion stands for. Raises `ExchangeRefused`."""
        issuers = await self._views.issuers(pieces)
        try:
            person = await authenticate_id_jag(
                request.assertion,
                issuers,
                audience=self._issuer,
                client_id=client.metadata.client_id,
                verifier=self._verifier,
                now=now,
            )
        except TokenRefused as refused:
            raise ExchangeRefused(refused.flaw) from refused
        if person.key is not None and person.key != key_of(request.proof):
            raise ExchangeRefused(ExchangeReason.CODE_REFUSED)
        return Mandate(
            person=person.id,
            resource=_resource(person, request),
            at_most=person.scopes,
            scopes=request.scopes,
            nodes=nodes_of_person(person.id),
            generations=await asyncio.to_thread(self._generations, person),
            uses=(person.first_use,) if person.first_use is not None else (),
            groups=person.groups,
            details=person.details,
        )

    async def draft(
        self, request: PersonRequest, client: Client, mandate: Mandate, now: datetime, wish: TaskWish | None = None
    ) -> Draft:
        """The token of a person's mandate, for the task of `wish`. Raises `ExchangeRefused`."""
        proof, task = request.proof, wish.id if wish is not None else None
        hold = replace(client.hold, nodes=(*client.hold.nodes, *mandate.nodes))
        asked = ClientRequest(
            credential=request.credential,
            resource=mandate.resource,
            scopes=mandate.scopes,
            details=mandate.details,
            proof=proof,
        )
        acting = ActingFor(user=mandate.person, groups=mandate.groups)
        decided = decided_for(replace(client, hold=hold), asked, now, at_most=mandate.at_most, acting=acting)
        known, key = {**client.generations, **mandate.generations}, key_of(proof)
        permit, generations = await self._tasks.held(wish, decided, known, now)
        return Draft(
            permit=permit,
            generations=generations,
            lease=lambda lease_id, place: lease_of(
                permit, generations, client.binding, mandate.person, mandate.lease_id or lease_id, place, now, task
            ),
            claims=lambda lease: {
                **_bounded(access_claims(self._issuer, permit, lease, None, key), client),
                "client_id": client.metadata.client_id,  # RFC 9068 §2.2: the client that asked
                "act": {"sub": f"agent:{client.agent}"},  # RFC 8693 §4.1
                **({GROUPS_CLAIM: sorted(mandate.groups)} if mandate.groups else {}),
            },
            event=lambda lease: _issuance(client, mandate, lease),
            first_uses=(*uses_of(client, proof), *mandate.uses),
            key=key,
            spent=mandate.renewal.spent if mandate.renewal is not None else None,
            refresh=self._following(client, mandate, permit, generations, key),
        )

    def _following(
        self, client: Client, mandate: Mandate, permit: LeasePermit, generations: Mapping[Node, int], key: str | None
    ) -> NewRefreshToken | None:
        """The refresh token that comes with the token, if one does. Raises `ExchangeRefused` once its family fell."""
        renewal = mandate.renewal
        # A node that was never written as far as is known here: nothing is issued before it is, and decided anew.
        if renewal is None or any(node not in generations for node in (REGISTRY, *permit.nodes)):
            return None
        stands = standing(permit, generations)
        if renewal.stands not in {None, stands}:
            raise ExchangeRefused(ExchangeReason.REFRESH_GONE)
        about = about_person(client.metadata.client_id, mandate.person, mandate.groups, renewal.claim)
        bound = replace(renewal, key=renewal.key or key or "")  # RFC 9449 §5: to the key of the first proof
        return self._refresh.following(bound, client.agent, mandate.resource, about, stands)

    def _read_code(self, code: str) -> tuple[Pending, Consent | None, Mapping[Node, int]] | None:
        with self._store.read() as unit:
            pending = unit.authorizations.find(digest_of(code), Stage.CODE)
            if pending is None:
                return None
            user = pending.get("user")
            stood = stood_on(pending.get("stands"))
            nodes = {REGISTRY, *nodes_of_person(user), consent_node(user, pending.agent, pending.resource), *stood}
            consent = unit.consents.find(user, pending.agent, pending.resource)
            found = unit.nodes.generations(nodes)
            if not stood or not stood.items() <= found.items():
                raise ExchangeRefused(ExchangeReason.REVOKED)  # after the login, and before this
            return pending, consent, found

    def _generations(self, person: Person) -> Mapping[Node, int]:
        """Raises `ExchangeRefused` if the person was revoked after their issuer vouched for them."""
        node = user_node(person.id)
        with self._store.read() as unit:
            if unit.revocations.ended_since((REGISTRY, node), person.issued_at):
                raise ExchangeRefused(ExchangeReason.REVOKED)
            return unit.nodes.generations((REGISTRY, *nodes_of_person(person.id)))


class PersonRequest(Protocol):
    """What every request for a person has in common."""

    @property
    def credential(self) -> ClientCredential: ...
    @property
    def proof(self) -> Possession | None: ...


class _ByCode:
    """One code. Remembers the client, once it is known."""

    def __init__(self, service: OnBehalf, request: CodeRequest) -> None:
        self._service = service
        self._request = request
        self.client: Client | None = None

    async def draft(self, pieces: Pieces, now: datetime) -> Draft:
        self.client = None
        request = self._request
        self.client = await self._service.client(request.credential, AUTHORIZATION_CODE, pieces, now)
        mandate = await self._service.mandate_of_code(request, self.client, pieces, now)
        return await self._service.draft(request, self.client, mandate, now, request.task)

    def refusal(self, reason: Reason, now: datetime) -> AuditEvent:
        return client_refusal("authorization-code", self._request.credential, self.client, reason, now)


class _ByAssertion:
    """One assertion. Remembers the client, once it is known."""

    def __init__(self, service: OnBehalf, request: AssertionRequest) -> None:
        self._service = service
        self._request = request
        self._client: Client | None = None

    async def draft(self, pieces: Pieces, now: datetime) -> Draft:
        self._client = None
        request = self._request
        self._client = await self._service.client(request.credential, JWT_BEARER, pieces, now)
        mandate = await self._service.mandate_of_assertion(request, self._client, pieces, now)
        return await self._service.draft(request, self._client, mandate, now, request.task)

    def refusal(self, reason: Reason, now: datetime) -> AuditEvent:
        return client_refusal("jwt-bearer", self._request.credential, self._client, reason, now)


def lease_of_code(code: str) -> str:
    """The id of the lease that a code brings: whoever brings the code again names the lease to end."""
    return digest_of(f"lease:{code}")[:_LEASE_DIGITS]


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 §4.2)."""
    digest = hashlib.sha256(verifier.encode(errors="replace")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _fits(pending: Pending, request: CodeRequest, client: Client) -> bool:
    return (
        pending.agent == client.agent
        and pending.get("client") == client.metadata.client_id  # RFC 6749 §4.1.3: to whom it was issued
        and pending.redirect_uri == request.redirect_uri
        and pending.get("key") in {"", key_of(request.proof)}  # RFC 9449 §10
        and hmac.compare_digest(pending.challenge.encode(), challenge_of(request.verifier).encode())
    )


def _bounded(claims: dict[str, object], client: Client) -> dict[str, object]:
    """The claims, and no delegation from what a public client holds: whoever has it could be anybody."""
    about = claims[LEASE_CLAIM]
    if client.metadata.public and isinstance(about, dict):
        about["dmax"] = 0
    return claims


def _resource(person: Person, request: AssertionRequest) -> str:
    wanted = {request.resource} if request.resource is not None else person.resources
    if len(wanted) != 1 or not wanted <= (person.resources or wanted):
        raise ExchangeRefused(ExchangeReason.CODE_REFUSED)
    return next(iter(wanted))


def _issuance(client: Client, mandate: Mandate, lease: Lease) -> AuditEvent:
    detail = {
        "client_id": client.metadata.client_id,
        "method": client.method,
        "resource": lease.audience,
        "deployment": lease.deployment,
        "task": lease.task,
        "scopes": sorted(lease.scopes),
        "expires_at": lease.expires_at.isoformat(),
        **({"family": mandate.renewal.root} if mandate.renewal is not None else {}),
        **({"groups": sorted(mandate.groups)} if mandate.groups else {}),
    }
    return AuditEvent(
        at=lease.issued_at,
        principal=lease.subject,
        action="refresh" if mandate.renewal is not None and mandate.renewal.spent is not None else "on-behalf",
        kind="leases",
        name=lease.id,
        outcome=Outcome.OK,
        detail=detail,
    )
