"""HTTP/1.1 to one origin: pooled connections, TLS that is always verified, no redirects, nothing remembered.

It sends once. Who may be asked again is decided in `retry`, what an answer means in `problems`.
"""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    Headers = Mapping[str, str]

TIMEOUT_SECONDS = 30.0
_BODY_LIMIT = 256 * 1024 * 1024


class ConnectionLost(Exception):
    """No whole answer came. The request may or may not have been carried out."""


class Answer:
    """A whole response."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def json(self) -> object:
        """The body as JSON; None if it is not."""
        import json  # noqa: PLC0415 -- costs 8 ms

        try:
            value: object = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value


class Origin:
    """Where requests go: scheme, host, port and a path that stands before every other."""

    __slots__ = ("host", "path", "port", "secure")

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http(s) URL")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("must be a URL without user, query and fragment")
        self.secure = parts.scheme == "https"
        self.host = parts.hostname
        self.port = parts.port or (443 if self.secure else 80)
        self.path = parts.path.rstrip("/")
        if not self.secure and not self.is_loopback:
            raise ValueError("must be https: plain http is accepted on loopback alone")

    @property
    def is_loopback(self) -> bool:
        """True if requests never leave this machine."""
        from ipaddress import ip_address  # noqa: PLC0415 -- asked once per run, and not for https

        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


class HttpClient:
    """Sends requests to one origin from many threads at once."""

    def __init__(self, origin: Origin, *, ca_file: str | None = None) -> None:
        self._origin = origin
        self._tls = _verifying(ca_file) if origin.secure else None
        self._idle: list[http.client.HTTPConnection] = []

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Headers | None = None,
        body: bytes | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> Answer:
        """Send one request and read its answer; raise `ConnectionLost` if none came.

        An idle connection that the server has closed meanwhile is not told from a lost one: the caller decides
        whether to ask again.
        """
        connection = self._take(timeout)
        try:
            connection.request(method, self._origin.path + path, body, dict(headers or {}))
            answer = _read(connection.getresponse())
        except (OSError, ValueError, http.client.HTTPException) as lost:
            connection.close()
            raise ConnectionLost(_reason(lost)) from None  # the cause may quote a header
        self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()

    def _take(self, timeout: float) -> http.client.HTTPConnection:
        try:
            connection = self._idle.pop()
        except IndexError:
            return self._connect(timeout)
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        return connection

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        origin = self._origin
        if self._tls is None:
            return http.client.HTTPConnection(origin.host, origin.port, timeout=timeout)
        return http.client.HTTPSConnection(origin.host, origin.port, timeout=timeout, context=self._tls)


def _verifying(ca_file: str | None) -> ssl.SSLContext:
    import ssl  # noqa: PLC0415 -- plain loopback does without

    return ssl.create_default_context(cafile=ca_file)


def _read(response: http.client.HTTPResponse) -> Answer:
    body = response.read(_BODY_LIMIT + 1)
    if len(body) > _BODY_LIMIT:
        raise http.client.HTTPException("the answer is too long")
    if response.length:  # a bounded read does not tell by itself that the peer hung up early
        raise http.client.IncompleteRead(body)
    if response.status >= 300 and "location" in response.headers:  # noqa: PLR2004
        raise http.client.HTTPException("the answer is a redirect, which is never followed")
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


def _reason(lost: Exception) -> str:
    """Say what went wrong without quoting what was sent."""
    if isinstance(lost, OSError):
        import ssl  # noqa: PLC0415 -- only to explain a failure

        if isinstance(lost, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted: {lost.verify_message}"
        return lost.strerror or type(lost).__name__
    return type(lost).__name__ if type(lost) is not http.client.HTTPException else str(lost)
