"""From an HTTP request that Envoy holds to the MCP message in it, and to what that needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from leasehold.mcp.headers import era_of
from leasehold.mcp.messages import Body, Message, MessageKind, body_of
from leasehold.mcp.needs import Needs, Want, needs_of
from leasehold.mcp.parameters import check_parameters
from leasehold.mcp.refusals import INVALID_REQUEST, Refused
from leasehold.model.mcp_methods import is_reserved
from leasehold.model.tool_resources import NoResource, filled
from leasehold.model.tools import ToolServer

_STREAMS = frozenset({"GET", "DELETE"})
_JSON = "application/json"
_PARTIAL = "x-envoy-auth-partial-body"
_ONCE = frozenset({"authorization", "dpop", "content-length", "content-type", _PARTIAL})
_MOST = 32


class NoCall(Exception):
    """The request is no MCP message that could be decided on. `code` is a JSON-RPC error's."""

    def __init__(self, message: str, code: int = INVALID_REQUEST) -> None:
        super().__init__(message)
        self.code = code
        self.ids: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """What Envoy tells of a request. `extensions` are of its own configuration for the route, and trusted."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    source: str | None
    extensions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request asks for. `opens`: it opens, lists or ends a session, and needs no decision on one thing.

    `answers`: it is the client's answer to something that the server behind asked of it. `id` goes back in an error.
    """

    wants: tuple[Want, ...] = ()
    opens: bool = False
    answers: bool = False
    id: object = None


def request_of(check: Any) -> HttpRequest:  # Any: a message class made at run time
    """The HTTP request of an ext_authz check. Raises `NoCall` for what stands there twice, and decides."""
    attributes = check.attributes
    http = attributes.request.http
    headers = {pair.key.lower(): pair.value for pair in http.headers}
    for one in http.header_map.headers:
        name, value = one.key.lower(), one.value or one.raw_value.decode("latin-1")
        if headers.get(name, value) != value and (name in _ONCE or name.startswith("mcp-")):
            raise NoCall(f"the header {name[:64]} is repeated")
        headers[name] = value
    if http.body and http.raw_body and http.body.encode() != http.raw_body:
        raise NoCall("the body is told twice, and differently")
    return HttpRequest(
        method=http.method,
        path=http.path,
        headers=headers,
        body=http.raw_body or http.body.encode(),
        source=attributes.source.address.socket_address.address or None,
        extensions={pair.key: pair.value for pair in attributes.context_extensions},
    )


def asked_of(request: HttpRequest, server: str, spec: ToolServer) -> Asked:
    """What the request asks for, by the table that the gateway has. Raises `NoCall`, and `Refused` of that table."""
    if request.method in _STREAMS:
        era_of(dict(request.headers), None)
        return Asked(opens=True)  # a stream of a session, or its end: as much as opening one
    if request.method != "POST":
        raise NoCall("MCP is spoken by POST")
    _check_whole(request)
    body = body_of(request.body)
    if body.batched:  # nobody needs to: MCP has batches in one revision alone
        raise NoCall("one message to a request: send a batch one by one")
    (message,) = body.messages
    try:
        needs = _needs(request, body, message, (server, spec))
        wants = tuple(_routed(want, request.extensions) for want in needs.wants)
    except (NoCall, Refused) as error:
        error.ids = (message.id,)
        raise
    answers = message.kind is MessageKind.RESPONSE and _says_something(request.body)
    return Asked(
        wants=wants,
        opens=needs.listing is not None or message.method in _OPENINGS,
        answers=answers,
        id=message.id,
    )


_OPENINGS = frozenset({"initialize", "server/discover", "subscriptions/listen", "logging/setLevel"})
"""Of those that need a live token: what opens to whoever could call anything there, as at the AuthZEN door."""


def _needs(request: HttpRequest, body: Body, message: Message, at: tuple[str, ToolServer]) -> Needs:
    """What headers and body ask for together. Raises `Refused` where they differ."""
    headers, (server, spec) = dict(request.headers), at
    era = era_of(headers, body)
    needs = needs_of(message, server, spec, era)
    if len(needs.wants) > _MOST:
        raise NoCall(f"a message asks for {_MOST} things at most")
    for want in needs.wants if message.method == "tools/call" else ():
        tool = spec.tools.get(want.tool)
        schema = tool.input_schema if tool is not None else None
        check_parameters(headers, want.arguments, f'{{"inputSchema":{schema}}}' if schema is not None else None, era)
    return needs


def _check_whole(request: HttpRequest) -> None:
    """Raise `NoCall` unless the body is there from its first byte to its last, as it was sent, and is JSON."""
    headers = request.headers
    if headers.get(_PARTIAL, "false") != "false":
        raise NoCall("the body is longer than Envoy hands over: raise max_request_bytes")
    length = headers.get("content-length")
    if length is not None and length != str(len(request.body)):
        raise NoCall("the body is not the one that was sent: Envoy must pass all of it, as bytes")
    if headers.get("content-type", _JSON).partition(";")[0].strip().lower() != _JSON:
        raise NoCall(f"MCP's messages are {_JSON}")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise NoCall("the body is compressed, and cannot be read")


def _routed(want: Want, extensions: Mapping[str, str]) -> Want:
    """The same, of a tool on what the route says that it is about (`resource.<tool>`, `resource`), if it says so.

    Raises `NoCall` for an argument that is needed and not there, or that has two readings.
    """
    said = extensions.get(f"resource.{want.tool}", extensions.get("resource", ""))
    if said and not is_reserved(want.tool):
        try:
            return replace(want, resource=filled(said, want.arguments))
        except NoResource as error:
            raise NoCall(str(error)) from None
    if not want.resource:
        raise NoCall("what the call is about is not said, or can be read in more than one way")
    return want


def _says_something(raw: bytes) -> bool:
    """True of a response, read strictly before, that says more than that all is well, or nothing is."""
    found = json.loads(raw)
    return bool(found.get("result"))
