"""What happens at the gateway, counted: the same parts with a meter beside them, put in place only where one is wanted.

INVARIANT: no label is free text of an agent or a tool server: tool servers are declared, everything else is a word of
a closed set, and what is none of its words is `other`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final, Protocol

from leasehold.gateway.answers import Pending
from leasehold.gateway.deciding import Place
from leasehold.gateway.scanning import Scanned, Scans
from leasehold.gateway.serving import Served
from leasehold.gateway.upstreams import Incoming, Outgoing, UpstreamFailed, Upstreams
from leasehold.gateway.witnessing import OUTCOMES
from leasehold.mcp.needs import METHODS
from leasehold.mcp.refusals import DENIED, UPSTREAM_FAILED, Refused
from leasehold.scan.findings import FindingKind

OTHER: Final = "other"
_KINDS = frozenset(FindingKind) | {"omitted"}
_REFUSALS: Final = frozenset(
    {
        *OUTCOMES.values(),
        *("malformed", "unauthenticated", "unknown_method", "too_large", "slow_body", "draining", "origin", "host"),
        *("not_taken", "session_gone", "foreign_session", "cut_off"),
    }
)
_BY_CODE: Final[Mapping[int, str]] = {DENIED: "denied", UPSTREAM_FAILED: "upstream_failed"}
_UNAUTHORIZED = 401


class Meter(Protocol):
    """Counts. Quick, and raises nothing: it stands in the hot path."""

    def called(self, server: str, method: str, outcome: str) -> None: ...
    def refused(self, reason: str) -> None: ...
    def found(self, server: str, direction: str, kind: str, count: int) -> None: ...
    def waited(self, server: str, answered: str, seconds: float) -> None: ...


class Counting:
    """Counts each request that is owed an answer, once, when what came of it is known."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def ended(self, place: Place, one: Pending, outcome: str, _seconds: float | None) -> None:
        """What came of one request."""
        method = one.message.method
        self._meter.called(place.served.name, method if method in METHODS else OTHER, outcome)


class MeteredScans(Scans):
    """Counts findings by kind, those that block among them (each rule of them once)."""

    def __init__(self, key: bytes, meter: Meter) -> None:
        super().__init__(key)
        self._meter = meter

    async def arguments(self, raw: bytes, served: Served) -> Scanned:
        """What goes to the tool server. Raises `Refused` where a finding blocks."""
        return await self._counted(super().arguments(raw, served), served, "arguments")

    async def result(self, raw: bytes, served: Served) -> Scanned:
        """What comes from it. Raises `Refused` where a finding blocks."""
        return await self._counted(super().result(raw, served), served, "results")

    async def _counted(self, scanned: Awaitable[Scanned], served: Served, direction: str) -> Scanned:
        try:
            came = await scanned
        except Refused as refused:
            names = (refused.more or {}).get("found")
            self._count(served.name, direction, ((str(one), 1) for one in names) if isinstance(names, list) else ())
            raise
        if came.found:
            self._count(served.name, direction, came.found.items())
        return came

    def _count(self, server: str, direction: str, found: Iterable[tuple[str, int]]) -> None:
        for name, count in found:
            kind = name.partition(":")[0]
            self._meter.found(server, direction, kind if kind in _KINDS else OTHER, count)


class MeteredUpstreams:
    """Measures the time to the first byte of an answer: its headers."""

    def __init__(self, upstreams: Upstreams, meter: Meter, monotonic: Callable[[], float]) -> None:
        self._upstreams, self._meter, self._monotonic = upstreams, meter, monotonic

    @asynccontextmanager
    async def send(self, outgoing: Outgoing) -> AsyncGenerator[Incoming]:
        """The answer to a request. Raises `UpstreamFailed`."""
        began, server, answered = self._monotonic(), outgoing.on_behalf[0], False
        try:
            async with self._upstreams.send(outgoing) as incoming:
                answered = True
                self._meter.waited(server, "yes", self._monotonic() - began)
                yield incoming
        except UpstreamFailed:
            if not answered:
                self._meter.waited(server, "no", self._monotonic() - began)
            raise


def refusal_word(refused: Refused) -> str:
    """Why something was refused, in one word of a closed set."""
    if refused.status == _UNAUTHORIZED:
        return "unauthenticated"
    word = OUTCOMES.get(refused.reason, refused.reason or "malformed")
    return word if word in _REFUSALS else _BY_CODE.get(refused.code, OTHER)
