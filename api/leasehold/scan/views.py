"""A text as a reader sees it, and where each piece of it stands in the bytes that came."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain


@dataclass(frozen=True, slots=True)
class Change:
    """The bytes `start` to `end` of the source read as `reads`."""

    start: int
    end: int
    reads: bytes


class View:
    """A source with some spans read differently. Offsets of the view map back to offsets of the source."""

    __slots__ = ("_at", "_changes", "_source", "text")

    def __init__(self, source: bytes, changes: Sequence[Change]) -> None:
        """Apply changes, which are in order and do not overlap."""
        pieces: list[bytes] = []
        self._at, self._source, self._changes = [0], [0], changes
        done = length = 0
        for change in changes:
            pieces += (source[done : change.start], change.reads)
            length += change.start - done
            self._at += (length, length + len(change.reads))
            self._source += (change.start, change.end)
            length += len(change.reads)
            done = change.end
        self.text = b"".join(chain(pieces, (source[done:],))) if changes else source

    def start_of(self, offset: int) -> int:
        """Where a piece that begins at this offset of the view begins in the source."""
        at = bisect_right(self._at, offset) - 1
        return self._source[at] + offset - self._at[at]

    def end_of(self, offset: int) -> int:
        """Where a piece that ends before this offset of the view ends in the source, without what is dropped there."""
        at = bisect_left(self._at, offset)
        if at < len(self._at) and self._at[at] == offset:
            return self._source[at]
        return self._source[at - 1] + offset - self._at[at - 1]

    def offset_of(self, source: int) -> int:
        """The offset of the view for a place of the source that is inside no change."""
        at = bisect_right(self._source, source) - 1
        return self._at[at] + source - self._source[at]

    def cut(self, offset: int) -> int:
        """The last place of the source at or before `offset` that is inside no change."""
        at = bisect_right(self._changes, offset, key=lambda change: change.start) - 1
        if at >= 0 and offset < self._changes[at].end:
            return self._changes[at].start
        return offset
