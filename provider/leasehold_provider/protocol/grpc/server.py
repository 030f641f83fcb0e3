"""From a complete request to a framed answer: find the method, run it where it belongs, turn failures into statuses."""

from __future__ import annotations

from struct import pack
from threading import Lock

from . import status
from .status import CallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeAlias

    from leasehold_provider.protocol.http2.hpack import Header
    from leasehold_provider.protocol.http2.outbound import Outbound

    from .workers import Workers

    AnyMethod: TypeAlias = "Method | StreamingMethod | HeldMethod"

_PREFIX_BYTES = 5
"""Compressed flag and length before every message."""

INLINE = "inline"
"""Pure computation: runs in the reading thread, its answer joins the others found in the same read."""
POOLED = "pooled"
"""May wait for something: runs in a worker thread."""


class Method:
    """A unary method: message bytes in, message bytes out; `where` is INLINE or POOLED."""

    __slots__ = ("call", "where")

    def __init__(self, call: Callable[[bytes], bytes], where: str) -> None:
        self.call = call
        self.where = where


class StreamingMethod:
    """A method with many answers to one message; the iterator is closed when the peer loses interest."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[bytes], Iterator[bytes]]) -> None:
        self.call = call


class HeldMethod:
    """A method whose answer never comes: the stream stays open for the life of the connection."""

    __slots__ = ()


class GrpcServer:
    """Answers the requests of one connection."""

    def __init__(
        self,
        methods: Mapping[bytes, AnyMethod],
        outbound: Outbound,
        workers: Workers,
        report: Callable[[BaseException], None],
    ) -> None:
        self._methods = methods
        self._out = outbound
        self._workers = workers
        self._report = report
        self._lock = Lock()
        self._in_service = 0

    def in_service(self) -> int:
        """Count the calls being worked on, those the peer has given up included."""
        return self._in_service

    def too_large(self, stream: int) -> None:
        """Refuse a message beyond the limit."""
        self._fail(stream, status.RESOURCE_EXHAUSTED, "message too large")

    def request(self, stream: int, headers: list[Header], body: bytes) -> None:
        """Answer one request, now or from a worker."""
        try:
            method = self._method(dict(headers))
            message = _message(body)
        except CallError as fault:
            self._fail(stream, fault.code, fault.text)
            return
        if isinstance(method, Method):
            self._unary(method, stream, message)
        elif isinstance(method, StreamingMethod):
            self._pooled(lambda: self._stream(method, stream, message))
        else:
            self._out.headers(stream, status.HEADERS)

    def _method(self, headers: dict[bytes, bytes]) -> AnyMethod:
        is_grpc = headers.get(b"content-type", b"").startswith(b"application/grpc")
        if headers.get(b":method") != b"POST" or not is_grpc:
            raise CallError(status.UNIMPLEMENTED, "not a gRPC call")
        method = self._methods.get(headers.get(b":path", b""))
        if method is None:
            raise CallError(status.UNIMPLEMENTED, "no such method")
        return method

    def _unary(self, method: Method, stream: int, message: bytes) -> None:
        if method.where == INLINE:
            self._answer(method, stream, message)
        else:
            self._pooled(lambda: self._answer(method, stream, message))

    def _pooled(self, job: Callable[[], None]) -> None:
        with self._lock:
            self._in_service += 1
        self._workers.run(lambda: self._serve(job))

    def _serve(self, job: Callable[[], None]) -> None:
        try:
            job()
            self._out.flush()
        except OSError:
            pass  # the peer is gone; the reader notices on its own
        finally:
            with self._lock:
                self._in_service -= 1

    def _answer(self, method: Method, stream: int, message: bytes) -> None:
        try:
            answer = method.call(message)
        except CallError as fault:
            self._fail(stream, fault.code, fault.text)
        except Exception as fault:  # noqa: BLE001 -- the last line of defence: the plugin must not die of one call
            self._report(fault)
            self._fail(stream, status.INTERNAL, "internal error")
        else:
            self._out.headers(stream, status.HEADERS)
            self._out.body(stream, pack(">BI", 0, len(answer)) + answer)
            self._out.finish(stream, status.OK_TRAILERS)

    def _stream(self, method: StreamingMethod, stream: int, message: bytes) -> None:
        self._out.headers(stream, status.HEADERS)
        answers = method.call(message)
        try:
            self._send_each(stream, answers)
        except OSError:
            raise
        except Exception as fault:  # noqa: BLE001 -- as in _answer
            self._report(fault)
            self._out.finish(stream, status.trailers(status.INTERNAL, "internal error"))
        else:
            self._out.finish(stream, status.OK_TRAILERS)

    def _send_each(self, stream: int, answers: Iterator[bytes]) -> None:
        for answer in answers:
            self._out.body(stream, pack(">BI", 0, len(answer)) + answer)
            self._out.flush()
            if not self._out.wait_for_room(stream):
                close = getattr(answers, "close", None)
                if close is not None:
                    close()
                return

    def _fail(self, stream: int, code: int, text: str) -> None:
        # "Trailers-Only": one header block is the whole answer.
        self._out.finish(stream, status.HEADERS + status.trailers(code, text))


def _message(body: bytes) -> bytes:
    if len(body) < _PREFIX_BYTES or len(body) != _PREFIX_BYTES + int.from_bytes(body[1:_PREFIX_BYTES], "big"):
        raise CallError(status.INTERNAL, "not exactly one message")
    if body[0]:
        raise CallError(status.UNIMPLEMENTED, "compression is not supported")
    return body[_PREFIX_BYTES:]
