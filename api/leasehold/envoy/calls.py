"""From an HTTP request that Envoy holds to the MCP message in it, and to the question that it asks (COAZ-MCP)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leasehold.model.entities import TOOL_SERVER
from leasehold.model.tool_resources import NoResource, filled
from leasehold.policy.cedar.documents import ArgumentsRefused, parse_arguments

TOOLS_CALL = "tools/call"
# What opens, lists and closes: allowed to whoever can call anything there. Everything else that is no call is denied.
LISTINGS = frozenset({"initialize", "tools/list", "resources/list", "prompts/list", "resources/templates/list"})
PASSED_THROUGH = frozenset({"ping"})
_NOTIFICATION = "notifications/"
_STREAMS = frozenset({"GET", "DELETE"})


class NoCall(Exception):
    """The request is no MCP message that could be decided on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """What Envoy tells of a request. `extensions` are of its own configuration for the route, and trusted."""

    method: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    source: str | None
    extensions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One MCP message. `id` goes back in an error."""

    method: str
    tool: str = ""
    arguments: Mapping[str, object] = field(default_factory=dict, repr=False)
    id: object = None

    @property
    def is_call(self) -> bool:
        """True for a tool call."""
        return self.method == TOOLS_CALL

    @property
    def passes(self) -> bool:
        """True for what needs no more than a live token: pings, and notifications."""
        return self.method in PASSED_THROUGH or self.method.startswith(_NOTIFICATION)


def request_of(check: Any) -> HttpRequest:  # Any: a message class made at run time
    """The HTTP request of an ext_authz check. Raises `NoCall` for a header that is repeated and decides."""
    attributes = check.attributes
    http = attributes.request.http
    headers = {pair.key.lower(): pair.value for pair in http.headers}
    for one in http.header_map.headers:
        name, value = one.key.lower(), one.value or one.raw_value.decode("latin-1")
        if name in headers and name == "authorization" and headers[name] != value:
            raise NoCall("the header authorization is repeated")
        headers[name] = value
    return HttpRequest(
        method=http.method,
        headers=headers,
        body=http.raw_body or http.body.encode(),
        source=attributes.source.address.socket_address.address or None,
        extensions={pair.key: pair.value for pair in attributes.context_extensions},
    )


def message_of(request: HttpRequest) -> Message:
    """The MCP message of a request. Raises `NoCall`."""
    if request.method in _STREAMS:
        return Message(method="initialize")  # a stream of a session, or its end: as much as opening one
    if request.method != "POST":
        raise NoCall("MCP is spoken by POST")
    if request.headers.get("x-envoy-auth-partial-body") == "true":
        raise NoCall("the body is longer than Envoy hands over: raise max_request_bytes")
    try:
        body = parse_arguments(request.body)
    except ArgumentsRefused:
        raise NoCall("the body is no JSON object that every reader reads alike") from None
    method, params = body.get("method"), body.get("params", {})
    if body.get("jsonrpc") != "2.0" or not isinstance(method, str) or not isinstance(params, Mapping):
        raise NoCall("the body is no MCP message")
    if method != TOOLS_CALL:
        return Message(method=method, id=body.get("id"))
    tool, arguments = params.get("name"), params.get("arguments", {})
    if not isinstance(tool, str) or not tool or not isinstance(arguments, Mapping):
        raise NoCall("the call names no tool")
    return Message(method=method, tool=tool, arguments=arguments, id=body.get("id"))


def resource_of(message: Message, server: str, extensions: Mapping[str, str], registered: str | None) -> str:
    """What a call is about: as the route says (`resource.<tool>`, `resource`), else the registered tool, or the server.

    Raises `NoCall` for an argument that it needs and does not get, or that has two readings.
    """
    said = extensions.get(f"resource.{message.tool}", extensions.get("resource", ""))
    pattern = said or registered
    if not pattern:
        return f"{TOOL_SERVER}:{server}"
    try:
        return filled(pattern, message.arguments)
    except NoResource as error:
        raise NoCall(str(error)) from None
