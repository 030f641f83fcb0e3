"""A person, or the organisation, connects an account at a tool server: asked here, authorized there, kept.

| stage | entered with | left by |
|---|---|---|
| connect | a ticket, in the browser that logged in here | that browser, once |
| upstream | `state`, at the authorization server | that browser, once, at the address of that tool server |

INVARIANT: who a connection belongs to was written down when its flow began, and only the browser that began it ends it.
So nobody gets an account attached that another brought, and nobody's account is attached to another.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from leasehold.broker.choosing import address_of, ancestors_now, found_server
from leasehold.broker.clients import STRANGERS, US, Clients
from leasehold.broker.ports import AuthorizationServers, Store, UnitOfWork, Vault
from leasehold.broker.records import connection_event
from leasehold.model.connection_secrets import OAuthSecret, written
from leasehold.model.connections import Connection, Holder, SealedConnection, holder_of
from leasehold.model.consents import Pending, Stage
from leasehold.model.errors import InvalidValue, LeaseholdError
from leasehold.model.leases import stands_for
from leasehold.model.tools import ToolServer
from leasehold.model.upstream import Method, OAuthUpstream
from leasehold.model.upstream_oauth import IssuedTokens, ServerMetadata, UpstreamRefused
from leasehold.policy.connecting import ConnectPermit, UpkeepPermit, decide_upkeep, may_be_held

STEP_FOR = timedelta(minutes=10)
_GONE = "this was done already, took too long, or was not begun in this browser: start again"


class ConnectRefused(Exception):
    """The person is told here, and sent nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What is asked before anybody is sent anywhere. `ticket` answers it; `browser` is the cookie, if it is a new one.

    `by` is who began: the person, or the administrator who asks them to connect something that will be shared.
    """

    ticket: str = field(repr=False)
    browser: str | None = field(default=None, repr=False)
    tool_server: str
    host: str
    holder: Holder
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """An authorization server that was found, and how it is spoken to."""

    spec: ToolServer
    oauth: OAuthUpstream
    server: ServerMetadata
    client_id: str


class Connecting:
    """Leads people through. `issuer` is our own address."""

    def __init__(self, *, store: Store, vault: Vault, servers: AuthorizationServers, clients: Clients) -> None:
        self._store = store
        self._vault = vault
        self._servers = servers
        self._clients = clients

    async def invite(self, permit: ConnectPermit, tool_server: str, now: datetime) -> str:
        """A ticket for one browser, within ten minutes, to connect for this holder. Raises `ConnectRefused`."""
        ticket = secrets.token_urlsafe(32)
        await asyncio.to_thread(self._invite, permit, tool_server, ticket, now)
        return ticket

    async def open(self, ticket: str, now: datetime) -> Offer:
        """The offer of an invitation, which this browser takes for itself. Raises `ConnectRefused`."""
        pending = await asyncio.to_thread(self._find, ticket, Stage.CONNECT)
        if pending is None or pending.get("browser") or now >= pending.expires_at:
            raise ConnectRefused(_GONE)
        browser, following = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        taken = replace(
            pending,
            digest=_digest(following),
            expires_at=now + STEP_FOR,
            detail=(*pending.detail, ("browser", _digest(browser))),
        )
        await self._move(decide_upkeep(_holder(pending)), pending, taken)
        return replace(await self.offer(following, browser, now), browser=browser)

    async def offer(self, ticket: str, browser: str, now: datetime) -> Offer:
        """What this browser is asked. Raises `ConnectRefused`."""
        pending = await self._pending(ticket, Stage.CONNECT, browser, now)
        spec = await asyncio.to_thread(self._server, pending)
        return Offer(
            ticket=ticket,
            tool_server=pending.get("server"),
            host=urlsplit(address_of(spec)).netloc,
            holder=_holder(pending),
            by=pending.get("by"),
        )

    async def depart(self, ticket: str, browser: str, now: datetime) -> str:
        """The address at the authorization server to go on at. Raises `ConnectRefused`."""
        pending = await self._pending(ticket, Stage.CONNECT, browser, now)
        spec = await asyncio.to_thread(self._server, pending)
        way = await self._way(pending.get("server"), spec, now)
        state = secrets.token_urlsafe(32)
        following = replace(
            pending,
            digest=_digest(state),
            stage=Stage.UPSTREAM,
            redirect_uri=self._clients.redirect_uri(pending.get("server")),
            resource=address_of(spec),
            expires_at=now + STEP_FOR,
            detail=(*pending.detail, ("authorization_server", way.server.issuer), ("client", way.client_id)),
        )
        await self._move(decide_upkeep(_holder(pending)), pending, following)
        fields = {
            "response_type": "code",
            "client_id": way.client_id,
            "redirect_uri": following.redirect_uri,
            "state": state,
            "code_challenge": _challenge(_verifier(browser, state)),
            "code_challenge_method": "S256",
            "resource": way.oauth.resource or address_of(spec),  # RFC 8707 §2
            **({"scope": " ".join(sorted(way.oauth.scopes))} if way.oauth.scopes else {}),
            # OpenID Connect Core §11: without it no refresh token is given for this one.
            **({"prompt": "consent"} if "offline_access" in way.oauth.scopes else {}),
        }
        joint = "&" if "?" in way.server.authorization_endpoint else "?"
        return f"{way.server.authorization_endpoint}{joint}{urlencode(fields)}"

    async def arrive(self, tool_server: str, answer: Mapping[str, str], browser: str, now: datetime) -> Connection:
        """What the authorization server answered, and the connection that came of it. Raises `ConnectRefused`."""
        state = answer.get("state", "")
        pending = await self._pending(state, Stage.UPSTREAM, browser, now)
        if pending.get("server") != tool_server:
            raise ConnectRefused("this answer is for another tool server than was asked")
        permit = decide_upkeep(_holder(pending))
        await self._move(permit, pending, None)  # whatever comes of it, it is used up
        spec = await asyncio.to_thread(self._server, pending)
        oauth = _oauth_of(spec)
        if address_of(spec) != pending.resource:
            raise ConnectRefused("the tool server has moved meanwhile: start again")
        try:
            server = await self._servers.server(pending.get("authorization_server"), allow_private=oauth.allow_private)
            _check_issuer(server, answer)
            if "code" not in answer:
                raise ConnectRefused("the other side did not allow it; nothing was connected")
            tokens = await self._redeemed(pending, oauth, server, answer["code"], _verifier(browser, state))
        except LeaseholdError as error:
            if isinstance(error, UpstreamRefused) and error.error in STRANGERS:
                forget, us = self._clients.forget, decide_upkeep(US)
                await asyncio.to_thread(
                    forget, us, tool_server, pending.get("authorization_server"), pending.get("client")
                )
            raise ConnectRefused(f"nothing was connected: {error}") from error
        return await asyncio.to_thread(self._keep, permit, pending, tokens, now)

    async def _redeemed(
        self, pending: Pending, oauth: OAuthUpstream, server: ServerMetadata, code: str, verifier: str
    ) -> IssuedTokens:
        client = await asyncio.to_thread(self._clients.known, pending.get("server"), oauth, server)
        if client is None or client.client_id != pending.get("client"):
            raise UpstreamRefused("we are another client there than the one that began", "invalid_client")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": pending.redirect_uri,
            "code_verifier": verifier,
            "resource": oauth.resource or pending.resource,
        }
        return await self._servers.token(server, client, form, allow_private=oauth.allow_private)

    async def _way(self, tool_server: str, spec: ToolServer, now: datetime) -> _Way:
        oauth = _oauth_of(spec)
        try:
            issuer = oauth.issuer or await self._discovered(spec, oauth)
            server = await self._servers.server(issuer, allow_private=oauth.allow_private)
            client = await self._clients.identity(tool_server, oauth, server, now)
        except LeaseholdError as error:
            raise ConnectRefused(f"the way to `{tool_server}` was not found: {error}") from error
        return _Way(spec=spec, oauth=oauth, server=server, client_id=client.client_id)

    async def _discovered(self, spec: ToolServer, oauth: OAuthUpstream) -> str:
        resource = await self._servers.resource(oauth.resource or address_of(spec), allow_private=oauth.allow_private)
        return resource.authorization_servers[0]

    async def _pending(self, secret: str, stage: Stage, browser: str, now: datetime) -> Pending:
        pending = await asyncio.to_thread(self._find, secret, stage)
        bound = pending is not None and hmac.compare_digest(pending.get("browser"), _digest(browser))
        if pending is None or not bound or now >= pending.expires_at:
            raise ConnectRefused(_GONE)
        return pending

    def _find(self, secret: str, stage: Stage) -> Pending | None:
        with self._store.read() as unit:
            return unit.authorizations.find(_digest(secret), stage)

    def _server(self, pending: Pending) -> ToolServer:
        with self._store.read() as unit:
            return connectable(unit, pending.get("server"), _holder(pending))

    def _invite(self, permit: ConnectPermit, tool_server: str, ticket: str, now: datetime) -> None:
        with self._store.begin() as unit:
            connectable(unit, tool_server, permit.holder)
            unit.authorizations.forget(now)
            unit.authorizations.add(_invitation(unit, permit, tool_server, ticket, now))

    async def _move(self, permit: UpkeepPermit, pending: Pending, following: Pending | None) -> None:
        if not await asyncio.to_thread(self._moved, permit, pending, following):
            raise ConnectRefused(_GONE)

    def _moved(self, permit: UpkeepPermit, pending: Pending, following: Pending | None) -> bool:
        with self._store.begin() as unit:
            taken = unit.authorizations.take(pending.digest, pending.stage)
            if taken is None or permit.holder != _holder(pending):
                return False
            if following is not None:
                unit.authorizations.add(following)
        return True

    def _keep(self, permit: UpkeepPermit, pending: Pending, tokens: IssuedTokens, now: datetime) -> Connection:
        """The connection, in place of the one that this holder had there before."""
        lives = timedelta(seconds=tokens.expires_in) if tokens.expires_in is not None else None
        secret = OAuthSecret(
            access_token=tokens.access_token, refresh_token=tokens.refresh_token, client_id=pending.get("client")
        )
        with self._store.begin() as unit:
            ancestors = ancestors_now(unit, permit.holder)
            if stands_for(ancestors) != pending.get("stands"):  # who was revoked meanwhile began too early
                raise ConnectRefused(_GONE)
            connection = Connection(
                id=secrets.token_hex(16),
                holder=permit.holder,
                tool_server=pending.get("server"),
                address=pending.resource,
                method=Method.OAUTH,
                created_at=now,
                created_by=pending.get("by"),
                ancestors=ancestors,
                issuer=pending.get("authorization_server"),
                scopes=tokens.scopes or frozenset(),
                expires_at=now + lives if lives is not None else None,
                updated_at=now,
            )
            sealed = self._vault.seal(written(secret), connection.binding)
            unit.connections.put(SealedConnection(connection=connection, envelope=sealed))
            unit.audit.append(connection_event("connect", connection, pending.get("by"), now))
        return connection


def _invitation(unit: UnitOfWork, permit: ConnectPermit, tool_server: str, ticket: str, now: datetime) -> Pending:
    """The first stage, of no browser yet."""
    stands = stands_for(ancestors_now(unit, permit.holder))
    return Pending(
        digest=_digest(ticket),
        stage=Stage.CONNECT,
        agent="",
        redirect_uri="",
        challenge="",
        state=None,
        resource="",
        scopes=frozenset(),
        expires_at=now + STEP_FOR,
        detail=(("server", tool_server), ("holder", permit.holder.key), ("by", permit.by), ("stands", stands)),
    )


def connectable(unit: UnitOfWork, tool_server: str, holder: Holder) -> ToolServer:
    """The tool server, if this holder can connect there through a browser. Raises `ConnectRefused`."""
    stored = found_server(unit, tool_server)
    auth = stored.spec.upstream_auth if stored is not None else None
    if stored is None or auth is None or auth.oauth is None or not may_be_held(auth, holder):
        raise ConnectRefused("there is nothing to connect in a browser at a tool server of this name")
    return stored.spec


def _oauth_of(spec: ToolServer) -> OAuthUpstream:
    oauth = spec.upstream_auth.oauth if spec.upstream_auth is not None else None
    if oauth is None:
        raise ConnectRefused("there is nothing to connect in a browser any more")
    return oauth


def _check_issuer(server: ServerMetadata, answer: Mapping[str, str]) -> None:
    """RFC 9207 §2.4: the answer names the server that was asked; it must, if the server says that it does."""
    named = answer.get("iss")
    if (named is None and server.names_itself) or (named is not None and named != server.issuer):
        raise UpstreamRefused("the answer is of another authorization server than was asked", "wrong_issuer")


def _holder(pending: Pending) -> Holder:
    try:
        return holder_of(pending.get("holder"))
    except InvalidValue:
        raise ConnectRefused(_GONE) from None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _verifier(browser: str, state: str) -> str:
    """A PKCE verifier that only this browser's cookie can bring again: nothing of it is kept here."""
    return hmac.digest(browser.encode(errors="replace"), f"upstream\n{state}".encode(), "sha256").hex()


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()  # RFC 7636 §4.2
