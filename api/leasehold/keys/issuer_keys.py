"""The keys of trust issuers: inline, or fetched once for all callers, kept a while, and never asked for in a flood.

| kept | for |
|---|---|
| keys of an issuer | 10 minutes, then fetched again |
| the same, while the issuer does not answer | 24 hours at most |
| an unknown `kid`, or a failure | 30 seconds until the next attempt |
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from leasehold.keys.jwks import InvalidJwks, PublicKeys, parse_jwks
from leasehold.keys.network import FetchRefused
from leasehold.model.tokens import Flaw, TokenRefused

FRESH_SECONDS = 600.0
STALE_SECONDS = 86_400.0
COOL_DOWN_SECONDS = 30.0
_ENTRIES = 1000
_log = logging.getLogger(__name__)


class KeySource(Protocol):
    """Where keys come from: inline, a URL, or discovery. Hashable: a source that changes is another one."""

    @property
    def issuer(self) -> str: ...
    @property
    def jwks(self) -> str | None: ...
    @property
    def jwks_uri(self) -> str | None: ...
    @property
    def algorithms(self) -> frozenset[str]: ...
    @property
    def allow_private(self) -> bool: ...


class Fetcher(Protocol):
    """A bounded GET; raises `FetchRefused`."""

    async def get(self, url: str, *, allow_private: bool) -> bytes: ...


@dataclass(slots=True)
class _Entry:
    """What is known of one issuer's keys. Times are seconds of a monotonic clock."""

    keys: PublicKeys | None = None
    fetched_at: float = float("-inf")
    tried_at: float = float("-inf")
    flight: asyncio.Task[None] | None = field(default=None, repr=False)


class IssuerKeys:
    """Finds the keys of an issuer. Belongs to one event loop."""

    def __init__(self, network: Fetcher, clock: Callable[[], float] = time.monotonic) -> None:
        self._network = network
        self._clock = clock
        self._entries: dict[KeySource, _Entry] = {}

    async def find(self, issuer: KeySource, key_id: str | None) -> PublicKeys:
        """The issuer's keys, with `key_id` among them if the issuer has it by now. Raises `TokenRefused`."""
        if len(self._entries) > _ENTRIES:  # every change of an issuer is a new key here
            self._entries.clear()
        entry = self._entries.setdefault(issuer, _Entry())
        if issuer.jwks is not None:
            return self._inline(entry, issuer.jwks, issuer.algorithms)
        now = self._clock()
        outdated = now - entry.fetched_at > FRESH_SECONDS
        unknown = entry.keys is None or entry.keys.find(key_id) is None
        if (outdated or unknown) and (entry.flight is not None or now - entry.tried_at > COOL_DOWN_SECONDS):
            await self._refresh(issuer, entry)
        if entry.keys is None or self._clock() - entry.fetched_at > STALE_SECONDS:
            raise TokenRefused(Flaw.KEYS_UNAVAILABLE)
        return entry.keys

    @staticmethod
    def _inline(entry: _Entry, jwks: str, algorithms: frozenset[str]) -> PublicKeys:
        if entry.keys is None:
            try:
                entry.keys = parse_jwks(jwks, algorithms)
            except InvalidJwks:
                raise TokenRefused(Flaw.KEYS_UNAVAILABLE) from None
        return entry.keys

    async def _refresh(self, issuer: KeySource, entry: _Entry) -> None:
        # One task fetches for everyone who waits; a caller that gives up does not end it for the others.
        if entry.flight is None:
            entry.tried_at = self._clock()
            entry.flight = asyncio.create_task(self._fetch(issuer, entry))
        await asyncio.shield(entry.flight)

    async def _fetch(self, issuer: KeySource, entry: _Entry) -> None:
        try:
            url = issuer.jwks_uri or await self._discover(issuer)
            body = await self._network.get(url, allow_private=issuer.allow_private)
            entry.keys = parse_jwks(body, issuer.algorithms)  # an empty set raises, and replaces nothing
            entry.fetched_at = self._clock()
        except (FetchRefused, InvalidJwks) as error:
            _log.warning("keys of issuer %s were not fetched: %s", issuer.issuer, error)
        finally:
            entry.flight = None

    async def _discover(self, issuer: KeySource) -> str:
        """The `jwks_uri` of the discovery document (OpenID Connect Discovery 1.0 §4.3)."""
        url = f"{issuer.issuer.rstrip('/')}/.well-known/openid-configuration"
        body = await self._network.get(url, allow_private=issuer.allow_private)
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise FetchRefused("the discovery document is not JSON") from None
        if not isinstance(document, dict) or document.get("issuer") != issuer.issuer:
            raise FetchRefused("the discovery document is of another issuer")
        jwks_uri = document.get("jwks_uri")
        if not isinstance(jwks_uri, str) or _origin(jwks_uri) != _origin(issuer.issuer):
            raise FetchRefused("jwks_uri is not on the issuer's host: set it in the trust issuer if that is meant")
        return jwks_uri


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", url
    return parts.scheme, parts.netloc.lower()
