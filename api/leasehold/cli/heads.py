"""Requests whose head never ends: uvicorn waits for them for ever, in whatever memory they take. We do not.

A connection that says nothing, drips a head or sends one that is too long is closed. Bodies are bounded at their doors.
"""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from leasehold.cli.joined_writes import JoinedWrites

HEAD_SECONDS = 10.0
HEAD_BYTES = 65_536
_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's protocol with a deadline and a bound for each head. A head that comes in one piece costs nothing."""

    _in_head = False
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for the first head."""
        super().connection_made(cast("asyncio.Transport", JoinedWrites(transport, self.loop)))
        self._begin_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        self._end_waiting()
        super().connection_lost(exc)

    def data_received(self, piece: bytes) -> None:
        """Read on; what is still a head after that has to end soon."""
        super().data_received(piece)
        if not self._in_head or self.transport.is_closing():
            return
        self._head_bytes += len(piece)
        if self._head_bytes > HEAD_BYTES:
            self.transport.write(_TOO_LONG)
            self.transport.close()
        elif self._deadline is None:
            self._begin_waiting()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._in_head = False
        self._end_waiting()
        super().on_headers_complete()

    def _begin_waiting(self) -> None:
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _end_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
