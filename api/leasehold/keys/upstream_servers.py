"""Authorization servers of tool servers, spoken to as an OAuth client, over the guarded network."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote_plus, urlencode

from leasehold.keys.network import FetchRefused, Get, Network, Post, Reply
from leasehold.keys.upstream_documents import (
    error_of,
    issued_tokens,
    json_object,
    named_in,
    resource_metadata,
    resource_places,
    server_metadata,
    server_places,
)
from leasehold.model.upstream_oauth import (
    ClientIdentity,
    IssuedTokens,
    ResourceMetadata,
    ServerMetadata,
    UpstreamRefused,
    UpstreamSilent,
)

_FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
_JSON = {"content-type": "application/json", "accept": "application/json"}
_PROBE_ACCEPT = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
_OK, _CREATED, _UNAUTHORIZED, _SERVER_ERROR = 200, 201, 401, 500


class UpstreamServers:
    """Our side. It keeps nothing: who we are and what we got is the broker's."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def resource(self, address: str, *, allow_private: bool) -> ResourceMetadata:
        """What a tool server says of itself (RFC 9728). Raises `UpstreamRefused`, `UpstreamSilent`."""
        told = await self._challenged(address, allow_private=allow_private)
        places = (told,) if told is not None else resource_places(address)
        found = await self._first(places, allow_private=allow_private)
        return resource_metadata(found, address)

    async def server(self, issuer: str, *, allow_private: bool) -> ServerMetadata:
        """What an authorization server says of itself (RFC 8414). Raises `UpstreamRefused`, `UpstreamSilent`."""
        return server_metadata(await self._first(server_places(issuer), allow_private=allow_private), issuer)

    async def register(
        self, server: ServerMetadata, metadata: Mapping[str, object], *, allow_private: bool
    ) -> ClientIdentity:
        """Who we are there from now on (RFC 7591). Raises `UpstreamRefused`, `UpstreamSilent`."""
        if server.registration_endpoint is None:
            raise UpstreamRefused("the authorization server registers nobody", "no_registration")
        post = Post(headers=_JSON, body=json.dumps(metadata).encode())
        reply = await self._post(server.registration_endpoint, post, allow_private=allow_private)
        if reply.status not in {_OK, _CREATED}:
            raise _refusal("the authorization server did not register us", reply)
        document = json_object(reply.body)
        client_id, secret = document.get("client_id"), document.get("client_secret")
        if not isinstance(client_id, str) or not client_id or not (secret is None or isinstance(secret, str)):
            raise UpstreamRefused("the authorization server registered us without saying who we are", "malformed")
        public = document.get("token_endpoint_auth_method", metadata["token_endpoint_auth_method"]) == "none"
        return ClientIdentity(client_id=client_id, secret=None if public else secret)

    async def token(
        self, server: ServerMetadata, client: ClientIdentity, form: Mapping[str, str], *, allow_private: bool
    ) -> IssuedTokens:
        """Tokens for a grant (RFC 6749 §4.1.3, §6). Raises `UpstreamRefused`, `UpstreamSilent`."""
        post = _authenticated(server, client, form)
        reply = await self._post(server.token_endpoint, post, allow_private=allow_private)
        if reply.status != _OK:
            raise _refusal("the authorization server issued no token", reply)
        return issued_tokens(reply.body)

    async def revoke(
        self, server: ServerMetadata, client: ClientIdentity, form: Mapping[str, str], *, allow_private: bool
    ) -> None:
        """End a token (RFC 7009 §2.1). Raises `UpstreamRefused`, `UpstreamSilent`."""
        if server.revocation_endpoint is None:
            raise UpstreamRefused("the authorization server revokes nothing", "no_revocation")
        post = _authenticated(server, client, form)
        reply = await self._post(server.revocation_endpoint, post, allow_private=allow_private)
        if reply.status != _OK:
            raise _refusal("the authorization server did not revoke the token", reply)

    async def _challenged(self, address: str, *, allow_private: bool) -> str | None:
        """Where a 401 says that the metadata is; None if it does not say."""
        try:
            reply = await self._network.post(
                address, Post(headers=_PROBE_ACCEPT, body=b"{}"), allow_private=allow_private
            )
        except FetchRefused:
            return None  # the well-known places are asked then, and speak for themselves
        return named_in(reply.headers.get("www-authenticate", "")) if reply.status == _UNAUTHORIZED else None

    async def _first(self, places: Iterable[str], *, allow_private: bool) -> bytes:
        problem = "nothing was asked"
        for place in places:
            try:
                return (await self._network.read(place, Get(), allow_private=allow_private)).body
            except FetchRefused as refused:
                problem = str(refused)
        raise UpstreamSilent(f"no metadata was found: {problem}")

    async def _post(self, url: str, post: Post, *, allow_private: bool) -> Reply:
        try:
            return await self._network.post(url, post, allow_private=allow_private)
        except FetchRefused as refused:
            raise UpstreamSilent(f"the authorization server did not answer: {refused}") from None


def _authenticated(server: ServerMetadata, client: ClientIdentity, form: Mapping[str, str]) -> Post:
    """The form, and who sends it (RFC 6749 §2.3.1)."""
    if client.secret is None:
        return Post(headers=_FORM, body=urlencode({**form, "client_id": client.client_id}).encode())
    if "client_secret_basic" in server.auth_methods or "client_secret_post" not in server.auth_methods:
        pair = f"{quote_plus(client.client_id)}:{quote_plus(client.secret)}"
        basic = base64.b64encode(pair.encode()).decode()
        return Post(headers={**_FORM, "authorization": f"Basic {basic}"}, body=urlencode(form).encode())
    fields = {**form, "client_id": client.client_id, "client_secret": client.secret}
    return Post(headers=_FORM, body=urlencode(fields).encode())


def _refusal(message: str, reply: Reply) -> UpstreamRefused | UpstreamSilent:
    if reply.status >= _SERVER_ERROR:
        return UpstreamSilent(f"{message}: status {reply.status}")
    return UpstreamRefused(f"{message}: {error_of(reply.body) or f'status {reply.status}'}", error_of(reply.body))
