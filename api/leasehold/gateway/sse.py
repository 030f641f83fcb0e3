"""Server-Sent Events, taken apart as they come, one bounded event at a time (HTML Living Standard, §9.2).

An event is given on as the bytes that it came in, unless what is in it had to change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MAX_EVENT_BYTES = 8 << 20


class EventTooLarge(ValueError):
    """An event that does not end within its bound."""

    reason = "too_large"


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event: as it came, and what it holds; None for a comment, and for what only sets an id or a time."""

    raw: bytes
    content: bytes | None

    @property
    def name(self) -> bytes:
        """What kind of event it is, `message` unless it says."""
        said = [line[6:].removeprefix(b" ") for line in _lines(self.raw) if line.startswith(b"event:")]
        return said[-1] if said else b"message"

    @property
    def is_plain(self) -> bool:
        """True if every reader sees the same lines in it; not all take a lone CR for the end of one."""
        return self.raw.count(b"\r") == self.raw.count(b"\r\n")

    def with_content(self, content: bytes) -> bytes:
        """The event with other content, which has no line break in it: JSON never does."""
        kept = [line for line in _lines(self.raw) if line and not _holds_content(line)]
        return b"\n".join((*kept, b"data: " + content)) + b"\n\n"


class EventReader:
    """Feed it chunks; it gives whole events. Its memory is one event."""

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._looked = 0

    def feed(self, chunk: bytes) -> Iterator[ServerEvent]:
        """The events that end in this chunk. Raises `EventTooLarge`."""
        self._buffer += chunk
        while (end := _end_of_event(self._buffer, max(0, self._looked - 3))) is not None:
            raw = bytes(self._buffer[:end])
            del self._buffer[:end]
            self._looked = 0
            if raw.strip(b"\r\n"):
                yield ServerEvent(raw, _content_of(raw))
        self._looked = len(self._buffer)
        if len(self._buffer) > self._limit:
            raise EventTooLarge(f"an event exceeds {self._limit} bytes")


def _end_of_event(buffer: bytearray, start: int) -> int | None:
    """Behind the first blank line; each of CR LF, LF and CR ends a line."""
    ends = [
        at + len(mark) for mark in (b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n") if (at := buffer.find(mark, start)) >= 0
    ]
    return min(ends, default=None)


def _lines(raw: bytes) -> list[bytes]:
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")


def _holds_content(line: bytes) -> bool:
    return line == b"data" or line.startswith(b"data:")


def _content_of(raw: bytes) -> bytes | None:
    found = [line[5:].removeprefix(b" ") for line in _lines(raw.removeprefix(b"\xef\xbb\xbf")) if _holds_content(line)]
    return b"\n".join(found) if any(found) else None
