"""Agents as OAuth clients: who presents this credential, and what their leases hang on."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from leasehold.authn.clients import (
    JWT_BEARER,
    JWT_SPIFFE,
    AssertionVerifier,
    ClientCredential,
    authenticate_assertion,
    is_secret,
)
from leasehold.authn.ports import SubjectTokenVerifier
from leasehold.authn.subjects import authenticate_subject
from leasehold.exchange.holds import Holds
from leasehold.exchange.open_clients import OPEN_PREFIX
from leasehold.exchange.ports import Store
from leasehold.exchange.records import first_use
from leasehold.exchange.refusals import ClientRefused, ExchangeReason, ExchangeRefused
from leasehold.exchange.registrations import Registration, Registrations, own_metadata
from leasehold.exchange.selection import choose_agent
from leasehold.exchange.views import AgentView, Pieces, Views
from leasehold.model.clients import ClientKeys
from leasehold.model.leases import Node, binding_node, client_node
from leasehold.model.possession import FirstUse
from leasehold.model.registrations import CLIENT_ID_LIMIT, PUBLIC_METHOD, ClientMetadata
from leasehold.model.subjects import IssuerType
from leasehold.model.tokens import MAX_TOKEN_BYTES, TokenRefused, UnverifiedClaims, UnverifiedToken
from leasehold.policy.leasing import Hold

_SECRETS_AT_ONCE = 2  # each check costs 16 MiB and a core for some 50 ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """An authenticated client, and the agent that it is. A lease must not outlive `ends_at` of a workload token."""

    metadata: ClientMetadata
    agent: str
    view: AgentView
    hold: Hold
    binding: str
    method: str
    generations: Mapping[Node, int]
    first_uses: tuple[FirstUse, ...] = ()
    ends_at: datetime | None = None
    proposes: bool = False


class Clients:
    """Authenticates clients. `issuer` is the one audience of their assertions."""

    def __init__(  # noqa: PLR0913  every way in which a client may prove itself
        self,
        *,
        issuer: str,
        verifier: SubjectTokenVerifier,
        assertions: AssertionVerifier,
        registrations: Registrations,
        views: Views,
        store: Store,
        holds: Holds,
    ) -> None:
        self._issuer = issuer
        self._verifier = verifier
        self._assertions = assertions
        self._registrations = registrations
        self._views = views
        self._store = store
        self._holds = holds
        self._guesses = asyncio.Semaphore(_SECRETS_AT_ONCE)

    async def authenticate(self, credential: ClientCredential, pieces: Pieces, now: datetime) -> Client:
        """The agent that presents this. Raises `ClientRefused`, alike whatever is wrong; `Unavailable`."""
        try:
            if credential.assertion is None and credential.secret is None:
                return await self._public(credential.client_id or "", pieces)
            if credential.assertion is None:
                return await self._by_secret(credential, pieces, now)
            return await self._by_assertion(credential, credential.assertion, pieces, now)
        except TokenRefused as refused:
            raise ClientRefused(refused.flaw) from refused
        except ExchangeRefused as refused:
            raise ClientRefused(refused.reason) from refused

    async def public(self, client_id: str, pieces: Pieces) -> Client:
        """The public client that this id is of; who says so may be anybody. Raises `ClientRefused`, `Unavailable`."""
        try:
            return await self._public(client_id, pieces)
        except TokenRefused as refused:
            raise ClientRefused(refused.flaw) from refused
        except ExchangeRefused as refused:
            raise ClientRefused(refused.reason) from refused

    async def _public(self, client_id: str, pieces: Pieces) -> Client:
        # An agent by its own name is never one, nor is whoever registered with a key: those have to prove it.
        if len(client_id) > CLIENT_ID_LIMIT or not client_id.startswith((OPEN_PREFIX, "https://")):
            raise ExchangeRefused(ExchangeReason.CLIENT_REFUSED)
        found = await self._registrations.find(client_id, pieces)
        if not found.metadata.public:
            raise ExchangeRefused(ExchangeReason.CLIENT_REFUSED)
        return _client(found, PUBLIC_METHOD)

    async def _by_assertion(
        self, credential: ClientCredential, assertion: UnverifiedToken, pieces: Pieces, now: datetime
    ) -> Client:
        unverified_claims = self._verifier.read(assertion)
        # A client asserts itself, and need not say so again beside it (RFC 7521 §4.2). A workload that named itself as
        # the client would not have the client's keys.
        client_id = credential.client_id or unverified_claims.subject
        if credential.assertion_type == JWT_BEARER and unverified_claims.issuer == client_id:
            return await self._by_key(unverified_claims, pieces, now)
        return await self._by_workload(credential, assertion, pieces, now)

    async def _by_key(self, unverified_claims: UnverifiedClaims, pieces: Pieces, now: datetime) -> Client:
        found = await self._registrations.find(unverified_claims.issuer, pieces)
        said = found.metadata
        keys = ClientKeys(issuer=said.client_id, jwks=said.jwks, jwks_uri=said.jwks_uri)
        use = await authenticate_assertion(
            unverified_claims, keys, issuer=self._issuer, verifier=self._assertions, now=now
        )
        return _client(found, "private_key_jwt", (use,))

    async def _by_workload(
        self, credential: ClientCredential, assertion: UnverifiedToken, pieces: Pieces, now: datetime
    ) -> Client:
        issuers = await self._views.issuers(pieces)
        subject = await authenticate_subject(assertion, issuers, self._verifier, now)
        if credential.assertion_type == JWT_SPIFFE and subject.identity.TYPE is not IssuerType.SPIFFE:
            raise ExchangeRefused(ExchangeReason.NO_BINDING)
        bindings = await self._views.bindings(pieces, subject.trust_issuer)
        name, binding = choose_agent(bindings.near(subject), subject, credential.client_id)
        held = await self._holds.of(subject, pieces)
        view = await self._agent(pieces, binding.agent or "")
        use = first_use(subject)
        return Client(
            metadata=own_metadata(view.facts.name, view.facts.agent),
            agent=view.facts.name,
            view=view,
            hold=Hold((binding_node(name), *held), binding.deployment),
            binding=name,
            method=subject.identity.TYPE.value,
            generations={**bindings.generations_of(name), **held, **view.generations},
            first_uses=(use,) if use is not None else (),
            ends_at=subject.verified.expires_at,
            proposes=subject.proposes,
        )

    async def _by_secret(self, credential: ClientCredential, pieces: Pieces, now: datetime) -> Client:
        name, secret = credential.client_id or "", credential.secret or ""
        view = await self._agent(pieces, name)
        if not view.facts.agent.client_secret_allowed or len(secret) > MAX_TOKEN_BYTES:
            raise ExchangeRefused(ExchangeReason.CLIENT_REFUSED)
        async with self._guesses:
            known = await asyncio.to_thread(self._is_secret, name, secret, now)
        if not known:
            raise ExchangeRefused(ExchangeReason.CLIENT_REFUSED)
        metadata = own_metadata(name, view.facts.agent)
        return _client(Registration(metadata=metadata, view=view, nodes=(client_node(name),)), "client_secret")

    def _is_secret(self, agent: str, secret: str, now: datetime) -> bool:
        with self._store.read() as unit:
            kept = unit.client_secrets.find(agent)
        return kept is not None and is_secret(kept, secret, now)

    async def _agent(self, pieces: Pieces, name: str) -> AgentView:
        view = await self._views.agent(pieces, name)
        if view is None:
            raise ExchangeRefused(ExchangeReason.AGENT_GONE)
        return view


def credential_digest(credential: ClientCredential) -> str:
    """What audit keeps of an assertion: the start of its SHA-256, as of every token. Of a secret, nothing."""
    presented = credential.assertion or ""
    return hashlib.sha256(presented.encode(errors="replace")).hexdigest()[:16] if presented else ""


def checked_grant(client: Client, grant: str) -> Client:
    """The client, if it registered for this grant type. Raises `ExchangeRefused` (RFC 6749 §5.2)."""
    if grant not in client.metadata.grants:
        raise ExchangeRefused(ExchangeReason.GRANT_REFUSED)
    return client


def _client(found: Registration, method: str, uses: tuple[FirstUse, ...] = ()) -> Client:
    return Client(
        metadata=found.metadata,
        agent=found.view.facts.name,
        view=found.view,
        hold=Hold(found.nodes),
        binding="",
        method=method,
        generations={**found.view.generations, **found.generations},
        first_uses=uses,
    )
