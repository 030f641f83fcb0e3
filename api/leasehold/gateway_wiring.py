"""Wiring of the gateway: who calls, what is decided, where it goes, and what is remembered of it."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from leasehold.authn.possession import Possessions
from leasehold.decision_wiring import DecisionPoint
from leasehold.decisions.current import Current
from leasehold.gateway.admission import Admission
from leasehold.gateway.app import METADATA, PREFIX, GatewayApp
from leasehold.gateway.callers import Callers
from leasehold.gateway.exchanges import Gateway
from leasehold.gateway.following import Following
from leasehold.gateway.http_upstreams import HttpUpstreams
from leasehold.gateway.lists import Lists
from leasehold.gateway.ports import Broker, Definition
from leasehold.gateway.rates import Rate, RateLimits, Rates
from leasehold.gateway.serving import Serving
from leasehold.gateway.sessions import Sessions
from leasehold.gateway.stdio_upstreams import AnyUpstreams, StdioUpstreams
from leasehold.gateway.watching import Watch
from leasehold.keys.signing import Signer
from leasehold.keys.tokens import OwnTokens
from leasehold.metrics_wiring import metering
from leasehold.model.kinds import Kind
from leasehold.model.tools import ToolServer
from leasehold.settings import Settings
from leasehold.store.sql_store import SqlStore
from leasehold.web.asgi import Application

_KEY = "gateway-sessions"


class DeclaredSurfaces:
    """Stands where nothing is pinned: approved is what the tool server's declaration lists, whatever it looks like."""

    def __init__(self, current: Current, clock: Callable[[], datetime]) -> None:
        self._current, self._clock = current, clock

    async def judged(self, server: str, tools: Sequence[Definition], _instructions: str | None, /) -> frozenset[str]:
        """Those of the names that are declared."""
        declared = self._declared(server)
        return frozenset(name for tool in tools if isinstance(name := tool.get("name"), str) and name in declared)

    async def approved(self, server: str, tool: str) -> bool:
        """True if it is declared."""
        return tool in self._declared(server)

    def _declared(self, server: str) -> Mapping[str, object]:
        state = self._current.state(self._clock())
        spec = state.seen.objects[Kind.TOOL_SERVERS].get(server) if state is not None else None
        return spec.tools if isinstance(spec, ToolServer) else {}


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
    upstreams = AnyUpstreams(HttpUpstreams(settings.private_upstreams), StdioUpstreams(settings.stdio_programs))
    metered = metering(settings, lambda: following.known.staleness(time.monotonic()))
    watch = Watch(callers)
    surfaces = DeclaredSurfaces(decisions.current, clock)
    gateway = Gateway(
        admission=Admission(
            serving=Serving(settings.issuer),
            current=decisions.current,
            callers=callers,
            possessions=possessions,
            clock=clock,
        ),
        broker=broker,
        surfaces=surfaces,
        upstreams=metered.upstreams(upstreams),
        records=metered.records(decisions.recorder),
        rates=Rates(_limits(settings)),
        scans=metered.scans(hashlib.sha256(b"scan" + key).digest()),
        lists=Lists(surfaces, settings.tool_budget),
        sessions=Sessions(key),
        watch=watch,
        clock=clock,
        monotonic=time.monotonic,
    )
    following.tell(watch.wake)
    following.start()
    app = GatewayApp(gateway, settings.issuer, refused=metered.refused)

    def close() -> None:
        metered.close()
        watch.close()
        following.close()
        upstreams.close()

    return GatewayDoor({PREFIX: app, METADATA: app}, app, close)


def _limits(settings: Settings) -> RateLimits:
    agent, user = (
        Rate(per_minute=calls, burst=max(1, calls // 6)) for calls in (settings.agent_calls, settings.user_calls)
    )
    return RateLimits(agent=agent, user=user)
