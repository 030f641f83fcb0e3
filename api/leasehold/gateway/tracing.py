"""A span for each request that is owed an answer, and one for what goes out for it (OpenTelemetry, MCP conventions).

Attributes are names of declared things and words of closed sets: no argument, URI, result or message of anybody.
What goes out says which span it comes from in a header, and in `_meta` where the caller said there which one it was.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Protocol
from urllib.parse import urlsplit

import orjson

from leasehold.gateway.admission import Admitted
from leasehold.gateway.answers import Pending
from leasehold.gateway.deciding import Place
from leasehold.gateway.upstreams import Incoming, Outgoing, UpstreamFailed, Upstreams
from leasehold.mcp.headers import VERSION, Headers
from leasehold.mcp.messages import Body, Message, RequestId
from leasehold.mcp.needs import METHODS
from leasehold.mcp.refusals import Refused
from leasehold.model.events import ORIGIN, Origin
from leasehold.model.traces import TRACEPARENT, TRACESTATE, TraceContext, trace_context

Attributes = Mapping[str, str | int]
_OTHER = "_OTHER"
_LONGEST_ID = 64
_SIGNED = "x-amz-content-sha256"


class Span(Protocol):
    """A span that has begun; `error` is one word, empty where nothing went wrong."""

    @property
    def context(self) -> TraceContext: ...
    def end(self, attributes: Attributes, error: str) -> None: ...


class Tracer(Protocol):
    """Begins spans. Quick, and raises nothing: it stands in the hot path."""

    def serve(
        self, name: str, parent: TraceContext | None, links: Sequence[TraceContext], attributes: Attributes
    ) -> Span: ...
    def call(self, name: str, parent: TraceContext, attributes: Attributes) -> Span: ...


@dataclass(slots=True)
class _Open:
    """The spans of one HTTP request, by message, and how they ended. The first is whose trace all of it is part of."""

    name: str
    context: TraceContext
    meta: str
    """The `traceparent` that the caller wrote into `_meta`, empty where it wrote none, or several messages."""
    spans: dict[RequestId, Span]
    about: Attributes
    ended: dict[RequestId | None, tuple[Attributes, str]] = field(default_factory=dict)

    def end(self, error: str) -> None:
        for id_, span in self.spans.items():
            span.end(*self.ended.get(id_, ({}, error)))


_OPEN: ContextVar[_Open | None] = ContextVar("leasehold_gateway_spans", default=None)


def note_origin(body: Body) -> None:
    """Let events tell which trace this is part of, where `_meta` says it: that counts more than a header (SEP-414)."""
    found = _said(body.messages[0])
    if found is not None:
        ORIGIN.set(Origin(ORIGIN.get().source, found.trace))


class Traces:
    """Begins and ends the spans of what comes in."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def over(self, admitted: Admitted, headers: Headers, body: Body) -> Iterator[None]:
        """Spans for the requests of a body, for as long as the context lasts at most."""
        opened = self._open(admitted, headers, body)
        if opened is None:
            note_origin(body)
            yield
            return
        ORIGIN.set(Origin(ORIGIN.get().source, opened.context.trace))
        _OPEN.set(opened)
        error = "unexpected"
        try:
            yield
            error = "not_finished"
        except Refused as refused:
            error = refused.reason or "refused"
            raise
        finally:
            opened.end(error)
            _OPEN.set(None)

    def ended(self, _place: Place, one: Pending, outcome: str, _seconds: float | None) -> None:
        """What came of one request is known."""
        opened = _OPEN.get()
        if opened is not None:
            code = one.reason.removeprefix("error_") if one.reason.startswith("error_") else ""
            more = {"rpc.response.status_code": code} if code else {}
            error = "" if outcome == "ok" else code or outcome
            opened.ended[one.message.id] = ({"leasehold.outcome": outcome, **more}, error)

    def _open(self, admitted: Admitted, headers: Headers, body: Body) -> _Open | None:
        if not (requests := body.requests):
            return None
        header = trace_context(headers.get(TRACEPARENT), headers.get(TRACESTATE))
        spans: dict[RequestId, Span] = {}
        for one in requests:
            said = _said(one)
            links = (header,) if said is not None and header is not None and header.span != said.span else ()
            about = _about(admitted, headers, one)
            span = self._tracer.serve(_name(about), said or header, links, about)
            spans |= {one.id: span} if one.id is not None else {}
        first = requests[0]
        about = _about(admitted, headers, first)
        meta = str(first.meta[TRACEPARENT]) if not body.batched and _said(first) is not None else ""
        return _Open(_name(about), next(iter(spans.values())).context, meta, spans, about)


class TracedUpstreams:
    """A span for each request to a tool server that comes of a caller's, until its answer is read."""

    def __init__(self, upstreams: Upstreams, tracer: Tracer) -> None:
        self._upstreams, self._tracer = upstreams, tracer

    @asynccontextmanager
    async def send(self, outgoing: Outgoing) -> AsyncGenerator[Incoming]:
        """The answer to a request. Raises `UpstreamFailed`."""
        opened = _OPEN.get()
        if opened is None:
            async with self._upstreams.send(outgoing) as incoming:
                yield incoming
            return
        host = urlsplit(outgoing.url).hostname
        where = {"network.transport": "tcp", "server.address": host} if host else {"network.transport": "pipe"}
        span = self._tracer.call(opened.name, opened.context, {**opened.about, **where})
        error = "unexpected"
        try:
            async with self._upstreams.send(_carrying(outgoing, span.context, opened.meta)) as incoming:
                yield incoming
            error = ""
        except UpstreamFailed as failed:
            error = failed.reason
            raise
        except Refused as refused:
            error = refused.reason
            raise
        finally:
            span.end({}, error)


def _carrying(outgoing: Outgoing, context: TraceContext, meta: str) -> Outgoing:
    """The request as part of this span."""
    headers = {name: value for name, value in outgoing.headers.items() if name != TRACESTATE}
    headers |= {TRACEPARENT: context.parent, **({TRACESTATE: context.state} if context.state else {})}
    body = outgoing.body
    if meta and _SIGNED not in outgoing.headers:
        body = _with_meta(body, meta, context.parent)
    return replace(outgoing, headers=headers, body=body)


def _with_meta(body: bytes, said: str, parent: str) -> bytes:
    """The body with another `traceparent` in `_meta`, which is as long, and otherwise the same bytes.

    Where the old one is there twice nobody knows which is which, and where `_meta` does not say the new one afterwards
    something else would have changed, which was decided on as it was: then the body goes out as it came.
    """
    if body.count(said.encode()) != 1:
        return body
    changed = body.replace(said.encode(), parent.encode())
    return changed if orjson.loads(changed)["params"]["_meta"][TRACEPARENT] == parent else body


def _said(message: Message) -> TraceContext | None:
    meta = message.meta
    return trace_context(meta[TRACEPARENT], meta.get(TRACESTATE)) if TRACEPARENT in meta else None


def _about(admitted: Admitted, headers: Headers, message: Message) -> Attributes:
    method = message.method if message.method in METHODS else _OTHER
    about: dict[str, str | int] = {
        "mcp.method.name": method,
        "gen_ai.agent.name": admitted.caller.facts.agent,
        "leasehold.tool_server": admitted.served.name,
        "network.protocol.name": "http",
    }
    if (version := headers.get(VERSION, "")) and len(version) <= _LONGEST_ID:
        about["mcp.protocol.version"] = version
    if method == "tools/call":
        about["gen_ai.operation.name"] = "execute_tool"
        tool = message.params.get("name")
        if isinstance(tool, str) and tool in admitted.served.spec.tools:  # what is not declared is a stranger's text
            about["gen_ai.tool.name"] = tool
    id_ = str(message.id)
    if len(id_) <= _LONGEST_ID and id_.isprintable():
        about["jsonrpc.request.id"] = id_
    return about


def _name(about: Attributes) -> str:
    tool = about.get("gen_ai.tool.name")
    return f"{about['mcp.method.name']} {tool}" if tool else str(about["mcp.method.name"])
