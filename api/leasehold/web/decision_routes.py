"""Questions about decisions: explained, reversed, tried on policies as they would be. Each is a read of policy."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from leasehold.decisions.assembling import State
from leasehold.decisions.explaining import explain
from leasehold.decisions.past import could
from leasehold.decisions.surveying import Surveyed, acted_for, knows, what_can, who_can
from leasehold.decisions.trying import changed_state, replay, try_cases
from leasehold.model.entities import AGENT, EntityRef
from leasehold.model.errors import Unavailable
from leasehold.policy.decision import Permit
from leasehold.policy.platform import PlatformAction
from leasehold.web import openapi
from leasehold.web.audit_queries import instant
from leasehold.web.bodies import BODY_LIMIT, read_json
from leasehold.web.decision_bodies import cases_of, changed_of, limit_of, nothing_else, question_then
from leasehold.web.decision_documents import (
    accesses_document,
    could_document,
    explanation_document,
    replay_document,
    tried_document,
)
from leasehold.web.documents import json_response
from leasehold.web.doors import DecisionDoors, Doors
from leasehold.web.queries import Cursor, Limit, decode_position, encode_cursor, name_filter
from leasehold.web.refusals import InvalidQuery

_KIND = "decisions"
_LIMIT = 8 * BODY_LIMIT


def decision_routes(doors: Doors) -> APIRouter:
    """These routes."""
    router = APIRouter()
    routes = _DecisionRoutes(doors)
    for path, method, endpoint, extra in (
        ("/v1/decisions/{decision}", "GET", routes.explain, openapi.decision_operation("explain_decision")),
        (
            "/v1/decisions:replay",
            "POST",
            routes.replay,
            openapi.decision_operation("replay_decisions", body="ReplayBody"),
        ),
        ("/v1/policies:test", "POST", routes.test, openapi.decision_operation("test_policies", body="DecisionTable")),
        ("/v1/access:who-can", "GET", routes.who_can, openapi.decision_operation("who_can")),
        ("/v1/access:could", "GET", routes.could, openapi.decision_operation("could")),
        ("/v1/access:what-can", "GET", routes.what_can, openapi.decision_operation("what_can")),
    ):
        router.add_api_route(path, endpoint, methods=[method], response_class=Response, response_model=None, **extra)
    return router


class _DecisionRoutes:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def explain(self, request: Request, decision: str) -> Response:
        """Why a decision was what it was."""
        permit, decisions = await self._permit(request, PlatformAction.EXPLAIN, decision)
        state = self._state(decisions)
        found = await run_in_threadpool(explain, decisions.store, decisions.vault, permit, state, decision)
        return json_response(explanation_document(found))

    async def replay(self, request: Request) -> Response:
        """What the newest decisions on record would be under other policies."""
        permit, decisions = await self._permit(request, PlatformAction.EXPLAIN, "")
        body = await read_json(request, _LIMIT)
        changed, limit = changed_of(body), limit_of(body)
        nothing_else(body)

        def run() -> dict[str, object]:
            state = changed_state(self._state(decisions), changed, decisions.reader)
            return replay_document(state, replay(decisions.store, decisions.vault, permit, state, limit))

        return json_response(await run_in_threadpool(run))

    async def test(self, request: Request) -> Response:
        """A table of cases, decided on the live registry, with other policies if the body holds some."""
        _, decisions = await self._permit(request, PlatformAction.EXPLAIN, "")
        body = await read_json(request, _LIMIT)
        changed, cases = changed_of(body), cases_of(body)
        nothing_else(body)

        def run() -> dict[str, object]:
            state = changed_state(decisions.current.look(), changed, decisions.reader)
            return tried_document(state, list(try_cases(cases, state, self._doors.clock())))

        return json_response(await run_in_threadpool(run))

    async def who_can(
        self,
        request: Request,
        action: Annotated[str, Query(max_length=512)],
        resource: Annotated[str | None, Query(max_length=512)] = None,
        limit: Limit = 100,
        cursor: Cursor = "",
    ) -> Response:
        """Who can do this, and what is left to be true."""
        _, decisions = await self._permit(request, PlatformAction.SEARCH, "")
        state = self._state(decisions)
        if resource is not None and not all(resource.partition(":")):
            raise InvalidQuery("resource must read `type:id`")
        found = await run_in_threadpool(who_can, state, action, resource, self._doors.clock())
        surveyed = Surveyed(state, found, known=action in state.published.actions)
        return _page(surveyed, limit, cursor)

    async def could(
        self,
        request: Request,
        agent: Annotated[str, Query(max_length=63)],
        action: Annotated[str, Query(max_length=512)],
        at: Annotated[str, Query(max_length=64, description="When: RFC 3339, with its offset.")],
        resource: Annotated[str | None, Query(max_length=512, description="`type:id`.")] = None,
        user: Annotated[str | None, Query(max_length=512)] = None,
    ) -> Response:
        """Could this agent have done that, then: by the grants and policies that lived at the time."""
        permit, decisions = await self._permit(request, PlatformAction.EXPLAIN, "")
        then, named = instant(at, "at"), name_filter(agent, "agent")
        if then is None or named is None:
            raise InvalidQuery("at and agent must be said")
        question = question_then(named, action, resource, user) if resource is not None else None
        engine = self._state(decisions).published.engine
        found = await run_in_threadpool(could, decisions.store, permit, engine, named, question, action, then)
        return json_response(could_document(found, then))

    async def what_can(
        self,
        request: Request,
        agent: Annotated[str | None, Query(max_length=512)] = None,
        user: Annotated[str | None, Query(max_length=512)] = None,
        limit: Limit = 100,
        cursor: Cursor = "",
    ) -> Response:
        """What an agent, or a person by themselves, can do, and what is left to be true."""
        _, decisions = await self._permit(request, PlatformAction.SEARCH, "")
        state = self._state(decisions)
        if (agent is None) is (user is None):
            raise InvalidQuery("name an agent or a user")
        subject = EntityRef(AGENT, agent) if agent is not None else state.directory.ref("user", user or "")
        found = await run_in_threadpool(what_can, state, subject, self._doors.clock())
        surveyed = Surveyed(state, found, knows(state, subject), acted_for(state, subject))
        return _page(surveyed, limit, cursor)

    async def _permit(self, request: Request, action: PlatformAction, name: str) -> tuple[Permit, DecisionDoors]:
        permit = await self._doors.permit(await self._doors.caller(request), action, _KIND, name)
        if self._doors.decisions is None:
            raise Unavailable("this control plane has no decision point beside it")
        return permit, self._doors.decisions

    def _state(self, decisions: DecisionDoors) -> State:
        state = decisions.current.state(self._doors.clock())
        if state is None:
            raise Unavailable("what is known of the registry is too old to answer from")
        return state


def _page(surveyed: Surveyed, limit: int, cursor: str) -> Response:
    after, every = decode_position(cursor) or 0, surveyed.ways
    more = encode_cursor(after + limit) if after + limit < len(every) else None
    return json_response(accesses_document(surveyed, every[after : after + limit], more))
