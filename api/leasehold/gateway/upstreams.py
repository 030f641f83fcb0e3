"""What the gateway sends to a tool server, and what comes back, whatever the transport between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from leasehold.model.connections import ClientCertificate
from leasehold.model.relaying import Transport


class UpstreamFailed(Exception):
    """The tool server did not answer as one does. `reason` is one word for the audit log; no content is in it."""

    def __init__(self, reason: str, *, status: int = 502) -> None:
        super().__init__(reason)
        self.reason, self.status = reason, status


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One request to a tool server, complete. Headers may hold its credential.

    `command` starts a server that has no address. `on_behalf` is whose request it is at which server: what one sends
    never meets what another does in one process. `repeatable`: it changes nothing, so it may arrive twice.
    """

    method: str
    url: str
    command: tuple[str, ...] = ()
    transport: Transport = Transport.STREAMABLE_HTTP
    on_behalf: tuple[str, str] = ("", "")
    repeatable: bool = False
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    certificate: ClientCertificate | None = field(default=None, repr=False)


class Incoming(Protocol):
    """The beginning of an answer: status and headers, lower-case; the rest comes in chunks.

    `body` is all of the rest where it came at once, else None.
    """

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes | None: ...
    def chunks(self) -> AsyncIterator[bytes]: ...


class Upstreams(Protocol):
    """Sends requests. Entering raises `UpstreamFailed`, and so does reading; leaving hangs up."""

    def send(self, outgoing: Outgoing) -> AbstractAsyncContextManager[Incoming]: ...
