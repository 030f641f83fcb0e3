"""A talk with a tool server that answers on another way than it is asked: a program's pipes, a stream beside POSTs."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from leasehold.gateway.upstreams import Outgoing, UpstreamFailed

_UNHEARD = 256


class Conversation(ABC):
    """One talk, and its messages. Belongs to one event loop, and to one caller.

    `heard` holds what the server says beside the answers that somebody waits for. `ended_as` is why there is no answer
    where it ended before.
    """

    ended_as: ClassVar[str]

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Queue[bytes | None]] = {}
        self.heard: asyncio.Queue[bytes | None] = asyncio.Queue(_UNHEARD)
        self.used_at = asyncio.get_running_loop().time()

    @property
    @abstractmethod
    def runs(self) -> bool:
        """True until it has ended."""

    @property
    def is_busy(self) -> bool:
        """True while an answer is waited for."""
        return bool(self._waiting)

    @abstractmethod
    async def write(self, outgoing: Outgoing) -> None:
        """Send one message or batch. Raises `UpstreamFailed`."""

    @abstractmethod
    async def end(self) -> None:
        """End it, and all that it started."""

    def expect(self, ids: Sequence[str]) -> asyncio.Queue[bytes | None]:
        """Where the answers to these arrive, and what is said meanwhile; None at the end. Raises `UpstreamFailed`."""
        if self._waiting.keys() & set(ids):
            raise UpstreamFailed("id_in_use", status=400)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(_UNHEARD)
        self._waiting |= dict.fromkeys(ids, queue)
        return queue

    def forget(self, ids: Sequence[str]) -> None:
        """Nobody waits for these any more."""
        self.used_at = asyncio.get_running_loop().time()
        for one in ids:
            self._waiting.pop(one, None)

    async def _sort(self, line: bytes) -> None:
        """Give what was said to whoever waits for it."""
        try:
            message: Any = json.loads(line)  # Any: JSON
        except ValueError:
            return  # what is no message is nobody's: programs print
        id_ = str(message.get("id")) if isinstance(message, dict) and "method" not in message else None
        queue = self._waiting.get(id_) if id_ is not None else next(iter(self._waiting.values()), self.heard)
        if queue is self.heard and queue.full():
            queue.get_nowait()  # nobody listens: the oldest goes
        if queue is not None:
            await queue.put(line)  # who does not take it holds the server up, and nobody else

    def _tell_the_end(self) -> None:
        for queue in {self.heard, *self._waiting.values()}:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)
