"""What people and their browsers come to: pushed requests, the way to the login and back, the question, the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from leasehold.exchange.authorizing import LOGIN_FOR, AuthorizationRefused, Authorizing, PushedRequest, Redirect
from leasehold.exchange.client_credentials import ClientRequest
from leasehold.exchange.on_behalf import AssertionRequest, CodeRequest
from leasehold.model.possession import Possession
from leasehold.model.tokens import UnverifiedToken
from leasehold.web.asgi import Receive, Scope
from leasehold.web.oauth.client_form import client_credential
from leasehold.web.oauth.exchange_form import resource_of, scopes_of
from leasehold.web.oauth.forms import Form, InvalidRequest, header, read_form
from leasehold.web.oauth.pages import Page, consent_page, message_page, redirect_page
from leasehold.web.oauth.task_form import task_of

CONSENT = "/oauth2/consent"
_QUERY_LIMIT = 8192
_MAX_FIELDS = 32
_STATE_LIMIT = 1024
_CHALLENGE_LENGTH = 43  # base64url of a SHA-256
_VERIFIER_MIN, _VERIFIER_MAX = 43, 128  # RFC 7636 §4.1
_URL_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")


class People:
    """The routes of browsers. `issuer` is where they are."""

    def __init__(self, *, issuer: str, authorizing: Authorizing, clock: Callable[[], datetime]) -> None:
        self._issuer = issuer
        self._authorizing = authorizing
        self._clock = clock
        secure = issuer.startswith("https://")
        # RFC 6265bis §4.1.3: a `__Host-` cookie is of this host alone; loopback without TLS cannot have one.
        self._cookie = "__Host-leasehold" if secure else "leasehold"
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    async def push(self, scope: Scope, receive: Receive) -> str:
        """The request_uri of a pushed request. Raises `InvalidRequest`, `ExchangeRefused`."""
        return await self._authorizing.push(pushed_request(scope, await read_form(scope, receive)), self._clock())

    async def authorize(self, scope: Scope, _receive: Receive) -> Page:
        """To the login."""
        try:
            query = _query(scope)
            client_id, request_uri = query.get("client_id", ""), query.get("request_uri", "")
            return self._page(await self._authorizing.start(client_id, request_uri, self._clock()))
        except (AuthorizationRefused, InvalidRequest) as refused:
            return message_page(400, str(refused))

    async def callback(self, scope: Scope, _receive: Receive) -> Page:
        """Back from the login."""
        try:
            browser = self._browser(scope)
            found = await self._authorizing.finish_login(_query(scope), browser, self._clock())
        except (AuthorizationRefused, InvalidRequest) as refused:
            return message_page(400, str(refused))
        if isinstance(found, Redirect):
            return self._page(found)
        return consent_page(found, self._issuer + CONSENT)

    async def consent(self, scope: Scope, receive: Receive) -> Page:
        """The answer to the question."""
        try:
            self._check_origin(scope)
            ticket, said = _said(await read_form(scope, receive))
            browser, now = self._browser(scope), self._clock()
            return self._page(await self._authorizing.answer(ticket, browser, now, allowed=said == "allow"))
        except (AuthorizationRefused, InvalidRequest) as refused:
            return message_page(400, str(refused))

    def _check_origin(self, scope: Scope) -> None:
        origin = header(scope, b"origin")
        if origin and origin != _origin(self._issuer):
            raise AuthorizationRefused("this answer comes from another site")

    def _page(self, redirect: Redirect) -> Page:
        if redirect.browser is None:
            return redirect_page(redirect.url)
        age = int(LOGIN_FOR.total_seconds()) * 2
        return redirect_page(redirect.url, f"{self._cookie}={redirect.browser}; Max-Age={age}{self._attributes}")

    def _browser(self, scope: Scope) -> str:
        sent = (pair.strip().partition("=") for pair in header(scope, b"cookie").split(";"))
        found = [value for name, _, value in sent if name == self._cookie]
        if len(found) != 1 or not found[0]:
            raise AuthorizationRefused("this browser did not start here, or refuses cookies")
        return found[0]


def pushed_request(scope: Scope, form: Form) -> PushedRequest:
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
        client=ClientRequest(credential=credential, resource=resource_of(form), scopes=scopes_of(form), asks=True),
        redirect_uri=form["redirect_uri"],
        challenge=challenge,
        state=state,
        issuer=form.get("issuer"),
        silent="prompt" in form,
    )


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


def _query(scope: Scope) -> Mapping[str, str]:
    raw = scope.get("query_string", b"")[: _QUERY_LIMIT + 1]
    try:
        text = raw.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise AuthorizationRefused("the address is not understood") from None
    if len(raw) > _QUERY_LIMIT:
        raise AuthorizationRefused("the address is too long")
    if len(dict(pairs)) != len(pairs):
        raise AuthorizationRefused("the address says a thing twice")
    return {name: value for name, value in pairs if value}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
