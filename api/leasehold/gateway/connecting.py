"""Where there is no credential for a call: a way forward for the person, in the words that its client understands."""

from __future__ import annotations

import hashlib

import orjson

from leasehold.gateway.exchanges import Exchange
from leasehold.mcp.headers import META_CAPABILITIES, VERSION, Era
from leasehold.mcp.messages import Message
from leasehold.mcp.refusals import NOT_CONNECTED, URL_ELICITATION, error_document
from leasehold.model.connections import NotConnected

_INPUT = "leasehold-connect"
_URL_ELICITATION_SINCE = "2025-11-25"
_MESSAGE = "Connect your account, so that the agent can use this tool for you."


def way_forward(exchange: Exchange, missing: NotConnected) -> tuple[int, bytes]:
    """Status and body of the answer: an elicitation by URL where the client knows them, else an error with the URL."""
    requests = [one.message for one in exchange.pending.values()]
    documents = [_document(one, exchange, missing) for one in requests]
    status = 200 if documents and all("result" in one or _is_elicitation(one) for one in documents) else 403
    if len(documents) == 1:
        return status, orjson.dumps(documents[0])
    return status, orjson.dumps(documents or _error(None, missing))


def _document(message: Message, exchange: Exchange, missing: NotConnected) -> dict[str, object]:
    url = missing.connect_url
    if url is None:
        return _error(message.id, missing)
    if exchange.place.era is Era.MODERN:
        return _input_required(message, url) if _takes_urls(message) else _error(message.id, missing)
    if exchange.headers.get(VERSION) == _URL_ELICITATION_SINCE:
        elicitation = {"mode": "url", "elicitationId": _id(url), "url": url, "message": _MESSAGE}
        return error_document(message.id, URL_ELICITATION, _MESSAGE, {"elicitations": [elicitation]})
    return _error(message.id, missing)


def _input_required(message: Message, url: str) -> dict[str, object]:
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


def _error(id_: object, missing: NotConnected) -> dict[str, object]:
    more = {"reason": str(missing.reason)} | ({"connect_url": missing.connect_url} if missing.connect_url else {})
    return error_document(id_, NOT_CONNECTED, "there is no connection to the tool server for this call", more)


def _is_elicitation(document: dict[str, object]) -> bool:
    error = document.get("error")
    return isinstance(error, dict) and error.get("code") == URL_ELICITATION


def _id(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:32]
