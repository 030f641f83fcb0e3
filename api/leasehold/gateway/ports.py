"""What the gateway needs of the world: credentials for upstream servers, and what was approved of their surfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from leasehold.model.connections import Authorized, NotConnected, UpstreamCall

Definition = Mapping[str, Any]
"""One tool as its server lists it: parsed JSON of `Tool`. Any: JSON."""


class Broker(Protocol):
    """Chooses the credential of one upstream request. Never shows one to anybody else. Raises `Unavailable`.

    `refused` is told that the tool server took none of it: what the person can do, None where nothing, or where the
    next call goes out with another.
    """

    async def authorize(self, call: UpstreamCall) -> Authorized | NotConnected: ...
    async def refused(self, call: UpstreamCall) -> NotConnected | None: ...


class Surfaces(Protocol):
    """What may be shown and called of a tool server: its approved tools. Quick: all stand in the hot path.

    `judged` is told every list that the upstream gave, `whole` unless more of it is to come, with the server's
    instructions (None where they were not seen yet), and says which names are approved: the others are hidden.
    `approved` is asked before every call, and `instructed` before instructions are passed on. All raise `Unavailable`.
    `seen` is the definition that was last seen of a tool, as JSON, as far as is known; asked after `approved`.
    """

    async def judged(
        self, server: str, tools: Sequence[Definition], instructions: str | None, *, whole: bool = True
    ) -> frozenset[str]: ...
    async def approved(self, server: str, tool: str) -> bool: ...
    def seen(self, server: str, tool: str) -> str | None: ...
    async def instructed(self, server: str, instructions: str) -> bool: ...
