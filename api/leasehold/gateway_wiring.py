"""Wiring of the gateway: who calls, what is decided, where it goes, and what is remembered of it."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from leasehold.authn.possession import Possessions
from leasehold.decision_wiring import DecisionPoint
from leasehold.gateway.admission import Admission
from leasehold.gateway.any_upstreams import AnyUpstreams
from leasehold.gateway.app import METADATA, PREFIX, READY, GatewayApp, Readiness
from leasehold.gateway.callers import Callers
from leasehold.gateway.exchanges import Gateway
from leasehold.gateway.following import Following
from leasehold.gateway.http_upstreams import HttpUpstreams
from leasehold.gateway.legacy_upstreams import LegacyUpstreams
from leasehold.gateway.lists import Lists
from leasehold.gateway.ports import Broker
from leasehold.gateway.programs import Isolation
from leasehold.gateway.rates import Rate, RateLimits, Rates
from leasehold.gateway.serving import Serving
from leasehold.gateway.sessions import Sessions
from leasehold.gateway.stdio_upstreams import StdioUpstreams
from leasehold.gateway.watching import Watch
from leasehold.keys.signing import Signer
from leasehold.keys.tokens import OwnTokens
from leasehold.observing_wiring import observing
from leasehold.settings import Settings
from leasehold.store.sql_store import SqlStore
from leasehold.surface_wiring import pinned_surfaces
from leasehold.web.asgi import Application

_KEY = "gateway-sessions"
_STALE = 30.0


@dataclass(frozen=True, slots=True)
class GatewayDoor:
    """The gateway's planes by the beginnings of their paths, and how to stop it."""

    planes: Mapping[str, Application]
    app: GatewayApp
    close: Callable[[], None]


def gateway_door(  # noqa: PLR0913  every room that a call passes stands behind it
    settings: Settings,
    store: SqlStore,
    signer: Signer,
    decisions: DecisionPoint,
    *,
    possessions: Possessions,
    broker: Broker,
    clock: Callable[[], datetime],
) -> GatewayDoor:
    """The gateway of a registry, following its revocations for as long as the process lives."""
    with store.begin() as unit:  # replicas know each other's sessions
        key = unit.shared_secrets.agree(_KEY, secrets.token_hex(32)).encode()
    following = Following(store, wall=time.time, monotonic=time.monotonic)
    callers = Callers(
        issuer=settings.issuer,
        verifier=OwnTokens(signer),
        known=following.known,
        wall=time.time,
        monotonic=time.monotonic,
    )
    http = HttpUpstreams(settings.private_upstreams)
    isolation = Isolation(settings.stdio_isolation)
    stdio = StdioUpstreams(settings.stdio_programs, settings.secret_places, isolation)
    upstreams = AnyUpstreams(http, stdio, LegacyUpstreams(http))
    observed = observing(settings, lambda: following.known.staleness(time.monotonic()), clock)
    watch = Watch(callers)
    surfaces = pinned_surfaces(store, decisions.current, clock)
    gateway = Gateway(
        admission=Admission(
            serving=Serving(settings.issuer),
            current=decisions.current,
            callers=callers,
            possessions=possessions,
            clock=clock,
            origins=settings.browser_origins,
        ),
        broker=broker,
        surfaces=surfaces,
        upstreams=observed.upstreams(upstreams),
        records=observed.records(decisions.recorder),
        rates=Rates(_limits(settings), settings.replicas),
        scans=observed.scans(hashlib.sha256(b"scan" + key).digest()),
        lists=Lists(surfaces, settings.tool_budget),
        sessions=Sessions(key),
        watch=watch,
        clock=clock,
        monotonic=time.monotonic,
    )
    following.tell(watch.wake)
    following.start()
    app = GatewayApp(gateway, settings.issuer, refused=observed.refused, traces=observed.traces)

    def close() -> None:
        observed.close()
        watch.close()
        following.close()
        upstreams.close()

    def decides() -> bool:
        return decisions.current.state(clock()) is not None and following.known.staleness(time.monotonic()) < _STALE

    ready = Readiness(app.drain, decides)
    return GatewayDoor({PREFIX: app, METADATA: app, READY: ready}, app, close)


def _limits(settings: Settings) -> RateLimits:
    agent, user = (
        Rate(per_minute=calls, burst=max(1, calls // 6)) for calls in (settings.agent_calls, settings.user_calls)
    )
    return RateLimits(agent=agent, user=user)
