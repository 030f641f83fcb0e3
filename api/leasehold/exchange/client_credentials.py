"""An agent for itself (RFC 6749 §4.4): authenticated as a client, it leases what it may reach on one tool server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from leasehold.authn.clients import ClientCredential
from leasehold.exchange.claims import access_claims
from leasehold.exchange.clients import Client, Clients, checked_grant, credential_digest
from leasehold.exchange.details import wanted_reach
from leasehold.exchange.issuing import Draft, Issued, Issuing
from leasehold.exchange.records import ANONYMOUS, lease_of, printable
from leasehold.exchange.refusals import ExchangeRefused, Reason
from leasehold.exchange.tasks import Tasks
from leasehold.exchange.views import Pieces
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.leases import Lease
from leasehold.model.people import TTL_MAX_SECONDS
from leasehold.model.possession import FirstUse, Possession
from leasehold.model.tasks import TaskWish
from leasehold.policy.leasing import LeasePermit, decide_lease
from leasehold.policy.wishes import ITSELF, ActingFor, LeaseDenied, LeaseWish


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRequest:
    """What an authenticated client asks for. `scopes` None asks for all there is.

    `asks`: only what could be issued is asked, with the proof of a key still to come.
    """

    credential: ClientCredential
    resource: str
    scopes: frozenset[str] | None = None
    details: object = None
    proof: Possession | None = None
    asks: bool = False
    task: TaskWish | None = None


class ClientCredentials:
    """Issues to agents that authenticate as clients."""

    def __init__(self, *, issuer: str, clients: Clients, issuing: Issuing, tasks: Tasks) -> None:
        self._issuer = issuer
        self._clients = clients
        self._issuing = issuing
        self._tasks = tasks

    async def grant(self, request: ClientRequest, now: datetime) -> Issued:
        """A token. Raises `ExchangeRefused`, which is on record then; `Unavailable`."""
        return await self._issuing.issue(_Grant(self, request), now)

    async def draft(self, request: ClientRequest, client: Client, now: datetime) -> Draft:
        """What an authenticated client is given. Raises `ExchangeRefused`."""
        permit, generations = await self._tasks.held(
            request.task, decided_for(client, request, now), client.generations, now
        )
        key, task = key_of(request.proof), request.task.id if request.task is not None else None
        return Draft(
            permit=permit,
            generations=generations,
            lease=lambda lease_id, place: lease_of(
                permit, generations, client.binding, f"agent:{client.agent}", lease_id, place, now, task
            ),
            claims=lambda lease: {
                **access_claims(self._issuer, permit, lease, None, key),
                "client_id": client.metadata.client_id,  # RFC 9068 §2.2: the client that asked
            },
            event=lambda lease: _issuance(request, client, lease),
            first_uses=uses_of(client, request.proof),
            key=key,
        )

    async def authenticate(self, request: ClientRequest, pieces: Pieces, now: datetime) -> Client:
        """The client. Raises `ExchangeRefused`."""
        return checked_grant(await self._clients.authenticate(request.credential, pieces, now), "client_credentials")


class _Grant:
    """One request. Remembers the client, once it is known, for the audit log."""

    def __init__(self, grants: ClientCredentials, request: ClientRequest) -> None:
        self._grants = grants
        self._request = request
        self._client: Client | None = None

    async def draft(self, pieces: Pieces, now: datetime) -> Draft:
        self._client = None
        self._client = await self._grants.authenticate(self._request, pieces, now)
        return await self._grants.draft(self._request, self._client, now)

    def refusal(self, reason: Reason, now: datetime) -> AuditEvent:
        return client_refusal("client-credentials", self._request.credential, self._client, reason, now)


def decided_for(
    client: Client,
    request: ClientRequest,
    now: datetime,
    *,
    at_most: frozenset[str] | None = None,
    acting: ActingFor = ITSELF,
) -> LeasePermit:
    """The permit of a client, no more than what a person consented to. Raises `ExchangeRefused`."""
    wish = LeaseWish(
        resource=request.resource,
        scopes=request.scopes,
        reach=wanted_reach(request.details, request.resource, client.view.facts.servers),
        subject_expires_at=client.ends_at or now + timedelta(seconds=TTL_MAX_SECONDS),
        proposes=client.proposes,
        at_most=at_most,
        proven=request.proof is not None or request.asks,
        acting=acting,
    )
    decision = decide_lease(client.view.facts, client.hold, wish, now)
    if isinstance(decision, LeaseDenied):
        raise ExchangeRefused(decision.reason)
    return decision


def uses_of(client: Client, proof: Possession | None) -> tuple[FirstUse, ...]:
    """What a request uses up: the assertion of the client, and the proof of its key."""
    return (*client.first_uses, *((proof.first_use,) if proof is not None else ()))


def key_of(proof: Possession | None) -> str | None:
    """The key to bind to."""
    return proof.key if proof is not None else None


def client_refusal(
    action: str, credential: ClientCredential, client: Client | None, reason: Reason, now: datetime
) -> AuditEvent:
    """No token was issued to a client, and why."""
    asked = {"client_id": printable(credential.client_id or ""), "assertion_sha256": credential_digest(credential)}
    return AuditEvent(
        at=now,
        principal=f"agent:{client.agent}" if client is not None else ANONYMOUS,
        action=action,
        kind="leases",
        name="",
        outcome=Outcome.DENIED,
        reason=reason.value,
        detail=asked,
    )


def _issuance(request: ClientRequest, client: Client, lease: Lease) -> AuditEvent:
    detail = {
        "client_id": client.metadata.client_id,
        "method": client.method,
        "assertion_sha256": credential_digest(request.credential),
        "resource": lease.audience,
        "deployment": lease.deployment,
        "task": lease.task,
        "scopes": sorted(lease.scopes),
        "expires_at": lease.expires_at.isoformat(),
    }
    return AuditEvent(
        at=lease.issued_at,
        principal=lease.subject,
        action="client-credentials",
        kind="leases",
        name=lease.id,
        outcome=Outcome.OK,
        detail=detail,
    )
