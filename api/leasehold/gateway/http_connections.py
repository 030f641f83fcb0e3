"""HTTP/1.1 to one tool server: a request goes out in one piece, and its answer is read as it comes (RFC 9112).

llhttp reads the messages, strictly. INVARIANT: what comes while nothing is asked ends the connection: it would be
taken for the answer to somebody else's request. So does an answer that is not whole, or whose end nobody can tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from leasehold.gateway.upstreams import UpstreamFailed

_HEAD_BYTES = 1 << 16
_AHEAD_BYTES = 1 << 16
_INFORMATION, _SWITCHING = range(100, 200), 101
_EMPTY = frozenset({204, 304})  # RFC 9112 §6.3


class _Malformed(Exception):
    """The server speaks no HTTP that has one reading."""


class HttpIncoming:
    """An answer. Of its body as much is kept as came before anybody read it, and little more."""

    __slots__ = ("_connection", "_ended", "_failed", "_pieces", "_size", "_waiting", "headers", "status")

    def __init__(self, connection: HttpConnection, status: int, headers: Mapping[str, str]) -> None:
        self.status, self.headers = status, headers
        self._connection = connection
        self._pieces: list[bytes] = []
        self._size = 0
        self._ended = self._failed = False
        self._waiting: asyncio.Future[None] | None = None

    @property
    def body(self) -> bytes | None:
        """The whole body, where all of it is there."""
        return b"".join(self._pieces) if self._ended and not self._failed else None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises `UpstreamFailed`."""
        while True:
            if self._pieces:
                piece = b"".join(self._pieces)
                self._pieces.clear()
                self._size = 0
                self._connection.read_on()
                yield piece
            elif self._failed:
                raise UpstreamFailed("died_mid_stream")
            elif self._ended:
                return
            else:
                self._waiting = asyncio.get_running_loop().create_future()
                await self._waiting

    def add(self, piece: bytes) -> bool:
        """Take a piece of the body; false when that is enough for now."""
        self._pieces.append(piece)
        self._size += len(piece)
        self._wake()
        return self._size < _AHEAD_BYTES

    def end(self, *, failed: bool) -> None:
        """No more comes: that was all, or the rest is lost."""
        if not self._ended:
            self._ended, self._failed = True, failed
            self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class HttpConnection(asyncio.Protocol):
    """One connection, and one request on it at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = HttpResponseParser(self)
        self._head: asyncio.Future[HttpIncoming] | None = None
        self._incoming: HttpIncoming | None = None
        self._headers: dict[str, str] = {}
        self._read = 0
        self._patience: asyncio.TimerHandle | None = None
        self._until_close = self._reusable = self._paused = False
        self.idle_since = 0.0

    @property
    def is_closed(self) -> bool:
        """True if it is gone, or going."""
        return self._transport.is_closing()

    @property
    def is_reusable(self) -> bool:
        """True if the next request can go out on it: all of the last one did, and all of its answer came."""
        transport = self._transport
        return self._reusable and not transport.is_closing() and transport.get_write_buffer_size() == 0

    def ask(self, request: bytes, until: float) -> asyncio.Future[HttpIncoming]:
        """Send a request; the head of its answer, awaited until then. It fails with `UpstreamFailed`."""
        self._headers, self._read, self._incoming = {}, 0, None
        self._until_close = self._reusable = False
        self._head = head = self._loop.create_future()
        self._patience = self._loop.call_at(until, self._give_up, "hangs", 504)
        self._transport.write(request)
        return head

    def read_on(self) -> None:
        """Take more of the body."""
        if self._paused:
            self._paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def close(self) -> None:
        """Hang up."""
        self._reusable = False
        if self._patience is not None:
            self._patience.cancel()
        if self._transport.get_write_buffer_size():
            self._transport.abort()  # nobody takes it
        else:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, piece: bytes) -> None:
        """Something came."""
        if self._head is None:
            self.close()
            return
        self._read += len(piece)
        try:
            self._parser.feed_data(piece)
        except (HttpParserError, HttpParserUpgrade):
            self._give_up("no_http")
            return
        if self._incoming is None and self._read > _HEAD_BYTES:
            self._give_up("no_http")

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone."""
        if self._incoming is not None and self._until_close and error is None:
            self._incoming.end(failed=False)
        self._give_up("no_http")

    def on_message_begin(self) -> None:
        """The parser sees an answer begin."""
        if self._head is None:
            raise _Malformed

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser has read a header. Trailers are of no use to anybody."""
        if self._incoming is not None:
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        known = self._headers.get(key)
        self._headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        """The parser has read a head."""
        status, headers = self._parser.get_status_code(), self._headers
        if self._read > _HEAD_BYTES and sum(len(n) + len(v) for n, v in headers.items()) > _HEAD_BYTES:
            raise _Malformed
        if status in _INFORMATION:
            if status == _SWITCHING:
                raise _Malformed
            return
        coding = headers.get("transfer-encoding")
        if coding is not None and coding.lower() != "chunked":
            raise _Malformed
        self._until_close = coding is None and "content-length" not in headers and status not in _EMPTY
        self._incoming = HttpIncoming(self, status, headers)
        if self._patience is not None:
            self._patience.cancel()
        if self._head is not None and not self._head.done():
            self._head.set_result(self._incoming)

    def on_body(self, piece: bytes) -> None:
        """The parser has read a piece of a body."""
        if self._incoming is not None and not self._incoming.add(piece) and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """The parser has read all of an answer, or of one that only says that another comes (RFC 9110 §15.2)."""
        if self._incoming is None:
            self._headers = {}
            return
        self._head = None
        self._reusable = self._parser.should_keep_alive() and not self._until_close
        self.read_on()
        self._incoming.end(failed=False)

    def _give_up(self, reason: str, status: int = 502) -> None:
        """Whoever waits for the head, or for more of the body, waits in vain."""
        if self._incoming is not None:
            self._incoming.end(failed=True)
        elif self._head is not None and not self._head.done():
            self._head.set_exception(UpstreamFailed(reason, status=status))
        self._head = None
        self.close()
