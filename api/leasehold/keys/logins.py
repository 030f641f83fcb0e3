"""The code of a login redeemed at the issuer (OpenID Connect Core §3.1.3), over the guarded network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlencode

from leasehold.keys.network import FetchRefused, Network, Post
from leasehold.model.tokens import Flaw, TokenRefused, UnverifiedToken
from leasehold.model.trust import Login, TrustIssuer

_OK = 200
_HEADERS = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}


class Logins:
    """Our side of a login, as a client without a secret."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def redeem(self, issuer: TrustIssuer, login: Login, fields: Mapping[str, str]) -> UnverifiedToken:
        """The ID token that a code stands for; unverified. Raises `TokenRefused`."""
        post = Post(headers=_HEADERS, body=urlencode(fields).encode())
        try:
            reply = await self._network.post(login.token_endpoint, post, allow_private=issuer.allow_private)
            document = json.loads(reply.body) if reply.status == _OK else None
        except (FetchRefused, ValueError, RecursionError):
            raise TokenRefused(Flaw.MALFORMED) from None
        id_token = document.get("id_token") if isinstance(document, dict) else None
        if not isinstance(id_token, str):
            raise TokenRefused(Flaw.MALFORMED)
        return UnverifiedToken(id_token)
