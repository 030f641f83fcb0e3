"""HTTP/1.1 to one tool server: a request goes out in one piece, and its answer is read as it comes (RFC 9112).

llhttp reads the messages, strictly; what it lets pass all the same is refused here. INVARIANT: what comes while nothing
is asked ends the connection: it would be taken for the answer to somebody else's request. So does an answer that is not
whole, or whose end nobody can tell.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator, Mapping
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from leasehold.gateway.upstreams import UpstreamFailed

_HEAD_BYTES = 1 << 16
_AHEAD_BYTES = 1 << 16
_FRAMING_BYTES = 2 * _HEAD_BYTES
_BYTE_IN_A_CHUNK = 6
"""What a byte of a body may cost: a chunk of its own. All else is head, extensions of chunks and trailers: bounded."""
_INFORMATION, _SWITCHING, _FINAL = range(100, 200), 101, range(200, 600)
_EMPTY = frozenset({204, 304})  # RFC 9112 §6.3


class BrokeOff(UpstreamFailed):
    """The connection ended before a byte of an answer came: whether the request arrived nobody knows."""

    def __init__(self) -> None:
        super().__init__("broke_off")


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
        self._read = self._taken = 0
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

    @property
    def was_used(self) -> bool:
        """True if an answer came on it before, so that the server may just have hung up."""
        return self.idle_since > 0

    @property
    def is_silent(self) -> bool:
        """True if nothing came, not even what the event loop has not handed over yet: its end, most likely."""
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    def ask(self, request: bytes, until: float) -> asyncio.Future[HttpIncoming]:
        """Send a request; the head of its answer, awaited until then. It fails with `UpstreamFailed`."""
        self._headers, self._read, self._taken, self._incoming = {}, 0, 0, None
        self._until_close = self._reusable = False
        self._head = head = self._loop.create_future()
        if self._transport.is_closing():
            self._give_up(BrokeOff())
            return head
        self._patience = self._loop.call_at(until, self._give_up, UpstreamFailed("hangs", status=504))
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
        if self._transport.is_closing():
            return
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
            self._give_up(UpstreamFailed("no_http"))
            return
        most = _HEAD_BYTES if self._incoming is None else _FRAMING_BYTES + _BYTE_IN_A_CHUNK * self._taken
        if self._read > most:
            self._give_up(UpstreamFailed("no_http"))

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone."""
        if self._incoming is not None and self._until_close and error is None:
            self._incoming.end(failed=False)
        self._give_up(UpstreamFailed("no_http") if self._read else BrokeOff())

    def on_message_begin(self) -> None:
        """The parser sees an answer begin."""
        if self._head is None:
            raise _Malformed

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser has read a header. Trailers are of no use to anybody."""
        if self._incoming is not None:
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").rstrip(" \t")
        known = self._headers.get(key)
        self._headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        """The parser has read a head."""
        status, headers = self._parser.get_status_code(), self._headers
        if self._read > _HEAD_BYTES and sum(len(n) + len(v) for n, v in headers.items()) > _HEAD_BYTES:
            raise _Malformed
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if not _has_one_reading(status, self._parser.get_http_version(), coding, length):
            raise _Malformed
        if status in _INFORMATION:
            return
        if status in _EMPTY:  # no body comes, as others read it; whoever speaks of one may send it
            self._until_close = coding is not None or length not in {None, "0"}
        else:
            self._until_close = coding is None and length is None
        self._incoming = HttpIncoming(self, status, headers)
        if self._patience is not None:
            self._patience.cancel()
        if self._head is not None and not self._head.done():
            self._head.set_result(self._incoming)

    def on_body(self, piece: bytes) -> None:
        """The parser has read a piece of a body."""
        self._taken += len(piece)
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

    def _give_up(self, why: UpstreamFailed) -> None:
        """Whoever waits for the head, or for more of the body, waits in vain."""
        if self._incoming is not None:
            self._incoming.end(failed=True)
        elif self._head is not None and not self._head.done():
            self._head.set_exception(why)
        self._head = None
        self.close()


def _has_one_reading(status: int, version: str, coding: str | None, length: str | None) -> bool:
    """False for a head whose body others see elsewhere than llhttp does (RFC 9112 §6.1, §6.3), and for no HTTP/1."""
    if status in _INFORMATION:  # llhttp reads a body behind some of them
        return status != _SWITCHING and coding is None and length is None
    if status not in _FINAL or version not in {"1.1", "1.0"}:
        return False
    return coding is None or (coding.lower() == "chunked" and version == "1.1")
