"""`POST /v1/tasks/{id}:end`, for the agent whose task it is, with any token of its own, and for platform principals."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from leasehold.authn.agent_tokens import ActingAgent
from leasehold.model.errors import InvalidValue, NotFound
from leasehold.model.names import check_task
from leasehold.model.plain import rfc3339
from leasehold.policy.platform import PlatformAction
from leasehold.registry.tasks import EndedTask, end_task, end_task_of_agent
from leasehold.web import openapi
from leasehold.web.documents import json_response
from leasehold.web.doors import Doors


def task_routes(doors: Doors) -> APIRouter:
    """This route."""
    router = APIRouter()

    async def end(request: Request, task: str) -> Response:
        """End a task: every lease taken for it is dead when this answers."""
        agent = await doors.agent(request)
        ended = await (_end_own(doors, agent, task) if agent is not None else _end_as_principal(doors, request, task))
        return json_response({"task": ended.task, "generation": ended.generation, "ended_at": rfc3339(ended.ended_at)})

    router.add_api_route(
        "/v1/tasks/{task}:end",
        end,
        methods=["POST"],
        response_class=Response,
        response_model=None,
        **openapi.task_end_operation(),
    )
    return router


async def _end_own(doors: Doors, agent: ActingAgent, task: str) -> EndedTask:
    _check(task)
    return await run_in_threadpool(end_task_of_agent, doors.store, agent.agent, task, doors.clock())


async def _end_as_principal(doors: Doors, request: Request, task: str) -> EndedTask:
    caller = await doors.caller(request)
    permit = await doors.permit(caller, PlatformAction.REVOKE, "task", task)
    _check(task)
    return await run_in_threadpool(end_task, doors.store, permit, task, doors.clock())


def _check(task: str) -> None:
    try:
        check_task(task)
    except InvalidValue:
        raise NotFound("task", "of that name") from None
