"""Access tokens that end soon, refreshed (RFC 6749 §6): by one caller at a time, in one process and across replicas.

A refresh token that rotates is used once: a second use would look like theft, and end everything (RFC 9700 §4.14.2).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from leasehold.broker.choosing import address_of, found_server
from leasehold.broker.clients import STRANGERS, US, Clients
from leasehold.broker.ports import AuthorizationServers, Store, Vault
from leasehold.broker.records import SYSTEM, connection_event, failed_event
from leasehold.model.connection_secrets import OAuthSecret, secret_of, written
from leasehold.model.connections import (
    CannotOpen,
    Connection,
    EndingConnection,
    NotConnectedReason,
    SealedConnection,
)
from leasehold.model.errors import LeaseholdError
from leasehold.model.upstream import OAuthUpstream, UpstreamAuth
from leasehold.model.upstream_oauth import IssuedTokens, UpstreamRefused
from leasehold.policy.connecting import UpkeepPermit, decide_upkeep

CLAIM = timedelta(seconds=15)  # longer than one attempt: nobody else refreshes meanwhile
_LOOK_SECONDS = 0.1
_PATIENCE_LOOKS = 120
_FINAL = frozenset({"invalid_grant"}) | STRANGERS  # RFC 6749 §5.2: to ask again is no use
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Rotation:
    """A connection, what it holds, and what it takes to get more."""

    sealed: SealedConnection
    secret: OAuthSecret = field(repr=False)
    oauth: OAuthUpstream


class Refreshing:
    """Refreshes. Belongs to one event loop."""

    def __init__(self, *, store: Store, vault: Vault, servers: AuthorizationServers, clients: Clients) -> None:
        self._store = store
        self._vault = vault
        self._servers = servers
        self._clients = clients
        self._flights: dict[str, asyncio.Task[NotConnectedReason | None]] = {}

    async def refresh(self, sealed: SealedConnection, auth: UpstreamAuth, now: datetime) -> NotConnectedReason | None:
        """None once there is a token that lives, else why there is none. One flight for all who ask."""
        connection_id = sealed.connection.id
        flight = self._flights.get(connection_id)
        if flight is None:
            flight = asyncio.create_task(self._refresh(sealed, auth, now))
            self._flights[connection_id] = flight
            flight.add_done_callback(lambda _: self._flights.pop(connection_id, None))
        return await asyncio.shield(flight)  # a caller that gives up does not end it for the others

    async def _refresh(self, sealed: SealedConnection, auth: UpstreamAuth, now: datetime) -> NotConnectedReason | None:
        one = sealed.connection
        try:
            text = await asyncio.to_thread(self._vault.open, sealed.envelope, one.binding)
        except CannotOpen:
            return NotConnectedReason.RECONNECT
        secret = secret_of(one.method, text)
        if not isinstance(secret, OAuthSecret) or secret.refresh_token is None or auth.oauth is None:
            return NotConnectedReason.RECONNECT
        permit = decide_upkeep(one.holder)
        if not await asyncio.to_thread(self._claim, permit, one, now):
            return await self._wait(one)
        rotation = _Rotation(sealed, secret, auth.oauth)
        try:
            tokens = await self._tokens(rotation, secret.refresh_token)
        except UpstreamRefused as refused:
            return await asyncio.to_thread(self._refused, permit, rotation, refused, now)
        except LeaseholdError as error:
            _log.warning("connection %s was not refreshed: %s", one.id, error)
            return NotConnectedReason.UPSTREAM_UNAVAILABLE
        return await asyncio.to_thread(self._keep, permit, rotation, tokens, now)

    async def _tokens(self, rotation: _Rotation, refresh_token: str) -> IssuedTokens:
        one, oauth = rotation.sealed.connection, rotation.oauth
        if one.issuer is None:
            raise UpstreamRefused("nobody knows who issued it", "invalid_grant")
        server = await self._servers.server(one.issuer, allow_private=oauth.allow_private)
        client = await asyncio.to_thread(self._clients.known, one.tool_server, oauth, server)
        if client is None or client.client_id != rotation.secret.client_id:  # it was issued to another client of ours
            raise UpstreamRefused("it was issued to a client that we are not any more", "invalid_client")
        form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "resource": oauth.resource or one.address,
        }
        return await self._servers.token(server, client, form, allow_private=oauth.allow_private)

    async def _wait(self, seen: Connection) -> NotConnectedReason | None:
        """Another replica refreshes it: wait for what comes of it."""
        for _ in range(_PATIENCE_LOOKS):
            await asyncio.sleep(_LOOK_SECONDS)
            current = await asyncio.to_thread(self._current, seen)
            if current is None or current.id != seen.id:
                return NotConnectedReason.RECONNECT
            if current.revision != seen.revision:
                return NotConnectedReason.RECONNECT if current.broken else None
        return NotConnectedReason.UPSTREAM_UNAVAILABLE

    def _current(self, seen: Connection) -> Connection | None:
        with self._store.read() as unit:
            found = unit.connections.find(seen.holder, seen.tool_server)
        return found.connection if found is not None else None

    def _claim(self, permit: UpkeepPermit, one: Connection, now: datetime) -> bool:
        with self._store.begin() as unit:
            return permit.holder == one.holder and unit.connections.claim(one, now, now + CLAIM)

    def _keep(
        self, permit: UpkeepPermit, rotation: _Rotation, tokens: IssuedTokens, now: datetime
    ) -> NotConnectedReason | None:
        """Remember what was issued, if the connection is still what it was; else it has to end upstream."""
        one = rotation.sealed.connection
        kept = OAuthSecret(
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token or rotation.secret.refresh_token,
            client_id=rotation.secret.client_id,
        )
        lives = timedelta(seconds=tokens.expires_in) if tokens.expires_in is not None else None
        moved = replace(
            one,
            revision=one.revision + 1,
            updated_at=now,
            expires_at=now + lives if lives is not None else None,
            scopes=tokens.scopes if tokens.scopes is not None else one.scopes,
        )
        sealed = SealedConnection(connection=moved, envelope=self._vault.seal(written(kept), moved.binding))
        with self._store.begin() as unit:
            server = found_server(unit, one.tool_server)
            same = server is not None and address_of(server.spec) == one.address and permit.holder == one.holder
            if same and unit.connections.replace(sealed, one.revision):
                unit.audit.append(connection_event("refresh", moved, SYSTEM, now))
                return None
            orphan = replace(moved, id=secrets.token_hex(16))  # whoever removed it knew an older token
            left = self._vault.seal(written(kept), orphan.binding)
            unit.connection_endings.add(
                EndingConnection(
                    connection=orphan, envelope=left, reason="removed meanwhile", ended_at=now, next_attempt_at=now
                )
            )
            unit.audit.append(connection_event("end", orphan, SYSTEM, now, reason="removed meanwhile"))
        return NotConnectedReason.RECONNECT

    def _refused(
        self, permit: UpkeepPermit, rotation: _Rotation, refused: UpstreamRefused, now: datetime
    ) -> NotConnectedReason:
        one = rotation.sealed.connection
        _log.warning("connection %s was not refreshed: %s", one.id, refused)
        if refused.error not in _FINAL:
            return NotConnectedReason.UPSTREAM_UNAVAILABLE
        if refused.error in STRANGERS and one.issuer is not None:
            self._clients.forget(decide_upkeep(US), one.tool_server, one.issuer, rotation.secret.client_id)
        broken = replace(one, revision=one.revision + 1, updated_at=now, broken=True)
        with self._store.begin() as unit:
            if permit.holder == one.holder:
                unit.connections.replace(replace(rotation.sealed, connection=broken), one.revision)
            unit.audit.append(failed_event("refresh", one, SYSTEM, now, reason=refused.error))
        return NotConnectedReason.RECONNECT
