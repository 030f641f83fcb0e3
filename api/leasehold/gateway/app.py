"""The gateway as one ASGI app: `/mcp/{tool-server}`, and the metadata by which clients find out how to get in."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from leasehold.gateway.admission import is_name
from leasehold.gateway.asgi import Message, Receive, Scope, Send, read_body, send_whole
from leasehold.gateway.checking import let_through, place_of, take_rates
from leasehold.gateway.exchanges import Exchange, Gateway
from leasehold.gateway.forwarding import forward
from leasehold.gateway.metadata import WELL_KNOWN, metadata_document
from leasehold.gateway.relaying import Hung, Wire
from leasehold.gateway.tracing import Traces, note_origin
from leasehold.mcp.headers import Era, Headers, era_of, headers_of
from leasehold.mcp.messages import MAX_REQUEST_BYTES, body_of
from leasehold.mcp.refusals import (
    DENIED,
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    Refused,
)

PREFIX = "/mcp/"
READY = "/readyz"
METADATA = WELL_KNOWN
_JSON = "application/json"
_METHODS = {"allow": "POST, GET, DELETE"}
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Drain:
    """Whether the server is on its way out: what is under way ends, and nothing new begins."""

    draining: bool = False
    under_way: int = 0


@dataclass(frozen=True, slots=True)
class Readiness:
    """`/readyz`: 200 while calls can be decided and are taken, else 503: whoever balances load sends them elsewhere."""

    drain: Drain
    decides: Callable[[], bool]

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"] != READY or scope["method"] not in {"GET", "HEAD"}:
            await send_whole(send, 404 if scope["path"] != READY else 405, b"", {})
            return
        why = "draining" if self.drain.draining else "" if self.decides() else "not_current"
        document = f'{{"ready":{"false" if why else "true"},"reason":"{why}"}}'.encode()
        await send_whole(send, 503 if why else 200, document, {"content-type": _JSON})


@dataclass(slots=True)
class _Sending:
    """What was sent already: an answer that has begun cannot become another."""

    send: Send
    begun: bool = False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        await self.send(message)


@dataclass(frozen=True, slots=True)
class GatewayApp:
    """The application. `issuer` is where callers get their tokens, and the beginning of every address here.

    `refused`, if given, is told every refusal; `traces` what comes in and goes out.
    """

    gateway: Gateway
    issuer: str
    drain: Drain = field(default_factory=Drain)
    refused: Callable[[Refused], None] | None = None
    traces: Traces | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path: str = scope["path"]
        if (described := self._described(path)) is not None:
            await self._metadata(scope, send, described)
            return
        sending, batched = _Sending(send), [False]
        self.drain.under_way += 1
        try:
            await self._take(scope, receive, sending, batched)
        except Refused as refused:
            if self.refused is not None:
                self.refused(refused)
            await _refuse(sending, refused, batched=batched[0])
        except (Hung, TimeoutError, ConnectionError):
            _log.info("a caller went away before its answer was whole")
        except Exception as error:  # noqa: BLE001  whatever broke, the caller hears no detail
            _log.error("unexpected %s", type(error).__name__, exc_info=error)
            await _refuse(sending, Refused(500, INTERNAL_ERROR, "something broke on our side"), batched=False)
        finally:
            self.drain.under_way -= 1

    def begin_drain(self) -> None:
        """Take nothing new, and end the streams that wait for nothing in particular. From the event loop's thread."""
        self.drain.draining = True
        self.gateway.watch.end_all("draining")

    async def _take(self, scope: Scope, receive: Receive, send: Send, batched: list[bool]) -> None:
        if self.drain.draining:
            headers = {"retry-after": "1", "connection": "close"}
            raise Refused(503, DENIED, "this server is on its way out: try again", reason="draining", headers=headers)
        headers, name = headers_of(scope["headers"]), _name(scope)
        self.gateway.admission.check_origin(headers)
        method = scope["method"]
        if method not in {"POST", "GET", "DELETE"}:
            raise Refused(405, METHOD_NOT_FOUND, "only POST, GET and DELETE are allowed here", headers=_METHODS)
        wire = Wire(receive=receive, send=send, headers={})
        if method == "POST":
            await self._post(scope, wire, headers, name, batched)
        else:
            await self._stream(scope, wire, headers, name)

    async def _post(self, scope: Scope, wire: Wire, headers: Headers, name: str, batched: list[bool]) -> None:
        admitted = await self.gateway.admission.admit(scope, headers, name)
        if headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
            raise Refused(415, INVALID_REQUEST, f"the body must be {_JSON}")
        raw = await read_body(wire.receive, MAX_REQUEST_BYTES)
        body = body_of(raw)
        batched[0] = body.batched
        if self.traces is None:
            note_origin(body)
        traced = nullcontext() if self.traces is None else self.traces.over(admitted, headers, body)
        try:
            with traced:
                await forward(await let_through(self.gateway, admitted, scope, headers, body, raw), wire)
        except Refused as refused:
            refused.ids = tuple(one.id for one in body.requests)
            raise

    async def _stream(self, scope: Scope, wire: Wire, headers: Headers, name: str) -> None:
        """`GET`: what a server has to say in a session of the handshake era; `DELETE`: the session's end."""
        admitted = await self.gateway.admission.admit(scope, headers, name)
        if era_of(headers, None) is Era.MODERN:
            raise Refused(405, METHOD_NOT_FOUND, "this version of MCP has no such request", headers={"allow": "POST"})
        place = place_of(admitted, scope, Era.HANDSHAKE)
        exchange = Exchange(self.gateway, place, scope["method"], headers, b"", {}, self.gateway.monotonic())
        take_rates(self.gateway, place, (), exchange.began)
        await forward(exchange, wire)

    async def _metadata(self, scope: Scope, send: Send, name: str) -> None:
        """RFC 9728 §3, of any name that a tool server could have, whether or not there is one."""
        if scope["method"] != "GET" or not is_name(name):
            await send_whole(send, 404 if scope["method"] == "GET" else 405, b"", {})
            return
        bound = self.gateway.admission.binds(name)
        document = metadata_document(self.issuer, f"{self.issuer}{PREFIX}{name}", bound=bound)
        await send_whole(send, 200, document, {"content-type": _JSON, "access-control-allow-origin": "*"})

    def _described(self, path: str) -> str | None:
        """The name whose metadata is asked for, in either form: before the path of the resource, or behind it."""
        if path.startswith(METADATA):
            below = urlsplit(self.issuer).path.rstrip("/")
            return path.removeprefix(METADATA).removeprefix(below).removeprefix(PREFIX)
        return path.removeprefix(PREFIX).removesuffix(METADATA) if path.endswith(METADATA) else None


def _name(scope: Scope) -> str:
    """The name in the path, which must stand there as it is: nothing is decoded, joined or cut off. Else empty."""
    path: str = scope["path"]
    raw: bytes = scope.get("raw_path") or path.encode()
    name = path.removeprefix(PREFIX)
    return name if raw.partition(b"?")[0] == f"{PREFIX}{name}".encode() and not scope.get("query_string") else ""


async def _refuse(send: _Sending, refused: Refused, *, batched: bool) -> None:
    if send.begun:
        return
    await send_whole(send, refused.status, refused.body(batched=batched), {"content-type": _JSON, **refused.headers})
