"""One follower's place in the feed: frames that wait for it, in a queue that does not grow for a slow reader."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import StrEnum

from leasehold.feed.readers import Reader

MAX_WAITING = 256


class Ending(StrEnum):
    """Why a subscription is over."""

    TOKEN_ENDED = "token_ended"  # noqa: S105  a reason, no secret
    TOO_SLOW = "too_slow"
    STREAM_LOST = "stream_lost"


class Subscription:
    """Frames of one follower. Belongs to one event loop."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.ending: Ending | None = None
        self._frames: deque[bytes] = deque()
        self._arrived = asyncio.Event()

    def push(self, frame: bytes) -> None:
        """Add a frame, unless too many wait already: then the subscription ends, and nobody else is held up."""
        if len(self._frames) >= MAX_WAITING:
            self.end(Ending.TOO_SLOW)
        if self.ending is None:
            self._frames.append(frame)
            self._arrived.set()

    def end(self, ending: Ending) -> None:
        """Let what waits go out, and nothing after it. A slow reader gets no more of it either."""
        if self.ending is None:
            self.ending = ending
            if ending is Ending.TOO_SLOW:
                self._frames.clear()
            self._arrived.set()

    async def take(self) -> bytes | None:
        """Everything that waits, at once; None when it is over."""
        while not self._frames:
            if self.ending is not None:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        taken = b"".join(self._frames)
        self._frames.clear()
        return taken
