"""The credential of one upstream call. The hot path: what was read and opened is kept for a second, never longer.

| kept | until |
|---|---|
| which connection, and its secret, opened | a commit to the registry or to connections is heard of; a second at most |
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from leasehold.broker.choosing import ByProfile, Chosen, NothingChosen, NothingNeeded, choose
from leasehold.broker.drawing import Drawing
from leasehold.broker.ports import SignsRequests, Store, Vault
from leasehold.broker.presenting import authorized
from leasehold.broker.refreshing import Refreshing
from leasehold.model.connection_secrets import OAuthSecret, Secret, secret_of
from leasehold.model.connections import (
    Authorized,
    CannotOpen,
    ConnectionKind,
    NotConnected,
    NotConnectedReason,
    UpstreamCall,
)
from leasehold.model.errors import InvalidValue
from leasehold.model.revocations import RevocationEvent

KEPT_FOR = timedelta(seconds=1)
_RENEWED_AFTER = timedelta(seconds=0.5)
EXPIRES_SOON = timedelta(seconds=30)
_REFRESHED_AGAIN_AFTER = timedelta(minutes=1)
_KEPT = 10_000
Key = tuple[str, str | None, str, str]


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection, and what it holds."""

    chosen: Chosen
    secret: Secret = field(repr=False)


Found = Opened | ByProfile | NothingNeeded | NothingChosen


@dataclass(frozen=True, slots=True)
class _Kept:
    version: int
    read_at: datetime
    found: Found = field(repr=False)


class Broker:
    """Chooses. `issuer` is where people find us: they connect at `<issuer>/connect/<tool server>`."""

    def __init__(
        self, *, issuer: str, store: Store, vault: Vault, refreshing: Refreshing, drawing: Drawing, sign: SignsRequests
    ) -> None:
        self._issuer = issuer
        self._store = store
        self._vault = vault
        self._refreshing = refreshing
        self._drawing = drawing
        self._sign = sign
        self._kept: dict[Key, _Kept] = {}
        self._reading: dict[tuple[Key, int], asyncio.Task[Found]] = {}
        self._refused_at: dict[str, datetime] = {}
        self._counter = count(1)
        self._version = 0

    def forget(self, _events: Sequence[RevocationEvent] = ()) -> None:
        """Nothing that was read before counts any more: something was written. The store calls it after each commit."""
        self._version = next(self._counter)

    async def authorize(self, call: UpstreamCall) -> Authorized | NotConnected:
        """The headers of a call, or why there are none. Raises `Unavailable`: nothing goes out then."""
        found = await self._found(call)
        if isinstance(found, Opened) and _expires_soon(found, call.now):
            found = await self._refreshed(found, call)
        if isinstance(found, NothingNeeded):
            return Authorized(headers=(), connection=None, kind=ConnectionKind.NONE)
        if isinstance(found, ByProfile):
            return await self._drawing.authorize(found.upstream, call, self._version)
        if isinstance(found, NothingChosen):
            return self._not_connected(found, call)
        chosen = found.chosen
        return authorized(chosen.sealed.connection, chosen.kind, found.secret, chosen.auth, call, self._sign)

    async def refused(self, call: UpstreamCall) -> NotConnected | None:
        """The tool server took nothing of what this call went out with (RFC 9110 §15.5.2). Raises `Unavailable`.

        A token that ended before its time is refreshed, once a minute at most: not every server that says 401 means
        it. Otherwise a person whose own connection it is connects anew; None where nobody can do anything, and where
        the next call goes out with something else.
        """
        found = await self._found(call)
        if not isinstance(found, Opened):
            return None
        if self._may_refresh(found, call.now):
            after = await self._refreshed(found, call)
            if isinstance(after, NothingChosen):
                return self._not_connected(after, call) if after.may_connect else None
            return None
        if found.chosen.kind is not ConnectionKind.PERSONAL:
            return None
        return self._not_connected(NothingChosen(NotConnectedReason.RECONNECT, may_connect=True), call)

    def _may_refresh(self, opened: Opened, now: datetime) -> bool:
        """True once in a while for what can be refreshed at all."""
        one = opened.chosen.sealed.connection.id
        if not isinstance(opened.secret, OAuthSecret) or opened.secret.refresh_token is None:
            return False
        if (before := self._refused_at.get(one)) is not None and abs(now - before) < _REFRESHED_AGAIN_AFTER:
            return False
        if len(self._refused_at) >= _KEPT:
            self._refused_at.clear()
        self._refused_at[one] = now
        return True

    async def _found(self, call: UpstreamCall) -> Found:
        key = (call.agent, call.user, call.tool_server, call.url.partition("?")[0])
        kept = self._kept.get(key)
        age = abs(call.now - kept.read_at) if kept is not None and kept.version == self._version else KEPT_FOR
        if kept is None or age >= KEPT_FOR:
            return await asyncio.shield(self._reading_of(key, call))
        if age >= _RENEWED_AFTER:
            self._reading_of(key, call)  # whoever comes next does not wait for it
        return kept.found

    def _reading_of(self, key: Key, call: UpstreamCall) -> asyncio.Task[Found]:
        """The read for this key that is under way, or a new one. One that began before a commit is not joined after."""
        at = key, self._version
        if (reading := self._reading.get(at)) is None:
            reading = self._reading[at] = asyncio.get_running_loop().create_task(self._read_aside(*at, call))
            reading.add_done_callback(lambda done: self._done(at, done))
        return reading

    def _done(self, at: tuple[Key, int], reading: asyncio.Task[Found]) -> None:
        del self._reading[at]
        if not reading.cancelled():
            reading.exception()  # of a renewal nobody hears: the next call reads by itself, and does

    async def _read_aside(self, key: Key, version: int, call: UpstreamCall) -> Found:
        found = await asyncio.to_thread(self._read, call)
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[key] = _Kept(version, call.now, found)
        return found

    def _read(self, call: UpstreamCall) -> Found:
        try:
            with self._store.read() as unit:
                chosen = choose(unit, call)
            return chosen if not isinstance(chosen, Chosen) else Opened(chosen, self._opened(chosen))
        except (CannotOpen, InvalidValue):  # a row that was tampered with, or a user who is none: nobody's connection
            return NothingChosen(NotConnectedReason.RECONNECT, may_connect=call.user is not None)

    def _opened(self, chosen: Chosen) -> Secret:
        one = chosen.sealed.connection
        return secret_of(one.method, self._vault.open(chosen.sealed.envelope, one.binding))

    async def _refreshed(self, opened: Opened, call: UpstreamCall) -> Found:
        """The same connection with a token that lives, or why there is none."""
        answer = await self._refreshing.refresh(opened.chosen.sealed, opened.chosen.auth, call.now)
        if isinstance(answer, NotConnectedReason):
            still = opened.chosen.sealed.connection.expires_at
            if answer is NotConnectedReason.UPSTREAM_UNAVAILABLE and still is not None and call.now < still:
                return opened  # it lives a little longer, and the next call tries again
            return NothingChosen(answer, may_connect=opened.chosen.kind is ConnectionKind.PERSONAL)
        self.forget()
        return await self._found(call)

    def _not_connected(self, nothing: NothingChosen, call: UpstreamCall) -> NotConnected:
        url = f"{self._issuer}/connect/{call.tool_server}" if nothing.may_connect else None
        return NotConnected(reason=nothing.reason, connect_url=url)


def _expires_soon(opened: Opened, now: datetime) -> bool:
    expires_at = opened.chosen.sealed.connection.expires_at
    return isinstance(opened.secret, OAuthSecret) and expires_at is not None and now + EXPIRES_SOON >= expires_at
