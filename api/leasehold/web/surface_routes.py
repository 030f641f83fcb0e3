"""What a tool server shows against its pin (`:surface`), and what somebody saw of it written down (`:observe`)."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from leasehold.model.errors import FieldError, InvalidBody, InvalidValue
from leasehold.model.kinds import Kind
from leasehold.model.pins import ToolPin
from leasehold.model.plain import rfc3339
from leasehold.model.principal import Role
from leasehold.policy.platform import PlatformAction
from leasehold.surfaces.reporting import Changed, SurfaceReport, observe, report
from leasehold.web import openapi
from leasehold.web.bodies import BODY_LIMIT, parse_as, read_json
from leasehold.web.documents import json_response
from leasehold.web.doors import Doors
from leasehold.web.headers import revision_tag
from leasehold.web.queries import speakable

_LIMIT = 8 * BODY_LIMIT
Document = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationBody:
    """The instructions of a server; its tools stand beside them, as a stranger lists them."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}
    instructions: str | None = None


def surface_routes(doors: Doors) -> APIRouter:
    """These routes."""
    router = APIRouter()

    async def get_surface(request: Request, name: str) -> Response:
        """Show what was seen last of a tool server, compared with its pin."""
        caller = await doors.caller(request)
        await doors.permit(caller, PlatformAction.READ, Kind.TOOL_PINS, name)
        return await _answer(doors, name)

    async def post_observation(request: Request, name: str) -> Response:
        """Write down what a tool server was seen to show. It approves nothing."""
        caller = await doors.caller(request)
        permit = await doors.permit(caller, PlatformAction.OBSERVE, Kind.TOOL_SERVERS, name)
        body = await read_json(request, _LIMIT)
        tools = body.pop("tools", None)
        said = parse_as(ObservationBody, body).instructions
        asked = speakable(Kind.TOOL_SERVERS, name)
        try:
            await run_in_threadpool(observe, doors.store, permit, asked, tools, said, doors.clock())
        except InvalidValue as error:
            raise InvalidBody([FieldError("tools", str(error))]) from error
        if caller.role is Role.ENFORCER:
            return Response(status_code=HTTPStatus.NO_CONTENT)  # it tells, and reads nothing
        return await _answer(doors, asked)

    for path, method, endpoint, extra in (
        ("/v1/tool-servers/{name}:surface", "GET", get_surface, openapi.surface_operation()),
        ("/v1/tool-servers/{name}:observe", "POST", post_observation, openapi.observation_operation()),
    ):
        router.add_api_route(path, endpoint, methods=[method], response_class=Response, response_model=None, **extra)
    return router


async def _answer(doors: Doors, name: str) -> Response:
    found = await run_in_threadpool(report, doors.store, speakable(Kind.TOOL_SERVERS, name))
    tag = {"ETag": revision_tag(found.pin.revision)} if found.pin is not None else {}
    return json_response(_document(found), headers=tag)


def _document(found: SurfaceReport) -> Document:
    return {
        "tool_server": found.server,
        "pinning": found.pinning.value,
        "pin": _pin(found),
        "observed": _observed(found),
        "surface": found.surface,
        "changes": [_changed(one) for one in found.changes],
        "omitted": found.omitted,
        "advice": [{"tool": one.tool, "kind": one.kind, "rule": one.rule} for one in found.advice],
        "usable": list(found.usable),
        "quarantined": list(found.quarantined),
        "unreadable": dict(found.unreadable),
    }


def _pin(found: SurfaceReport) -> Document | None:
    pin = found.pin
    if pin is None or not isinstance(pin.spec, ToolPin):
        return None
    return {
        "surface": pin.spec.surface,
        "digest": pin.spec.digest,
        "justification": pin.spec.justification,
        "revision": pin.revision,
        "updated_at": rfc3339(pin.updated_at),
        "updated_by": pin.updated_by,
        "managed_by": pin.stack,
    }


def _observed(found: SurfaceReport) -> Document | None:
    seen = found.seen
    if seen is None:
        return None
    return {
        "digest": f"sha256:{seen.digest}",
        "first_at": rfc3339(seen.first_at),
        "last_at": rfc3339(seen.last_at),
        "by": seen.by,
        "problem": seen.problem,
    }


def _changed(one: Changed) -> Document:
    return {
        "tool": one.tool,
        "state": one.state.value,
        "words": list(one.words),
        "fields": [{"path": at.path, "approved": at.approved, "live": at.live} for at in one.fields],
        "omitted": one.omitted,
    }
