"""The registry over HTTP, as a resource server sees it: its keys, and the question whether one token lives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from leasehold.verify.access import AccessToken
from leasehold.verify.proofs import Proof
from leasehold.verify.refusals import Reason, Untrusted
from leasehold.verify.signatures import KeySet, parse_key_set

FRESH_SECONDS = 600.0
STALE_SECONDS = 3600.0
COOL_DOWN_SECONDS = 30.0
TIMEOUT_SECONDS = 2.0
_MAX_KEYS_BYTES = 65_536
Bearer = Callable[[], str]
"""Gives a registry token that is good for some seconds more. May block; may raise `httpx.HTTPError`."""


def check_url(url: str) -> str:
    """The URL without a closing slash. Raises `ValueError` unless it is https, or http on loopback."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        raise ValueError("the issuer must be https, except on loopback: tokens travel to it")
    return url.rstrip("/")


def http_client() -> httpx.Client:
    """A client that follows nobody elsewhere."""
    return httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False)


class IssuerKeys:
    """The issuer's signing keys: kept for ten minutes, for an hour where the issuer does not answer.

    An unknown `kid` asks for them again, however many come, once in 30 seconds.
    """

    def __init__(self, endpoint: str, client: httpx.Client, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url = f"{endpoint}/.well-known/jwks.json"
        self._client = client
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._keys = KeySet({})
        self._fetched_at = self._tried_at = float("-inf")

    def find(self, key_id: str) -> object:
        """The public key. Raises `Untrusted`."""
        now = self._monotonic()
        if key_id not in self._keys.by_id or now - self._fetched_at > FRESH_SECONDS:
            with self._lock:  # of many who ask at once, one fetches
                self._refresh(key_id, self._monotonic())
        key = self._keys.by_id.get(key_id)
        if key is None or now - self._fetched_at > STALE_SECONDS:
            raise Untrusted(Reason.UNKNOWN_KEY)
        return key

    def _refresh(self, key_id: str, now: float) -> None:
        fresh = now - self._fetched_at <= FRESH_SECONDS
        if (fresh and key_id in self._keys.by_id) or now - self._tried_at < COOL_DOWN_SECONDS:
            return
        self._tried_at = now
        try:
            response = self._client.get(self._url)
            response.raise_for_status()
            if len(response.content) > _MAX_KEYS_BYTES:
                return
            self._keys = parse_key_set(response.content)
        except (httpx.HTTPError, Untrusted):
            return  # those we have serve for a while
        self._fetched_at = now


class Introspection:
    """Asks the issuer about one token (RFC 7662)."""

    proof = Proof.INTROSPECTION

    def __init__(self, endpoint: str, client: httpx.Client, bearer: Bearer) -> None:
        self._url = f"{endpoint}/oauth2/introspect"
        self._client = client
        self._bearer = bearer

    def is_active(self, token: str, access: AccessToken) -> bool:
        """True iff the token lives. Raises `Untrusted` if nobody says so in time, or not of this token."""
        try:
            headers = {"authorization": f"Bearer {self._bearer()}"}
            response = self._client.post(self._url, data={"token": token}, headers=headers)
            response.raise_for_status()
            answer = response.json()
        except (httpx.HTTPError, ValueError, OSError):
            raise Untrusted(Reason.NOT_KNOWN_ALIVE) from None
        if not isinstance(answer, dict) or not isinstance(answer.get("active"), bool):
            raise Untrusted(Reason.NOT_KNOWN_ALIVE)
        return answer["active"] and answer.get("jti") == access.token_id


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
