"""Tool servers that are programs: a process per session, or per caller while it calls."""

from __future__ import annotations

import logging
from pathlib import Path

from leasehold.gateway.conversations import Conversation
from leasehold.gateway.conversing import ConversingUpstreams
from leasehold.gateway.programs import Isolation, namespaces, start
from leasehold.gateway.upstreams import Outgoing, UpstreamFailed

_MANY, _MANY_OF_ONE = 64, 8
_UNSHUT = {
    Isolation.REQUIRED: "no program is started: this system lets us make no namespaces, and a program without its own "
    "could read what this server can (LEASEHOLD_STDIO_ISOLATION=best_effort takes that)",
    Isolation.BEST_EFFORT: "programs are started without namespaces of their own, and can read what this server can: "
    "this system does not let us make any",
}
_log = logging.getLogger(__name__)


class StdioUpstreams(ConversingUpstreams):
    """Starts programs. `allowed`: what may be started; `hidden`: files and folders that no program sees."""

    def __init__(self, allowed: frozenset[str], hidden: tuple[Path, ...], isolation: Isolation) -> None:
        super().__init__(many=_MANY, many_of_one=_MANY_OF_ONE)
        self._allowed, self._hidden, self._isolation = allowed, hidden, isolation
        if allowed and not namespaces():
            _log.error(_UNSHUT[isolation])

    async def converse(self, outgoing: Outgoing) -> Conversation:
        """A program of its own. Raises `UpstreamFailed`."""
        if outgoing.command[0] not in self._allowed:
            raise UpstreamFailed("program_not_allowed")
        return await start(outgoing.command, self._hidden, self._isolation)
