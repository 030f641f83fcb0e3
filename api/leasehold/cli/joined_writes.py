"""The head of an answer and its body in one packet: uvicorn writes them apart, and a write is what an answer costs."""

from __future__ import annotations

import asyncio
from typing import Any


class JoinedWrites:
    """A transport that keeps a write back until the next one, or until the event loop's next turn if there is none."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._kept = b""
        self._soon: asyncio.Handle | None = None

    def write(self, content: bytes) -> None:
        """Write it, soon."""
        if self._soon is None:
            self._kept, self._soon = content, self._loop.call_soon(self.flush)
            return
        self._soon.cancel()
        kept, self._kept, self._soon = self._kept, b"", None
        self._transport.writelines((kept, content))

    def flush(self) -> None:
        """Write what was kept back."""
        if self._soon is not None:
            self._soon.cancel()
            kept, self._kept, self._soon = self._kept, b"", None
            self._transport.write(kept)

    def close(self) -> None:
        """Close, once everything is written."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:  # Any: whatever else a transport has
        return getattr(self._transport, name)
