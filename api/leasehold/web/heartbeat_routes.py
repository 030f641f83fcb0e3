"""`POST /v1/deployments/{name}:heartbeat`, for the workload with a token of its own, and for platform principals."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from leasehold.model.errors import InvalidValue, NotFound
from leasehold.model.heartbeats import Heartbeat
from leasehold.model.kinds import Kind
from leasehold.model.names import check_name
from leasehold.model.plain import rfc3339
from leasehold.policy.platform import PlatformAction
from leasehold.registry.heartbeats import beat, beat_of_agent
from leasehold.web import openapi
from leasehold.web.documents import json_response
from leasehold.web.doors import Doors


def heartbeat_routes(doors: Doors) -> APIRouter:
    """This route."""
    router = APIRouter()

    async def heartbeat(request: Request, deployment: str) -> Response:
        """Say that a deployment lives; when the next heartbeat is due."""
        given = await _given(doors, request, deployment)
        seconds = int(given.ttl.total_seconds())
        return json_response(
            {"deployment": given.deployment, "heartbeat_ttl": seconds, "due_at": rfc3339(given.due_at)}
        )

    router.add_api_route(
        "/v1/deployments/{deployment}:heartbeat",
        heartbeat,
        methods=["POST"],
        response_class=Response,
        response_model=None,
        **openapi.heartbeat_operation(),
    )
    return router


async def _given(doors: Doors, request: Request, deployment: str) -> Heartbeat:
    agent = await doors.agent(request)
    if agent is not None:
        _check(deployment)
        return await run_in_threadpool(beat_of_agent, doors.store, agent, deployment, doors.clock())
    caller = await doors.caller(request)
    permit = await doors.permit(caller, PlatformAction.PUT, Kind.DEPLOYMENTS, deployment)
    _check(deployment)
    return await run_in_threadpool(beat, doors.store, permit, deployment, doors.clock())


def _check(deployment: str) -> None:
    try:
        check_name(deployment)
    except InvalidValue:
        raise NotFound(Kind.DEPLOYMENTS.singular, "of that name") from None
