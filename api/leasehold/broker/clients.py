"""Who we are at an authorization server (MCP 2026-07-28, Client Registration Approaches), keyed by its issuer.

Registered by hand, else by a client ID metadata document, else dynamically. Each tool server has a redirect address of
its own: an answer that was meant for another is noticed, whether or not the server names itself (RFC 9700 §4.4.2).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from leasehold.broker.ports import AuthorizationServers, NamedSecrets, Store, Vault
from leasehold.model.connections import Binding, Shared, UpstreamClient
from leasehold.model.upstream import OAuthUpstream
from leasehold.model.upstream_oauth import ClientIdentity, ServerMetadata, UpstreamRefused
from leasehold.policy.connecting import UpkeepPermit, decide_upkeep

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
STRANGERS = frozenset({"invalid_client", "unauthorized_client"})  # RFC 6749 §5.2: they do not know us
US = Shared("leasehold")
"""The holder of what is ours alone, as a client."""


class Clients:
    """Finds out, and registers us where nobody did. `issuer` is our own address."""

    def __init__(
        self, *, issuer: str, store: Store, vault: Vault, servers: AuthorizationServers, secrets: NamedSecrets
    ) -> None:
        self._issuer = issuer
        self._store = store
        self._vault = vault
        self._servers = servers
        self._secrets = secrets

    def redirect_uri(self, tool_server: str) -> str:
        """Where an authorization server sends people back to."""
        return f"{self._issuer}/connect/{tool_server}/callback"

    def document_url(self, tool_server: str) -> str:
        """Where our client ID metadata document for a tool server is: the id that it describes."""
        return f"{self._issuer}/connect/{tool_server}/client.json"

    def document(self, tool_server: str) -> Mapping[str, object]:
        """Our client ID metadata document (draft-ietf-oauth-client-id-metadata-document §4)."""
        return {"client_id": self.document_url(tool_server), **self._metadata(tool_server)}

    async def identity(
        self, tool_server: str, oauth: OAuthUpstream, server: ServerMetadata, now: datetime
    ) -> ClientIdentity:
        """Who we are there. Raises `UpstreamRefused` if they know us in no way, `UpstreamSilent`."""
        known = await asyncio.to_thread(self.known, tool_server, oauth, server)
        if known is not None:
            return known
        if server.registration_endpoint is None or not oauth.dynamic_registration:
            raise UpstreamRefused("the authorization server does not know us: declare a client_id", "unregistered")
        metadata = self._metadata(tool_server)
        identity = await self._servers.register(server, metadata, allow_private=oauth.allow_private)
        await asyncio.to_thread(self._remember, decide_upkeep(US), tool_server, server.issuer, identity, now)
        return identity

    def known(self, tool_server: str, oauth: OAuthUpstream, server: ServerMetadata) -> ClientIdentity | None:
        """Who we are there already; None if we have to register. Raises a `LeaseholdError` if a secret is missing."""
        if oauth.client_id is not None:  # only ever at the issuer that it is declared with
            secret = self._secrets(oauth.client_secret) if oauth.client_secret is not None else None
            return ClientIdentity(client_id=oauth.client_id, secret=secret)
        if server.client_documents and self._issuer.startswith("https://"):
            return ClientIdentity(client_id=self.document_url(tool_server))
        with self._store.read() as unit:
            found = unit.upstream_clients.find(server.issuer, self.redirect_uri(tool_server))
        if found is None:
            return None
        binding = self._binding(tool_server, found.issuer)
        secret = self._vault.open(found.envelope, binding) if found.envelope is not None else None
        return ClientIdentity(client_id=found.client_id, secret=secret)

    def forget(self, permit: UpkeepPermit, tool_server: str, issuer: str, client_id: str) -> None:
        """They do not know us any more: register anew the next time."""
        with self._store.begin() as unit:
            found = unit.upstream_clients.find(issuer, self.redirect_uri(tool_server))
            if found is not None and found.client_id == client_id and permit.holder == US:
                unit.upstream_clients.remove(found)

    def rewrap(self, permit: UpkeepPermit) -> int:
        """Wrap what is kept here by the key of now; how many were wrapped by another."""
        with self._store.begin() as unit:
            old = [one for one in unit.upstream_clients.list() if _is_old(one, self._vault.key_id)]
            for one in old if permit.holder == US else ():
                if one.envelope is not None:
                    tool_server = one.redirect_uri.rsplit("/", 2)[1]
                    envelope = self._vault.rewrap(one.envelope, self._binding(tool_server, one.issuer))
                    unit.upstream_clients.put(replace(one, envelope=envelope))
        return len(old)

    def _remember(
        self, permit: UpkeepPermit, tool_server: str, issuer: str, identity: ClientIdentity, now: datetime
    ) -> None:
        binding = self._binding(tool_server, issuer)
        sealed = self._vault.seal(identity.secret, binding) if identity.secret is not None else None
        client = UpstreamClient(
            issuer=issuer,
            redirect_uri=self.redirect_uri(tool_server),
            client_id=identity.client_id,
            envelope=sealed,
            registered_at=now,
        )
        with self._store.begin() as unit:
            if permit.holder == US:
                unit.upstream_clients.put(client)

    def _metadata(self, tool_server: str) -> Mapping[str, object]:
        """What we say of ourselves (RFC 7591 §2); `application_type` by SEP-837."""
        native = urlsplit(self._issuer).hostname in _LOOPBACK
        return {
            "client_name": f"Leasehold ({tool_server})",
            "client_uri": self._issuer,
            "redirect_uris": [self.redirect_uri(tool_server)],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "application_type": "native" if native else "web",
        }

    @staticmethod
    def _binding(tool_server: str, issuer: str) -> Binding:
        digest = hashlib.sha256(f"{issuer}\n{tool_server}".encode()).hexdigest()
        return Binding(connection=f"client:{digest}", holder=US, tool_server=tool_server, address=issuer)


def _is_old(one: UpstreamClient, key_id: str) -> bool:
    return one.envelope is not None and one.envelope.key_id != key_id
