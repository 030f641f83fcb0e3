"""Where there is no credential for a call: a way forward for the person, in the words that its client understands.

A client asks for a list before it calls anything, and says hello before that. Where a person could connect, those are
answered here, without the tool server: else no client would ever come to the call whose answer says where to connect.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping

import orjson

from leasehold.gateway.exchanges import Exchange
from leasehold.gateway.sessions import UNCONNECTED
from leasehold.mcp.headers import HANDSHAKE, META_CAPABILITIES, SESSION, VERSION, Era
from leasehold.mcp.messages import Message
from leasehold.mcp.refusals import METHOD_NOT_FOUND, NOT_CONNECTED, URL_ELICITATION, Refused, error_document
from leasehold.model.connections import Authorized, NotConnected

Json = dict[str, object]
_INPUT, _INPUT_BYTES = "leasehold-connect", b"leasehold-connect"
_waiting: set[tuple[str, str]] = set()
_WAIT_SECONDS, _LOOK_SECONDS = 45.0, 1.0
_OK, _POST = 200, {"allow": "POST"}
_EMPTY = {"resources/list": "resources", "resources/templates/list": "resourceTemplates", "prompts/list": "prompts"}
_URL_ELICITATION_SINCE = "2025-11-25"
_MESSAGE = "Connect your account, so that the agent can use this tool for you."


async def way_forward(exchange: Exchange, missing: NotConnected) -> tuple[int, bytes, Mapping[str, str]]:
    """Status, body and headers of the answer: what a client asks before it calls; an elicitation by URL, or an error.

    Raises `Refused` for a stream of a tool server that nobody is connected to, `Unavailable`.
    """
    requests = [one.message for one in exchange.pending.values()]
    helped = missing.connect_url is not None
    if not requests and helped and exchange.method == "POST":
        return 202, b"", {}
    if not requests and helped:
        raise Refused(405, METHOD_NOT_FOUND, "there is no such stream", reason="not_connected", headers=_POST)
    documents = [await _answer(one, exchange, missing) for one in requests]
    status = 200 if documents and all("result" in one or _is_elicitation(one) for one in documents) else 403
    opened = any(one.method == "initialize" for one in requests) and status == _OK
    session = exchange.gateway.sessions.outward(UNCONNECTED, exchange.place.caller) if opened else None
    content = documents[0] if len(documents) == 1 else documents or _error(None, missing)
    return status, orjson.dumps(content), {SESSION: session} if session is not None else {}


def without_answers(body: bytes) -> bytes:
    """A request that is made again, without the person's answer to a question that was ours."""
    if _INPUT_BYTES not in body:
        return body
    document = orjson.loads(body)
    match document:
        case {"params": {"inputResponses": dict(said), **rest}} if _INPUT in said:
            left = {name: answer for name, answer in said.items() if name != _INPUT}
            params = {**rest, "inputResponses": left} if left else rest
            return orjson.dumps({**document, "params": params})
        case _:
            return body


async def awaited(
    exchange: Exchange, missing: NotConnected, authorize: Callable[[], Awaitable[Authorized | NotConnected]]
) -> Authorized | NotConnected:
    """A person who said that they connect gets some time for it: one call of theirs goes on once they have."""
    whose = exchange.place.served.name, exchange.place.caller.identity
    if whose in _waiting or "accept" not in {_said(one.message) for one in exchange.pending.values()}:
        return missing
    _waiting.add(whose)
    try:
        return await _connected(exchange, missing, authorize)
    finally:
        _waiting.discard(whose)


async def _connected(
    exchange: Exchange, missing: NotConnected, authorize: Callable[[], Awaitable[Authorized | NotConnected]]
) -> Authorized | NotConnected:
    ends_at = asyncio.get_running_loop().time() + _WAIT_SECONDS
    found: Authorized | NotConnected = missing
    while isinstance(found, NotConnected) and asyncio.get_running_loop().time() < ends_at:
        await asyncio.sleep(_LOOK_SECONDS)
        exchange.gateway.admission.check_revoked(exchange.place.caller)
        found = await authorize()
    return found


async def _answer(message: Message, exchange: Exchange, missing: NotConnected) -> Json:
    if missing.connect_url is None:
        return _error(message.id, missing)
    if message.method == "server/discover" and not exchange.gateway.lists.versions(exchange.place.served.name):
        return error_document(message.id, METHOD_NOT_FOUND, "Method not found")  # nobody knows that it speaks so
    result = await _before_calls(message, exchange)
    if result is None:
        return _document(message, exchange, missing)
    modern = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"} if _is_modern(exchange) else {}
    return {"jsonrpc": "2.0", "id": message.id, "result": {**result, **modern}}


async def _before_calls(message: Message, exchange: Exchange) -> Json | None:
    """What a client asks before it calls anything; None for all else."""
    place, lists = exchange.place, exchange.gateway.lists
    server: Json = {"capabilities": {"tools": {}}, "serverInfo": {"name": place.served.name, "version": ""}}
    match message.method:
        case "initialize":
            asked = message.params.get("protocolVersion")
            return {"protocolVersion": asked if asked in HANDSHAKE else max(HANDSHAKE), **server}
        case "server/discover":
            return {"supportedVersions": list(lists.versions(place.served.name)), **server}
        case "tools/list":
            return {"tools": await lists.unconnected(place)}
        case "ping" | "logging/setLevel":
            return {}
        case method:
            return {_EMPTY[method]: []} if method in _EMPTY else None


def _is_modern(exchange: Exchange) -> bool:
    return exchange.place.era is Era.MODERN


def _said(message: Message) -> str | None:
    """What the person answered to our question; None where nobody was asked."""
    match message.params.get("inputResponses"):
        case {"leasehold-connect": {"action": str(action)}}:
            return action
        case _:
            return None


def _document(message: Message, exchange: Exchange, missing: NotConnected) -> Json:
    url = missing.connect_url
    if url is None or _said(message) in {"decline", "cancel"}:
        return _error(message.id, missing)
    if exchange.place.era is Era.MODERN:
        return _input_required(message, url) if _takes_urls(message) else _error(message.id, missing)
    if exchange.headers.get(VERSION) == _URL_ELICITATION_SINCE:
        elicitation = {"mode": "url", "elicitationId": _id(url), "url": url, "message": _MESSAGE}
        return error_document(message.id, URL_ELICITATION, _MESSAGE, {"elicitations": [elicitation]})
    return _error(message.id, missing)


def _input_required(message: Message, url: str) -> Json:
    """MCP 2026-07-28, multi-round-trip requests: the client asks the same again once the person is done."""
    params = {"mode": "url", "elicitationId": _id(url), "url": url, "message": _MESSAGE}
    asked = {_INPUT: {"method": "elicitation/create", "params": params}}
    return {"jsonrpc": "2.0", "id": message.id, "result": {"resultType": "input_required", "inputRequests": asked}}


def _takes_urls(message: Message) -> bool:
    match message.meta.get(META_CAPABILITIES):
        case {"elicitation": {"url": dict()}} if message.method in {"tools/call", "prompts/get", "resources/read"}:
            return True
        case _:
            return False


def _error(id_: object, missing: NotConnected) -> Json:
    more = {"reason": str(missing.reason)} | ({"connect_url": missing.connect_url} if missing.connect_url else {})
    return error_document(id_, NOT_CONNECTED, "there is no connection to the tool server for this call", more)


def _is_elicitation(document: Json) -> bool:
    error = document.get("error")
    return isinstance(error, dict) and error.get("code") == URL_ELICITATION


def _id(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:32]
