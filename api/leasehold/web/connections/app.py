"""The ASGI application of `/v1/connections`: own connections of people, shared ones of the organisation."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from leasehold.authn.people import Person
from leasehold.authn.possession import Possessions, key_of
from leasehold.broker.connecting import Connecting, ConnectRefused
from leasehold.broker.keeping import Keeping
from leasehold.exchange.persons import Persons
from leasehold.model.connections import Personal, Shared
from leasehold.model.errors import FieldError, Forbidden, InvalidBody, LeaseholdError, NotFound
from leasehold.model.principal import Principal
from leasehold.policy.connecting import (
    ConnectPermit,
    ListingPermit,
    SharingPermit,
    decide_listing,
    decide_own,
    decide_own_listing,
    decide_shared,
    decide_sharing,
)
from leasehold.web.asgi import Application, Receive, Scope, Send
from leasehold.web.bodies import parse_as, read_json
from leasehold.web.connections.bodies import (
    ConnectBody,
    PromotionBody,
    connection_document,
    page_document,
    promotion_document,
    rewrapped_document,
)
from leasehold.web.documents import Document, json_response
from leasehold.web.presenting import presented
from leasehold.web.problems import problem_response
from leasehold.web.queries import decode_cursor
from leasehold.web.refusals import InvalidQuery, MethodNotAllowed, RouteNotFound

PREFIX = "/v1/connections"
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_LIMIT = 1000
_BODY_LIMIT = 65_536
_NOT_SECURITY = "only role security-admin, not limited to a stack, shares connections"
_log = logging.getLogger(__name__)
Caller = Principal | Person


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionDoors:
    """Given to the app. `issuer` is our own address; `clock` tells the time, aware UTC."""

    issuer: str
    persons: Persons
    possessions: Possessions
    keeping: Keeping
    connecting: Connecting
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose caller is known. `name` is a tool server, or the id of a connection."""

    request: Request
    caller: Caller = field(repr=False)
    name: str
    now: datetime


_Route = Callable[["_Asked"], Awaitable[Response]]


def connections_app(doors: ConnectionDoors) -> Application:
    """The application. Everything it answers is JSON; errors are problem documents (RFC 9457)."""
    routes = _Routes(doors)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await _answer(routes, Request(scope, receive))
        await response(scope, receive, send)

    return app


class _Routes:
    """One method per operation."""

    def __init__(self, doors: ConnectionDoors) -> None:
        self._doors = doors

    def find(self, method: str, path: str) -> tuple[_Route, str]:
        """The operation, and what its path names. Raises `RouteNotFound`, `MethodNotAllowed`."""
        name, _, verb = path.removeprefix(PREFIX).removeprefix("/").partition(":")
        if not path.startswith(PREFIX) or "/" in name or (path.removeprefix(PREFIX)[:1] not in {"", "/", ":"}):
            raise RouteNotFound("nothing lives at this path")
        table: Mapping[tuple[bool, str], Mapping[str, _Route]] = {
            (False, ""): {"GET": self.list},
            (False, "rotate-keys"): {"POST": self.rotate},
            (True, ""): {"POST": self.add, "DELETE": self.remove},
            (True, "promote"): {"POST": self.promote},
            (True, "demote"): {"POST": self.demote},
        }
        methods = table.get((bool(name), verb))
        if methods is None:
            raise RouteNotFound("nothing lives at this path")
        if method not in methods:
            raise MethodNotAllowed("this path knows no such method")
        return methods[method], name

    async def asked(self, request: Request, name: str) -> _Asked:
        """Who is calling. Raises `Unauthenticated`, `Unproven`, `Unavailable`."""
        sent, now = presented(request.scope), self._doors.clock()
        proof = self._doors.possessions.prove(sent, now)
        caller = await self._doors.persons.authenticate(sent.token, now, key_of(proof))
        if proof is not None:
            await run_in_threadpool(self._doors.possessions.spend, proof)
        return _Asked(request, caller, name, now)

    async def list(self, asked: _Asked) -> Response:
        query = _query(asked.request, {"limit", "cursor", "tool_server"})
        limit = query.get("limit", "100")
        if not (limit.isascii() and limit.isdecimal() and 1 <= int(limit) <= _LIMIT):
            raise InvalidQuery(f"limit must be 1 to {_LIMIT}")
        after = decode_cursor(query.get("cursor", ""))
        permit, server = _listing(asked.caller), query.get("tool_server")
        page = await run_in_threadpool(self._doors.keeping.list, permit, after, int(limit), server)
        return json_response(page_document(page), headers=_NO_STORE)

    async def add(self, asked: _Asked) -> Response:
        _query(asked.request, set())
        if isinstance(asked.caller, Principal):
            _sharing(asked.caller)  # who may not learns nothing about the body
        body = parse_as(ConnectBody, await read_json(asked.request, _BODY_LIMIT))
        permit = _connect(asked.caller, body)
        if body.secret is None:
            return await self._invite(asked, permit)
        added = await run_in_threadpool(self._doors.keeping.add, permit, asked.name, body.secret, asked.now)
        return _told(connection_document(added), HTTPStatus.CREATED)

    async def _invite(self, asked: _Asked, permit: ConnectPermit) -> Response:
        try:
            ticket = await self._doors.connecting.invite(permit, asked.name, asked.now)
        except ConnectRefused as refused:
            raise InvalidBody([FieldError("oauth", str(refused))]) from None
        url = f"{self._doors.issuer}/connect"
        url = f"{url}/{asked.name}" if isinstance(permit.holder, Personal) else f"{url}?ticket={ticket}"
        return _told({"connect_url": url}, HTTPStatus.ACCEPTED)

    async def remove(self, asked: _Asked) -> Response:
        _query(asked.request, set())
        permit = await self._of(asked)
        await run_in_threadpool(self._doors.keeping.remove, permit, asked.name, asked.now)
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=_NO_STORE)

    async def promote(self, asked: _Asked) -> Response:
        permit = _sharing(asked.caller)
        body = parse_as(PromotionBody, await read_json(asked.request, _BODY_LIMIT))
        promote, why = self._doors.keeping.promote, body.justification
        promoted = await run_in_threadpool(promote, permit, asked.name, body.agent, why, asked.now)
        return _told(promotion_document(promoted), HTTPStatus.OK)

    async def demote(self, asked: _Asked) -> Response:
        permit = _sharing(asked.caller)
        body = parse_as(PromotionBody, await read_json(asked.request, _BODY_LIMIT))
        await run_in_threadpool(self._doors.keeping.demote, permit, asked.name, body.agent, asked.now)
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=_NO_STORE)

    async def rotate(self, asked: _Asked) -> Response:
        permit = _sharing(asked.caller)
        rewrapped = await run_in_threadpool(self._doors.keeping.rotate, permit, asked.now)
        return _told(rewrapped_document(rewrapped), HTTPStatus.OK)

    async def _of(self, asked: _Asked) -> ConnectPermit:
        """Whose connection this caller may end. "Not yours" answers like "not found"."""
        if isinstance(asked.caller, Person):
            return decide_own(asked.caller.id)
        _sharing(asked.caller)
        found = await run_in_threadpool(self._doors.keeping.named, asked.name)
        permit = decide_shared(asked.caller, found.holder)
        if permit is None:
            raise NotFound("connection", asked.name)
        return permit


def _connect(caller: Caller, body: ConnectBody) -> ConnectPermit:
    if isinstance(caller, Person):
        if body.shared is not None:
            raise Forbidden(_NOT_SECURITY)
        return decide_own(caller.id)
    permit = decide_shared(caller, Shared(body.shared or "default"))
    if permit is None:
        raise Forbidden(_NOT_SECURITY)
    return permit


def _sharing(caller: Caller) -> SharingPermit:
    permit = decide_sharing(caller) if isinstance(caller, Principal) else None
    if permit is None:
        raise Forbidden(_NOT_SECURITY)
    return permit


def _listing(caller: Caller) -> ListingPermit:
    permit = decide_listing(caller) if isinstance(caller, Principal) else decide_own_listing(caller.id)
    if permit is None:
        raise Forbidden("only roles security-admin and auditor see the connections of others")
    return permit


async def _answer(routes: _Routes, request: Request) -> Response:
    try:
        route, name = routes.find(request.method, request.scope["path"])
        return await route(await routes.asked(request, name))
    except LeaseholdError as error:
        return problem_response(error)
    except Exception as error:  # noqa: BLE001  whatever broke, the caller gets JSON and no detail
        _log.error("unexpected %s", type(error).__name__, exc_info=error)
        return problem_response(LeaseholdError("something broke on our side; the log says more"))


def _query(request: Request, known: set[str]) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(request.scope.get("query_string", b"").decode("ascii"), errors="strict", max_num_fields=8)
    except ValueError:
        raise InvalidQuery("the query is not understood") from None
    if len(dict(pairs)) != len(pairs) or not dict(pairs).keys() <= known:
        raise InvalidQuery(f"the query may name {', '.join(sorted(known)) or 'nothing'}, each once")
    return dict(pairs)


def _told(document: Document, status: HTTPStatus) -> Response:
    return json_response(document, status, _NO_STORE)
