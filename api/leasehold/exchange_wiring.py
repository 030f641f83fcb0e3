"""Wiring of the token service: who is calling, what a token is exchanged for, and the doors to it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from leasehold.authn.possession import Possessions
from leasehold.authn.registry_tokens import RegistryTokens
from leasehold.broker.connecting import Connecting
from leasehold.cluster_wiring import reviewer
from leasehold.clusters.sightings import Sightings
from leasehold.decisions.ruling import CurrentRulings
from leasehold.exchange.authorizing import Authorizing
from leasehold.exchange.client_credentials import ClientCredentials
from leasehold.exchange.clients import Clients
from leasehold.exchange.consents import Consents
from leasehold.exchange.delegation import Delegation
from leasehold.exchange.holds import Holds
from leasehold.exchange.introspection import Introspection, LiveLeases, Revocation
from leasehold.exchange.issuing import Issuing
from leasehold.exchange.ledger import Ledger
from leasehold.exchange.logging_in import LoggingIn, OpenLogins
from leasehold.exchange.on_behalf import OnBehalf
from leasehold.exchange.open_clients import OpenClients, OpenRegistration
from leasehold.exchange.persons import Persons
from leasehold.exchange.plain_requests import PlainRequests
from leasehold.exchange.pushing import Pushing
from leasehold.exchange.refresh_tokens import RefreshTokens
from leasehold.exchange.refreshing import Refreshing
from leasehold.exchange.registrations import Registrations
from leasehold.exchange.simulation import Simulation
from leasehold.exchange.stages import Stages
from leasehold.exchange.statements import Statements
from leasehold.exchange.tasks import Tasks
from leasehold.exchange.tokens import TokenExchange
from leasehold.exchange.views import Views
from leasehold.keys.client_documents import ClientDocuments
from leasehold.keys.client_tokens import ClientAssertions
from leasehold.keys.dpop import Proofs
from leasehold.keys.examination import SubjectExamination
from leasehold.keys.issuer_keys import IssuerKeys
from leasehold.keys.logins import Logins
from leasehold.keys.network import Network
from leasehold.keys.nonces import Nonces
from leasehold.keys.role_ids import RoleIds, open_iam
from leasehold.keys.signed_callers import SignedCallers
from leasehold.keys.signing import Signer, TokenMint, jwk_set
from leasehold.keys.token_review import TokenReviews
from leasehold.keys.tokens import OwnTokens, SubjectTokens
from leasehold.settings import Settings
from leasehold.store.sql_store import SqlStore
from leasehold.web.oauth.app import OAuthDoors
from leasehold.web.oauth.people import People
from leasehold.web.oauth.registering import Registering

_NONCE_KEY = "dpop-nonces"
_LOGIN_KEY = "open-logins"
_CLIENT_KEY = "open-clients"
_REFRESH_KEY = "refresh-tokens"


@dataclass(frozen=True, slots=True)
class Known:
    """Who finds out who is calling."""

    callers: RegistryTokens
    proofs: Proofs
    possessions: Possessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the token service stands on."""

    settings: Settings
    store: SqlStore
    signer: Signer
    known: Known
    ledger: Ledger
    leases: LiveLeases
    sightings: Sightings
    policies: CurrentRulings
    connecting: Connecting
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class _Shared:
    """What its grants have in common."""

    views: Views
    subjects: SubjectTokens
    public: OpenClients | None
    registrations: Registrations
    clients: Clients
    holds: Holds
    mint: TokenMint
    issuing: Issuing


def known_callers(settings: Settings, store: SqlStore, callers: RegistryTokens) -> Known:
    """Who finds out who is calling; replicas on one store take each other's nonces."""
    nonces = None
    if settings.dpop_nonces:
        with store.begin() as unit:
            nonces = Nonces(unit.shared_secrets.agree(_NONCE_KEY, secrets.token_hex(32)).encode())
    proofs = Proofs(nonces)
    return Known(callers, proofs, Possessions(issuer=settings.issuer, proofs=proofs, store=store))


def oauth_doors(ground: Ground) -> OAuthDoors:
    """The doors of the token service."""
    shared, own, issuer = _shared(ground), OwnTokens(ground.signer), ground.settings.issuer
    refresh = _refresh_tokens(ground)
    on_behalf = _on_behalf(ground, shared, refresh)
    return OAuthDoors(
        issuer=issuer,
        exchange=_exchange(ground, shared),
        client_credentials=ClientCredentials(
            issuer=issuer,
            clients=shared.clients,
            issuing=shared.issuing,
            tasks=Tasks(views=shared.views, ledger=ground.ledger),
        ),
        delegation=_delegation(ground, shared, own),
        on_behalf=on_behalf,
        refreshing=Refreshing(
            on_behalf=on_behalf,
            tokens=refresh,
            views=shared.views,
            store=ground.store,
            ledger=ground.ledger,
            issuing=shared.issuing,
        ),
        people=_people(ground, shared),
        consents=Consents(
            callers=ground.known.callers, verifier=shared.subjects, views=shared.views, store=ground.store
        ),
        proofs=ground.known.proofs,
        possessions=ground.known.possessions,
        introspection=Introspection(callers=ground.known.callers, verifier=own, leases=ground.leases),
        revocation=Revocation(issuer=issuer, verifier=own, ledger=ground.ledger),
        jwks=lambda: jwk_set(ground.signer.published()),
        clock=ground.clock,
        documents=shared.views.documents,
        registering=_registering(ground, shared),
        public=shared.public is not None,
    )


def simulation(settings: Settings, store: SqlStore) -> Simulation:
    """What a pasted subject token would get, without a token."""
    keys = IssuerKeys(Network())
    return Simulation(SubjectExamination(_subject_tokens(settings), keys), Views(store))


def persons(settings: Settings, store: SqlStore, callers: RegistryTokens) -> Persons:
    """Who a person is that shows a token of ours or of their own identity provider."""
    return Persons(callers, _subject_tokens(settings), Views(store))


def _shared(ground: Ground) -> _Shared:
    settings, store, ledger = ground.settings, ground.store, ground.ledger
    views = Views(store, settings.credentials_audience, ground.sightings, ground.policies)
    subjects, mint = _subject_tokens(settings), TokenMint(ground.signer)
    holds = Holds(views=views, ledger=ledger, clusters=ground.sightings)
    public = _public(ground)
    registrations = Registrations(documents=ClientDocuments(Network()), views=views, public=public)
    clients = Clients(
        issuer=settings.issuer,
        verifier=subjects,
        assertions=ClientAssertions(IssuerKeys(Network())),
        registrations=registrations,
        views=views,
        store=store,
        holds=holds,
    )
    issuing = Issuing(mint=mint, views=views, ledger=ledger)
    return _Shared(views, subjects, public, registrations, clients, holds, mint, issuing)


def _public(ground: Ground) -> OpenClients | None:
    """Public clients, where they are served; those that register themselves, where an agent takes them."""
    if not ground.settings.public_clients:
        return None
    with ground.store.begin() as unit:  # a client id is good at every replica
        key = unit.shared_secrets.agree(_CLIENT_KEY, secrets.token_hex(32)).encode()
    return OpenClients(key, ground.settings.open_registration)


def _exchange(ground: Ground, shared: _Shared) -> TokenExchange:
    return TokenExchange(
        issuer=ground.settings.issuer,
        registry=ground.settings.registry_audience,
        verifier=shared.subjects,
        mint=shared.mint,
        views=shared.views,
        ledger=ground.ledger,
        holds=shared.holds,
    )


def _delegation(ground: Ground, shared: _Shared, own: OwnTokens) -> Delegation:
    return Delegation(
        issuer=ground.settings.issuer,
        own=own,
        verifier=shared.subjects,
        leases=ground.leases,
        views=shared.views,
        issuing=shared.issuing,
        holds=shared.holds,
    )


def _refresh_tokens(ground: Ground) -> RefreshTokens:
    with ground.store.begin() as unit:  # a refresh token is good at every replica
        key = unit.shared_secrets.agree(_REFRESH_KEY, secrets.token_hex(32)).encode()
    return RefreshTokens(key)


def _on_behalf(ground: Ground, shared: _Shared, refresh: RefreshTokens) -> OnBehalf:
    return OnBehalf(
        issuer=ground.settings.issuer,
        clients=shared.clients,
        verifier=shared.subjects,
        views=shared.views,
        store=ground.store,
        ledger=ground.ledger,
        issuing=shared.issuing,
        refresh=refresh,
    )


def _registering(ground: Ground, shared: _Shared) -> Registering | None:
    settings = ground.settings
    if not settings.dynamic_registration and not settings.open_registration:
        return None
    statements = Statements(issuer=settings.issuer, verifier=shared.subjects, views=shared.views)
    public = shared.public if settings.open_registration else None
    taking = OpenRegistration(public=public, views=shared.views) if public is not None else None
    return Registering(
        issuer=settings.issuer, store=ground.store, statements=statements, clock=ground.clock, taking=taking
    )


def _people(ground: Ground, shared: _Shared) -> People:
    with ground.store.begin() as unit:  # replicas lead on what another began
        key = unit.shared_secrets.agree(_LOGIN_KEY, secrets.token_hex(32)).encode()
    issuer, views, stages = ground.settings.issuer, shared.views, Stages(ground.store)
    logging_in = LoggingIn(
        own=issuer, verifier=shared.subjects, logins=Logins(Network()), views=views, open_logins=OpenLogins(key)
    )
    plain = PlainRequests(issuer=issuer, clients=shared.clients, logging_in=logging_in, views=views)
    return People(
        issuer=issuer,
        pushing=Pushing(
            clients=shared.clients, logging_in=logging_in, views=views, stages=stages, ledger=ground.ledger
        ),
        plain=plain,
        authorizing=Authorizing(
            issuer=issuer,
            plain=plain,
            registrations=shared.registrations,
            logging_in=logging_in,
            views=views,
            stages=stages,
        ),
        clock=ground.clock,
        connecting=ground.connecting,
    )


def _subject_tokens(settings: Settings) -> SubjectTokens:
    network = Network()
    reviews = TokenReviews(network, reviewer(settings))
    roles = RoleIds(open_iam())
    return SubjectTokens(IssuerKeys(network), reviews=reviews, callers=SignedCallers(network), roles=roles)
