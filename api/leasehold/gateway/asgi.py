"""ASGI 3 as this door speaks it: bodies read within bounds, answers sent to whoever takes them in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

from leasehold.mcp.refusals import INVALID_REQUEST, Refused

Scope: TypeAlias = MutableMapping[str, Any]  # Any: ASGI leaves values open
Message: TypeAlias = MutableMapping[str, Any]  # Any: same
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

READ_SECONDS = 10.0
TAKE_SECONDS = 30.0
_SMALL = 1 << 15


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body, with a cap and one deadline over all of it, however slowly it drips. Raises `Refused`."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await _body(receive, limit)
    except TimeoutError:
        raise Refused(408, INVALID_REQUEST, "the body did not arrive in time", reason="slow_body") from None


async def _body(receive: Receive, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        first: bytes = message.get("body", b"")
        return _within(first, limit)
    body = bytearray()
    while True:
        if message["type"] != "http.request":
            raise Refused(400, INVALID_REQUEST, "the body is incomplete", reason="cut_off")
        body += message.get("body", b"")
        if len(body) > limit or not message.get("more_body", False):
            return _within(bytes(body), limit)
        message = await receive()


def _within(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise Refused(413, INVALID_REQUEST, f"the body exceeds {limit} bytes", reason="too_large")
    return body


async def send_start(send: Send, status: int, headers: Mapping[str, str]) -> None:
    """Begin an answer."""
    every = {"cache-control": "no-store", **headers}
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in every.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def send_body(send: Send, body: bytes, *, more: bool) -> None:
    """Send a part of it. Raises `TimeoutError` if nobody takes it: a caller that does not read holds nothing up."""
    async with asyncio.timeout(TAKE_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def send_whole(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    """An answer in one piece."""
    await send_start(send, status, {**headers, "content-length": str(len(body))})
    if len(body) <= _SMALL:  # the server's own buffer takes it: nothing to wait for
        await send({"type": "http.response.body", "body": body})
    else:
        await send_body(send, body, more=False)
