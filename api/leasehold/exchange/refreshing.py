"""The refresh token grant (RFC 6749 §6): a public client goes on for a person who was asked, while that stands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.authn.clients import ClientCredential
from leasehold.exchange.client_credentials import client_refusal, key_of
from leasehold.exchange.clients import Client
from leasehold.exchange.issuing import Draft, Issued, Issuing
from leasehold.exchange.ledger import End, Ledger
from leasehold.exchange.on_behalf import Mandate, OnBehalf
from leasehold.exchange.ports import Store
from leasehold.exchange.records import ANONYMOUS
from leasehold.exchange.refresh_tokens import RefreshTokens, Renewal, login_of_user
from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused, Reason
from leasehold.exchange.views import Pieces, Views
from leasehold.model.consents import Consent, Pending, Stage, digest_of, nodes_of_person
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.leases import REGISTRY, Node, consent_node, lease_node
from leasehold.model.possession import Possession
from leasehold.model.registrations import REFRESH_TOKEN_GRANT
from leasehold.policy.leasing import decide_end_of_lease
from leasehold.policy.wishes import LeaseReason


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshRequest:
    """A refresh token that came back; less may be asked for than it can bring, and nothing else."""

    credential: ClientCredential
    token: str = field(repr=False)
    resource: str | None = None
    scopes: frozenset[str] | None = None
    proof: Possession | None = None


class Refreshing:
    """Issues to public clients that were let in before."""

    def __init__(
        self,
        *,
        on_behalf: OnBehalf,
        tokens: RefreshTokens,
        views: Views,
        store: Store,
        ledger: Ledger,
        issuing: Issuing,
    ) -> None:
        self._on_behalf = on_behalf
        self._views = views
        self._tokens = tokens
        self._store = store
        self._ledger = ledger
        self._issuing = issuing

    async def refresh(self, request: RefreshRequest, now: datetime) -> Issued:
        """A token, and the next refresh token. One that comes twice ends its family. Raises `ExchangeRefused`."""
        try:
            return await self._issuing.issue(_ByRefreshToken(self, request), now)
        except ExchangeRefused as refused:
            if refused.reason in {ExchangeReason.REPLAYED, ExchangeReason.REFRESH_REUSED}:
                await self.end(request.token, refused.reason.value, now)
            raise

    async def end(self, unverified_token: str, reason: str, now: datetime) -> bool:
        """End the family of a token of ours, durably when this returns; False if it is none (RFC 7009 §2.1)."""
        root = self._tokens.root_of(unverified_token, now)
        if root is None:
            return False
        event = AuditEvent(
            at=now, principal=ANONYMOUS, action="revoke", kind="leases", name=root, outcome=Outcome.OK, reason=reason
        )
        await self._ledger.write(End(decide_end_of_lease(root), event))
        return True

    async def client(self, request: RefreshRequest, pieces: Pieces, now: datetime) -> Client:
        """Who asks. Raises `ExchangeRefused`."""
        return await self._on_behalf.client(request.credential, REFRESH_TOKEN_GRANT, pieces, now)

    async def draft(self, request: RefreshRequest, client: Client, pieces: Pieces, now: datetime) -> Draft:
        """What the token brings. Raises `ExchangeRefused`."""
        root = self._tokens.root_of(request.token, now)
        if root is None:
            raise ExchangeRefused(ExchangeReason.REFRESH_GONE)
        found = await asyncio.to_thread(self._read, request.token, root)
        if found is None:  # we made it, and it is not the one that is good
            raise ExchangeRefused(ExchangeReason.REFRESH_REUSED)
        pending, consent, generations = found
        _check(pending, request, client)
        if consent is None or consent.revoked_at is not None:
            raise ExchangeRefused(ExchangeReason.NO_CONSENT)
        user = pending.get("user")
        issuer = login_of_user(user, await self._views.issuers(pieces))
        # Whoever vouched for the person must still do so, and name groups as it did.
        if issuer is None or (issuer.groups_claim or "") != pending.get("claim") or generations[lease_node(root)]:
            raise ExchangeRefused(ExchangeReason.REFRESH_GONE)
        mandate = Mandate(
            person=user,
            resource=pending.resource,
            at_most=pending.scopes & consent.scopes,
            scopes=request.scopes,
            nodes=(*nodes_of_person(user), consent_node(user, pending.agent, pending.resource), lease_node(root)),
            generations=generations,
            uses=(),
            groups=frozenset(json.loads(pending.get("groups") or "[]")),
            renewal=Renewal(
                root=root,
                until=pending.expires_at,
                scopes=pending.scopes,
                claim=pending.get("claim"),
                key=pending.get("key"),
                stands=pending.get("stands"),
                spent=pending.digest,
            ),
        )
        return await self._on_behalf.draft(request, client, mandate, now)

    def _read(self, token: str, root: str) -> tuple[Pending, Consent | None, Mapping[Node, int]] | None:
        with self._store.read() as unit:
            pending = unit.authorizations.find(digest_of(token), Stage.REFRESH)
            if pending is None:
                return None
            user = pending.get("user")
            consented = consent_node(user, pending.agent, pending.resource)
            nodes = (REGISTRY, *nodes_of_person(user), consented, lease_node(root))
            consent = unit.consents.find(user, pending.agent, pending.resource)
            # The node of a lease is written when it ends, and not before.
            return pending, consent, {lease_node(root): 0, **unit.nodes.generations(nodes)}


class _ByRefreshToken:
    """One refresh token. Remembers the client, once it is known."""

    def __init__(self, service: Refreshing, request: RefreshRequest) -> None:
        self._service = service
        self._request = request
        self._client: Client | None = None

    async def draft(self, pieces: Pieces, now: datetime) -> Draft:
        self._client = None
        self._client = await self._service.client(self._request, pieces, now)
        return await self._service.draft(self._request, self._client, pieces, now)

    def refusal(self, reason: Reason, now: datetime) -> AuditEvent:
        return client_refusal("refresh", self._request.credential, self._client, reason, now)


def _check(pending: Pending, request: RefreshRequest, client: Client) -> None:
    """Raise `ExchangeRefused` unless the token is this client's, and brings what is asked for (RFC 6749 §6)."""
    own = pending.agent == client.agent and pending.get("client") == client.metadata.client_id
    bound = pending.get("key")
    if not own or (bound and bound != key_of(request.proof)):  # RFC 9449 §5
        raise ExchangeRefused(ExchangeReason.REFRESH_GONE)
    if request.resource not in {None, pending.resource}:
        raise ExchangeRefused(ExchangeReason.OTHER_RESOURCE)
    if request.scopes is not None and not request.scopes <= pending.scopes:
        raise ExchangeRefused(LeaseReason.SCOPE_EXCEEDED)
