"""Ends connections whose person was revoked, and revokes upstream what is over (RFC 7009), again until it is certain.

| state | when | what happens |
|---|---|---|
| stands | its person is revoked, its tool server gone or moved | over at once: nobody can use it |
| over | at once, then with growing pauses | refresh and access token revoked upstream: forgotten |
| over | there is nothing to revoke with, or it does not open | forgotten, on record as such |
| over | a week later, still not revoked | given up, on record as such |
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event

from leasehold.broker.choosing import address_of, fallen, found_server
from leasehold.broker.clients import Clients
from leasehold.broker.keeping import end
from leasehold.broker.ports import AuthorizationServers, Store, UnitOfWork, Vault
from leasehold.broker.records import SYSTEM, connection_event, failed_event
from leasehold.model.connection_secrets import OAuthSecret, secret_of
from leasehold.model.connections import CannotOpen, Connection, EndingConnection
from leasehold.model.errors import LeaseholdError, Unavailable
from leasehold.model.revocations import RevocationEvent
from leasehold.model.upstream import OAuthUpstream
from leasehold.model.upstream_oauth import ClientIdentity, ServerMetadata, UpstreamRefused
from leasehold.policy.connecting import UpkeepPermit, decide_upkeep

LOOK_EVERY_SECONDS = 30.0
_PAUSE_SECONDS = 0.5  # between two looks, however much is written; nobody uses what is over meanwhile
GIVEN_UP = timedelta(days=7)
_CLAIM = timedelta(seconds=30)  # longer than one attempt: another replica leaves it alone meanwhile
_LONGEST_PAUSE = timedelta(hours=1)
_AT_ONCE = 200
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Spoken:
    """How an authorization server is spoken to."""

    server: ServerMetadata
    client: ClientIdentity
    allow_private: bool


class Endings:
    """The worker. `look` is one round; any number of servers may run it on one database."""

    def __init__(
        self,
        *,
        store: Store,
        vault: Vault,
        servers: AuthorizationServers,
        clients: Clients,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._vault = vault
        self._servers = servers
        self._clients = clients
        self._clock = clock
        self._wanted = Event()

    def wake(self, _events: Sequence[RevocationEvent] = ()) -> None:
        """Look now: something was written."""
        self._wanted.set()

    def run(self, stop: Event) -> None:
        """Look again and again until `stop`."""
        while not stop.is_set():
            self._wanted.wait(LOOK_EVERY_SECONDS)
            self._wanted.clear()
            if stop.is_set():
                return
            try:
                asyncio.run(self.look())
            except Unavailable as error:  # what is due stays due
                _log.warning("connections were not looked at: %s", error)
            except Exception as error:  # noqa: BLE001  a worker that stops would leave tokens alive
                _log.error("connections were not looked at: %s", type(error).__name__)
            stop.wait(_PAUSE_SECONDS)

    async def look(self) -> None:
        """One round: what has lost its person ends; what is over is revoked upstream."""
        await asyncio.to_thread(self.end_fallen)
        with self._store.read() as unit:
            due = unit.connection_endings.due(self._clock(), _AT_ONCE)
        for one in due:
            claimed = await asyncio.to_thread(self._claim, decide_upkeep(one.connection.holder), one)
            if claimed is not None:
                await self._settle(claimed)

    def end_fallen(self) -> int:
        """End every connection that nothing holds up any more; how many."""
        ended, after = 0, ""
        while page := self._page(after):
            for one, reason in page[0]:
                ended += self._end(decide_upkeep(one.holder), one, reason)
            after = page[1]
        return ended

    def _page(self, after: str) -> tuple[list[tuple[Connection, str]], str] | None:
        with self._store.read() as unit:
            found = unit.connections.list(after=after, limit=_AT_ONCE)
            over = {one.id: "revoked" for one in fallen(unit, found)}
            over |= {one.id: "server gone" for one in found if _is_homeless(unit, one)}
        return ([(one, over[one.id]) for one in found if one.id in over], found[-1].id) if found else None

    def _end(self, permit: UpkeepPermit, one: Connection, reason: str) -> bool:
        now = self._clock()
        with self._store.begin() as unit:
            if not (fallen(unit, (one,)) or _is_homeless(unit, one)):
                return False
            ended = end(unit, permit, one, reason, now)
            if ended:
                unit.audit.append(connection_event("end", one, SYSTEM, now, reason=reason))
        return ended

    def _claim(self, permit: UpkeepPermit, one: EndingConnection) -> EndingConnection | None:
        claimed = replace(one, attempts=one.attempts + 1, next_attempt_at=self._clock() + _CLAIM)
        with self._store.begin() as unit:
            mine = permit.holder == one.connection.holder and unit.connection_endings.replace(
                claimed, one.next_attempt_at
            )
        return claimed if mine else None

    async def _settle(self, one: EndingConnection) -> None:
        permit = decide_upkeep(one.connection.holder)
        try:
            await self._revoke(one)
        except (UpstreamRefused, CannotOpen) as error:  # nothing is left that could be done
            reason = error.error if isinstance(error, UpstreamRefused) else "cannot_open"
            await asyncio.to_thread(self._done, permit, one, reason or "refused")
        except LeaseholdError as error:
            await asyncio.to_thread(self._postpone, permit, one, str(error))
        else:
            await asyncio.to_thread(self._done, permit, one, "")

    async def _revoke(self, one: EndingConnection) -> None:
        connection = one.connection
        text = await asyncio.to_thread(self._vault.open, one.envelope, connection.binding)
        secret = secret_of(connection.method, text)
        if not isinstance(secret, OAuthSecret) or connection.issuer is None:
            return
        oauth = await asyncio.to_thread(self._oauth, connection)
        server = await self._servers.server(connection.issuer, allow_private=oauth.allow_private)
        client = await asyncio.to_thread(self._clients.known, connection.tool_server, oauth, server)
        if client is None or client.client_id != secret.client_id:
            raise UpstreamRefused("the tokens were issued to a client that we are not any more", "invalid_client")
        speak = _Spoken(server, client, oauth.allow_private)
        if secret.refresh_token is not None:
            await self._ended(speak, secret.refresh_token, "refresh_token")
        try:
            await self._ended(speak, secret.access_token, "access_token")
        except UpstreamRefused as refused:
            # RFC 7009 §2.2.1: one that nobody looks up cannot be taken back. It ends by itself, and is not renewed.
            if refused.error != "unsupported_token_type" or secret.refresh_token is None:
                raise

    async def _ended(self, speak: _Spoken, token: str, hint: str) -> None:
        form = {"token": token, "token_type_hint": hint}  # RFC 7009 §2.1
        await self._servers.revoke(speak.server, speak.client, form, allow_private=speak.allow_private)

    def _oauth(self, connection: Connection) -> OAuthUpstream:
        """How the server is spoken to: as declared, if it still is."""
        with self._store.read() as unit:
            stored = found_server(unit, connection.tool_server)
        auth = stored.spec.upstream_auth if stored is not None else None
        return auth.oauth if auth is not None and auth.oauth is not None else OAuthUpstream()

    def _done(self, permit: UpkeepPermit, one: EndingConnection, left: str) -> None:
        now = self._clock()
        with self._store.begin() as unit:
            if permit.holder != one.connection.holder or not unit.connection_endings.remove(one.connection.id):
                return
            if left:
                event = failed_event("revoke-upstream", one.connection, SYSTEM, now, reason=left)
            else:
                event = connection_event("revoke-upstream", one.connection, SYSTEM, now, reason=one.reason)
            unit.audit.append(event)

    def _postpone(self, permit: UpkeepPermit, one: EndingConnection, problem: str) -> None:
        now = self._clock()
        if now - one.ended_at >= GIVEN_UP:
            self._done(permit, one, "given_up")
            return
        _log.warning("connection %s was not revoked upstream, attempt %d: %s", one.connection.id, one.attempts, problem)
        pause = min(_LONGEST_PAUSE, timedelta(seconds=2 ** min(one.attempts, 12)))
        later = replace(one, problem=problem, next_attempt_at=now + pause)
        with self._store.begin() as unit:
            if permit.holder == one.connection.holder and unit.connection_endings.replace(later, one.next_attempt_at):
                first = problem != one.problem  # once for each thing that goes wrong, not once for each attempt
                if first:
                    unit.audit.append(failed_event("revoke-upstream", one.connection, SYSTEM, now, reason="postponed"))


def _is_homeless(unit: UnitOfWork, one: Connection) -> bool:
    """True if its tool server is gone or has moved: what was made for one address is used at no other."""
    stored = found_server(unit, one.tool_server)
    return stored is None or address_of(stored.spec) != one.address
