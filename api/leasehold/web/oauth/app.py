"""The ASGI application of `/oauth2/*` and `/.well-known/*`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from urllib.parse import urlsplit

import orjson
from starlette.concurrency import run_in_threadpool

from leasehold.authn.ports import ProofVerifier
from leasehold.authn.possession import Possessions, key_of
from leasehold.exchange import metadata
from leasehold.exchange.client_credentials import ClientCredentials
from leasehold.exchange.consents import Consents
from leasehold.exchange.delegation import Delegation
from leasehold.exchange.introspection import Introspection, Revocation
from leasehold.exchange.logging_in import CALLBACK
from leasehold.exchange.on_behalf import OnBehalf
from leasehold.exchange.pushing import PUSHED_FOR
from leasehold.exchange.refreshing import Refreshing
from leasehold.exchange.refusals import ClientRefused, ExchangeRefused
from leasehold.exchange.tokens import TokenExchange
from leasehold.model.errors import LeaseholdError, Unauthenticated
from leasehold.model.possession import NonceWanted, Possession, ProofRefused
from leasehold.model.tokens import UnverifiedToken
from leasehold.policy.consenting import ConsentPermit
from leasehold.web.asgi import Application, Receive, Scope, Send
from leasehold.web.oauth.client_form import client_request
from leasehold.web.oauth.consent_form import consent_document, consent_query
from leasehold.web.oauth.delegation_form import delegation_request, is_delegation, refuse_misplaced
from leasehold.web.oauth.exchange_form import exchange_answer, exchange_request
from leasehold.web.oauth.forms import InvalidClient, InvalidRequest, header, read_form
from leasehold.web.oauth.pages import Page
from leasehold.web.oauth.people import CONSENT, People, assertion_request, code_request, refresh_request
from leasehold.web.oauth.registering import REGISTER, Registering
from leasehold.web.presenting import challenge, presented
from leasehold.web.problems import problem_of

_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}  # RFC 6749 §5.1
_WHO = {**_NO_STORE, "www-authenticate": 'Basic realm="leasehold"'}  # RFC 6749 §5.2, RFC 9110 §11.6.1
_CACHED = {"cache-control": "public, max-age=300"}
_JSON = "application/json"
_PUBLISHED = "/.well-known/"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthDoors:
    """Given to the app. `jwks` is the JWK set to publish; `clock` tells the time, aware UTC.

    `public`: clients without authentication are served.
    """

    issuer: str
    exchange: TokenExchange
    client_credentials: ClientCredentials
    delegation: Delegation
    on_behalf: OnBehalf
    refreshing: Refreshing
    people: People
    consents: Consents
    proofs: ProofVerifier
    possessions: Possessions
    introspection: Introspection
    revocation: Revocation
    jwks: Callable[[], Mapping[str, object]]
    clock: Callable[[], datetime]
    documents: Callable[[], Awaitable[bool]]
    registering: Registering | None = None
    public: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One JSON answer; no body at all for None."""

    body: Mapping[str, object] | None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_STORE)


Route: TypeAlias = Callable[[Scope, Receive], Awaitable[Answer | Page]]


def oauth_app(doors: OAuthDoors) -> Application:
    """The application. Everything it answers is JSON; errors are those of RFC 6749 §5.2 and RFC 6750 §3.1."""
    routes = _Routes(doors).by_method_and_path()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], _method(scope)
        route = routes.get((method, path))
        if route is None:
            await _send(send, _no_route(method, path, routes))
            return
        await _send(send, await _answer(route, scope, receive))

    return app


def _method(scope: Scope) -> str:
    """HEAD reads what is published (RFC 9110 §9.1), and nothing else: a look at /oauth2/authorize uses a request up."""
    published = scope["path"].startswith(_PUBLISHED)
    return "GET" if scope["method"] == "HEAD" and published else str(scope["method"])


class _Routes:
    """One method per endpoint."""

    def __init__(self, doors: OAuthDoors) -> None:
        self._doors = doors

    def by_method_and_path(self) -> Mapping[tuple[str, str], Route]:
        # An issuer below a path stands behind a proxy that takes the path off, except here: RFC 8414 §3.1 puts the
        # well-known part between host and path.
        below = urlsplit(self._doors.issuer).path.rstrip("/")
        registering: dict[tuple[str, str], Route] = {
            ("POST", REGISTER): self.register,
            ("GET", REGISTER): self.registered,
            ("PUT", REGISTER): self.change_client,
            ("DELETE", REGISTER): self.end_client,
        }
        return {
            **(registering if self._doors.registering is not None else {}),
            ("POST", "/oauth2/token"): self.token,
            ("POST", "/oauth2/par"): self.push,
            ("GET", "/oauth2/authorize"): self._doors.people.authorize,
            ("GET", CALLBACK): self._doors.people.callback,
            ("POST", CONSENT): self._doors.people.consent,
            ("GET", "/v1/consents"): self.consents,
            ("DELETE", "/v1/consents"): self.end_consent,
            ("POST", "/oauth2/introspect"): self.introspect,
            ("POST", "/oauth2/revoke"): self.revoke,
            ("GET", f"/.well-known/oauth-authorization-server{below}"): self.metadata,
            ("GET", "/.well-known/openid-configuration"): self.discovery,
            ("GET", "/.well-known/jwks.json"): self.jwks,
        }

    async def token(self, scope: Scope, receive: Receive) -> Answer:
        form = await read_form(scope, receive)
        now = self._doors.clock()
        proof = self._proof(scope, "/oauth2/token", now)
        refuse_misplaced(scope, form)
        match form.get("grant_type"):
            case "client_credentials":
                issued = await self._doors.client_credentials.grant(client_request(scope, form, proof), now)
            case "authorization_code":
                issued = await self._doors.on_behalf.redeem_code(code_request(scope, form, proof), now)
            case metadata.REFRESH_TOKEN:
                issued = await self._doors.refreshing.refresh(refresh_request(scope, form, proof), now)
            case metadata.JWT_BEARER:
                issued = await self._doors.on_behalf.redeem_assertion(assertion_request(scope, form, proof), now)
            case _ if is_delegation(form):
                issued = await self._doors.delegation.delegate(delegation_request(form, proof), now)
            case _:
                issued = await self._doors.exchange.exchange(exchange_request(form, proof), now)
        return Answer(exchange_answer(issued, self._doors.clock()), headers={**_NO_STORE, **_next_nonce(proof)})

    async def push(self, scope: Scope, receive: Receive) -> Answer:
        proof = self._proof(scope, "/oauth2/par", self._doors.clock())
        request_uri = await self._doors.people.push(scope, receive, proof)
        body = {"request_uri": request_uri, "expires_in": int(PUSHED_FOR.total_seconds())}
        return Answer(body, 201, {**_NO_STORE, **_next_nonce(proof)})

    def _proof(self, scope: Scope, path: str, now: datetime) -> Possession | None:
        try:
            sent = header(scope, b"dpop")
        except InvalidRequest as repeated:  # RFC 9449 §4.3: not more than one
            raise ProofRefused(str(repeated)) from repeated
        if not sent:
            return None
        return self._doors.proofs.check(UnverifiedToken(sent), scope["method"], self._doors.issuer + path, now)

    async def consents(self, scope: Scope, _receive: Receive) -> Answer:
        wanted, now = consent_query(scope), self._doors.clock()
        permit = await self._consent_permit(scope, wanted.user, now)
        return Answer({"items": [consent_document(one) for one in await self._doors.consents.list(permit)]})

    async def _consent_permit(self, scope: Scope, user: str | None, now: datetime) -> ConsentPermit:
        sent = presented(scope)
        proof = self._doors.possessions.prove(sent, now)
        permit = await self._doors.consents.permit(sent.token, user, now, key_of(proof))
        await run_in_threadpool(self._doors.possessions.spend, proof)
        return permit

    async def end_consent(self, scope: Scope, _receive: Receive) -> Answer:
        wanted, now = consent_query(scope), self._doors.clock()
        permit = await self._consent_permit(scope, wanted.user, now)
        if wanted.agent is None or wanted.resource is None:
            raise InvalidRequest("name agent and resource")
        await self._doors.consents.end(permit, wanted.agent, wanted.resource, now)
        return Answer({})

    async def introspect(self, scope: Scope, receive: Receive) -> Answer:
        sent, now = presented(scope), self._doors.clock()
        proof = self._doors.possessions.prove(sent, now)
        token = (await read_form(scope, receive)).get("token")
        if token is None:
            raise InvalidRequest("token is missing")
        answer = await self._doors.introspection.introspect(sent.token, token, now, key_of(proof))
        if proof is not None:
            await run_in_threadpool(self._doors.possessions.spend, proof)
        return Answer(answer, headers={**_NO_STORE, **_next_nonce(proof)})

    async def revoke(self, scope: Scope, receive: Receive) -> Answer:
        token = (await read_form(scope, receive)).get("token")
        if token is None:
            raise InvalidRequest("token is missing")
        now = self._doors.clock()
        if not await self._doors.refreshing.end(token, "given_up", now):
            await self._doors.revocation.revoke(token, now)
        return Answer({})

    @property
    def _registering(self) -> Registering:
        if self._doors.registering is None:
            raise InvalidRequest("clients do not register themselves here")
        return self._doors.registering

    async def register(self, scope: Scope, receive: Receive) -> Answer:
        bearer = _bearer(scope) if header(scope, b"authorization") else None
        return Answer(await self._registering.register(scope, receive, bearer), 201)

    async def registered(self, scope: Scope, receive: Receive) -> Answer:
        return Answer(await self._registering.read(scope, receive, _bearer(scope)))

    async def change_client(self, scope: Scope, receive: Receive) -> Answer:
        return Answer(await self._registering.change(scope, receive, _bearer(scope)))

    async def end_client(self, scope: Scope, receive: Receive) -> Answer:
        await self._registering.end(scope, receive, _bearer(scope))
        return Answer(None, 204)

    async def metadata(self, _scope: Scope, _receive: Receive) -> Answer:
        return Answer(await self._metadata(), headers=_CACHED)

    async def discovery(self, _scope: Scope, _receive: Receive) -> Answer:
        return Answer(metadata.discovery_document(await self._metadata()), headers=_CACHED)

    async def _metadata(self) -> Mapping[str, object]:
        register = REGISTER if self._doors.registering is not None else None
        documents = await self._doors.documents()
        return metadata.server_metadata(self._doors.issuer, register, public=self._doors.public, documents=documents)

    async def jwks(self, _scope: Scope, _receive: Receive) -> Answer:
        return Answer(self._doors.jwks(), headers=_CACHED)


async def _answer(route: Route, scope: Scope, receive: Receive) -> Answer | Page:
    try:
        return await route(scope, receive)
    except InvalidRequest as error:
        headers = _WHO if isinstance(error, InvalidClient) else _NO_STORE
        return Answer(_error(error.error, str(error)), error.status, headers)
    except ClientRefused as refused:
        return Answer(_error(refused.code, str(refused)), 401, _WHO)
    except ExchangeRefused as refused:
        return Answer(_error(refused.code, str(refused)), 400)
    except LeaseholdError as error:
        problem = problem_of(error)
        return Answer(_error(problem.oauth, str(error)), problem.status, {**_NO_STORE, **_challenge(error)})
    except Exception as error:  # noqa: BLE001  whatever broke, the caller gets JSON and no detail
        _log.error("unexpected %s", type(error).__name__, exc_info=error)
        return Answer(_error("server_error", "something broke on our side"), 500)


def _bearer(scope: Scope) -> str:
    """A token that is never bound to a key, as those of registration are. Raises `Unauthenticated`."""
    sent = presented(scope)
    if sent.proof:
        raise Unauthenticated("send a bearer token")
    return sent.token


def _next_nonce(proof: Possession | None) -> Mapping[str, str]:
    nonce = proof.next_nonce if proof is not None else None
    return {"dpop-nonce": nonce} if nonce is not None else {}  # RFC 9449 §8.2


def _challenge(error: LeaseholdError) -> Mapping[str, str]:
    if isinstance(error, NonceWanted):
        return {"dpop-nonce": error.nonce}  # RFC 9449 §8
    return challenge(error) or {"retry-after": "1"}


def _no_route(method: str, path: str, routes: Mapping[tuple[str, str], Route]) -> Answer:
    allowed = sorted(known for known, at in routes if at == path)
    if not allowed:
        return Answer(_error("invalid_request", "nothing lives at this path"), 404)
    body = _error("invalid_request", f"{method} is not allowed here" if method.isalpha() else "not allowed here")
    return Answer(body, 405, {**_NO_STORE, "allow": ", ".join(allowed)})


def _error(code: str, description: str) -> Mapping[str, object]:
    return {"error": code, "error_description": description}


async def _send(send: Send, answer: Answer | Page) -> None:
    about: dict[str, str] = {}
    if isinstance(answer, Page):
        body = answer.body
    elif answer.body is None:
        body = b""
    else:
        body, about = orjson.dumps(answer.body), {"content-type": _JSON}
    headers = {**answer.headers, **about, "content-length": str(len(body))}
    start = {
        "type": "http.response.start",
        "status": int(answer.status),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body})
