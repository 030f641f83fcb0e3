"""What the token service asks of the world outside: documents of clients, and the logins of an identity provider."""

from collections.abc import Mapping
from typing import Any

import httpx

from leasehold.exchange.on_behalf import challenge_of
from leasehold.keys.network import Network
from leasehold.model.tokens import Flaw, TokenRefused, UnverifiedToken
from leasehold.model.trust import TrustIssuer


class SimulatedDocuments:
    """The web, as far as clients have documents there: bodies by URL, and every URL that was asked for."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.asked: list[str] = []

    def network(self) -> Network:
        return Network(transport=httpx.MockTransport(self._answer), resolve=_public)

    def _answer(self, asked: httpx.Request) -> httpx.Response:
        url = str(asked.url.copy_with(host=asked.headers["host"], port=None))
        self.asked.append(url)
        body = self.bodies.get(url)
        return httpx.Response(404) if body is None else httpx.Response(200, stream=httpx.ByteStream(body))


async def _public(_host: str, _port: int) -> list[str]:
    return ["203.0.114.10"]


class SimulatedLogins:
    """The token endpoint of an identity provider: ID tokens by code, its PKCE checked as a real one does."""

    def __init__(self) -> None:
        self.codes: dict[str, tuple[str, str]] = {}

    async def redeem(self, _issuer: TrustIssuer, _login: Any, fields: Mapping[str, str]) -> UnverifiedToken:
        id_token, challenge = self.codes.pop(fields["code"], ("", ""))
        if not id_token or challenge != challenge_of(fields["code_verifier"]):
            raise TokenRefused(Flaw.MALFORMED)
        return UnverifiedToken(id_token)
