"""The sending half of a connection: frames within the peer's windows (RFC 9113 §6.9). Used from many threads.

Methods only queue; `flush` writes everything queued in one piece. So a reader that answers ten requests it found in one
read writes once, and a worker that answers one flushes it at once.
"""

from __future__ import annotations

from threading import Condition, Lock

from . import frames
from .errors import FLOW_CONTROL_ERROR, PROTOCOL_ERROR, ConnectionFault
from .limits import CONNECTION_WINDOW, MAX_HEADER_BYTES, MAX_STREAMS, MAX_WINDOW, STREAM_WINDOW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_HIGH_WATER = 1 << 20
"""Unsent bytes of one stream beyond which a streaming answer waits."""
_LARGEST_FRAME = 1 << 20
"""We send no larger frames even where the peer would take them: other streams want their turn."""


class _Answer:
    """A stream the peer still waits for: its window and what does not fit into it yet."""

    __slots__ = ("pending", "trailer", "window")

    def __init__(self, window: int) -> None:
        self.window = window
        self.pending = bytearray()
        self.trailer: bytes | None = None


class Outbound:
    """Frames on their way out; `send` writes bytes to the peer and may raise OSError."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._lock = Lock()
        self._room = Condition(self._lock)
        self._queue: list[bytes] = []
        self._answers: dict[int, _Answer] = {}
        self._window = frames.INITIAL_WINDOW
        self._initial_window = frames.INITIAL_WINDOW
        self._max_frame = frames.SMALLEST_MAX_FRAME_SIZE
        self._closed = False

    def greet(self) -> None:
        """Queue our settings and the connection's window."""
        ours = {
            frames.MAX_CONCURRENT_STREAMS: MAX_STREAMS,
            frames.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
            frames.MAX_HEADER_LIST_SIZE: MAX_HEADER_BYTES,
        }
        self._enqueue(frames.settings(ours) + frames.window_update(0, CONNECTION_WINDOW - frames.INITIAL_WINDOW))

    def flush(self) -> None:
        """Write what is queued. Raises OSError when the peer is gone."""
        with self._lock:
            if self._queue:
                everything = b"".join(self._queue)
                self._queue.clear()
                self._send(everything)

    def _enqueue(self, piece: bytes) -> None:
        with self._lock:
            self._queue.append(piece)

    # -- answers

    def open(self, stream: int) -> None:
        """Expect an answer on this stream."""
        with self._lock:
            self._answers[stream] = _Answer(self._initial_window)

    def is_open(self, stream: int) -> bool:
        """Tell whether the peer still waits for this answer."""
        with self._lock:
            return stream in self._answers

    def headers(self, stream: int, block: bytes) -> None:
        """Queue response headers."""
        with self._lock:
            if stream in self._answers:
                self._queue.append(frames.frame(frames.HEADERS, frames.END_HEADERS, stream, block))

    def body(self, stream: int, payload: bytes) -> None:
        """Queue body bytes, as far as the windows allow; the rest follows when the peer gives credit."""
        with self._lock:
            answer = self._answers.get(stream)
            if answer is not None:
                answer.pending += payload
                self._pump(stream, answer)

    def finish(self, stream: int, trailer_block: bytes) -> None:
        """Queue the trailers after everything else of this stream."""
        with self._lock:
            answer = self._answers.get(stream)
            if answer is not None:
                answer.trailer = frames.frame(
                    frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, stream, trailer_block
                )
                self._pump(stream, answer)

    def wait_for_room(self, stream: int) -> bool:
        """Block a streaming answer while too much of it is unsent; False: nobody wants it any more."""
        with self._room:
            while not self._closed:
                answer = self._answers.get(stream)
                if answer is None:
                    return False
                if len(answer.pending) < _HIGH_WATER:
                    return True
                self._room.wait()
            return False

    def _pump(self, stream: int, answer: _Answer) -> None:
        sent = 0
        while sent < len(answer.pending):
            size = min(self._max_frame, self._window, answer.window, len(answer.pending) - sent)
            if size <= 0:
                break
            self._queue.append(frames.frame(frames.DATA, 0, stream, bytes(answer.pending[sent : sent + size])))
            sent += size
            self._window -= size
            answer.window -= size
        del answer.pending[:sent]
        if not answer.pending and answer.trailer is not None:
            self._queue.append(answer.trailer)
            del self._answers[stream]

    def _pump_all(self) -> None:
        for stream, answer in list(self._answers.items()):
            if self._window <= 0:
                break
            if answer.pending:
                self._pump(stream, answer)
        self._room.notify_all()

    # -- what the peer says about our sending

    def adopt_setting(self, key: int, value: int) -> None:
        """Obey one of the peer's settings. Raises ConnectionFault."""
        if key == frames.INITIAL_WINDOW_SIZE:
            self._adopt_initial_window(value)
        elif key == frames.MAX_FRAME_SIZE:
            if not frames.SMALLEST_MAX_FRAME_SIZE <= value < 1 << 24:
                raise ConnectionFault(PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE out of range")
            self._max_frame = min(value, _LARGEST_FRAME)
        elif key == frames.ENABLE_PUSH and value > 1:
            raise ConnectionFault(PROTOCOL_ERROR, "SETTINGS_ENABLE_PUSH out of range")

    def _adopt_initial_window(self, value: int) -> None:
        if value > MAX_WINDOW:
            raise ConnectionFault(FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE out of range")
        with self._lock:
            growth = value - self._initial_window
            self._initial_window = value
            for answer in self._answers.values():
                answer.window += growth
                if answer.window > MAX_WINDOW:
                    raise ConnectionFault(FLOW_CONTROL_ERROR, "window too large")
            self._pump_all()

    def credit(self, stream: int, amount: int) -> None:
        """Take a WINDOW_UPDATE. Raises ConnectionFault when a window grows beyond what the protocol allows."""
        with self._lock:
            if stream == 0:
                self._window += amount
                window = self._window
            else:
                answer = self._answers.get(stream)
                if answer is None:
                    return
                answer.window += amount
                window = answer.window
            if window > MAX_WINDOW:
                raise ConnectionFault(FLOW_CONTROL_ERROR, "window too large")
            self._pump_all()

    def forget(self, stream: int) -> None:
        """Drop the answer to a request that the peer took back."""
        with self._lock:
            self._answers.pop(stream, None)
            self._room.notify_all()

    # -- what we say about the peer's sending

    def reset(self, stream: int, code: int) -> None:
        """Queue an RST_STREAM."""
        self._enqueue(frames.reset(stream, code))

    def grant(self, stream: int, amount: int) -> None:
        """Queue credit for the peer."""
        self._enqueue(frames.window_update(stream, amount))

    def acknowledge_settings(self) -> None:
        """Queue the acknowledgement of SETTINGS."""
        self._enqueue(frames.frame(frames.SETTINGS, frames.ACK, 0))

    def pong(self, payload: bytes) -> None:
        """Queue the answer to a PING."""
        self._enqueue(frames.frame(frames.PING, frames.ACK, 0, payload))

    def goaway(self, last_stream: int, code: int, reason: str) -> None:
        """Queue the farewell."""
        self._enqueue(frames.goaway(last_stream, code, reason))

    def close(self) -> None:
        """Wake everyone who waits to send: there is nobody to send to."""
        with self._lock:
            self._closed = True
            self._answers.clear()
            self._queue.clear()
            self._room.notify_all()
