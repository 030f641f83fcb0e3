"""Says where each request comes from, so that every event that comes of it can tell."""

from __future__ import annotations

from collections.abc import Iterable

from leasehold.model.events import ORIGIN, Origin
from leasehold.model.traces import trace_context
from leasehold.web.asgi import Application, Receive, Scope, Send


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
            found = trace_context(value.decode("latin-1"))
            return found.trace if found is not None else ""
    return ""
