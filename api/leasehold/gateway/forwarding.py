"""To the tool server and back: a request with a credential of its own, and whatever becomes of it.

INVARIANT: of the caller's headers only those in `_FORWARDED` go out, and its token is none of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from leasehold.gateway.answers import Answers
from leasehold.gateway.asgi import send_whole
from leasehold.gateway.connecting import awaited, way_forward, without_answers
from leasehold.gateway.exchanges import Exchange
from leasehold.gateway.records import is_durable
from leasehold.gateway.reflections import secrets_of
from leasehold.gateway.relaying import Hung, Sinks, Wire, relay_stream, relay_whole
from leasehold.gateway.sessions import UNCONNECTED, Sessions
from leasehold.gateway.upstreams import Incoming, Outgoing, UpstreamFailed
from leasehold.mcp.headers import PARAMETER, SESSION
from leasehold.mcp.refusals import INVALID_REQUEST, LIMITED, METHOD_NOT_FOUND, UPSTREAM_FAILED, Refused, error_body
from leasehold.model.connections import Authorized, ConnectionKind, NotConnected, UpstreamCall
from leasehold.model.errors import Unavailable
from leasehold.model.traces import TRACEPARENT, TRACESTATE

_FORWARDED = (
    *("content-type", "accept", "mcp-protocol-version", "mcp-method", "mcp-name", "last-event-id"),
    *(TRACEPARENT, TRACESTATE),
)
_STREAM, _JSON = "text/event-stream", "application/json"
_OK, _BAD, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY, _BROKEN = 200, 400, 401, 403, 404, 429, 500
_log = logging.getLogger(__name__)
_declining: set[asyncio.Task[None]] = set()


async def forward(exchange: Exchange, wire: Wire) -> None:
    """Send it on, and its answer back. Raises `Refused` where nothing was answered yet."""
    try:
        await _forward(exchange, wire)
    except UpstreamFailed as failed:
        _mark(exchange, failed.reason)
        said = "the tool server did not answer as one does"
        raise _told(exchange, Refused(failed.status, UPSTREAM_FAILED, said, reason=failed.reason)) from None
    except Unavailable:
        _mark(exchange, "unavailable")
        said = "something that it takes is not there now"
        raise _told(exchange, Refused(503, UPSTREAM_FAILED, said, reason="unavailable")) from None
    except Refused as refused:
        _mark(exchange, refused.reason)
        _told(exchange, refused)
        raise
    except (Hung, TimeoutError, ConnectionError):
        _mark(exchange, "caller_gone")
        raise
    finally:
        await _end_all(exchange)


async def _forward(exchange: Exchange, wire: Wire) -> None:
    gateway, place = exchange.gateway, exchange.place
    headers = _headers(exchange)
    exchange.body = without_answers(exchange.body)
    authorized = await _authorize(exchange, exchange.method, headers, exchange.body)
    if isinstance(authorized, NotConnected):
        again = partial(_authorize, exchange, exchange.method, headers, exchange.body)
        authorized = await awaited(exchange, authorized, again)
    if isinstance(authorized, NotConnected):
        await _send_way(exchange, authorized, wire)
        return
    exchange.authorized = authorized
    await gateway.records.begun(place, tuple(exchange.pending.values()))
    repeatable = _changes_nothing(exchange)
    outgoing = _outgoing(exchange, exchange.method, headers, exchange.body, authorized, repeatable=repeatable)
    async with gateway.upstreams.send(outgoing) as came:
        if came.status != _UNAUTHORIZED:
            await _answer(exchange, came, wire)
            return
    missing = await gateway.broker.refused(_call(exchange, exchange.method, headers, exchange.body))
    if missing is None:
        raise UpstreamFailed("refuses_our_credential")
    await _send_way(exchange, missing, wire)


async def _send_way(exchange: Exchange, missing: NotConnected, wire: Wire) -> None:
    _mark(exchange, f"not_connected_{missing.reason}")
    status, content, more = await way_forward(exchange, missing)
    await send_whole(wire.send, status, content, {"content-type": _JSON, **more})


def _changes_nothing(exchange: Exchange) -> bool:
    """True if the tool server may get it twice: it only reads, by what is declared of it."""
    if not exchange.pending:
        return exchange.method == "GET"
    return not any(is_durable(one) for one in exchange.pending.values())


async def _answer(exchange: Exchange, incoming: Incoming, wire: Wire) -> None:
    _check_status(exchange, incoming)
    gateway, place = exchange.gateway, exchange.place
    secrets = secrets_of(exchange.authorized.headers) if exchange.authorized is not None else ()
    answers = Answers(place, exchange.pending, gateway.scans, gateway.lists, gateway.surfaces, secrets)
    sinks = Sinks(
        ended=exchange.end,
        unasked=lambda ids: _decline(exchange, ids),
        still_lives=lambda: gateway.admission.check_revoked(place.caller),
    )
    session = incoming.headers.get(SESSION)
    if session is not None:
        wire = replace(wire, headers={**wire.headers, SESSION: gateway.sessions.outward(session, place.caller)})
    kind = incoming.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _STREAM and incoming.status == _OK:
        staleness = place.served.max_staleness(exchange.action)
        with gateway.watch.over(place.caller, staleness, until_expiry=exchange.listens) as watched:
            await relay_stream(incoming, answers, wire, sinks, watched)
    elif kind in {_JSON, ""}:
        await relay_whole(incoming, answers, wire, sinks)
    elif incoming.status >= _BAD:
        raise Refused(incoming.status, INVALID_REQUEST, "the tool server takes no such request", reason="not_taken")
    else:
        raise UpstreamFailed("no_mcp")


def _check_status(exchange: Exchange, incoming: Incoming) -> None:
    """What an upstream says to us, and not to the caller."""
    status = incoming.status
    if status in {_UNAUTHORIZED, _FORBIDDEN}:
        raise UpstreamFailed("refuses_our_credential")
    session = exchange.headers.get(SESSION)
    lost = status == _NOT_FOUND or (status == _BAD and Sessions.is_unconnected(session or ""))
    if session is not None and lost:
        raise Refused(404, INVALID_REQUEST, "Session not found", reason="session_gone")
    if status == _TOO_MANY:
        after = incoming.headers.get("retry-after", "1")
        headers = {"retry-after": after if after.isascii() and after.isdigit() else "1"}
        raise Refused(429, LIMITED, "the tool server has too many calls", reason="upstream_limited", headers=headers)
    if status >= _BROKEN:
        raise UpstreamFailed(f"status_{status}")
    if exchange.method != "POST" and status >= _BAD:
        raise Refused(status, METHOD_NOT_FOUND, "the tool server takes no such request", reason="not_taken")


def _headers(exchange: Exchange) -> dict[str, str]:
    sent = exchange.headers
    headers = {name: sent[name] for name in _FORWARDED if name in sent}
    headers |= {name: value for name, value in sent.items() if name.startswith(PARAMETER)}
    if SESSION in sent:
        session = exchange.gateway.sessions.inward(sent[SESSION], exchange.place.caller)
        headers |= {SESSION: session} if session != UNCONNECTED else {}
    return headers | {"accept-encoding": "identity", "user-agent": "leasehold-gateway"}


async def _authorize(
    exchange: Exchange, method: str, headers: Mapping[str, str], body: bytes
) -> Authorized | NotConnected:
    served = exchange.place.served
    if served.upstream.command:  # a program takes no headers; one that wants a credential gets no call without it
        if served.spec.upstream_auth is not None:
            raise UpstreamFailed("credential_not_deliverable")
        return Authorized(headers=(), connection=None, kind=ConnectionKind.NONE)
    return await exchange.gateway.broker.authorize(_call(exchange, method, headers, body))


def _call(exchange: Exchange, method: str, headers: Mapping[str, str], body: bytes) -> UpstreamCall:
    caller, served = exchange.place.caller, exchange.place.served
    return UpstreamCall(
        agent=caller.facts.agent,
        user=caller.token.subject if caller.facts.user is not None else None,
        tool_server=served.name,
        method=method,
        url=served.upstream.url or "",
        headers=headers,
        body=body,
        now=exchange.place.now,
    )


def _outgoing(
    exchange: Exchange,
    method: str,
    headers: Mapping[str, str],
    body: bytes,
    authorized: Authorized,
    *,
    repeatable: bool = False,
) -> Outgoing:
    given = {name.lower(): value for name, value in authorized.headers}
    served = exchange.place.served
    return Outgoing(
        method=method,
        url=served.upstream.url or "",
        command=served.upstream.command,
        transport=served.upstream.transport,
        on_behalf=(served.name, exchange.place.caller.identity),
        repeatable=repeatable,
        headers={**headers, **given},
        body=body,
        certificate=authorized.client_certificate,
    )


def _told(exchange: Exchange, refused: Refused) -> Refused:
    refused.told = bool(exchange.pending)
    return refused


def _mark(exchange: Exchange, reason: str) -> None:
    """Why requests have no answer; of one that has, why the caller did not get it."""
    for one in exchange.pending.values():
        if not one.recorded and one.reason == "not_finished":
            one.is_error, one.reason = True, reason
        elif not one.recorded:
            one.reason = one.reason or reason


async def _end_all(exchange: Exchange) -> None:
    """Record what nobody recorded: requests that were never answered."""
    for one in exchange.pending.values():
        if one.recorded:
            continue
        try:
            await asyncio.shield(exchange.end(one))
        except Refused:
            _log.error("what came of a call is not recorded")


def _decline(exchange: Exchange, ids: list[int | str]) -> None:
    """Tell the server that the client has no such method: to it, a client that may not is one that cannot."""
    while ids:
        task = asyncio.get_running_loop().create_task(_declined(exchange, ids.pop()))
        _declining.add(task)
        task.add_done_callback(_declining.discard)


async def _declined(exchange: Exchange, id_: int | str) -> None:
    body = error_body(id_, METHOD_NOT_FOUND, "Method not found")
    headers = {**_headers(exchange), "content-type": _JSON, "accept": f"{_JSON}, {_STREAM}"}
    with suppress(UpstreamFailed, Unavailable, Refused):
        authorized = await _authorize(exchange, "POST", headers, body)
        if isinstance(authorized, Authorized):
            async with exchange.gateway.upstreams.send(_outgoing(exchange, "POST", headers, body, authorized)):
                return
