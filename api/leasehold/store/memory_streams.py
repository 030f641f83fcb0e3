"""Event streams in memory, on a dict that the unit of work owns, commits and rolls back."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence

from leasehold.model.signals import Stream


class MemoryStreams:
    """Streams by id."""

    def __init__(self, streams: MutableMapping[str, Stream]) -> None:
        self._streams = streams

    def add(self, stream: Stream) -> None:
        """Remember a stream. Its id must be new."""
        if stream.id in self._streams:
            raise ValueError("the id of a stream is unique")
        self._streams[stream.id] = stream

    def lock(self, stream_id: str) -> Stream | None:
        """The stream with this id; one transaction writes at a time."""
        return self._streams.get(stream_id)

    def replace(self, stream: Stream) -> None:
        """Remember a stream as it is now."""
        if stream.id in self._streams:
            self._streams[stream.id] = stream

    def remove(self, stream_id: str) -> None:
        """Forget a stream."""
        self._streams.pop(stream_id, None)

    def list(self) -> Sequence[Stream]:
        """Every stream, the oldest first."""
        return sorted(self._streams.values(), key=lambda one: (one.created_at, one.id))
