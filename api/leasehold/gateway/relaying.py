"""From a tool server's answer to the caller's: whole bodies, and streams event by event, at the caller's own pace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from leasehold.gateway.answers import Answers, Pending
from leasehold.gateway.asgi import Receive, Send, send_body, send_start, send_whole
from leasehold.gateway.sse import EventReader, EventTooLarge, ServerEvent
from leasehold.gateway.upstreams import Incoming, UpstreamFailed
from leasehold.gateway.watching import ENDINGS, Watched
from leasehold.mcp.refusals import INVALID_REQUEST, UPSTREAM_FAILED, Refused, error_body
from leasehold.model.errors import Unavailable

MAX_ANSWER_BYTES = 8 << 20
IDLE_SECONDS = 300.0
CALL_SECONDS = 1800.0
_OK, _BAD = 200, 400
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """The caller's end: where to send to, and who says that it hung up. `headers` go out with every answer."""

    receive: Receive
    send: Send
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sinks:
    """What is done on the way: `ended` records a request before its answer leaves; `unasked` answers the server."""

    ended: Callable[[Pending], Awaitable[None]]
    unasked: Callable[[list[int | str]], None]
    still_lives: Callable[[], None]
    """Raises `Refused` once the caller's lease was revoked."""


class Hung(Exception):
    """The caller has gone."""


async def relay_whole(incoming: Incoming, answers: Answers, wire: Wire, sinks: Sinks) -> None:
    """A body that is one message or a batch. Raises `UpstreamFailed`, `Refused`, `Unavailable`."""
    raw = incoming.body
    if raw is None:
        raw = await _whole(incoming)
    if not raw and incoming.status >= _BAD:
        raise Refused(incoming.status, INVALID_REQUEST, "the tool server takes no such request", reason="not_taken")
    if not raw:
        await send_whole(wire.send, incoming.status, b"", wire.headers)
        return
    passed = await answers.take(raw)
    sinks.unasked(answers.unasked)
    sinks.still_lives()
    for pending in passed.finished:
        await sinks.ended(pending)
    if passed.content is None:
        raise UpstreamFailed("answers_something_else")
    await send_whole(wire.send, incoming.status, passed.content, {**wire.headers, "content-type": "application/json"})


async def relay_stream(incoming: Incoming, answers: Answers, wire: Wire, sinks: Sinks, watched: Watched) -> None:
    """A stream, until every request has its answer; or, where there is none, until somebody ends it."""
    headers = {**wire.headers, "content-type": "text/event-stream", "x-accel-buffering": "no"}
    await send_start(wire.send, _OK, headers)
    gone = asyncio.ensure_future(_hung_up(wire.receive))
    try:
        await _relay_events(_events(incoming, gone, watched), answers, wire, sinks)
    except (UpstreamFailed, EventTooLarge, Refused, Unavailable) as error:
        await _break_off(error, answers, wire)
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def _relay_events(events: AsyncIterator[ServerEvent], answers: Answers, wire: Wire, sinks: Sinks) -> None:
    owed = not answers.complete
    async for event in events:
        content = await _passed(event, answers, sinks)
        if content:
            await send_body(wire.send, answers.cleared(content), more=True)
        if owed and answers.complete:
            break
    if owed and not answers.complete:
        raise UpstreamFailed("died_mid_stream")
    await send_body(wire.send, b"", more=False)


async def _passed(event: ServerEvent, answers: Answers, sinks: Sinks) -> bytes:
    """What goes on of an event; its answers are recorded by then."""
    if event.content is None:
        return event.raw
    passed = await answers.take(event.content)
    sinks.unasked(answers.unasked)
    sinks.still_lives()
    for pending in passed.finished:
        await sinks.ended(pending)
    if passed.content is None:
        return b""
    return event.raw if passed.content is event.content and event.is_plain else event.with_content(passed.content)


async def _break_off(error: Exception, answers: Answers, wire: Wire) -> None:
    """The stream has begun: what went wrong is said in it, to every request that still waits."""
    code = error.code if isinstance(error, Refused) else UPSTREAM_FAILED
    said = str(error) if isinstance(error, Refused) else "the tool server's answer broke off"
    for pending in answers.waiting():
        pending.reason = getattr(error, "reason", "unavailable")
        body = error_body(pending.message.id, code, said)
        if pending.reason in ENDINGS and pending.message.method == "subscriptions/listen":
            pending.is_error, body = False, _closed(pending)
        await send_body(wire.send, b"event: message\ndata: " + body + b"\n\n", more=True)
    await send_body(wire.send, b"", more=False)


def _closed(pending: Pending) -> bytes:
    """Nothing broke: the client may listen again (MCP 2026-07-28, `SubscriptionsListenResult`)."""
    result = {"resultType": "complete", "_meta": {"io.modelcontextprotocol/subscriptionId": pending.message.id}}
    return orjson.dumps({"jsonrpc": "2.0", "id": pending.message.id, "result": result})


async def _events(incoming: Incoming, gone: asyncio.Future[Any], watched: Watched) -> AsyncIterator[ServerEvent]:
    """The events, until the stream, the caller or its lease ends. Raises `UpstreamFailed`, `EventTooLarge`, `Hung`."""
    reader, chunks = EventReader(), aiter(incoming.chunks())
    ends_at = asyncio.get_running_loop().time() + CALL_SECONDS
    while True:
        step: asyncio.Future[bytes] = asyncio.ensure_future(_next(chunks))
        patience = min(IDLE_SECONDS, ends_at - asyncio.get_running_loop().time())
        try:
            await asyncio.wait({step, gone, watched.ended}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if watched.ended.done():
                raise UpstreamFailed(watched.ended.result())
            if gone.done():
                raise Hung
            if not step.done():
                raise UpstreamFailed("hangs")
        finally:
            if not step.done():
                step.cancel()
                with suppress(asyncio.CancelledError, UpstreamFailed):
                    await step
        chunk = step.result()
        if not chunk:
            return
        for event in reader.feed(chunk):
            yield event


async def _next(chunks: AsyncIterator[bytes]) -> bytes:
    return await anext(chunks, b"")


async def _whole(incoming: Incoming) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            async for chunk in incoming.chunks():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise UpstreamFailed("too_large")
    except TimeoutError:
        raise UpstreamFailed("hangs", status=504) from None
    return bytes(body)


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
