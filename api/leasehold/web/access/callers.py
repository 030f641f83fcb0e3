"""Who asks for decisions: a registry token of a fitting role, verified once and then known for a moment.

INVARIANT: what is known of a token is forgotten when anything is revoked, and after a second whatever happens.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from leasehold.model.errors import Forbidden, Unauthenticated
from leasehold.model.principal import Principal
from leasehold.model.revocations import RevocationEvent
from leasehold.policy.decision import Deny, Permit
from leasehold.policy.platform import PlatformAction, decide_platform
from leasehold.web.asgi import Scope
from leasehold.web.oauth.forms import header

KNOWN_FOR = timedelta(seconds=1)
_KIND = "decisions"
_MANY = 4096
_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9._~+/-]+=*)")  # RFC 6750 §2.1


class Authenticator(Protocol):
    """Credential in, principal out. Raises `Unauthenticated`, whatever is wrong with it; `Unavailable`."""

    def authenticate(self, bearer: str, now: datetime) -> Principal: ...


class _Known(NamedTuple):
    principal: Principal
    until: datetime


class Callers:
    """Admits enforcement points. `clock` tells the time, aware UTC."""

    def __init__(self, authenticator: Authenticator, clock: Callable[[], datetime]) -> None:
        self._authenticator, self._clock = authenticator, clock
        self._known: dict[bytes, _Known] = {}

    def forget(self, _events: Sequence[RevocationEvent] = ()) -> None:
        """Somebody's lease may have ended."""
        self._known = {}

    async def permit(self, scope: Scope, action: PlatformAction) -> Permit:
        """What lets the caller ask. Raises `Unauthenticated`, `Forbidden`, `Unavailable`."""
        match = _BEARER.fullmatch(header(scope, b"authorization"))
        if match is None:
            raise Unauthenticated("send a bearer token")
        answer = decide_platform(await self._principal(match[1]), action, _KIND)
        if isinstance(answer, Deny):
            raise Forbidden(answer.reason)
        return answer

    async def _principal(self, bearer: str) -> Principal:
        now, key = self._clock(), hashlib.sha256(bearer.encode()).digest()
        known = self._known
        if (found := known.get(key)) is not None and now < found.until:
            return found.principal
        principal = await asyncio.to_thread(self._authenticator.authenticate, bearer, now)
        if len(known) >= _MANY:
            known.clear()
        known[key] = _Known(principal, now + KNOWN_FOR)  # forgotten with `known`, if anything ended meanwhile
        return principal
