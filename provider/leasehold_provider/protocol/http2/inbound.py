"""The receiving half of a connection: bytes in, whole requests out (RFC 9113). No I/O, one thread."""

from __future__ import annotations

from . import frames
from .errors import (
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    NO_ERROR,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_CLOSED,
    ConnectionFault,
)
from .hpack import HpackDecoder
from .limits import (
    CONNECTION_WINDOW,
    MAX_BUFFERED_BYTES,
    MAX_FRAME_BYTES,
    MAX_HEADER_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_STREAMS,
    STREAM_WINDOW,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from .hpack import Header
    from .outbound import Outbound

    class RequestListener(Protocol):
        """What becomes of requests."""

        def request(self, stream: int, headers: list[Header], body: bytes) -> None:
            """Answer a complete request."""

        def too_large(self, stream: int) -> None:
            """Answer a request whose body is beyond the limit."""

        def in_service(self) -> int:
            """Count the requests that are still being worked on."""


_MAX_BODY_BYTES = MAX_MESSAGE_BYTES + 5


class _Request:
    """A request whose end has not come yet."""

    __slots__ = ("body", "headers", "window")

    def __init__(self, headers: list[Header]) -> None:
        self.headers = headers
        self.body = bytearray()
        self.window = STREAM_WINDOW


class Inbound:
    """Feed it what the socket gave; it calls the listener and puts what must be said into the outbound half."""

    def __init__(self, outbound: Outbound, listener: RequestListener) -> None:
        self._out = outbound
        self._listener = listener
        self._hpack = HpackDecoder()
        self._buffer = bytearray(0)
        self._started = False
        self._settled = False
        self._requests: dict[int, _Request] = {}
        self._buffered = 0
        self._window = CONNECTION_WINDOW
        self._block: tuple[int, int, bytearray] | None = None
        self.last_stream = 0
        self._by_kind: dict[int, Callable[[int, int, bytes], None]] = {
            frames.DATA: self._data,
            frames.HEADERS: self._headers,
            frames.PRIORITY: self._priority,
            frames.RST_STREAM: self._reset,
            frames.SETTINGS: self._settings,
            frames.PUSH_PROMISE: self._push_promise,
            frames.PING: self._ping,
            frames.GOAWAY: self._goaway,
            frames.WINDOW_UPDATE: self._window_update,
        }

    def feed(self, received: bytes) -> None:
        """Take what has arrived. Raises ConnectionFault when the peer breaks the protocol."""
        self._buffer += received
        if not self._started and not self._start():
            return
        buffer, at, end = bytes(self._buffer), 0, len(self._buffer)
        while end - at >= frames.HEAD_BYTES:
            size = buffer[at] << 16 | buffer[at + 1] << 8 | buffer[at + 2]
            if size > MAX_FRAME_BYTES:
                raise ConnectionFault(FRAME_SIZE_ERROR, "frame too large")
            stop = at + frames.HEAD_BYTES + size
            if stop > end:
                break
            stream = int.from_bytes(buffer[at + 5 : at + 9], "big") & 0x7FFFFFFF
            self._frame(buffer[at + 3], buffer[at + 4], stream, buffer[at + frames.HEAD_BYTES : stop])
            at = stop
        del self._buffer[:at]

    def _start(self) -> bool:
        seen = self._buffer[: len(frames.PREFACE)]
        if not frames.PREFACE.startswith(seen):
            raise ConnectionFault(PROTOCOL_ERROR, "not an HTTP/2 client")
        if len(seen) < len(frames.PREFACE):
            return False
        del self._buffer[: len(frames.PREFACE)]
        self._started = True
        return True

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if self._block is not None:
            self._continuation(kind, flags, stream, payload)
            return
        if not self._settled and kind != frames.SETTINGS:
            raise ConnectionFault(PROTOCOL_ERROR, "first frame is not SETTINGS")
        if kind == frames.CONTINUATION:
            raise ConnectionFault(PROTOCOL_ERROR, "CONTINUATION of nothing")
        receive = self._by_kind.get(kind)
        if receive is not None:  # other kinds are extensions, to be ignored (§4.1)
            receive(flags, stream, payload)

    # -- requests

    def _headers(self, flags: int, stream: int, payload: bytes) -> None:
        if not stream & 1:
            raise ConnectionFault(PROTOCOL_ERROR, "HEADERS on a stream that is not the client's")
        payload = _unpadded(flags, payload)
        if flags & frames.PRIORITY_FLAG:
            if len(payload) < 5:  # noqa: PLR2004 -- a dependency and a weight
                raise ConnectionFault(FRAME_SIZE_ERROR, "truncated priority")
            payload = payload[5:]
        if flags & frames.END_HEADERS:
            self._header_block(flags, stream, payload)
        else:
            self._block = (flags, stream, bytearray(payload))

    def _continuation(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if self._block is None or kind != frames.CONTINUATION or stream != self._block[1]:
            raise ConnectionFault(PROTOCOL_ERROR, "header block interrupted")
        first_flags, _, block = self._block
        block += payload
        if len(block) > MAX_HEADER_BYTES or (not payload and not flags & frames.END_HEADERS):
            raise ConnectionFault(ENHANCE_YOUR_CALM, "header block too large")
        if flags & frames.END_HEADERS:
            self._block = None
            self._header_block(first_flags, stream, bytes(block))

    def _header_block(self, flags: int, stream: int, block: bytes) -> None:
        headers = self._hpack.decode(block)  # also for a refused stream: the table must stay in step
        if stream in self._requests:
            self._trailers(flags, stream)
            return
        if stream <= self.last_stream:
            raise ConnectionFault(STREAM_CLOSED, "HEADERS on a closed stream")
        self.last_stream = stream
        if len(self._requests) + self._listener.in_service() >= MAX_STREAMS:
            self._out.reset(stream, REFUSED_STREAM)
            return
        self._out.open(stream)
        self._requests[stream] = _Request(headers)
        if flags & frames.END_STREAM:
            self._complete(stream)

    def _trailers(self, flags: int, stream: int) -> None:
        if not flags & frames.END_STREAM:
            raise ConnectionFault(PROTOCOL_ERROR, "trailers that end nothing")
        self._complete(stream)

    def _complete(self, stream: int) -> None:
        request = self._requests.pop(stream)
        self._buffered -= len(request.body)
        self._listener.request(stream, request.headers, bytes(request.body))

    def _data(self, flags: int, stream: int, payload: bytes) -> None:
        if stream == 0 or stream > self.last_stream:
            raise ConnectionFault(PROTOCOL_ERROR, "DATA on an idle stream")
        self._take_connection_credit(len(payload))
        request = self._requests.get(stream)
        if request is None:
            return  # reset, refused or answered already; what was under way still counted above
        self._take_stream_credit(stream, request, len(payload))
        body = _unpadded(flags, payload)
        request.body += body
        self._buffered += len(body)
        if len(request.body) > _MAX_BODY_BYTES:
            self._drop(stream)
            self._listener.too_large(stream)
            self._out.reset(stream, NO_ERROR)
        elif self._buffered > MAX_BUFFERED_BYTES:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "too much unfinished")
        elif flags & frames.END_STREAM:
            self._complete(stream)

    def _take_connection_credit(self, size: int) -> None:
        self._window -= size
        if self._window < 0:
            raise ConnectionFault(FLOW_CONTROL_ERROR, "more data than the connection's window")
        if self._window < CONNECTION_WINDOW // 2:
            self._out.grant(0, CONNECTION_WINDOW - self._window)
            self._window = CONNECTION_WINDOW

    def _take_stream_credit(self, stream: int, request: _Request, size: int) -> None:
        request.window -= size
        if request.window < 0:
            raise ConnectionFault(FLOW_CONTROL_ERROR, "more data than the stream's window")
        if request.window < STREAM_WINDOW // 2:
            self._out.grant(stream, STREAM_WINDOW - request.window)
            request.window = STREAM_WINDOW

    def _reset(self, flags: int, stream: int, payload: bytes) -> None:
        del flags
        _expect(stream != 0 and stream <= self.last_stream, PROTOCOL_ERROR, "reset of an idle stream")
        _expect(len(payload) == 4, FRAME_SIZE_ERROR, "malformed reset")  # noqa: PLR2004 -- §6.4
        self._drop(stream)
        self._out.forget(stream)

    def _drop(self, stream: int) -> None:
        request = self._requests.pop(stream, None)
        if request is not None:
            self._buffered -= len(request.body)

    # -- the connection itself

    def _settings(self, flags: int, stream: int, payload: bytes) -> None:
        _expect(stream == 0, PROTOCOL_ERROR, "SETTINGS on a stream")
        if flags & frames.ACK:
            _expect(not payload, FRAME_SIZE_ERROR, "SETTINGS acknowledgement with a payload")
            return
        _expect(len(payload) % 6 == 0, FRAME_SIZE_ERROR, "malformed SETTINGS")
        self._settled = True
        for at in range(0, len(payload), 6):
            key = int.from_bytes(payload[at : at + 2], "big")
            self._out.adopt_setting(key, int.from_bytes(payload[at + 2 : at + 6], "big"))
        self._out.acknowledge_settings()

    def _ping(self, flags: int, stream: int, payload: bytes) -> None:
        _expect(stream == 0, PROTOCOL_ERROR, "PING on a stream")
        _expect(len(payload) == 8, FRAME_SIZE_ERROR, "malformed PING")  # noqa: PLR2004 -- §6.7
        if not flags & frames.ACK:
            self._out.pong(payload)

    def _window_update(self, flags: int, stream: int, payload: bytes) -> None:
        del flags
        _expect(len(payload) == 4, FRAME_SIZE_ERROR, "malformed WINDOW_UPDATE")  # noqa: PLR2004 -- §6.9
        _expect(stream <= self.last_stream, PROTOCOL_ERROR, "WINDOW_UPDATE on an idle stream")
        credit = int.from_bytes(payload, "big") & 0x7FFFFFFF
        _expect(credit != 0, PROTOCOL_ERROR, "WINDOW_UPDATE of nothing")
        self._out.credit(stream, credit)

    @staticmethod
    def _goaway(flags: int, stream: int, payload: bytes) -> None:
        del flags
        _expect(stream == 0, PROTOCOL_ERROR, "GOAWAY on a stream")
        _expect(len(payload) >= 8, FRAME_SIZE_ERROR, "malformed GOAWAY")  # noqa: PLR2004 -- §6.8

    @staticmethod
    def _priority(flags: int, stream: int, payload: bytes) -> None:
        del flags
        _expect(stream != 0, PROTOCOL_ERROR, "PRIORITY on the connection")
        _expect(len(payload) == 5, FRAME_SIZE_ERROR, "malformed PRIORITY")  # noqa: PLR2004 -- §6.3

    @staticmethod
    def _push_promise(flags: int, stream: int, payload: bytes) -> None:
        del flags, stream, payload
        raise ConnectionFault(PROTOCOL_ERROR, "a client never promises")


def _expect(condition: bool, code: int, reason: str) -> None:
    if not condition:
        raise ConnectionFault(code, reason)


def _unpadded(flags: int, payload: bytes) -> bytes:
    if not flags & frames.PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise ConnectionFault(PROTOCOL_ERROR, "more padding than payload")
    return payload[1 : len(payload) - payload[0]]
