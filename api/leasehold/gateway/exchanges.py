"""What a request passes on its way, and what is known of it while it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.gateway.admission import Admission
from leasehold.gateway.answers import Pending
from leasehold.gateway.deciding import Place
from leasehold.gateway.lists import Lists
from leasehold.gateway.ports import Broker, Surfaces
from leasehold.gateway.rates import Rates
from leasehold.gateway.records import Records
from leasehold.gateway.scanning import Scans
from leasehold.gateway.sessions import Sessions
from leasehold.gateway.upstreams import Upstreams
from leasehold.gateway.watching import Watch
from leasehold.mcp.headers import Headers
from leasehold.mcp.messages import RequestId
from leasehold.model.connections import Authorized
from leasehold.model.tools import Action

_WORST_FIRST = (Action.DELETE, Action.EXECUTE, Action.WRITE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Everything that a request passes. `clock` tells the time (aware UTC), `monotonic` seconds."""

    admission: Admission
    broker: Broker
    surfaces: Surfaces
    upstreams: Upstreams
    records: Records
    rates: Rates
    scans: Scans
    lists: Lists
    sessions: Sessions
    watch: Watch
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]


@dataclass(slots=True)
class Exchange:
    """One request that is under way. `began` is monotonic seconds; `body` is what goes out."""

    gateway: Gateway
    place: Place
    method: str
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    pending: dict[RequestId, Pending]
    began: float
    authorized: Authorized | None = field(default=None, repr=False)

    @property
    def action(self) -> Action:
        """The worst that it does to the world."""
        wants = [judged.want for one in self.pending.values() for judged in one.judgements]
        done = {self.place.served.action_of(want.tool) for want in wants}
        return next((one for one in _WORST_FIRST if one in done), Action.READ)

    @property
    def listens(self) -> bool:
        """True if it waits for whatever comes, and not for answers."""
        return not self.pending or any(one.message.method == "subscriptions/listen" for one in self.pending.values())

    async def end(self, one: Pending) -> None:
        """Record what came of one of its requests. Raises `Refused` where that cannot be done."""
        if one.recorded:
            return
        seconds = self.gateway.monotonic() - self.began
        one.recorded = True
        await self.gateway.records.ended(self.place, one, self.gateway.clock(), self.authorized, seconds)
