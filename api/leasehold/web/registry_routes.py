"""What concerns the registry as a whole: snapshot, effective access, revocations, and who is calling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_text
from leasehold.policy.platform import PlatformAction, kind_of_node
from leasehold.registry.effective import effective_access
from leasehold.registry.revoke import parse_node, revoke_node
from leasehold.registry.snapshot import take_snapshot
from leasehold.web import openapi
from leasehold.web.bodies import parse_as, read_json
from leasehold.web.documents import (
    access_document,
    json_response,
    principal_document,
    revocation_document,
    snapshot_document,
)
from leasehold.web.doors import Doors
from leasehold.web.headers import known_mark, mark_tag
from leasehold.web.queries import NameFilter, name_filter

_NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationBody:
    """Which node: `registry`, `owner:…`, `agent:…`, `deployment:…`, `binding:…`, `policy:…` or `lease:…`; and why."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "str_max_length": 1024}
    node: str
    reason: str

    def __post_init__(self) -> None:
        check_text(self.reason, "reason")
        if not self.reason.strip():
            raise InvalidValue("reason must say why")


def registry_routes(doors: Doors) -> APIRouter:
    """These routes."""
    router = APIRouter()
    routes = _RegistryRoutes(doors)
    for path, method, endpoint, extra in (
        ("/v1/snapshot", "GET", routes.snapshot, openapi.snapshot_operation()),
        ("/v1/effective-access", "GET", routes.effective_access, openapi.effective_access_operation()),
        ("/v1/revocations", "POST", routes.revoke, openapi.revocation_operation()),
        ("/v1/whoami", "GET", routes.whoami, openapi.whoami_operation()),
    ):
        router.add_api_route(path, endpoint, methods=[method], response_class=Response, response_model=None, **extra)
    return router


class _RegistryRoutes:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def snapshot(self, request: Request, stack: NameFilter = None) -> Response:
        """The whole live picture, or what concerns one stack, in one read."""
        caller = await self._doors.caller(request)
        await self._doors.permit(caller, PlatformAction.READ, "snapshot", "")
        named, now = name_filter(stack, "stack"), self._doors.clock()
        known = known_mark(request, named)
        found = await run_in_threadpool(take_snapshot, self._doors.store, named, known, now)
        if found is None:
            return Response(status_code=_NOT_MODIFIED, headers={"ETag": request.headers["if-none-match"].strip()})
        document = await run_in_threadpool(snapshot_document, found, now)
        return json_response(document, headers={"ETag": mark_tag(found.mark, named)})

    async def effective_access(self, request: Request, agent: Annotated[str, Query(max_length=63)]) -> Response:
        """What an agent can really do now, and what is withheld from it."""
        caller = await self._doors.caller(request)
        await self._doors.permit(caller, PlatformAction.READ, "effective-access", agent)
        named = name_filter(agent, "agent") or ""
        found = await run_in_threadpool(effective_access, self._doors.store, named, self._doors.clock())
        return json_response(access_document(found))

    async def revoke(self, request: Request) -> Response:
        """Revoke a node and everything under it, durable before the answer."""
        caller = await self._doors.caller(request)
        body = parse_as(RevocationBody, await read_json(request))
        node = parse_node(body.node)
        permit = await self._doors.permit(caller, PlatformAction.REVOKE, kind_of_node(node), node)
        done = await run_in_threadpool(revoke_node, self._doors.store, permit, node, body.reason, self._doors.clock())
        return json_response(revocation_document(done))

    async def whoami(self, request: Request) -> Response:
        """Who the caller is, in which role, for which stack."""
        return json_response(principal_document(await self._doors.caller(request)))
