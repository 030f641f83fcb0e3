"""Tool servers of every kind."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

from leasehold.gateway.conversing import ConversingUpstreams
from leasehold.gateway.http_upstreams import HttpUpstreams
from leasehold.gateway.legacy_upstreams import LegacyUpstreams
from leasehold.gateway.stdio_upstreams import StdioUpstreams
from leasehold.gateway.upstreams import Incoming, Outgoing
from leasehold.model.relaying import Transport

_HANG_UP_SECONDS = 10.0


class AnyUpstreams:
    """By address, in the transport that the declaration says, or by command."""

    def __init__(self, http: HttpUpstreams, stdio: StdioUpstreams, legacy: LegacyUpstreams) -> None:
        self._http = http
        self._talking: dict[Transport, ConversingUpstreams] = {Transport.STDIO: stdio, Transport.LEGACY_SSE: legacy}
        self._loop: asyncio.AbstractEventLoop | None = None

    def send(self, outgoing: Outgoing) -> AbstractAsyncContextManager[Incoming]:
        """The answer to a request. Raises `UpstreamFailed`."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        talking = self._talking.get(outgoing.transport)
        return talking.send(outgoing) if talking is not None else self._http.send(outgoing)

    def close(self) -> None:
        """Hang up everywhere. From another thread than the event loop's, which still runs."""
        if self._loop is not None and self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result(_HANG_UP_SECONDS)

    async def _hang_up(self) -> None:
        for talking in self._talking.values():
            await talking.hang_up()
        await self._http.hang_up()
