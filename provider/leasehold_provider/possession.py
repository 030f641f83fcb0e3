"""Proofs that this run holds the key that its tokens are bound to (RFC 9449): made per request, good once.

The key is drawn when the run begins and lives in memory alone. What is asked for is remembered: the server's nonce,
and how far our clock is off.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from os import urandom
from time import time

from .protocol.plugin import p256
from .protocol.plugin.certificate import private_key_pem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .client import Answer, Headers

_REFUSED = (400, 401)
_TOLERATED_SECONDS = 20
"""A clock that is off by less is not why a proof was refused."""


class ProofKey:
    """One private key (EC P-256), never shown."""

    __slots__ = ("_head", "_private")

    def __init__(self) -> None:
        import json  # noqa: PLC0415 -- costs 8 ms

        self._private = p256.new_private_key()
        x, y = (_encoded(part.to_bytes(32, "big")) for part in p256.public_point(self._private))
        head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": {"kty": "EC", "crv": "P-256", "x": x, "y": y}}
        self._head = _encoded(json.dumps(head, separators=(",", ":")).encode())

    def __repr__(self) -> str:
        return "ProofKey(…)"

    def pem(self) -> bytes:
        """The private key, for the one file that its user asked for."""
        return private_key_pem(self._private)

    def proof(self, method: str, url: str, at: float, *, token: str | None = None, nonce: str | None = None) -> str:
        """A proof for one request, with one token if that is presented (RFC 9449 §4.2)."""
        import json  # noqa: PLC0415 -- as above

        claims: dict[str, object] = {"jti": _encoded(urandom(16)), "htm": method, "htu": url, "iat": int(at)}
        if token is not None:
            claims["ath"] = _encoded(sha256(token.encode()).digest())
        if nonce is not None:
            claims["nonce"] = nonce
        signed = f"{self._head}.{_encoded(json.dumps(claims, separators=(',', ':')).encode())}"
        r, s = p256.sign(self._private, signed.encode())
        return f"{signed}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


class Possession:
    """What is proved to one registry with one key."""

    __slots__ = ("_clock", "_endpoint", "_nonce", "_off", "key")

    def __init__(self, endpoint: str, key: ProofKey | None = None, clock: Callable[[], float] = time) -> None:
        self.key = key or ProofKey()
        self._endpoint = endpoint
        self._clock = clock
        self._nonce: str | None = None
        self._off = 0.0

    def proof(self, method: str, path: str, token: str | None = None) -> str:
        """A proof for a request that is about to be sent; another for each time that it is sent."""
        url = self._endpoint + path.partition("?")[0]
        return self.key.proof(method, url, self._clock() + self._off, token=token, nonce=self._nonce)

    def send(self, request: Callable[[], Answer]) -> Answer:
        """The answer to a request that proves itself; asked once more if it was refused for what we know by now."""
        answer = request()
        return request() if self._learned(answer) else answer

    def _learned(self, answer: Answer) -> bool:
        """True if there is a reason to ask again: a nonce was wanted (RFC 9449 §8, §9), or our clock is wrong."""
        nonce = answer.headers.get("dpop-nonce")
        if nonce is not None:
            self._nonce = nonce
        if answer.status not in _REFUSED:
            return False
        error = _error(answer)
        if error == "use_dpop_nonce":
            return nonce is not None
        return error == "invalid_dpop_proof" and self._set_right(answer.headers)

    def _set_right(self, headers: Headers) -> bool:
        """Go by the server's clock if ours is off; False if that is nothing new."""
        from email.utils import parsedate_to_datetime  # noqa: PLC0415 -- for clocks that are wrong

        try:
            off = parsedate_to_datetime(headers["date"]).timestamp() - self._clock()
        except (KeyError, TypeError, ValueError):
            return False
        if abs(off - self._off) <= _TOLERATED_SECONDS:
            return False
        self._off = off
        return True


def _error(answer: Answer) -> str:
    """The OAuth error of a refusal, from its challenge or its body (RFC 9449 §7.1, RFC 6749 §5.2)."""
    challenge = answer.headers.get("www-authenticate", "")
    for error in ("use_dpop_nonce", "invalid_dpop_proof"):
        if f'error="{error}"' in challenge:
            return error
    members = answer.json()
    return str(members.get("error", "")) if isinstance(members, dict) else ""


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
