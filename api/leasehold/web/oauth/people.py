"""What people and their browsers come to: pushed requests, the way to the login and back, the question, the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from leasehold.authn.possession import key_of
from leasehold.broker.connecting import Connecting, ConnectRefused
from leasehold.exchange.authorizing import Arrival, Authorizing, Redirect
from leasehold.exchange.client_credentials import ClientRequest
from leasehold.exchange.logging_in import AuthorizationRefused
from leasehold.exchange.on_behalf import AssertionRequest, CodeRequest
from leasehold.exchange.pushing import PushedRequest, Pushing
from leasehold.model.possession import Possession
from leasehold.model.tokens import UnverifiedToken
from leasehold.web.asgi import Receive, Scope
from leasehold.web.connections.pages import connect_page
from leasehold.web.oauth.browsers import Browsers, query_of
from leasehold.web.oauth.client_form import client_credential
from leasehold.web.oauth.exchange_form import resource_of, scopes_of
from leasehold.web.oauth.forms import Form, InvalidRequest, read_form
from leasehold.web.oauth.pages import Page, consent_page, message_page, redirect_page
from leasehold.web.oauth.task_form import task_of

CONSENT = "/oauth2/consent"
_STATE_LIMIT = 1024
_CHALLENGE_LENGTH = _THUMBPRINT_LENGTH = 43  # base64url of a SHA-256
_VERIFIER_MIN, _VERIFIER_MAX = 43, 128  # RFC 7636 §4.1
_BASE64_URL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_URL_SAFE = _BASE64_URL | {".", "~"}


class People:
    """The routes of browsers. `issuer` is where they are."""

    def __init__(
        self,
        *,
        issuer: str,
        pushing: Pushing,
        authorizing: Authorizing,
        clock: Callable[[], datetime],
        connecting: Connecting | None = None,
    ) -> None:
        self._issuer = issuer
        self._pushing = pushing
        self._authorizing = authorizing
        self._clock = clock
        self._browsers = Browsers(issuer)
        self._connecting = connecting

    async def push(self, scope: Scope, receive: Receive, proof: Possession | None) -> str:
        """The request_uri of a pushed request. Raises `InvalidRequest`, `ExchangeRefused`."""
        request = pushed_request(scope, await read_form(scope, receive), proof)
        return await self._pushing.push(request, self._clock())

    async def authorize(self, scope: Scope, _receive: Receive) -> Page:
        """To the login."""
        try:
            query = query_of(scope)
            client_id, request_uri = query.get("client_id", ""), query.get("request_uri", "")
            return self._page(await self._authorizing.start(client_id, request_uri, self._clock()))
        except (AuthorizationRefused, InvalidRequest) as refused:
            return message_page(400, str(refused))

    async def callback(self, scope: Scope, _receive: Receive) -> Page:
        """Back from the login."""
        try:
            browser = self._browsers.of(scope)
            found = await self._authorizing.finish_login(query_of(scope), browser, self._clock())
            if isinstance(found, Arrival):
                return await self._connect(found, browser)
        except (AuthorizationRefused, ConnectRefused, InvalidRequest) as refused:
            return message_page(400, str(refused))
        if isinstance(found, Redirect):
            return self._page(found)
        return consent_page(found, self._issuer + CONSENT)

    async def consent(self, scope: Scope, receive: Receive) -> Page:
        """The answer to the question."""
        try:
            self._browsers.check_origin(scope)
            ticket, said = _said(await read_form(scope, receive))
            browser, now = self._browsers.of(scope), self._clock()
            return self._page(await self._authorizing.answer(ticket, browser, now, allowed=said == "allow"))
        except (AuthorizationRefused, InvalidRequest) as refused:
            return message_page(400, str(refused))

    async def log_in(self, tool_server: str, issuer: str | None) -> Page:
        """To the login of somebody who connects an account of theirs. Raises `AuthorizationRefused`."""
        return self._page(await self._authorizing.log_in(tool_server, issuer, self._clock()))

    async def _connect(self, arrival: Arrival, browser: str) -> Page:
        if self._connecting is None:
            raise ConnectRefused("nothing is connected here")
        return connect_page(await self._connecting.offer(arrival.ticket, browser, self._clock()), self._issuer)

    def _page(self, redirect: Redirect) -> Page:
        cookie = self._browsers.cookie(redirect.browser) if redirect.browser is not None else None
        return redirect_page(redirect.url, cookie)


def pushed_request(scope: Scope, form: Form, proof: Possession | None) -> PushedRequest:
    """What an agent pushes: the code flow with PKCE, nothing else. Raises `InvalidRequest`."""
    if form.get("response_type") != "code":
        raise InvalidRequest("response_type must be code")
    if form.get("response_mode", "query") != "query" or "request" in form or "request_uri" in form:
        raise InvalidRequest("response_mode can only be query, and request objects are not taken")
    challenge = form.get("code_challenge", "")
    # RFC 9700 §2.1.1: no method but S256, and no request without a challenge, whatever the client would settle for.
    if form.get("code_challenge_method") != "S256" or len(challenge) != _CHALLENGE_LENGTH or set(challenge) - _URL_SAFE:
        raise InvalidRequest("code_challenge with code_challenge_method S256 is required")
    if "redirect_uri" not in form:
        raise InvalidRequest("redirect_uri is missing")
    if form.get("prompt", "none") != "none":
        raise InvalidRequest("prompt can only be none")
    state = form.get("state")
    if state is not None and (len(state) > _STATE_LIMIT or not state.isascii() or not state.isprintable()):
        raise InvalidRequest(f"state must be at most {_STATE_LIMIT} printable ASCII characters")
    if misplaced := {"task", "task_deadline", "authorization_details"} & form.keys():  # RFC 9396 §5
        raise InvalidRequest(f"{min(misplaced)} is not asked for here: what would be ignored is refused")
    credential = client_credential(scope, form)
    return PushedRequest(
        # Proof is asked for where the token is issued; here it is only found out whether there would be one.
        client=ClientRequest(
            credential=credential, resource=resource_of(form), scopes=scopes_of(form), proof=proof, asks=True
        ),
        redirect_uri=form["redirect_uri"],
        challenge=challenge,
        state=state,
        issuer=form.get("issuer"),
        silent="prompt" in form,
        key=_key(form, proof),
    )


def _key(form: Form, proof: Possession | None) -> str | None:
    """The key that the code is bound to: told by its thumbprint, proved, or both alike (RFC 9449 §10.1)."""
    told, proved = form.get("dpop_jkt"), key_of(proof)
    if told is not None and (len(told) != _THUMBPRINT_LENGTH or set(told) - _BASE64_URL):
        raise InvalidRequest("dpop_jkt is not the SHA-256 thumbprint of a key")
    if None not in {told, proved} and told != proved:
        raise InvalidRequest("dpop_jkt is not of the key that the proof is of")
    return told or proved


def code_request(scope: Scope, form: Form, proof: Possession | None) -> CodeRequest:
    """A code that came back (RFC 6749 §4.1.3, RFC 7636 §4.5). Raises `InvalidRequest`."""
    verifier = form.get("code_verifier", "")
    if not _VERIFIER_MIN <= len(verifier) <= _VERIFIER_MAX or set(verifier) - _URL_SAFE:
        raise InvalidRequest("code_verifier is missing or not of its form")
    if "code" not in form or "redirect_uri" not in form:
        raise InvalidRequest("code and redirect_uri are required")
    return CodeRequest(
        credential=client_credential(scope, form),
        code=form["code"],
        redirect_uri=form["redirect_uri"],
        verifier=verifier,
        proof=proof,
        task=task_of(form),
    )


def assertion_request(scope: Scope, form: Form, proof: Possession | None) -> AssertionRequest:
    """An issuer's word for a person (RFC 7523 §2.1). Raises `InvalidRequest`."""
    if "assertion" not in form:
        raise InvalidRequest("assertion is missing")
    return AssertionRequest(
        credential=client_credential(scope, form),
        assertion=UnverifiedToken(form["assertion"]),
        resource=resource_of(form) if "resource" in form or "audience" in form else None,
        scopes=scopes_of(form),
        proof=proof,
        task=task_of(form),
    )


def _said(form: Form) -> tuple[str, str]:
    ticket, said = form.get("ticket"), form.get("answer")
    if ticket is None or said not in {"allow", "deny"}:
        raise AuthorizationRefused("this answer is not understood")
    return ticket, said
