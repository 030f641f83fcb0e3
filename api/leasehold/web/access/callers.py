"""Who asks for decisions: a registry token of a fitting role, verified once and then known for a moment.

INVARIANT: what is known of a token is forgotten when anything is revoked, and after a second whatever happens. A token
that is bound to a key is never known: each of its requests brings a proof of its own (RFC 9449 §7).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from leasehold.authn.possession import Presented
from leasehold.model.errors import Forbidden
from leasehold.model.principal import Principal
from leasehold.model.revocations import RevocationEvent
from leasehold.policy.decision import Deny, Permit
from leasehold.policy.platform import PlatformAction, decide_platform
from leasehold.web.asgi import Scope
from leasehold.web.doors import Admission, Authenticator
from leasehold.web.presenting import presented

KNOWN_FOR = timedelta(seconds=1)
_KIND = "decisions"
_MANY = 4096


class _Known(NamedTuple):
    principal: Principal
    until: datetime


class Callers:
    """Admits enforcement points. `clock` tells the time, aware UTC."""

    def __init__(self, authenticator: Authenticator, possessions: Admission, clock: Callable[[], datetime]) -> None:
        self._authenticator, self._possessions, self._clock = authenticator, possessions, clock
        self._known: dict[bytes, _Known] = {}

    def forget(self, _events: Sequence[RevocationEvent] = ()) -> None:
        """Somebody's lease may have ended."""
        self._known = {}

    async def permit(self, scope: Scope, action: PlatformAction) -> Permit:
        """What lets the caller ask. Raises `Unauthenticated`, `Unproven`, `Forbidden`, `Unavailable`."""
        sent = presented(scope)
        principal = await (self._admit(sent) if sent.proof is not None else self._principal(sent))
        answer = decide_platform(principal, action, _KIND)
        if isinstance(answer, Deny):
            raise Forbidden(answer.reason)
        return answer

    async def _principal(self, sent: Presented) -> Principal:
        now, key = self._clock(), hashlib.sha256(sent.token.encode()).digest()
        known = self._known
        if (found := known.get(key)) is not None and now < found.until:
            return found.principal
        principal = await self._admit(sent)
        if len(known) >= _MANY:
            known.clear()
        known[key] = _Known(principal, now + KNOWN_FOR)  # forgotten with `known`, if anything ended meanwhile
        return principal

    async def _admit(self, sent: Presented) -> Principal:
        authenticate = self._authenticator.authenticate
        return await asyncio.to_thread(self._possessions.admit, sent, self._clock(), authenticate)
