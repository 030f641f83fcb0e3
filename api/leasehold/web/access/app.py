"""`/access/v1/*` and `/.well-known/authzen-configuration`.

A denial is a 200. A request that is none is a 400, a caller that is nobody a 401 with a challenge, one of a role that
may not ask a 403; each says why in one JSON string.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias
from urllib.parse import urlsplit

import orjson

from leasehold.decisions.answering import Answer, Answering
from leasehold.decisions.asking import Asking
from leasehold.decisions.questions import NoQuestion
from leasehold.model.errors import InvalidValue, LeaseholdError
from leasehold.model.plain import rfc3339
from leasehold.policy.platform import PlatformAction
from leasehold.web.access import bodies
from leasehold.web.access.bodies import BadRequest
from leasehold.web.access.callers import Callers
from leasehold.web.access.metadata import Metadata
from leasehold.web.access.search import Searches, results_document
from leasehold.web.asgi import Application, Receive, Scope, Send
from leasehold.web.oauth.forms import InvalidRequest
from leasehold.web.presenting import challenge
from leasehold.web.problems import problem_of

WELL_KNOWN = "/.well-known/authzen-configuration"
_BASE = "/access/v1"
REQUESTABLE_FOR = timedelta(minutes=10)
_REQUEST_ID = b"x-request-id"
_log = logging.getLogger(__name__)
Headers: TypeAlias = list[tuple[bytes, bytes]]
Route: TypeAlias = Callable[[Scope, Receive], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessDoors:
    """Given to the app. `clock` tells the time, aware UTC. `requests`: where access requests are taken, if anywhere."""

    issuer: str
    callers: Callers
    answering: Answering
    searches: Searches
    metadata: Metadata
    clock: Callable[[], datetime]
    requests: str = ""


def access_app(doors: AccessDoors) -> Application:
    """The application."""
    routes = _Routes(doors).by_path()
    below = urlsplit(doors.issuer).path.rstrip("/")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if path == WELL_KNOWN + below:
            await _metadata(scope, send, doors.metadata)
        elif (route := routes.get(path)) is None:
            await _send(scope, send, 404, "nothing lives at this path")
        elif method != "POST":
            await _send(scope, send, 405, "only POST is allowed here", [(b"allow", b"POST")])
        else:
            await _answer(route, scope, receive, send)

    return app


class _Routes:
    """One method per endpoint. Who is calling comes before what is wrong with the call."""

    def __init__(self, doors: AccessDoors) -> None:
        self._doors = doors

    def by_path(self) -> Mapping[str, Route]:
        return {
            f"{_BASE}/evaluation": self.evaluation,
            f"{_BASE}/evaluations": self.evaluations,
            f"{_BASE}/search/subject": self.search_subject,
            f"{_BASE}/search/resource": self.search_resource,
            f"{_BASE}/search/action": self.search_action,
        }

    async def evaluation(self, scope: Scope, receive: Receive) -> object:
        permit = await self._doors.callers.permit(scope, PlatformAction.DECIDE)
        question = bodies.evaluation(await bodies.read_body(scope, receive))
        return self._document(await self._doors.answering.answer(permit, question))

    async def evaluations(self, scope: Scope, receive: Receive) -> object:
        permit = await self._doors.callers.permit(scope, PlatformAction.DECIDE)
        questions = bodies.evaluations(await bodies.read_body(scope, receive))
        answers = await self._doors.answering.answer_all(permit, questions.items, questions.semantic)
        documents = [self._document(answer) for answer in answers]
        return {"evaluations": documents} if questions.several else documents[0]

    def _document(self, answer: Answer | NoQuestion) -> Mapping[str, object]:
        return decision_document(answer, self._doors.clock() + REQUESTABLE_FOR if self._doors.requests else None)

    async def search_subject(self, scope: Scope, receive: Receive) -> object:
        return await self._search(scope, receive, "subject")

    async def search_resource(self, scope: Scope, receive: Receive) -> object:
        return await self._search(scope, receive, "resource")

    async def search_action(self, scope: Scope, receive: Receive) -> object:
        return await self._search(scope, receive, "action")

    async def _search(self, scope: Scope, receive: Receive, wanted: str) -> object:
        permit = await self._doors.callers.permit(scope, PlatformAction.SEARCH)
        asked = bodies.search(await bodies.read_body(scope, receive), wanted=wanted)
        return results_document(wanted, asked, await self._doors.searches.search(permit, wanted, asked))


def decision_document(answer: Answer | NoQuestion, until: datetime | None = None) -> Mapping[str, object]:
    """A decision as an enforcement point gets it: never which values, attributes or conditions made it so.

    `until`: how long access may be requested, where somebody takes requests (AuthZEN's Access Request Profile).
    """
    if isinstance(answer, NoQuestion):
        return {"decision": False, "context": {"error": {"status": 400, "message": answer.message}}}
    decision = answer.decision
    context: dict[str, object] = {"evaluation_id": answer.id, "reason": decision.reason.value}
    if decision.version:
        context["policy_version"] = decision.version
    if len(decision.sides) > 1:
        context["sides"] = {side.side.value: side.allowed for side in decision.sides}
    if answer.obligations:
        context["obligations"] = answer.obligations
    return {"decision": decision.allowed, "context": {**context, **_recourse(answer.asking, until)}}


def _recourse(asking: Asking, until: datetime | None) -> Mapping[str, object]:
    """What who was denied can do about it."""
    found: dict[str, object] = {}
    if asking.requestable:
        found["requestable"] = True
        found |= {"access_request": {"expires_at": rfc3339(until)}} if until is not None else {}
    if asking.grant is not None:
        found["request"] = {"grant": asking.grant}
    if asking.advice:
        found["advice"] = asking.advice
    return found


async def _answer(route: Route, scope: Scope, receive: Receive, send: Send) -> None:
    try:
        document = await route(scope, receive)
    except (BadRequest, InvalidValue, InvalidRequest) as error:
        await _send(scope, send, 400, str(error))
    except LeaseholdError as error:
        advice = challenge(error) or {"retry-after": "1"}
        headers = [(name.encode(), value.encode()) for name, value in advice.items()]
        await _send(scope, send, int(problem_of(error).status), str(error), headers)
    except Exception as error:  # noqa: BLE001  whatever broke, the caller gets JSON and no detail
        _log.error("unexpected %s", type(error).__name__)
        await _send(scope, send, 500, "something broke on our side")
    else:
        await _send(scope, send, 200, document)


async def _metadata(scope: Scope, send: Send, metadata: Metadata) -> None:
    if scope["method"] != "GET":
        await _send(scope, send, 405, "only GET is allowed here", [(b"allow", b"GET")])
        return
    await _write(send, 200, await metadata.document(), [*_echo(scope), (b"cache-control", b"public, max-age=300")])


async def _send(scope: Scope, send: Send, status: int, document: object, headers: Headers | None = None) -> None:
    more = [*_echo(scope), (b"cache-control", b"no-store"), *(headers or ())]
    await _write(send, status, orjson.dumps(document), more)


async def _write(send: Send, status: int, body: bytes, headers: Headers) -> None:
    told = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})


def _echo(scope: Scope) -> Headers:
    """The request's identifier, if it has one (AuthZEN 1.0, "Request Identification")."""
    return [(name, value) for name, value in scope["headers"] if name == _REQUEST_ID][:1]
