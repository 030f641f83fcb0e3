"""The audit trail: asked, proved and exported. Nothing here writes an event but that of the export itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from leasehold.model.trail.queries import TrailQuery
from leasehold.policy.platform import PlatformAction
from leasehold.trail.asking import find_events, last_checkpoint, prove_consistency, prove_inclusion
from leasehold.trail.exporting import Window, begin_export, export_lines
from leasehold.web import audit_openapi
from leasehold.web.audit_documents import (
    audit_document,
    checkpoint_document,
    consistency_document,
    inclusion_document,
)
from leasehold.web.audit_queries import Instant, decode_place, encode_place, instant, trail_query
from leasehold.web.documents import json_response
from leasehold.web.doors import Doors
from leasehold.web.handing_out import HandedOut, Handing
from leasehold.web.queries import Cursor, Limit
from leasehold.web.refusals import InvalidQuery
from leasehold.web.trail_permits import trail_permit

NDJSON = "application/x-ndjson"
_CHUNK = 64 * 1024
_Position = Annotated[int | None, Query(ge=0, le=2**53)]
_Size = Annotated[int | None, Query(ge=1, le=2**53)]


def audit_routes(doors: Doors) -> APIRouter:
    """These routes."""
    router = APIRouter()
    routes = _AuditRoutes(doors)
    for path, endpoint, extra in (
        ("/v1/audit/events", routes.events, audit_openapi.audit_operation()),
        ("/v1/audit/export", routes.export, audit_openapi.audit_export_operation()),
        ("/v1/audit/checkpoint", routes.checkpoint, audit_openapi.audit_checkpoint_operation()),
        ("/v1/audit/proof", routes.proof, audit_openapi.audit_proof_operation()),
    ):
        router.add_api_route(path, endpoint, methods=["GET"], response_class=Response, response_model=None, **extra)
    return router


@dataclass(frozen=True, slots=True)
class _AuditRoutes:
    doors: Doors

    async def events(
        self,
        request: Request,
        query: Annotated[TrailQuery, Depends(trail_query)],
        limit: Limit = 100,
        cursor: Cursor = "",
    ) -> Response:
        """What was done and what was refused, newest first."""
        _, trail = await trail_permit(self.doors, request, PlatformAction.READ_AUDIT, what="audit-events")
        page = await run_in_threadpool(find_events, trail.store, query, decode_place(cursor), limit)
        items = [audit_document(one) for one in page.items]
        return json_response({"items": items, "next_cursor": encode_place(page.before)})

    async def export(
        self,
        request: Request,
        start: _Position = None,
        end: _Position = None,
        since: Instant = None,
        until: Instant = None,
    ) -> Response:
        """Events with what proves them, one a line."""
        permit, trail = await trail_permit(self.doors, request, PlatformAction.READ_AUDIT)
        if (start is not None and since is not None) or (end is not None and until is not None):
            raise InvalidQuery("an end of the window is a position or a time, not both")
        window = Window(start=start, end=end, since=instant(since, "since"), until=instant(until, "until"))
        begun = await run_in_threadpool(begin_export, trail.store, trail.sealer, permit, window, self.doors.clock())
        lines = export_lines(trail.store, trail.sealer.signer.name, begun.places.start, begun.places.stop)
        return HandedOut(_chunked(lines), NDJSON, Handing(trail.store, permit, begun.event, self.doors.clock))

    async def checkpoint(self, request: Request) -> Response:
        """How far the trail is signed for."""
        _, trail = await trail_permit(self.doors, request, PlatformAction.READ_AUDIT)
        found = await run_in_threadpool(last_checkpoint, trail.store)
        return json_response(checkpoint_document(found, trail.sealer.signer.verifier_key))

    async def proof(self, request: Request, position: _Position = None, size: _Size = None) -> Response:
        """That an event is in the trail, or that the trail goes on from a checkpoint."""
        _, trail = await trail_permit(self.doors, request, PlatformAction.READ_AUDIT)
        if (position is None) is (size is None):
            raise InvalidQuery("a proof is asked for by position or by size")
        if position is not None:
            return json_response(inclusion_document(await run_in_threadpool(prove_inclusion, trail.store, position)))
        return json_response(consistency_document(await run_in_threadpool(prove_consistency, trail.store, size or 0)))


def _chunked(lines: Iterator[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for line in lines:
        waiting += line
        if len(waiting) >= _CHUNK:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)
