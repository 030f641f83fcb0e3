"""`PUT|GET|DELETE /v1/{kind}/{name}` and `GET /v1/{kind}`: one set of routes per kind, so that OpenAPI knows each."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from leasehold.model.errors import FieldError, InvalidBody, NotFound, Unavailable
from leasehold.model.kinds import Kind
from leasehold.model.objects import SPECS
from leasehold.model.records import Filters
from leasehold.policy.decision import Permit
from leasehold.policy.platform import PlatformAction
from leasehold.registry.baselines import record_baseline
from leasehold.registry.delete import delete_object
from leasehold.registry.put import put_object
from leasehold.registry.read import get_object, list_objects
from leasehold.registry.writes import Delete, Put, Written
from leasehold.web import openapi
from leasehold.web.bodies import BODY_LIMIT, parse_as, read_json, take_set
from leasehold.web.documents import json_response, object_document
from leasehold.web.doors import Doors
from leasehold.web.headers import precondition, receipt, revision_tag, seen_revision
from leasehold.web.queries import (
    Cursor,
    EndFilter,
    Limit,
    NameFilter,
    decode_cursor,
    encode_cursor,
    end_filter,
    name_filter,
    relation_filter,
    speakable,
)

# A set names up to 10,000 grants twice: those it wants and those its plan saw. A server brings a schema for each tool,
# and a pin of it every word of them.
_BODY_LIMITS = dict.fromkeys((Kind.GRANT_SETS, Kind.TOOL_SERVERS, Kind.TOOL_PINS), 4 * BODY_LIMIT)


def object_routes(doors: Doors) -> APIRouter:
    """The routes of every kind."""
    router = APIRouter()
    for kind in Kind:
        _ObjectRoutes(doors, kind).add_to(router)
    return router


class _ObjectRoutes:
    """The routes of one kind."""

    def __init__(self, doors: Doors, kind: Kind) -> None:
        self._doors = doors
        self._kind = kind

    def add_to(self, router: APIRouter) -> None:
        one, many, kind = f"/v1/{self._kind}/{{name:path}}", f"/v1/{self._kind}", self._kind
        for path, method, endpoint, extra in (
            (many, "GET", self.list_relations if kind is Kind.RELATIONS else self.list, openapi.list_operation(kind)),
            (one, "PUT", self.put, openapi.put_operation(kind)),
            (one, "GET", self.get, openapi.get_operation(kind)),
            (one, "DELETE", self.delete, openapi.delete_operation(kind)),
        ):
            router.add_api_route(
                path, endpoint, methods=[method], response_class=Response, response_model=None, **extra
            )

    async def put(self, request: Request, name: str) -> Response:
        """Create or change an object."""
        caller = await self._doors.caller(request)
        body = await read_json(request, _BODY_LIMITS.get(self._kind, BODY_LIMIT))
        seen = take_set(body, "seen") if self._kind is Kind.GRANT_SETS else frozenset()
        put = Put(
            kind=self._kind,
            name=self._nameable(name),
            spec=parse_as(SPECS[self._kind], body),
            precondition=precondition(request),
            seen=seen,
        )
        permit = await self._doors.permit(caller, PlatformAction.PUT, self._kind, put.name)
        now = self._doors.clock()
        held = self._doors.held_to(receipt(request), now)
        written = await run_in_threadpool(put_object, self._doors.store, permit, put, now, self._doors.policies, held)
        if self._kind is Kind.CREDENTIAL_PROFILES:
            await self._observe(permit, written)
        return json_response(
            object_document(written.view),
            HTTPStatus.CREATED if written.created else HTTPStatus.OK,
            {"ETag": revision_tag(written.view.stored.revision)},
        )

    async def _observe(self, permit: Permit, written: Written) -> None:
        """Record what a profile points to. It is written by now: what cannot be recorded is unproven, and no error."""
        if self._doors.observer is not None:
            with suppress(Unavailable):
                await run_in_threadpool(
                    record_baseline, self._doors.store, permit, written, self._doors.observer, self._doors.clock()
                )

    async def get(self, request: Request, name: str) -> Response:
        """Read an object."""
        caller = await self._doors.caller(request)
        await self._doors.permit(caller, PlatformAction.READ, self._kind, name)
        asked = speakable(self._kind, name)
        view = await run_in_threadpool(get_object, self._doors.store, self._kind, asked, self._doors.clock())
        return json_response(object_document(view), headers={"ETag": revision_tag(view.stored.revision)})

    async def delete(self, request: Request, name: str) -> Response:
        """Delete an object that nothing refers to."""
        caller = await self._doors.caller(request)
        delete = Delete(kind=self._kind, name=speakable(self._kind, name), precondition=seen_revision(request))
        permit = await self._doors.permit(caller, PlatformAction.DELETE, self._kind, delete.name)
        now = self._doors.clock()
        held = self._doors.held_to(receipt(request), now)
        await run_in_threadpool(delete_object, self._doors.store, permit, delete, now, held)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def list(
        self,
        request: Request,
        limit: Limit = 100,
        cursor: Cursor = "",
        agent: NameFilter = None,
        stack: NameFilter = None,
        managed: bool | None = None,
    ) -> Response:
        """List objects in the order of their names, a page at a time."""
        await self._may_list(request)
        named = name_filter(agent, "agent")
        filters = Filters(
            agents=frozenset({named}) if named is not None else None, stack=name_filter(stack, "stack"), managed=managed
        )
        return await self._page(filters, limit, cursor)

    async def list_relations(  # noqa: PLR0913, PLR0917  FastAPI reads the query parameters off the signature
        self,
        request: Request,
        limit: Limit = 100,
        cursor: Cursor = "",
        subject: EndFilter = None,
        relation: NameFilter = None,
        object: EndFilter = None,  # noqa: A002  the name of the query parameter
        stack: NameFilter = None,
        managed: bool | None = None,
    ) -> Response:
        """List relations in the order of their names, a page at a time, by either end."""
        await self._may_list(request)
        filters = Filters(
            subject=end_filter(subject, "subject"),
            relation=relation_filter(relation),
            object=end_filter(object, "object"),
            stack=name_filter(stack, "stack"),
            managed=managed,
        )
        return await self._page(filters, limit, cursor)

    async def _may_list(self, request: Request) -> None:
        caller = await self._doors.caller(request)
        await self._doors.permit(caller, PlatformAction.READ, self._kind, "")

    async def _page(self, filters: Filters, limit: int, cursor: str) -> Response:
        page = await run_in_threadpool(
            list_objects,
            self._doors.store,
            self._kind,
            after=decode_cursor(cursor),
            limit=limit,
            filters=filters,
            now=self._doors.clock(),
        )
        return json_response(
            {"items": [object_document(view) for view in page.items], "next_cursor": encode_cursor(page.after)}
        )

    def _nameable(self, name: str) -> str:
        try:
            return speakable(self._kind, name)
        except NotFound:
            raise InvalidBody([FieldError("name", "must be printable ASCII of at most 400 characters")]) from None
