"""The browser of a person: the cookie that it keeps, the query that it brings, the site that its answer comes from."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from leasehold.exchange.logging_in import LOGIN_FOR, AuthorizationRefused
from leasehold.web.asgi import Scope
from leasehold.web.oauth.forms import header

_QUERY_LIMIT = 8192
_MAX_FIELDS = 32
_SECRET_LENGTH = 43  # base64url of 32 bytes


class Browsers:
    """Tells them apart. `issuer` is our own address."""

    def __init__(self, issuer: str) -> None:
        self._origin = origin_of(issuer)
        secure = issuer.startswith("https://")
        # RFC 6265bis §4.1.3: a `__Host-` cookie is of this host alone; loopback without TLS cannot have one.
        self._name = "__Host-leasehold" if secure else "leasehold"
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    def cookie(self, browser: str) -> str:
        """What a browser is told to keep from now on."""
        age = int(LOGIN_FOR.total_seconds()) * 2
        return f"{self._name}={browser}; Max-Age={age}{self._attributes}"

    def of(self, scope: Scope) -> str:
        """The secret that its cookie brings. Raises `AuthorizationRefused`."""
        sent = (pair.strip().partition("=") for pair in header(scope, b"cookie").split(";"))
        found = [value for name, _, value in sent if name == self._name]
        if len(found) != 1 or not found[0]:
            raise AuthorizationRefused("this browser did not start here, or refuses cookies")
        return found[0]

    def kept(self, scope: Scope) -> str | None:
        """The same, None for a browser that brings none, or none that we can have made."""
        try:
            found = self.of(scope)
        except AuthorizationRefused:
            return None
        return found if len(found) == _SECRET_LENGTH and found.isascii() else None

    def check_origin(self, scope: Scope) -> None:
        """Refuse a form that another site sent. Raises `AuthorizationRefused`."""
        origin = header(scope, b"origin")
        if origin and origin != self._origin:
            raise AuthorizationRefused("this answer comes from another site")


def query_of(scope: Scope) -> Mapping[str, str]:
    """What the address says, each thing once. Raises `AuthorizationRefused`."""
    raw = scope.get("query_string", b"")[: _QUERY_LIMIT + 1]
    try:
        text = raw.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise AuthorizationRefused("the address is not understood") from None
    if len(raw) > _QUERY_LIMIT:
        raise AuthorizationRefused("the address is too long")
    if len(dict(pairs)) != len(pairs):
        raise AuthorizationRefused("the address says a thing twice")
    return {name: value for name, value in pairs if value}


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
