"""Headers of a request to the gateway: which era it speaks, and that its headers say what its body says.

Whatever stands between us and the upstream may route by headers; the upstream acts on the body. Where the two differ,
somebody is being fooled (MCP 2026-07-28, "Streamable HTTP", SEP-2243).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from leasehold.mcp.messages import Body, Message, MessageKind
from leasehold.mcp.refusals import HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, UNSUPPORTED_VERSION, Refused

VERSION, METHOD, NAME, SESSION = "mcp-protocol-version", "mcp-method", "mcp-name", "mcp-session-id"
PARAMETER: Final = "mcp-param-"
META_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
META_CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"
MODERN: Final = frozenset({"2026-07-28"})
HANDSHAKE: Final = frozenset({"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"})
BATCHING: Final = frozenset({"", "2025-03-26"})
"""Versions whose POST may hold several messages. Without a header, MCP takes it for 2025-03-26."""
_ONCE = frozenset({VERSION, METHOD, NAME, SESSION, "authorization", "dpop", "content-type", "content-length", "host",
                   "origin", "last-event-id"})  # fmt: skip
_NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_SENTINEL, _END = "=?base64?", "?="
Headers = dict[str, str]


class Era(Enum):
    """With a handshake (up to 2025-11-25), or without (2026-07-28)."""

    HANDSHAKE = auto()
    MODERN = auto()


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Headers by lower-case name. Raises `Refused` where one that decides is there twice."""
    headers: Headers = {}
    for name, value in raw:
        key = name.decode("latin-1").lower()
        if key in headers and (key in _ONCE or key.startswith(PARAMETER)):
            code = HEADER_MISMATCH if key.startswith("mcp-") else INVALID_REQUEST
            raise Refused(400, code, f"the header {key[:64]} is repeated")
        text = value.decode("latin-1").strip(" \t")  # RFC 9110 §5.5
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def era_of(headers: Headers, body: Body | None) -> Era:
    """Which era a request is of. Raises `Refused` for a version that we do not know, and for headers that lie."""
    version = headers.get(VERSION, "")
    spoken = [one.meta.get(META_VERSION) for one in body.messages if META_VERSION in one.meta] if body else []
    if version in MODERN or any(one in MODERN for one in spoken):
        if body is not None:
            _check_modern(headers, body)
        return Era.MODERN
    if version and version not in HANDSHAKE:
        supported = sorted(MODERN if spoken else HANDSHAKE | MODERN)
        raise Refused(
            400,
            UNSUPPORTED_VERSION,
            "Unsupported protocol version",
            more={"supported": supported, "requested": version[:64]},
        )
    if body is not None:
        _check_handshake(headers, body, version)
    return Era.HANDSHAKE


def decoded(value: str | None) -> str | None:
    """A header's value behind its base64 sentinel; None if it is none that has one reading."""
    if value is None or not (value.startswith(_SENTINEL) and value.endswith(_END)):
        return value
    inner = value[len(_SENTINEL) : -len(_END)]
    try:
        raw = base64.b64decode(inner, validate=True)
        return raw.decode() if base64.b64encode(raw).decode() == inner else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _check_handshake(headers: Headers, body: Body, version: str) -> None:
    if body.batched and version not in BATCHING:
        raise Refused(400, INVALID_REQUEST, "this version of MCP has one message to a request")
    if body.batched and (METHOD in headers or NAME in headers):
        raise Refused(400, HEADER_MISMATCH, f"{METHOD} cannot speak for a batch")
    if body.batched and any(one.method == "initialize" for one in body.messages):
        raise Refused(400, INVALID_REQUEST, "initialize is not part of a batch")
    for message in () if body.batched else body.messages:  # nobody has to send them yet; who does must not lie
        if METHOD in headers and headers[METHOD] != message.method:
            raise Refused(400, HEADER_MISMATCH, f"{METHOD} header does not match the request body's method")
        if NAME in headers:
            _check_name(headers, message)


def _check_modern(headers: Headers, body: Body) -> None:
    if body.batched or body.messages[0].kind is MessageKind.RESPONSE:
        raise Refused(400, INVALID_REQUEST, "this version of MCP has one request or notification to a POST")
    message = body.messages[0]
    if message.kind is MessageKind.REQUEST and not {META_VERSION, META_CAPABILITIES} <= message.meta.keys():
        missing = sorted({META_VERSION, META_CAPABILITIES} - message.meta.keys())
        raise Refused(400, INVALID_PARAMS, f"params._meta is missing the required envelope key(s): {missing}")
    said = message.meta.get(META_VERSION, headers.get(VERSION))
    if headers.get(VERSION) != said:
        raise Refused(400, HEADER_MISMATCH, f"{VERSION} header does not match the request body's version")
    if headers.get(METHOD) != message.method and (message.kind is MessageKind.REQUEST or METHOD in headers):
        raise Refused(400, HEADER_MISMATCH, f"{METHOD} header does not match the request body's method")
    _check_name(headers, message)


def _check_name(headers: Headers, message: Message) -> None:
    member = _NAMED_BY.get(message.method)
    name = message.params.get(member) if member is not None else None
    if (name is not None or NAME in headers) and decoded(headers.get(NAME)) != name:
        raise Refused(400, HEADER_MISMATCH, f"{NAME} header does not match the request body")
