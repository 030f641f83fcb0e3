"""The ASGI application of `/ssf/*` and `/.well-known/ssf-configuration`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import orjson
from starlette.concurrency import run_in_threadpool

from leasehold.authn.possession import Possessions
from leasehold.model.errors import FieldError, InvalidBody, InvalidValue, LeaseholdError, NotFound
from leasehold.model.principal import Principal
from leasehold.signals.streams import Streams
from leasehold.web.asgi import Application, Receive, Scope, Send
from leasehold.web.bodies import Json, parse_as, parse_json
from leasehold.web.doors import Authenticator
from leasehold.web.oauth.forms import InvalidRequest, header, read_body
from leasehold.web.presenting import challenge, presented
from leasehold.web.problems import problem_of
from leasehold.web.signals import documents
from leasehold.web.signals.documents import (
    ADD_SUBJECT,
    REMOVE_SUBJECT,
    STATUS,
    STREAMS,
    VERIFY,
    StatusBody,
    SubjectBody,
    VerifyBody,
    stream_body,
    wish_of,
)

CONFIGURATION = "/.well-known/ssf-configuration"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalDoors:
    """Given to the app. `clock` tells the time, aware UTC."""

    issuer: str
    streams: Streams
    authenticator: Authenticator
    possessions: Possessions
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class _Answer:
    """A status, and JSON if there is something to say."""

    status: int
    body: Any = None  # Any: JSON
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Call:
    """One request of a receiver that is known."""

    principal: Principal
    query: str | None
    body: Json
    now: datetime


_Route: TypeAlias = Callable[[_Call], Awaitable[_Answer]]


def signals_app(doors: SignalDoors) -> Application:
    """The application."""
    routes = _Routes(doors).by_method_and_path()
    below = urlsplit(doors.issuer).path.rstrip("/")  # §7.2.1: the well-known part goes between host and path

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == CONFIGURATION + below and scope["method"] == "GET":
            cached = {"cache-control": "public, max-age=300"}
            await _send(send, _Answer(200, documents.configuration_document(doors.issuer), cached))
            return
        await _send(send, await _answered(doors, routes, scope, receive))

    return app


class _Routes:
    """One method per operation."""

    def __init__(self, doors: SignalDoors) -> None:
        self._issuer = doors.issuer
        self._streams = doors.streams

    def by_method_and_path(self) -> Mapping[tuple[str, str], _Route]:
        return {
            ("POST", STREAMS): self.create,
            ("GET", STREAMS): self.read,
            ("PATCH", STREAMS): self.change,
            ("PUT", STREAMS): self.change_whole,
            ("DELETE", STREAMS): self.remove,
            ("GET", STATUS): self.status,
            ("POST", STATUS): self.set_status,
            ("POST", ADD_SUBJECT): self.add_subject,
            ("POST", REMOVE_SUBJECT): self.remove_subject,
            ("POST", VERIFY): self.verify,
        }

    async def create(self, call: _Call) -> _Answer:
        body = stream_body(call.body)
        if body.delivery is None or body.stream_id is not None:  # §8.1.1.1: without it, poll is meant
            raise InvalidBody([FieldError("delivery", "is required: only push delivery (RFC 8935) is served")])
        wish = wish_of(body, whole=True)
        endpoint = body.delivery.endpoint_url
        stream = await run_in_threadpool(self._streams.create, call.principal, endpoint, wish, call.now)
        return _Answer(201, documents.stream_document(self._issuer, stream))

    async def read(self, call: _Call) -> _Answer:
        if call.query is None:
            streams = await run_in_threadpool(self._streams.list, call.principal)
            return _Answer(200, [documents.stream_document(self._issuer, stream) for stream in streams])
        stream = await run_in_threadpool(self._streams.get, call.principal, call.query)
        return _Answer(200, documents.stream_document(self._issuer, stream))

    async def change(self, call: _Call) -> _Answer:
        return await self._changed(call, whole=False)

    async def change_whole(self, call: _Call) -> _Answer:
        return await self._changed(call, whole=True)

    async def _changed(self, call: _Call, *, whole: bool) -> _Answer:
        body = stream_body(call.body)
        if body.stream_id is None or (whole and body.delivery is None):
            raise InvalidBody([FieldError("stream_id" if body.stream_id is None else "delivery", "is required")])
        wish = wish_of(body, whole=whole)
        stream = await run_in_threadpool(self._streams.update, call.principal, body.stream_id, wish, call.now)
        return _Answer(200, documents.stream_document(self._issuer, stream))

    async def remove(self, call: _Call) -> _Answer:
        await run_in_threadpool(self._streams.remove, call.principal, _named(call), call.now)
        return _Answer(204)

    async def status(self, call: _Call) -> _Answer:
        stream = await run_in_threadpool(self._streams.get, call.principal, _named(call))
        return _Answer(200, documents.status_document(stream))

    async def set_status(self, call: _Call) -> _Answer:
        body = parse_as(StatusBody, call.body)
        change = self._streams.set_status
        stream = await run_in_threadpool(change, call.principal, body.stream_id, body.status, body.reason, call.now)
        return _Answer(200, documents.status_document(stream))

    async def add_subject(self, call: _Call) -> _Answer:
        body = parse_as(SubjectBody, call.body)
        await run_in_threadpool(self._streams.add_subject, call.principal, body.stream_id, body.subject, call.now)
        return _Answer(200)

    async def remove_subject(self, call: _Call) -> _Answer:
        body = parse_as(SubjectBody, call.body)
        await run_in_threadpool(self._streams.remove_subject, call.principal, body.stream_id, body.subject, call.now)
        return _Answer(204)

    async def verify(self, call: _Call) -> _Answer:
        body = parse_as(VerifyBody, call.body)
        await run_in_threadpool(self._streams.verify, call.principal, body.stream_id, body.state, call.now)
        return _Answer(204)


async def _answered(
    doors: SignalDoors, routes: Mapping[tuple[str, str], _Route], scope: Scope, receive: Receive
) -> _Answer:
    try:
        now = doors.clock()
        authenticate = doors.authenticator.authenticate
        principal = await run_in_threadpool(doors.possessions.admit, presented(scope), now, authenticate)
        route = routes.get((scope["method"], scope["path"]))
        if route is None:
            return _no_route(scope, routes)
        return await route(_Call(principal, _stream_id(scope), await _body(scope, receive), now))
    except InvalidRequest as error:
        return _error(error.status, error.error, str(error))
    except InvalidValue as error:  # a noun that cannot be
        return _error(400, "invalid_request", str(error))
    except LeaseholdError as error:
        problem = problem_of(error)
        # SSF 1.0 §8.1: a body that cannot be understood is 400, whatever is wrong with it.
        status = 400 if isinstance(error, InvalidBody) else int(problem.status)
        return _error(status, problem.oauth, str(error), _advice(error))
    except Exception as error:  # noqa: BLE001  whatever broke, the caller gets JSON and no detail
        _log.error("unexpected %s", type(error).__name__, exc_info=error)
        return _error(500, "server_error", "something broke on our side")


def _named(call: _Call) -> str:
    if call.query is None:
        raise InvalidRequest("stream_id is missing")
    return call.query


def _stream_id(scope: Scope) -> str | None:
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    found = query.get("stream_id", [])
    if len(found) > 1 or query.keys() - {"stream_id"}:
        raise InvalidRequest("the query names one stream_id")
    return found[0] if found else None


async def _body(scope: Scope, receive: Receive) -> Json:
    if scope["method"] not in {"POST", "PATCH", "PUT"}:
        return {}
    if header(scope, b"content-type").partition(";")[0].strip().lower() != "application/json":
        raise InvalidRequest("the body must be application/json")
    return parse_json(await read_body(receive))


def _no_route(scope: Scope, routes: Mapping[tuple[str, str], _Route]) -> _Answer:
    allowed = sorted(method for method, path in routes if path == scope["path"])
    if not allowed:
        raise NotFound("endpoint", "at this path")
    return _error(405, "invalid_request", "the method is not allowed here", {"allow": ", ".join(allowed)})


def _advice(error: LeaseholdError) -> Mapping[str, str]:
    return {"retry-after": "5"} if error.code in {"too_soon", "unavailable"} else challenge(error)


def _error(status: int, error: str, why: str, headers: Mapping[str, str] | None = None) -> _Answer:
    return _Answer(status, {"error": error, "error_description": why}, headers)


async def _send(send: Send, answer: _Answer) -> None:
    body = orjson.dumps(answer.body) if answer.body is not None else b""
    headers = {"cache-control": "no-store", "content-length": str(len(body)), **(answer.headers or {})}
    if body:
        headers["content-type"] = "application/json"
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
