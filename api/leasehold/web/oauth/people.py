"""What people and their browsers come to: pushed requests, the way to the login and back, the question, the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from leasehold.broker.connecting import Connecting, ConnectRefused
from leasehold.exchange.authorizing import Arrival, Authorizing
from leasehold.exchange.logging_in import AuthorizationRefused
from leasehold.exchange.on_behalf import AssertionRequest, CodeRequest
from leasehold.exchange.plain_requests import PlainRequests
from leasehold.exchange.pushing import Pushing
from leasehold.exchange.refreshing import RefreshRequest
from leasehold.exchange.returning import Redirect
from leasehold.model.possession import Possession
from leasehold.model.tokens import UnverifiedToken
from leasehold.web.asgi import Receive, Scope
from leasehold.web.connections.pages import connect_page
from leasehold.web.oauth.authorization_form import URL_SAFE, plain_request, pushed_request, state_of, tool_scopes
from leasehold.web.oauth.browsers import Browsers, query_of
from leasehold.web.oauth.client_form import client_credential, credential_or_public, is_public
from leasehold.web.oauth.exchange_form import resource_of, scopes_of
from leasehold.web.oauth.forms import Form, InvalidRequest, read_form
from leasehold.web.oauth.pages import Page, consent_page, message_page, redirect_page
from leasehold.web.oauth.task_form import task_of

CONSENT = "/oauth2/consent"
_VERIFIER_MIN, _VERIFIER_MAX = 43, 128  # RFC 7636 §4.1


class People:
    """The routes of browsers. `issuer` is where they are."""

    def __init__(
        self,
        *,
        issuer: str,
        pushing: Pushing,
        plain: PlainRequests,
        authorizing: Authorizing,
        clock: Callable[[], datetime],
        connecting: Connecting | None = None,
    ) -> None:
        self._issuer = issuer
        self._pushing = pushing
        self._plain = plain
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
            if "request_uri" not in query:
                return self._page(await self._ask(query, self._browsers.kept(scope)))
            return self._page(
                await self._authorizing.start(query.get("client_id", ""), query["request_uri"], self._clock())
            )
        except (AuthorizationRefused, InvalidRequest) as refused:
            return message_page(400, str(refused))

    async def _ask(self, query: Form, kept: str | None) -> Redirect:
        """On with the request of a public client. Raises `AuthorizationRefused`."""
        redirect_uri = query.get("redirect_uri", "")
        client = await self._plain.verified(query.get("client_id", ""), redirect_uri)
        try:
            request = plain_request(query)
        except InvalidRequest as refused:
            return self._plain.refused(redirect_uri, _state(query), refused.error, str(refused))
        return await self._plain.start(client, redirect_uri, request, self._clock(), kept)

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


def _state(query: Form) -> str | None:
    try:
        return state_of(query)
    except InvalidRequest:  # it could not be sent anywhere
        return None


def code_request(scope: Scope, form: Form, proof: Possession | None) -> CodeRequest:
    """A code that came back (RFC 6749 §4.1.3, RFC 7636 §4.5). Raises `InvalidRequest`."""
    verifier = form.get("code_verifier", "")
    if not _VERIFIER_MIN <= len(verifier) <= _VERIFIER_MAX or set(verifier) - URL_SAFE:
        raise InvalidRequest("code_verifier is missing or not of its form")
    if "code" not in form or "redirect_uri" not in form:
        raise InvalidRequest("code and redirect_uri are required")
    credential = credential_or_public(scope, form)
    task = task_of(form)
    if task is not None and is_public(credential):
        raise InvalidRequest("a client without authentication names no task")
    return CodeRequest(
        credential=credential,
        code=form["code"],
        redirect_uri=form["redirect_uri"],
        verifier=verifier,
        resource=resource_of(form) if "resource" in form or "audience" in form else None,
        proof=proof,
        task=task,
    )


def refresh_request(scope: Scope, form: Form, proof: Possession | None) -> RefreshRequest:
    """A refresh token that came back (RFC 6749 §6). Raises `InvalidRequest`."""
    if "refresh_token" not in form:
        raise InvalidRequest("refresh_token is missing")
    if "task" in form:
        raise InvalidRequest("a client without authentication names no task")
    return RefreshRequest(
        credential=credential_or_public(scope, form),
        token=form["refresh_token"],
        resource=resource_of(form) if "resource" in form or "audience" in form else None,
        scopes=tool_scopes(form),
        proof=proof,
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
