"""Wiring of security events: who manages streams, and the worker that pushes on them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event, Thread

from leasehold.authn.possession import Possessions
from leasehold.authn.registry_tokens import RegistryTokens
from leasehold.keys.network import Network
from leasehold.keys.sealing import FileSealer
from leasehold.keys.set_delivery import SetCourier
from leasehold.keys.signing import Signer, TokenMint
from leasehold.model.signals import SECURITY_EVENT_TYPE
from leasehold.settings import Settings
from leasehold.signals.streams import Streams
from leasehold.signals.transmitting import Transmitter
from leasehold.store.sql_store import SqlStore
from leasehold.web.signals.app import SignalDoors


def signal_doors(
    settings: Settings, store: SqlStore, signer: Signer, callers: RegistryTokens, possessions: Possessions
) -> tuple[SignalDoors, Callable[[], None]]:
    """The streams, with their worker at work, and what ends it."""
    sealer = FileSealer(settings.sealing_key)
    transmitter = Transmitter(
        issuer=settings.issuer,
        store=store,
        mint=TokenMint(signer, SECURITY_EVENT_TYPE),
        courier=SetCourier(Network(), settings.private_receivers),
        sealer=sealer,
        clock=_now,
    )
    store.listen(transmitter.wake)
    stop = Event()
    worker = Thread(target=transmitter.run, args=(stop,), name="leasehold-signals", daemon=True)
    worker.start()

    def close() -> None:
        stop.set()
        transmitter.wake()
        worker.join()

    streams = Streams(issuer=settings.issuer, store=store, sealer=sealer, changed=transmitter.wake)
    return SignalDoors(
        issuer=settings.issuer, streams=streams, authenticator=callers, possessions=possessions, clock=_now
    ), close


def _now() -> datetime:
    return datetime.now(UTC)
