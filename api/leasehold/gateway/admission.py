"""Who is let in: a live token for this very tool server, and with it a proof where it is bound to a key.

INVARIANT: until a token for it was accepted, a tool server that there is is answered for like one that there is not.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from leasehold.authn.possession import Possessions, Presented, key_of
from leasehold.decisions.assembling import State
from leasehold.decisions.current import Current
from leasehold.gateway.asgi import Scope
from leasehold.gateway.callers import Caller, Callers, Life
from leasehold.gateway.metadata import challenge
from leasehold.gateway.serving import Served, Serving
from leasehold.mcp.headers import Headers
from leasehold.mcp.refusals import DENIED, INVALID_REQUEST, Refused
from leasehold.model.errors import Unavailable
from leasehold.model.possession import Unproven, UnprovenNonce
from leasehold.model.tokens import MAX_TOKEN_BYTES, TokenRefused
from leasehold.model.tools import Action

_SCHEMES = frozenset({"bearer", "dpop"})
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 9110 §11.2
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_SPELLINGS = 64


def is_name(name: str) -> bool:
    """True if a tool server could be named so."""
    return _NAME.fullmatch(name) is not None


def _is_local(origin: str) -> bool:
    """True for a page of this very machine, which whoever serves on loopback may well develop."""
    try:
        return urlsplit(origin).hostname in _LOOPBACK
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Admitted:
    """A caller at the tool server that its token is for, and the state of the registry that this was found in."""

    caller: Caller
    served: Served
    state: State
    now: datetime


class Admission:
    """Lets callers in. `origins`: whose pages may call, beside our own."""

    def __init__(
        self,
        *,
        serving: Serving,
        current: Current,
        callers: Callers,
        possessions: Possessions,
        clock: Callable[[], datetime],
        origins: frozenset[str] = frozenset(),
    ) -> None:
        self._serving, self._current, self._callers = serving, current, callers
        self._possessions, self._clock = possessions, clock
        parts = urlsplit(serving.issuer)
        self._hosts = frozenset({parts.hostname or ""}) | (_LOOPBACK if parts.hostname in _LOOPBACK else frozenset())
        self._local = parts.hostname in _LOOPBACK
        self._origins = origins | {f"{parts.scheme}://{parts.netloc}"}
        self._spelt: set[str] = set()

    def check_origin(self, headers: Headers) -> None:
        """Refuse a browser that was lured here (MCP, "Security Warning": DNS rebinding). Raises `Refused`."""
        origin = headers.get("origin")
        if origin is not None and origin not in self._origins and not (self._local and _is_local(origin)):
            raise Refused(403, INVALID_REQUEST, "this origin is not let in", reason="origin")
        host = headers.get("host", "")
        if host not in self._spelt:
            if urlsplit(f"//{host}").hostname not in self._hosts:
                raise Refused(403, INVALID_REQUEST, "this host is none of ours", reason="host")
            self._spelt = {*self._spelt, host} if len(self._spelt) < _SPELLINGS else {host}

    async def admit(self, scope: Scope, headers: Headers, name: str) -> Admitted:
        """The caller. Raises `Refused`."""
        now = self._clock()
        scheme, _, rest = headers.get("authorization", "").partition(" ")  # RFC 9110 §11.4
        scheme, token = scheme.lower(), rest.lstrip(" ")
        if scheme not in _SCHEMES:
            raise self._stranger(name, "")
        caller = self._callers.find(token, name) or self._authenticate(token, name, now)
        if scheme == "dpop" or caller.key is not None:
            await self._prove(caller, scheme, token, scope, headers, now)
        state = self._current.state(now)
        if state is None:
            raise Refused(503, DENIED, "what is known of the registry is too old", reason="not_current")
        served = self._serving.find(name, state)
        if served is None or (served.binds and caller.key is None):  # its token is from before
            raise self._stranger(name, "invalid_token")
        self.check_life(caller, served.max_staleness(Action.READ), name)
        return Admitted(caller, served, state, now)

    def binds(self, name: str) -> bool:
        """True if there is such a tool server, and it takes no token that is not bound to a key."""
        state = self._current.state(self._clock())
        served = self._serving.find(name, state) if state is not None else None
        return served is not None and served.binds

    def check_life(self, caller: Caller, max_staleness: timedelta, name: str) -> None:
        """Raise `Refused` unless the caller's token lives, as far as is known, and enough is known."""
        life = self._callers.life(caller, max_staleness)
        if life is Life.NOT_KNOWN:
            headers = {"retry-after": "1"}
            raise Refused(503, DENIED, "what is known of revocations is too old", reason="stale", headers=headers)
        if life is not Life.LIVES:
            raise self._stranger(name, "invalid_token")

    def check_revoked(self, caller: Caller) -> None:
        """Raise `Refused` if the caller's lease was revoked; a token may run out while a call is under way."""
        if self._callers.life(caller, timedelta.max) is Life.REVOKED:
            raise self._stranger(caller.server, "invalid_token")

    def _authenticate(self, token: str, name: str, now: datetime) -> Caller:
        """The caller whose token this is. Raises `Refused`."""
        if _TOKEN.fullmatch(token) is None:
            raise self._stranger(name, "")
        if not is_name(name) or len(token) > MAX_TOKEN_BYTES:
            raise self._stranger(name, "invalid_token")
        try:
            return self._callers.authenticate(token, name, self._serving.audience(name), now)
        except TokenRefused:
            raise self._stranger(name, "invalid_token") from None

    async def _prove(
        self, caller: Caller, scheme: str, token: str, scope: Scope, headers: Headers, now: datetime
    ) -> None:
        """A bound token needs its key, and a bearer token none (RFC 9449 §7.1, §7.2). Raises `Refused`."""
        if scheme != "dpop" or caller.key is None:
            raise self._stranger(caller.server, "invalid_token")
        raw = scope.get("raw_path") or scope["path"].encode()
        path = raw.partition(b"?")[0].decode("latin-1")
        sent = Presented(token=token, proof=headers.get("dpop") or "-", method=scope["method"], path=path)
        try:
            possession = self._possessions.prove(sent, now)
            if key_of(possession) != caller.key:
                raise self._stranger(caller.server, "invalid_token", scheme="DPoP")
            await asyncio.to_thread(self._possessions.spend, possession)
        except UnprovenNonce as wanted:
            refused = self._stranger(caller.server, "use_dpop_nonce", scheme="DPoP")
            refused.headers["dpop-nonce"] = wanted.nonce
            raise refused from None
        except Unproven:
            raise self._stranger(caller.server, "invalid_dpop_proof", scheme="DPoP") from None
        except Unavailable:
            raise Refused(503, DENIED, "a proof cannot be remembered now", reason="unavailable") from None

    def _stranger(self, name: str, error: str, scheme: str = "Bearer") -> Refused:
        resource = self._serving.audience(name if is_name(name) else "unknown")
        scheme = "DPoP" if self.binds(name) else scheme
        headers = {"www-authenticate": challenge(resource, error=error, scheme=scheme)}
        said = "bring a token for this tool server"
        return Refused(401, DENIED, said, reason=error or "no_token", headers=headers)
