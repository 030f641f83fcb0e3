"""Wiring of connections at tool servers: who keeps them, chooses them, makes and ends them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Event, Thread

from leasehold.authn.possession import Possessions
from leasehold.broker.brokering import Broker
from leasehold.broker.clients import Clients
from leasehold.broker.connecting import Connecting
from leasehold.broker.drawing import Drawing
from leasehold.broker.ending import Endings
from leasehold.broker.keeping import Keeping
from leasehold.broker.ports import DrawsCredentials
from leasehold.broker.refreshing import Refreshing
from leasehold.exchange.persons import Persons
from leasehold.external.secrets import Secrets
from leasehold.external.sigv4 import sign
from leasehold.keys.client_certificates import check_certificate
from leasehold.keys.envelopes import Envelopes
from leasehold.keys.network import Network
from leasehold.keys.upstream_servers import UpstreamServers
from leasehold.keys.wrapping_keys import open_wrapping
from leasehold.settings import Settings
from leasehold.store.sql_store import SqlStore
from leasehold.web.asgi import Application
from leasehold.web.connections.app import ConnectionDoors
from leasehold.web.connections.browsing import connect_app
from leasehold.web.oauth.people import People


@dataclass(frozen=True, slots=True, kw_only=True)
class Brokerage:
    """Everything about connections. `close` ends the worker."""

    broker: Broker
    connecting: Connecting
    keeping: Keeping
    clients: Clients
    close: Callable[[], None]


def open_brokerage(
    settings: Settings, store: SqlStore, draws: DrawsCredentials, clock: Callable[[], datetime]
) -> Brokerage:
    """The broker, with its worker at work. `draws` is who hands out credentials of other systems."""
    wrapping = open_wrapping(settings.connection_keys)
    vault, servers = Envelopes(wrapping), UpstreamServers(Network())
    secret = Secrets(settings.secrets, settings.secrets_dir).find
    clients = Clients(issuer=settings.issuer, store=store, vault=vault, servers=servers, secrets=secret)
    refreshing = Refreshing(store=store, vault=vault, servers=servers, clients=clients)
    endings = Endings(store=store, vault=vault, servers=servers, clients=clients, clock=clock)
    drawing = Drawing(draws=draws, sign=sign)
    broker = Broker(issuer=settings.issuer, store=store, vault=vault, refreshing=refreshing, drawing=drawing, sign=sign)
    store.listen(broker.forget)
    return Brokerage(
        broker=broker,
        connecting=Connecting(store=store, vault=vault, servers=servers, clients=clients),
        keeping=Keeping(store=store, vault=vault, check=check_certificate, rotation=wrapping, clients=clients),
        clients=clients,
        close=_at_work(store, endings),
    )


def connection_doors(
    settings: Settings,
    brokerage: Brokerage,
    persons: Persons,
    possessions: Possessions,
    clock: Callable[[], datetime],
) -> ConnectionDoors:
    """What `/v1/connections` is given."""
    return ConnectionDoors(
        issuer=settings.issuer,
        persons=persons,
        possessions=possessions,
        keeping=brokerage.keeping,
        connecting=brokerage.connecting,
        clock=clock,
    )


def connect_door(
    settings: Settings, brokerage: Brokerage, people: People, clock: Callable[[], datetime]
) -> Application:
    """The application of `/connect`."""
    return connect_app(
        issuer=settings.issuer,
        people=people,
        connecting=brokerage.connecting,
        clients=brokerage.clients,
        clock=clock,
    )


def _at_work(store: SqlStore, endings: Endings) -> Callable[[], None]:
    store.listen(endings.wake)
    stop = Event()
    worker = Thread(target=endings.run, args=(stop,), name="leasehold-connection-endings", daemon=True)
    worker.start()

    def close() -> None:
        stop.set()
        endings.wake()
        worker.join()

    return close
