"""`POST /v1/drift` and `POST /v1/plan-reviews`: reads for every role; they carry a body, so they are POSTs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from pydantic import TypeAdapter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from leasehold.model.errors import Unavailable
from leasehold.policy.platform import PlatformAction
from leasehold.review.declared import Declared
from leasehold.review.plan_review import PlanReview
from leasehold.review.reports import DriftReport
from leasehold.review.reviews import Reviews
from leasehold.web.bodies import Json, read_json
from leasehold.web.declarations import REVIEW_LIMIT, parse_declared
from leasehold.web.doors import Doors

JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
_REPORTS: dict[str, type] = {"drift": DriftReport, "plan-review": PlanReview}
_HEADERS = {"Cache-Control": "no-store"}
Review = Callable[[Declared, datetime], DriftReport | PlanReview]
Schema = dict[str, Any]  # Any: JSON Schema is JSON of every shape


def review_router(doors: Doors) -> APIRouter:
    """Both routes, over the same doors as the registry's."""
    router = APIRouter(prefix="/v1", tags=["review"])

    def opened() -> Reviews:
        if doors.reviews is None:
            raise Unavailable("this control plane reviews nothing")
        return doors.reviews

    async def answer(request: Request, kind: str, review: Callable[[], Review]) -> Response:
        principal = await doors.caller(request)
        await doors.permit(principal, PlatformAction.READ, kind, "")
        body = await read_json(request, REVIEW_LIMIT)
        report = await run_in_threadpool(_report, body, review(), doors.clock())
        return Response(report, HTTPStatus.OK, _HEADERS, "application/json")

    @router.post("/drift", summary="Compare what stacks declare with what lives", response_model=None)
    async def drift(request: Request) -> Response:
        return await answer(request, "drift", lambda: opened().drift)

    @router.post("/plan-reviews", summary="Say what a plan changes in access", response_model=None)
    async def plan_reviews(request: Request) -> Response:
        return await answer(request, "plan-reviews", lambda: opened().plan)

    return router


def review_schemas() -> dict[str, Schema]:
    """The JSON Schemas of both reports, by the name of their file in `schemas/`."""
    return {
        name: {
            "$schema": JSON_SCHEMA,
            "$id": f"urn:leasehold:schema:{name}",
            **_adapter(name).json_schema(by_alias=True, mode="serialization"),
        }
        for name in _REPORTS
    }


def _report(body: Json, review: Review, now: datetime) -> bytes:
    """Parsing and comparing 16 MiB take their time: this runs beside the event loop."""
    return report_bytes(review(parse_declared(body), now))


def report_bytes(report: DriftReport | PlanReview) -> bytes:
    """A report as the doors answer it."""
    name = "drift" if isinstance(report, DriftReport) else "plan-review"
    return _adapter(name).dump_json(report, by_alias=True)


@cache
def _adapter(name: str) -> TypeAdapter[Any]:  # Any: one adapter per report
    return TypeAdapter(_REPORTS[name])
