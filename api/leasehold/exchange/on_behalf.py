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

from leasehold.authn.clients import ClientCredential
from leasehold.authn.people import Person, authenticate_id_jag, issuer_of_user
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
from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused, Reason
from leasehold.exchange.tasks import Tasks
from leasehold.exchange.views import Issuers, Pieces, Views
from leasehold.model.consents import Consent, Pending, Stage
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.leases import REGISTRY, Lease, Node, consent_node, user_node
from leasehold.model.possession import FirstUse, Possession
from leasehold.model.tasks import TaskWish
from leasehold.model.tokens import TokenRefused, UnverifiedToken
from leasehold.policy.leasing import decide_end_of_lease
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
class _Mandate:
    """On whose behalf, for what at most, and what else the lease hangs on and uses up."""

    person: str
    resource: str
    at_most: frozenset[str] | None
    scopes: frozenset[str] | None
    nodes: tuple[Node, ...]
    generations: Mapping[Node, int]
    uses: tuple[FirstUse, ...]
    lease_id: str | None = None
    groups: frozenset[str] = frozenset()


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
    ) -> None:
        self._issuer = issuer
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

    async def mandate_of_code(self, request: CodeRequest, client: Client, pieces: Pieces, now: datetime) -> _Mandate:
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
        if not _logs_people_in(await self._views.issuers(pieces), issuer_of_user(consent.user)):
            raise ExchangeRefused(ExchangeReason.CODE_REFUSED)  # whoever said who this is is not believed any more
        return _Mandate(
            person=consent.user,
            resource=pending.resource,
            at_most=pending.scopes & consent.scopes,
            scopes=None,
            nodes=(user_node(consent.user), consent_node(consent.user, pending.agent, pending.resource)),
            generations=generations,
            uses=(FirstUse("code", pending.digest, pending.expires_at),),
            lease_id=lease_of_code(request.code),
            groups=frozenset(json.loads(pending.get("groups") or "[]")),
        )

    async def mandate_of_assertion(
        self, request: AssertionRequest, client: Client, pieces: Pieces, now: datetime
    ) -> _Mandate:
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
        nodes = (user_node(person.id),)
        return _Mandate(
            person=person.id,
            resource=_resource(person, request),
            at_most=person.scopes,
            scopes=request.scopes,
            nodes=nodes,
            generations=await asyncio.to_thread(self._generations, nodes),
            uses=(person.first_use,) if person.first_use is not None else (),
            groups=person.groups,
        )

    async def draft(
        self, request: CodeRequest | AssertionRequest, client: Client, mandate: _Mandate, now: datetime
    ) -> Draft:
        """The token of a person's mandate. Raises `ExchangeRefused`."""
        proof, task = request.proof, request.task.id if request.task is not None else None
        hold = replace(client.hold, nodes=(*client.hold.nodes, *mandate.nodes))
        asked = ClientRequest(
            credential=request.credential, resource=mandate.resource, scopes=mandate.scopes, proof=proof
        )
        acting = ActingFor(user=mandate.person, groups=mandate.groups)
        decided = decided_for(replace(client, hold=hold), asked, now, at_most=mandate.at_most, acting=acting)
        known, key = {**client.generations, **mandate.generations}, key_of(proof)
        permit, generations = await self._tasks.held(request.task, decided, known, now)
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
        )

    def _read_code(self, code: str) -> tuple[Pending, Consent | None, Mapping[Node, int]] | None:
        with self._store.read() as unit:
            pending = unit.authorizations.find(digest_of(code), Stage.CODE)
            if pending is None:
                return None
            user = pending.get("user")
            nodes = (REGISTRY, user_node(user), consent_node(user, pending.agent, pending.resource))
            consent = unit.consents.find(user, pending.agent, pending.resource)
            return pending, consent, unit.nodes.generations(nodes)

    def _generations(self, nodes: tuple[Node, ...]) -> Mapping[Node, int]:
        with self._store.read() as unit:
            return unit.nodes.generations((REGISTRY, *nodes))


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
        return await self._service.draft(request, self.client, mandate, now)

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
        return await self._service.draft(request, self._client, mandate, now)

    def refusal(self, reason: Reason, now: datetime) -> AuditEvent:
        return client_refusal("jwt-bearer", self._request.credential, self._client, reason, now)


def _logs_people_in(issuers: Issuers, name: str) -> bool:
    return any(one == name and spec.login is not None for named in issuers.values() for one, spec in named)


def digest_of(secret: str) -> str:
    """What is kept of a secret that leads on."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


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
    resource = request.resource or person.resource
    if resource is None or person.resource not in {None, resource}:
        raise ExchangeRefused(ExchangeReason.CODE_REFUSED)
    return resource


def _issuance(client: Client, mandate: _Mandate, lease: Lease) -> AuditEvent:
    detail = {
        "client_id": client.metadata.client_id,
        "method": client.method,
        "resource": lease.audience,
        "deployment": lease.deployment,
        "task": lease.task,
        "scopes": sorted(lease.scopes),
        "expires_at": lease.expires_at.isoformat(),
        **({"groups": sorted(mandate.groups)} if mandate.groups else {}),
    }
    return AuditEvent(
        at=lease.issued_at,
        principal=lease.subject,
        action="on-behalf",
        kind="leases",
        name=lease.id,
        outcome=Outcome.OK,
        detail=detail,
    )
