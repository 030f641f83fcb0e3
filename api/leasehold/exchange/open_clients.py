"""Public clients that register themselves without a token (RFC 7591 §3), all of one agent that the operator named.

Nothing is kept of them: a client id *is* what the client said, under a MAC. However many register, there is no row more
and nothing to clean up. What such an id opens is a login and a question to a person. It is no secret, and no proof.
"""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, urlsafe_b64encode

from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused
from leasehold.exchange.views import Views
from leasehold.model.errors import InvalidValue, Unauthenticated
from leasehold.model.people import Agent
from leasehold.model.redirects import is_loopback
from leasehold.model.registrations import (
    CLIENT_ID_LIMIT,
    REFRESH_TOKEN_GRANT,
    ClientMetadata,
    InvalidRedirect,
    open_registration_of,
)

OPEN_PREFIX = "pub."  # no agent can be named so
_MAC_BYTES = 16
_GRANT = "authorization_code"


class OpenClients:
    """Makes client ids, and reads them. Replicas share `key`; `agent` is whose clients they are, empty for nobody's."""

    def __init__(self, key: bytes, agent: str) -> None:
        self._key = key
        self.agent = agent

    def register(self, body: bytes, agent: Agent) -> ClientMetadata:
        """The client that a request describes. Raises `InvalidValue` for what it says of itself."""
        said = open_registration_of(body)
        redirects = allowed_redirects(said.redirect_uris, agent)
        if not redirects:
            raise InvalidRedirect("redirect_uris must be on loopback, or addresses that this registry knows")
        refresh = REFRESH_TOKEN_GRANT in said.grants
        told = json.dumps([said.name, sorted(redirects), int(refresh)], separators=(",", ":"), ensure_ascii=False)
        client_id = f"{OPEN_PREFIX}{self._mac(told.encode())}.{_text(told.encode())}"
        if len(client_id) > CLIENT_ID_LIMIT:
            raise InvalidValue("client_name and redirect_uris are too long: name fewer addresses")
        return self._metadata(client_id, told)

    def find(self, client_id: str, agent: Agent) -> ClientMetadata:
        """The client of an id, with those of its addresses that are allowed now. Raises `ExchangeRefused`."""
        mac, _, payload = client_id.removeprefix(OPEN_PREFIX).partition(".")
        try:
            told = b64decode(payload + "=" * (-len(payload) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise ExchangeRefused(ExchangeReason.CLIENT_REFUSED) from None
        whole = f"{OPEN_PREFIX}{self._mac(told)}.{_text(told)}"  # one spelling: base64 has several of some bytes
        if not hmac.compare_digest(whole.encode(), client_id.encode(errors="replace")) or not mac:
            raise ExchangeRefused(ExchangeReason.CLIENT_REFUSED)
        found = self._metadata(client_id, told.decode())
        allowed = allowed_redirects(found.redirect_uris, agent)
        if not agent.public_clients or not allowed:
            raise ExchangeRefused(ExchangeReason.CLIENT_REFUSED)
        return ClientMetadata(
            client_id=client_id, redirect_uris=allowed, grants=found.grants, name=found.name, public=True
        )

    def _metadata(self, client_id: str, told: str) -> ClientMetadata:
        name, redirects, refresh = json.loads(told)
        grants = {_GRANT, REFRESH_TOKEN_GRANT} if refresh else {_GRANT}
        return ClientMetadata(
            client_id=client_id,
            redirect_uris=frozenset(redirects),
            grants=frozenset(grants),
            name=name,
            public=True,
        )

    def _mac(self, told: bytes) -> str:
        # The agent is under the MAC: what registered while another was named is a client of nobody now.
        return _text(
            hmac.digest(self._key, b"open-client\n" + self.agent.encode() + b"\n" + told, "sha256")[:_MAC_BYTES]
        )


class OpenRegistration:
    """Lets public clients register themselves for the one agent that takes them, if it does."""

    def __init__(self, *, public: OpenClients, views: Views) -> None:
        self._public = public
        self._views = views

    async def register(self, body: bytes) -> ClientMetadata:
        """A new client. Raises `Unauthenticated` where nobody takes it; `InvalidValue`; `Unavailable`."""
        await self._views.refresh(self._views.pieces)
        view = await self._views.agent(self._views.pieces, self._public.agent)
        if view is None or not view.facts.agent.public_clients:
            raise Unauthenticated("send an initial access token, or a software statement")
        return self._public.register(body, view.facts.agent)


def allowed_redirects(asked: frozenset[str], agent: Agent) -> frozenset[str]:
    """Those on loopback, and those that the agent declares itself: no stranger names another host (RFC 9700 §4.1)."""
    return frozenset(uri for uri in asked if is_loopback(uri) or uri in agent.redirect_uris)


def open_node_name(client_id: str) -> str:
    """What the node of such a client is called: its id as far as it tells nothing of the client."""
    return ".".join(client_id.split(".")[:2])


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
