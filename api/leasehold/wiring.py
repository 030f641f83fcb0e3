"""The only module that knows every room: settings in, one ASGI application out."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

from leasehold.authn.agent_tokens import AgentCallers
from leasehold.authn.possession import Possessions
from leasehold.authn.registry_tokens import RegistryTokens
from leasehold.cluster_wiring import followed, reviewer
from leasehold.clusters.sightings import Sightings
from leasehold.credential_wiring import credential_doors, open_observer
from leasehold.decision_wiring import decision_point, ext_authz
from leasehold.exchange.authorizing import Authorizing
from leasehold.exchange.client_credentials import ClientCredentials
from leasehold.exchange.clients import Clients
from leasehold.exchange.consents import Consents
from leasehold.exchange.delegation import Delegation
from leasehold.exchange.holds import Holds
from leasehold.exchange.introspection import Introspection, LiveLeases, Revocation
from leasehold.exchange.issuing import Issuing
from leasehold.exchange.ledger import Ledger
from leasehold.exchange.on_behalf import OnBehalf
from leasehold.exchange.registrations import Registrations
from leasehold.exchange.simulation import Simulation
from leasehold.exchange.statements import Statements
from leasehold.exchange.status_lists import StatusLists
from leasehold.exchange.tasks import Tasks
from leasehold.exchange.tokens import TokenExchange
from leasehold.exchange.views import Views
from leasehold.feed.feed import Feed
from leasehold.feed.readers import Readers
from leasehold.gateway_wiring import gateway_door
from leasehold.keys.client_documents import ClientDocuments
from leasehold.keys.client_tokens import ClientAssertions
from leasehold.keys.dpop import Proofs
from leasehold.keys.examination import SubjectExamination
from leasehold.keys.file_keys import FileKeys
from leasehold.keys.issuer_keys import IssuerKeys
from leasehold.keys.kms_keys import open_kms
from leasehold.keys.logins import Logins
from leasehold.keys.network import Network
from leasehold.keys.nonces import Nonces
from leasehold.keys.signed_callers import SignedCallers
from leasehold.keys.signing import Signer, TokenMint, jwk_set
from leasehold.keys.token_review import TokenReviews
from leasehold.keys.tokens import OwnTokens, SubjectTokens
from leasehold.model.errors import InvalidValue
from leasehold.model.receipts import RECEIPT_TYPE
from leasehold.model.revocations import BATCH_TYPE, SNAPSHOT_TYPE
from leasehold.model.status import STATUS_LIST_TYPE
from leasehold.registry.bootstrap import TOKEN_PREFIX, TOKEN_TTL, offer_bootstrap
from leasehold.registry.sweeping import sweep_for_ever
from leasehold.review.gate.receipts import Receipts
from leasehold.review.gate.rules import USUAL, Rules, rules_of
from leasehold.review.reviews import Reviews
from leasehold.settings import InvalidSetting, Settings
from leasehold.signal_wiring import signal_doors
from leasehold.store.sql_store import SqlStore, open_store
from leasehold.web.access.app import WELL_KNOWN
from leasehold.web.asgi import Application
from leasehold.web.control_plane import control_plane
from leasehold.web.dispatch import dispatch
from leasehold.web.doors import Doors
from leasehold.web.lifespan import finishing
from leasehold.web.oauth.app import OAuthDoors, oauth_app
from leasehold.web.oauth.people import People
from leasehold.web.oauth.registering import Registering
from leasehold.web.revocations.app import RevocationDoors, revocations_app
from leasehold.web.signals.app import CONFIGURATION, signals_app
from leasehold.web.status_lists.app import STATUS_LISTS, StatusListDoors, status_lists_app

_ROTATION_LOOK_SECONDS = 3600.0
_NONCE_KEY = "dpop-nonces"
_NEVER = Event()
_log = logging.getLogger(__name__)
BOOTSTRAP_MINUTES = int(TOKEN_TTL.total_seconds()) // 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A registry that is ready to serve. `bootstrap_token` is None unless it trusts nobody yet and this is the one.

    `bootstrap_elsewhere` is until when the token works that another replica has told. `drain`: take no new tool calls.
    """

    app: Application
    bootstrap_token: str | None = field(repr=False)
    store: SqlStore
    drain: Callable[[], None]
    bootstrap_elsewhere: datetime | None = None


def build_app(settings: Settings) -> Application:
    """The ASGI application of a registry, without the ceremony of a first start."""
    return _compose(settings, open_store(settings.database_url), _signer(settings.keys))[0]


def open_server(settings: Settings, *, new_bootstrap_token: bool = False) -> Server:
    """A registry, its schema brought up to date, its keys made, and a bootstrap token while it trusts nobody.

    On SQLite each start makes a new token: it is the only server. Replicas on PostgreSQL leave the one alone that the
    first of them told, unless `new_bootstrap_token` says otherwise.

    Raises `Unavailable` if the database does not answer.
    """
    store = open_store(settings.database_url)
    signer = _signer(settings.keys)
    if isinstance(signer, FileKeys):
        signer.rotate_when_due(_now())
        Thread(target=_rotate_for_ever, args=(signer,), name="leasehold-key-rotation", daemon=True).start()
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    alone = settings.database_url.startswith("sqlite")
    offer = offer_bootstrap(store, token, _now(), supersede=alone or new_bootstrap_token)
    app, drain = _compose(settings, store, signer)
    return Server(
        app=app,
        drain=drain,
        bootstrap_token=token if offer is not None and offer.stands else None,
        store=store,
        bootstrap_elsewhere=offer.expires_at if offer is not None and not offer.stands else None,
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """Who finds out who is calling."""

    callers: RegistryTokens
    proofs: Proofs
    possessions: Possessions


def _known(settings: Settings, store: SqlStore, callers: RegistryTokens) -> _Known:
    nonces = None
    if settings.dpop_nonces:
        with store.begin() as unit:  # replicas take each other's nonces
            nonces = Nonces(unit.shared_secrets.agree(_NONCE_KEY, secrets.token_hex(32)).encode())
    proofs = Proofs(nonces)
    return _Known(callers, proofs, Possessions(issuer=settings.issuer, proofs=proofs, store=store))


def _rules(settings: Settings) -> Rules:
    """The rules of the file that the settings name. Raises `InvalidSetting`: a gate without its rules is none."""
    if settings.gate_rules_file is None:
        return USUAL
    try:
        return rules_of(json.loads(settings.gate_rules_file.read_bytes()))
    except (OSError, ValueError, InvalidValue) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidSetting(f"LEASEHOLD_GATE_RULES cannot be used: {said}") from None


def _receipts(settings: Settings, signer: Signer, rules: Rules) -> Receipts:
    return Receipts(
        issuer=settings.issuer,
        mint=TokenMint(signer, RECEIPT_TYPE),
        verifier=OwnTokens(signer),
        rules=rules,
        draw=lambda: secrets.token_hex(16),
    )


def _compose(settings: Settings, store: SqlStore, signer: Signer) -> tuple[Application, Callable[[], None]]:
    own = OwnTokens(signer)
    callers = RegistryTokens(issuer=settings.issuer, audience=settings.registry_audience, verifier=own, leases=store)
    decisions = decision_point(settings, store, callers, _now)
    known = _known(settings, store, callers)
    rules = _rules(settings)
    credentials, stop_endings = credential_doors(settings, store, signer, _now)
    observer = open_observer(settings)
    control = control_plane(
        Doors(
            store=store,
            authenticator=callers,
            possessions=known.possessions,
            clock=_now,
            simulator=_simulation(settings, store),
            agents=AgentCallers(issuer=settings.issuer, verifier=own, leases=store),
            credentials=credentials,
            receipts=_receipts(settings, signer, rules),
            policies=decisions.policies,
            decisions=decisions.doors,
            reviews=Reviews(store, observer, rules),
            observer=observer,
        )
    )
    ledger, leases = Ledger(store), LiveLeases(store)
    sightings, watches = followed(settings, store, _now)
    sweeping = Event()
    Thread(target=sweep_for_ever, args=(store, _now, sweeping), name="leasehold-heartbeats", daemon=True).start()
    oauth = oauth_app(_oauth_doors(settings, store, signer, known, ledger=ledger, leases=leases, sightings=sightings))
    revocations = revocations_app(_revocation_doors(settings, store, signer, known))
    lists = StatusLists(issuer=settings.issuer, store=store, mint=TokenMint(signer, STATUS_LIST_TYPE))
    store.listen(lists.wake)
    statuses = status_lists_app(StatusListDoors(lists=lists, clock=_now))
    doors, stop_signals = signal_doors(settings, store, signer, callers, known.possessions)
    signals = signals_app(doors)
    gateway = gateway_door(settings, store, signer, decisions, known.possessions, _now)
    hot = {
        **gateway.planes,
        "/access/v1/": decisions.access,
        WELL_KNOWN: decisions.access,
        STATUS_LISTS: statuses,
        CONFIGURATION: signals,
        "/ssf/": signals,
        "/oauth2/": oauth,
        "/.well-known/": oauth,
        "/v1/consents": oauth,
        "/revocations": revocations,
    }
    planes = dispatch(control, hot)
    door = ext_authz(settings, store, signer, decisions, _now)
    closing = (door.close, decisions.close) if door is not None else (decisions.close,)
    workers = (gateway.close, stop_endings, stop_signals, sweeping.set, watches.close)
    app = finishing(planes, (*workers, *closing, ledger.close, leases.close, store.close))
    return app, gateway.app.begin_drain


def _revocation_doors(settings: Settings, store: SqlStore, signer: Signer, known: _Known) -> RevocationDoors:
    feed = Feed(
        issuer=settings.issuer,
        store=store,
        batches=TokenMint(signer, BATCH_TYPE),
        snapshots=TokenMint(signer, SNAPSHOT_TYPE),
        clock=_now,
    )
    return RevocationDoors(feed=feed, readers=Readers(known.callers), possessions=known.possessions, clock=_now)


def _oauth_doors(  # noqa: PLR0913  the whole token service stands behind it
    settings: Settings,
    store: SqlStore,
    signer: Signer,
    known: _Known,
    *,
    ledger: Ledger,
    leases: LiveLeases,
    sightings: Sightings,
) -> OAuthDoors:
    views, mint = Views(store, settings.credentials_audience, sightings), TokenMint(signer)
    holds = Holds(views=views, ledger=ledger, clusters=sightings)
    own, subjects = OwnTokens(signer), _subject_tokens(settings)
    exchange = TokenExchange(
        issuer=settings.issuer,
        registry=settings.registry_audience,
        verifier=subjects,
        mint=mint,
        views=views,
        ledger=ledger,
        holds=holds,
    )
    assertions = ClientAssertions(IssuerKeys(Network()))
    registrations = Registrations(documents=ClientDocuments(Network()), views=views)
    clients = Clients(
        issuer=settings.issuer,
        verifier=subjects,
        assertions=assertions,
        registrations=registrations,
        views=views,
        store=store,
        holds=holds,
    )
    issuing = Issuing(mint=mint, views=views, ledger=ledger)
    return OAuthDoors(
        issuer=settings.issuer,
        exchange=exchange,
        client_credentials=ClientCredentials(
            issuer=settings.issuer, clients=clients, issuing=issuing, tasks=Tasks(views=views, ledger=ledger)
        ),
        delegation=Delegation(
            issuer=settings.issuer, own=own, verifier=subjects, leases=leases, views=views, issuing=issuing, holds=holds
        ),
        on_behalf=OnBehalf(
            issuer=settings.issuer,
            clients=clients,
            verifier=subjects,
            views=views,
            store=store,
            ledger=ledger,
            issuing=issuing,
        ),
        people=_people(
            settings, store, ledger, clients=clients, registrations=registrations, subjects=subjects, views=views
        ),
        consents=Consents(callers=known.callers, verifier=subjects, views=views, store=store),
        proofs=known.proofs,
        possessions=known.possessions,
        introspection=Introspection(callers=known.callers, verifier=own, leases=leases),
        revocation=Revocation(issuer=settings.issuer, verifier=own, ledger=ledger),
        jwks=lambda: jwk_set(signer.published()),
        clock=_now,
        registering=_registering(settings, store, subjects, views),
    )


def _registering(settings: Settings, store: SqlStore, subjects: SubjectTokens, views: Views) -> Registering | None:
    if not settings.dynamic_registration:
        return None
    statements = Statements(issuer=settings.issuer, verifier=subjects, views=views)
    return Registering(issuer=settings.issuer, store=store, statements=statements, clock=_now)


def _simulation(settings: Settings, store: SqlStore) -> Simulation:
    keys = IssuerKeys(Network())
    return Simulation(SubjectExamination(_subject_tokens(settings), keys), Views(store))


def _people(  # noqa: PLR0913  the whole token service stands behind it
    settings: Settings,
    store: SqlStore,
    ledger: Ledger,
    *,
    clients: Clients,
    registrations: Registrations,
    subjects: SubjectTokens,
    views: Views,
) -> People:
    authorizing = Authorizing(
        issuer=settings.issuer,
        clients=clients,
        registrations=registrations,
        verifier=subjects,
        logins=Logins(Network()),
        views=views,
        store=store,
        ledger=ledger,
    )
    return People(issuer=settings.issuer, authorizing=authorizing, clock=_now)


def _subject_tokens(settings: Settings) -> SubjectTokens:
    network = Network()
    reviews = TokenReviews(network, reviewer(settings))
    return SubjectTokens(IssuerKeys(network), reviews=reviews, callers=SignedCallers(network))


def _signer(keys: str) -> Signer:
    scheme, _, where = keys.partition(":")
    return open_kms(where.split(",")) if scheme == "kms" else FileKeys(Path(where), _now())


def _rotate_for_ever(keys: FileKeys) -> None:
    while not _NEVER.wait(_ROTATION_LOOK_SECONDS):
        try:
            keys.rotate_when_due(_now())
        except OSError as error:  # the old key signs on; the next look may succeed
            _log.error("the signing keys were not rotated: %s", type(error).__name__)


def _now() -> datetime:
    return datetime.now(UTC)
