"""Says where each request comes from, so that every event that comes of it can tell."""

from __future__ import annotations

import re
from collections.abc import Iterable

from leasehold.model.events import ORIGIN, Origin
from leasehold.web.asgi import Application, Receive, Scope, Send

_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context §3.2
_NO_TRACE = b"0" * 32


def originating(app: Application) -> Application:
    """The app, each of whose requests has its origin at hand. The address is that of whoever is connected to us."""

    async def known(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            client = scope.get("client")
            ORIGIN.set(Origin(str(client[0]) if client else "", _trace(scope["headers"])))
        await app(scope, receive, send)

    return known


def _trace(headers: Iterable[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == b"traceparent":
            found = _TRACEPARENT.fullmatch(value)
            return found[1].decode() if found is not None and found[1] != _NO_TRACE else ""
    return ""
