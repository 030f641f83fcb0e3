"""Authorization requests as a browser brings them (RFC 6749 §4.1.1): of public clients, and of nobody else.

A client that can prove itself pushes its request (RFC 9126). One that cannot has nothing to push with: who asks is a
claim, and stays one. So nothing is kept of such a request before somebody has logged in, and nobody is answered for in
silence.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from leasehold.authn.clients import ClientCredential
from leasehold.exchange.client_credentials import ClientRequest, decided_for
from leasehold.exchange.clients import Client, Clients
from leasehold.exchange.logging_in import AuthorizationRefused, LoggingIn
from leasehold.exchange.refusals import ExchangeRefused
from leasehold.exchange.returning import Redirect, sent_back
from leasehold.exchange.views import Views
from leasehold.model.consents import Pending, digest_of
from leasehold.policy.consenting import may_be_asked
from leasehold.policy.wishes import LeaseReason

PLAIN = "plain"
_STATE_MAX = 4_096  # what travels through the login; addresses of more than some 8 KB are not taken everywhere
# RFC 6749 §4.1.2.1 and RFC 8707 §2 name what an authorization may be refused with; `access_denied` is the rest.
_ERRORS = frozenset({"invalid_request", "invalid_scope", "invalid_target"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRequest:
    """What a public client wants a person to be asked. `scopes` None asks for all there is.

    `issuer`: where to log in, if there is a choice. `prompts`: what the login is asked to do, too. `key`: the
    thumbprint of the only key to which the code will bring a token (RFC 9449 §10).
    """

    challenge: str
    state: str | None
    resource: str
    scopes: frozenset[str] | None
    issuer: str | None
    prompts: frozenset[str]
    key: str | None = None


class PlainRequests:
    """Takes them. Where the operator serves no public clients, none is ever verified."""

    def __init__(self, *, issuer: str, clients: Clients, logging_in: LoggingIn, views: Views) -> None:
        self._issuer = issuer
        self._clients = clients
        self._logging_in = logging_in
        self._views = views

    async def verified(self, client_id: str, redirect_uri: str) -> Client:
        """The public client that may have people come back there. Raises `AuthorizationRefused`.

        INVARIANT: until this has returned, no answer leaves for any address but the browser's own (RFC 6749 §4.1.2.1).
        """
        await self._views.refresh(self._views.pieces)
        try:
            client = await self._clients.public(client_id, self._views.pieces)
        except ExchangeRefused as refused:
            raise AuthorizationRefused(
                "the application that asks is not known here, or must push its request: nobody is sent anywhere"
            ) from refused
        if not may_be_asked(client.view.facts, client.metadata, redirect_uri):
            raise AuthorizationRefused("the application that asks did not register the address to come back to")
        return client

    async def start(
        self, client: Client, redirect_uri: str, request: PlainRequest, now: datetime, kept: str | None = None
    ) -> Redirect:
        """To the login; back to a verified client at once with what is wrong, or if nobody may be asked.

        `kept` is the secret that the browser keeps already: logins at several tool servers can be under way in it.
        """
        if "none" in request.prompts:  # RFC 8252 §8.6: who asks could be any program; only the person can tell
            return self.refused(redirect_uri, request.state, "consent_required", "a person has to be asked")
        try:
            self._scopes(client, request.resource, request.scopes, now)
            name, issuer = await self._logging_in.issuer_named(request.issuer)
        except ExchangeRefused as refused:
            error = refused.code if refused.code in _ERRORS else "access_denied"
            return self.refused(redirect_uri, request.state, error, str(refused))
        browser = kept or secrets.token_urlsafe(32)
        told = {
            "once": secrets.token_urlsafe(8),
            PLAIN: "1",
            "agent": client.agent,
            "client": client.metadata.client_id,
            "redirect_uri": redirect_uri,
            "challenge": request.challenge,
            **({"state": request.state} if request.state is not None else {}),
            "resource": request.resource,
            "scope": " ".join(sorted(request.scopes or ())),
            "key": request.key or "",
            "issuer": name,
            "browser": digest_of(browser),
        }
        state = self._logging_in.open.state(told, now)
        if len(state) > _STATE_MAX:
            return self.refused(redirect_uri, request.state, "invalid_request", "the request is too long")
        prompt = " ".join(sorted(request.prompts - {"consent"}))
        return Redirect(self._logging_in.url(issuer, state, browser, prompt=prompt), browser)

    async def resumed(self, pending: Pending, now: datetime) -> Pending:
        """The same with what may be asked for now. Raises `AuthorizationRefused`."""
        client = await self.verified(pending.get("client"), pending.redirect_uri)
        scope = pending.get("scope")
        try:
            scopes = self._scopes(client, pending.resource, frozenset(scope.split(" ")) if scope else None, now)
        except ExchangeRefused as refused:
            raise AuthorizationRefused("what was asked for is not to be had any more") from refused
        return replace(pending, scopes=scopes)

    def refused(self, redirect_uri: str, state: str | None, error: str, description: str) -> Redirect:
        """Back to a verified client with an error (RFC 6749 §4.1.2.1)."""
        return sent_back(self._issuer, redirect_uri, state, error=error, error_description=description)

    def _scopes(self, client: Client, resource: str, scopes: frozenset[str] | None, now: datetime) -> frozenset[str]:
        """What the agent may do of this, at one of our tool servers and at nothing else. Raises `ExchangeRefused`."""
        if resource not in {server.url for server in client.view.facts.servers.values()}:
            raise ExchangeRefused(LeaseReason.NOTHING_GRANTED)
        credential = ClientCredential(client_id=client.metadata.client_id)
        asked = ClientRequest(credential=credential, resource=resource, scopes=scopes, asks=True)
        return decided_for(client, asked, now).scopes


def is_plain(pending: Pending) -> bool:
    """True iff a browser brought the request, and nobody has logged in for it yet."""
    return bool(pending.get(PLAIN)) and not pending.digest
