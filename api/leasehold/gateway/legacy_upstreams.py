"""Tool servers that speak HTTP+SSE, the transport of MCP 2024-11-05: a stream that answers, and POSTs that ask.

A session of the caller is a stream of its own to the server. Servers of this kind know the handshake alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar
from urllib.parse import SplitResult, urljoin, urlsplit

from leasehold.gateway.conversations import Conversation
from leasehold.gateway.conversing import ConversingUpstreams
from leasehold.gateway.http_upstreams import HttpUpstreams
from leasehold.gateway.sse import EventReader, EventTooLarge, ServerEvent
from leasehold.gateway.upstreams import Incoming, Outgoing, UpstreamFailed

_MANY, _MANY_OF_ONE = 96, 16  # fewer than there are connections to one host: what is asked goes beside the streams
_STREAM, _ENDPOINT = "text/event-stream", b"endpoint"
_BAD = 400
_REFUSING = frozenset({401, 403})
_PORTS = {"http": 80, "https": 443}


class LegacyUpstreams(ConversingUpstreams):
    """Opens streams."""

    sessionless: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, http: HttpUpstreams) -> None:
        super().__init__(many=_MANY, many_of_one=_MANY_OF_ONE)
        self._http = http

    async def converse(self, outgoing: Outgoing) -> Conversation:
        """A stream of its own, once the server said where to ask. Raises `UpstreamFailed`."""
        stream = LegacyStream(self._http, outgoing)
        try:
            await stream.opened()
        except BaseException:
            await stream.end()
            raise
        return stream


class LegacyStream(Conversation):
    """One stream, and where its server is asked."""

    ended_as: ClassVar[str] = "died_mid_stream"

    def __init__(self, http: HttpUpstreams, outgoing: Outgoing) -> None:
        super().__init__()
        self._http = http
        self._asked_at: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.get_running_loop().create_task(self._read(outgoing))

    @property
    def runs(self) -> bool:
        """True until it has ended."""
        return not self._reading.done()

    async def opened(self) -> None:
        """Return when the server said where to ask. Raises `UpstreamFailed`."""
        try:
            async with asyncio.timeout(self._http.patience):
                await self._asked_at
        except TimeoutError:
            raise UpstreamFailed("hangs", status=504) from None

    async def write(self, outgoing: Outgoing) -> None:
        """Send one message or batch, with the credential of its own time. Raises `UpstreamFailed`."""
        asked = replace(outgoing, method="POST", url=self._asked_at.result(), headers=_headers(outgoing.headers))
        async with self._http.send(asked) as incoming:
            _check(incoming)

    async def end(self) -> None:
        """Hang up."""
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        if self._asked_at.done() and not self._asked_at.cancelled():
            self._asked_at.exception()  # heard

    async def _read(self, outgoing: Outgoing) -> None:
        headers = {**_headers(outgoing.headers), "accept": _STREAM}
        why = UpstreamFailed(self.ended_as)
        try:
            async with self._http.send(replace(outgoing, method="GET", headers=headers, body=b"")) as incoming:
                _check(incoming, _STREAM)
                async for event in _events(incoming):
                    await self._take(event, outgoing.url)
        except UpstreamFailed as failed:
            why = failed
        except EventTooLarge as error:
            why = UpstreamFailed(error.reason)
        finally:
            if not self._asked_at.done():
                self._asked_at.set_exception(why)
            self._tell_the_end()

    async def _take(self, event: ServerEvent, url: str) -> None:
        if event.content is None:
            return
        if event.name != _ENDPOINT:
            await self._sort(event.content)
        elif not self._asked_at.done():
            self._asked_at.set_result(_beside(url, event.content))


def _beside(url: str, said: bytes) -> str:
    """Where to ask, which is on the server itself: our credential goes nowhere else. Raises `UpstreamFailed`."""
    try:
        found = urljoin(url, said.decode())
        if _origin(urlsplit(found)) == _origin(urlsplit(url)):
            return found
    except ValueError:
        pass
    raise UpstreamFailed("endpoint_elsewhere")


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None, str | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme), parts.username


def _headers(sent: Mapping[str, str]) -> dict[str, str]:
    """Without those that this transport does not have: sessions are ours alone."""
    return {name: value for name, value in sent.items() if not name.startswith("mcp-") and name != "last-event-id"}


def _check(incoming: Incoming, kind: str = "") -> None:
    if incoming.status in _REFUSING:
        raise UpstreamFailed("refuses_our_credential")
    if incoming.status >= _BAD:
        raise UpstreamFailed(f"status_{incoming.status}")
    if not incoming.headers.get("content-type", "").lower().startswith(kind):
        raise UpstreamFailed("no_mcp")


async def _events(incoming: Incoming) -> AsyncIterator[ServerEvent]:
    reader = EventReader()
    async for chunk in incoming.chunks():
        for event in reader.feed(chunk):
            yield event
