"""What is kept of the audit trail: contents read and erased, legal holds. None of it changes an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter
from fastapi import Path as PathParameter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from leasehold.model.errors import InvalidValue, Unavailable
from leasehold.model.names import check_name, check_text
from leasehold.model.plain import rfc3339
from leasehold.model.trail.keeping import Hold
from leasehold.policy.platform import PlatformAction
from leasehold.trail.contents import Contents
from leasehold.trail.retention import list_holds, place_hold, release_hold
from leasehold.web import audit_openapi
from leasehold.web.bodies import parse_as, read_json
from leasehold.web.documents import json_response
from leasehold.web.doors import Doors, TrailDoors
from leasehold.web.handing_out import HandedOut, Handing
from leasehold.web.trail_permits import trail_permit

_STRICT: dict[str, object] = {"extra": "forbid", "str_max_length": 1024}
_Commitment = Annotated[str, PathParameter(pattern="^[0-9a-f]{64}$")]
_Name = Annotated[str, PathParameter(pattern="^[a-z0-9][a-z0-9-]{0,62}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureBody:
    """Whose contents: `user:ann`, `agent:triage`; and why."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    subject: str
    reason: str

    def __post_init__(self) -> None:
        _check_reason(self.reason)
        check_text(self.subject, "subject")
        if not self.subject:
            raise InvalidValue("subject must name somebody")


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldBody:
    """Why, and about which agent; about all, if none is named."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    reason: str
    agent: str | None = None

    def __post_init__(self) -> None:
        _check_reason(self.reason)
        if self.agent is not None:
            check_name(self.agent, "agent")


def keeping_routes(doors: Doors) -> APIRouter:
    """These routes."""
    router = APIRouter()
    routes = _KeepingRoutes(doors)
    for path, method, endpoint, extra in (
        ("/v1/audit/contents/{commitment}", "GET", routes.read, audit_openapi.audit_content_operation()),
        ("/v1/audit/contents:erase", "POST", routes.erase, audit_openapi.audit_erase_operation()),
        ("/v1/audit/holds", "GET", routes.holds, audit_openapi.audit_holds_operation()),
        ("/v1/audit/holds/{name}", "PUT", routes.hold, audit_openapi.audit_hold_operation()),
        ("/v1/audit/holds/{name}", "DELETE", routes.release, audit_openapi.audit_release_operation()),
    ):
        router.add_api_route(path, endpoint, methods=[method], response_class=Response, response_model=None, **extra)
    return router


@dataclass(frozen=True, slots=True)
class _KeepingRoutes:
    doors: Doors

    async def read(self, request: Request, commitment: _Commitment) -> Response:
        """What went in and came out. That it was read is an event."""
        permit, trail = await trail_permit(self.doors, request, PlatformAction.READ_AUDIT, commitment)
        found, begun = await run_in_threadpool(_contents(trail).read, permit, commitment, self.doors.clock())
        answer = HandedOut([found], "application/json", Handing(trail.store, permit, begun, self.doors.clock))
        answer.headers["cache-control"] = "no-store"
        return answer

    async def erase(self, request: Request) -> Response:
        """Destroy all contents about somebody, and their key. Events and proofs stay."""
        permit, trail = await trail_permit(self.doors, request, PlatformAction.KEEP_AUDIT)
        body = parse_as(ErasureBody, await read_json(request))
        erase, now = _contents(trail).erase, self.doors.clock()
        erased = await run_in_threadpool(erase, permit, body.subject, body.reason, now)
        return json_response({"subject": body.subject, "erased": erased, "at": rfc3339(now)})

    async def holds(self, request: Request) -> Response:
        """The legal holds that stand."""
        permit, trail = await trail_permit(self.doors, request, PlatformAction.READ_AUDIT)
        found = await run_in_threadpool(list_holds, trail.store, permit)
        return json_response({"items": [_document(one) for one in found]})

    async def hold(self, request: Request, name: _Name) -> Response:
        """Let nothing be pruned about an agent, or nothing at all."""
        permit, trail = await trail_permit(self.doors, request, PlatformAction.KEEP_AUDIT, name)
        body = parse_as(HoldBody, await read_json(request))
        now = self.doors.clock()
        held = await run_in_threadpool(place_hold, trail.store, permit, name, body.reason, body.agent, now)
        return json_response(_document(held))

    async def release(self, request: Request, name: _Name) -> Response:
        """End a legal hold."""
        permit, trail = await trail_permit(self.doors, request, PlatformAction.KEEP_AUDIT, name)
        await run_in_threadpool(release_hold, trail.store, permit, name, self.doors.clock())
        return Response(status_code=204)


def _contents(trail: TrailDoors) -> Contents:
    if trail.contents is None:
        raise Unavailable("this registry keeps no contents")
    return trail.contents


def _document(hold: Hold) -> dict[str, object]:
    return {"name": hold.name, "reason": hold.reason, "agent": hold.agent, "by": hold.by, "at": rfc3339(hold.at)}


def _check_reason(reason: str) -> None:
    check_text(reason, "reason")
    if not reason.strip():
        raise InvalidValue("reason must say why")
