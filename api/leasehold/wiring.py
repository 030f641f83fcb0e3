"""The only module that knows every room: settings in, one ASGI application out."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

from leasehold.authn.agent_tokens import AgentCallers
from leasehold.authn.registry_tokens import RegistryTokens
from leasehold.broker_wiring import connect_door, connection_doors, open_brokerage
from leasehold.cluster_wiring import followed
from leasehold.credential_wiring import credential_doors, open_observer
from leasehold.decision_wiring import decision_point, ext_authz
from leasehold.decisions.ruling import CurrentRulings
from leasehold.exchange.introspection import LiveLeases
from leasehold.exchange.ledger import Ledger
from leasehold.exchange.status_lists import StatusLists
from leasehold.exchange_wiring import Ground, Known, known_callers, oauth_doors, persons, simulation
from leasehold.feed.feed import Feed
from leasehold.feed.readers import Readers
from leasehold.gateway_wiring import gateway_door
from leasehold.keys.file_keys import FileKeys
from leasehold.keys.kms_keys import open_kms
from leasehold.keys.signing import Signer, TokenMint
from leasehold.keys.tokens import OwnTokens
from leasehold.model.receipts import RECEIPT_TYPE
from leasehold.model.revocations import BATCH_TYPE, SNAPSHOT_TYPE
from leasehold.model.status import STATUS_LIST_TYPE
from leasehold.registry.bootstrap import TOKEN_PREFIX, TOKEN_TTL, offer_bootstrap
from leasehold.registry.sweeping import sweep_for_ever
from leasehold.review.gate.receipts import Receipts
from leasehold.review.gate.rules import USUAL, Rules
from leasehold.review.reviews import Reviews
from leasehold.rule_files import RulesRefused, read_rules
from leasehold.sealing_process import SealingProcess
from leasehold.settings import InvalidSetting, Settings
from leasehold.signal_wiring import signal_doors
from leasehold.store.sql_store import SqlStore, open_store
from leasehold.trail_wiring import seal_for_ever, trail_doors
from leasehold.web.access.app import WELL_KNOWN
from leasehold.web.asgi import Application
from leasehold.web.connections.app import connections_app
from leasehold.web.control_plane import control_plane
from leasehold.web.cross_origin import cross_origin
from leasehold.web.dispatch import dispatch
from leasehold.web.doors import Doors
from leasehold.web.lifespan import finishing
from leasehold.web.oauth.app import oauth_app
from leasehold.web.originating import originating
from leasehold.web.revocations.app import RevocationDoors, revocations_app
from leasehold.web.signals.app import CONFIGURATION, signals_app
from leasehold.web.status_lists.app import STATUS_LISTS, StatusListDoors, status_lists_app

_ROTATION_LOOK_SECONDS = 3600.0
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


def sealing_process(settings: Settings) -> SealingProcess | None:
    """A process that seals the audit trail of the server that is opened next, if there can be one."""
    return SealingProcess.fork(lambda stop: seal_for_ever(settings, _now, stop))


def open_server(
    settings: Settings, *, new_bootstrap_token: bool = False, sealing: SealingProcess | None = None
) -> Server:
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
    app, drain = _compose(settings, store, signer, sealing)
    return Server(
        app=app,
        drain=drain,
        bootstrap_token=token if offer is not None and offer.stands else None,
        store=store,
        bootstrap_elsewhere=offer.expires_at if offer is not None and not offer.stands else None,
    )


def _rules(settings: Settings) -> Rules:
    """The rules of the file that the settings name. Raises `InvalidSetting`: a gate without its rules is none."""
    if settings.gate_rules_file is None:
        return USUAL
    try:
        return read_rules(settings.gate_rules_file)
    except RulesRefused as refused:
        raise InvalidSetting(f"LEASEHOLD_GATE_RULES cannot be used: {refused}") from None


def _receipts(settings: Settings, signer: Signer, rules: Rules) -> Receipts:
    return Receipts(
        issuer=settings.issuer,
        mint=TokenMint(signer, RECEIPT_TYPE),
        verifier=OwnTokens(signer),
        rules=rules,
        draw=lambda: secrets.token_hex(16),
    )


def _compose(
    settings: Settings, store: SqlStore, signer: Signer, sealing: SealingProcess | None = None
) -> tuple[Application, Callable[[], None]]:
    own = OwnTokens(signer)
    callers = RegistryTokens(issuer=settings.issuer, audience=settings.registry_audience, verifier=own, leases=store)
    known = known_callers(settings, store, callers)
    decisions = decision_point(settings, store, signer, known, _now)
    rules = _rules(settings)
    credentials, for_calls, stop_endings = credential_doors(settings, store, signer, _now)
    observer = open_observer(settings)
    trail = trail_doors(settings, store, _now, sealing)
    control = control_plane(
        Doors(
            store=store,
            authenticator=callers,
            possessions=known.possessions,
            clock=_now,
            simulator=simulation(settings, store),
            agents=AgentCallers(issuer=settings.issuer, verifier=own, leases=store),
            credentials=credentials,
            receipts=_receipts(settings, signer, rules),
            policies=decisions.policies,
            decisions=decisions.doors,
            reviews=Reviews(store, observer, rules, decisions.recollection),
            observer=observer,
            trail=trail.doors,
        )
    )
    ledger, leases = Ledger(store), LiveLeases(store)
    sightings, watches = followed(settings, store, _now)
    sweeping = Event()
    Thread(target=sweep_for_ever, args=(store, _now, sweeping), name="leasehold-heartbeats", daemon=True).start()
    brokerage = open_brokerage(settings, store, for_calls, _now)
    gateway = gateway_door(
        settings, store, signer, decisions, possessions=known.possessions, broker=brokerage.broker, clock=_now
    )
    token_service = oauth_doors(
        Ground(
            settings=settings,
            store=store,
            signer=signer,
            known=known,
            ledger=ledger,
            leases=leases,
            sightings=sightings,
            policies=CurrentRulings(decisions.current, _now),
            connecting=brokerage.connecting,
            clock=_now,
        )
    )
    oauth = oauth_app(token_service)
    people = persons(settings, store, callers)
    revocations = revocations_app(_revocation_doors(settings, store, signer, known))
    lists = StatusLists(issuer=settings.issuer, store=store, mint=TokenMint(signer, STATUS_LIST_TYPE))
    store.listen(lists.wake)
    statuses = status_lists_app(StatusListDoors(lists=lists, clock=_now))
    doors, stop_signals = signal_doors(settings, store, signer, callers, known.possessions)
    signals = signals_app(doors)
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
        "/v1/connections": connections_app(connection_doors(settings, brokerage, people, known.possessions, _now)),
        "/connect": connect_door(settings, brokerage, token_service.people, _now),
        "/revocations": revocations,
    }
    planes = dispatch(control, hot)
    door = ext_authz(settings, store, signer, decisions, known.proofs, _now)
    closing = (door.close, decisions.close) if door is not None else (decisions.close,)
    workers = (gateway.close, stop_endings, brokerage.close, stop_signals, sweeping.set, watches.close)
    app = finishing(
        originating(cross_origin(planes, settings.browser_origins)),
        (*workers, *closing, ledger.close, leases.close, trail.close, store.close),
    )
    return app, gateway.app.begin_drain


def _revocation_doors(settings: Settings, store: SqlStore, signer: Signer, known: Known) -> RevocationDoors:
    feed = Feed(
        issuer=settings.issuer,
        store=store,
        batches=TokenMint(signer, BATCH_TYPE),
        snapshots=TokenMint(signer, SNAPSHOT_TYPE),
        clock=_now,
    )
    return RevocationDoors(feed=feed, readers=Readers(known.callers), possessions=known.possessions, clock=_now)


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
