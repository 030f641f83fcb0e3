"""Tool servers that are programs: a process per session, or per caller while it calls."""

from __future__ import annotations

from pathlib import Path

from leasehold.gateway.conversations import Conversation
from leasehold.gateway.conversing import ConversingUpstreams
from leasehold.gateway.programs import start
from leasehold.gateway.upstreams import Outgoing, UpstreamFailed

_MANY, _MANY_OF_ONE = 64, 8


class StdioUpstreams(ConversingUpstreams):
    """Starts programs. `allowed`: what may be started; `hidden`: files and folders that no program sees."""

    def __init__(self, allowed: frozenset[str], hidden: tuple[Path, ...] = ()) -> None:
        super().__init__(many=_MANY, many_of_one=_MANY_OF_ONE)
        self._allowed, self._hidden = allowed, hidden

    async def converse(self, outgoing: Outgoing) -> Conversation:
        """A program of its own. Raises `UpstreamFailed`."""
        if outgoing.command[0] not in self._allowed:
            raise UpstreamFailed("program_not_allowed")
        return await start(outgoing.command, self._hidden)
