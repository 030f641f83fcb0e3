"""Exports of the audit trail: how far each receiver has come, told again, and tested. Where they go, settings say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter
from fastapi import Path as PathParameter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from leasehold.model.errors import InvalidValue
from leasehold.policy.platform import PlatformAction
from leasehold.trail.exports import ExportState, list_exports, replay, send_test
from leasehold.web import audit_openapi
from leasehold.web.bodies import parse_as, read_json
from leasehold.web.documents import json_response
from leasehold.web.doors import Doors
from leasehold.web.trail_permits import trail_permit

_LARGEST = 2**53
_Name = Annotated[str, PathParameter(pattern="^[A-Za-z_][A-Za-z0-9_]{0,62}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayBody:
    """From which place on."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "strict": True}
    start: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= _LARGEST:
            raise InvalidValue("start must be a place in the trail")


def export_routes(doors: Doors) -> APIRouter:
    """These routes."""
    router = APIRouter()
    routes = _ExportRoutes(doors)
    for path, method, endpoint, extra in (
        ("/v1/audit/exports", "GET", routes.exports, audit_openapi.audit_exports_operation()),
        ("/v1/audit/exports/{name}:replay", "POST", routes.replay, audit_openapi.audit_replay_operation()),
        ("/v1/audit/exports/{name}:test", "POST", routes.test, audit_openapi.audit_test_operation()),
    ):
        router.add_api_route(path, endpoint, methods=[method], response_class=Response, response_model=None, **extra)
    return router


@dataclass(frozen=True, slots=True)
class _ExportRoutes:
    doors: Doors

    async def exports(self, request: Request) -> Response:
        """How far each receiver has come."""
        _, trail = await trail_permit(self.doors, request, PlatformAction.READ_AUDIT)
        found = await run_in_threadpool(list_exports, trail.store, trail.exports)
        return json_response({"items": [_document(one) for one in found]})

    async def replay(self, request: Request, name: _Name) -> Response:
        """Tell a receiver again, from a place on."""
        permit, trail = await trail_permit(self.doors, request, PlatformAction.KEEP_AUDIT, name)
        body = parse_as(ReplayBody, await read_json(request))
        now = self.doors.clock()
        state = await run_in_threadpool(replay, trail.store, permit, trail.exports, name, body.start, now)
        return json_response(_document(state))

    async def test(self, request: Request, name: _Name) -> Response:
        """Write an event for a receiver to take. It has it once its `position` is behind `tested`."""
        permit, trail = await trail_permit(self.doors, request, PlatformAction.KEEP_AUDIT, name)
        now = self.doors.clock()
        place = await run_in_threadpool(send_test, trail.store, trail.sealer, permit, trail.exports, name, now)
        return json_response({"name": name, "tested": place})


def _document(state: ExportState) -> dict[str, object]:
    return {
        "name": state.name,
        "to": state.to,
        "position": state.position,
        "size": state.size,
        "told_at": state.told_at,
        "set_aside": list(state.set_aside),
    }
