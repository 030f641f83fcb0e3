"""Pages of other origins that may speak to MCP's endpoints from a browser (Fetch Standard, "CORS protocol").

INVARIANT: never with credentials. A page brings a token of its own, and the browser's cookies and certificates go with
no request that it may read the answer of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from leasehold.web.asgi import Application, Message, Receive, Scope, Send

_METADATA = ("/.well-known/oauth-protected-resource", "/.well-known/oauth-authorization-server")
_BELOW = ("/mcp/", *_METADATA)
_PATHS = frozenset(
    {
        *("/.well-known/openid-configuration", "/.well-known/jwks.json"),
        *("/oauth2/token", "/oauth2/register", "/oauth2/revoke"),
    }
)
_METHODS = b"GET, POST, DELETE"
_HEADERS = frozenset(
    {
        *("accept", "authorization", "content-type", "dpop", "last-event-id", "traceparent", "tracestate"),
        *("mcp-protocol-version", "mcp-session-id", "mcp-method", "mcp-name"),
    }
)
_PARAMETER = "mcp-param-"
_EXPOSED = b"dpop-nonce, mcp-protocol-version, mcp-session-id, retry-after, www-authenticate"
_ALLOW = b"access-control-allow-origin"
_VARY = (b"vary", b"origin, access-control-request-headers")
_LONGEST_ASKED = 4_096


def cross_origin(app: Application, origins: frozenset[str]) -> Application:
    """The app, whose MCP endpoints pages of these origins may call; as it is where there are none."""

    async def shared(scope: Scope, receive: Receive, send: Send) -> None:
        asked = _asked(scope) if scope["type"] == "http" and _is_shared(scope["path"]) else {}
        origin = asked.get("origin", "")
        if origin not in origins:
            await app(scope, receive, send)
        elif scope["method"] == "OPTIONS" and "access-control-request-method" in asked:
            await _preflight(send, origin, asked.get("access-control-request-headers", ""))
        else:
            await app(scope, receive, _Sharing(send, origin))

    return shared if origins else app


class _Sharing:
    """Sends answers that a page of this origin may read."""

    def __init__(self, send: Send, origin: str) -> None:
        self._send, self._origin = send, origin

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [pair for pair in message["headers"] if pair[0] != _ALLOW]
            told = [(_ALLOW, self._origin.encode()), (b"access-control-expose-headers", _EXPOSED), _VARY]
            message = {**message, "headers": [*kept, *told]}
        await self._send(message)


async def _preflight(send: Send, origin: str, wanted: str) -> None:
    names = {name.strip().lower() for name in wanted[:_LONGEST_ASKED].split(",")}
    allowed = sorted(name for name in names if name in _HEADERS or name.startswith(_PARAMETER))
    headers = [
        (_ALLOW, origin.encode()),
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", ", ".join(allowed).encode("latin-1")),
        (b"access-control-max-age", b"600"),
        (b"cache-control", b"no-store"),
        _VARY,
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _is_shared(path: str) -> bool:
    return path in _PATHS or path.startswith(_BELOW)


def _asked(scope: Scope) -> Mapping[str, str]:
    """The headers by name. What is there twice is no origin: the two together are none of ours."""
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    found: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
