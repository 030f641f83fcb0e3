"""`POST /v1/drift`, `/v1/plan-reviews`, `/v1/plan-comparisons` and `/v1/receipts:check`: reads for every role.

They carry a body, so they are POSTs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import APIRouter
from pydantic import TypeAdapter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from leasehold.model.errors import NotFound, Unavailable
from leasehold.model.principal import Principal
from leasehold.model.receipts import Bundle
from leasehold.policy.platform import PlatformAction
from leasehold.registry.approvals import record_approval
from leasehold.review.gate.receipts import Coverage, Receipt, Reviewed
from leasehold.review.plan_review import Judged, PlanReview
from leasehold.review.reports import DriftReport
from leasehold.review.reviews import Reviews
from leasehold.web import openapi
from leasehold.web.bodies import Json, parse_as, read_json
from leasehold.web.declarations import REVIEW_LIMIT, parse_comparison, parse_coverage, parse_declared, parse_plan
from leasehold.web.doors import Doors

JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
_REPORTS: dict[str, type] = {
    "drift": DriftReport,
    "plan-review": PlanReview,
    "receipt": Receipt,
    "receipt-coverage": Coverage,
}
RECEIPT_LIMIT = 64 * 1024
_ID_SHOWN = 64
_HEADERS = {"Cache-Control": "no-store"}
Schema = dict[str, Any]  # Any: JSON Schema is JSON of every shape


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalBody:
    """The receipt that a review gave, to be approved."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}
    receipt: str


def review_router(doors: Doors) -> APIRouter:
    """All routes, over the same doors as the registry's."""
    router = APIRouter(prefix="/v1", tags=["review"])
    routes = _ReviewRoutes(doors)
    for path, endpoint, summary, more in (
        ("/drift", routes.drift, "Compare what stacks declare with what lives", {}),
        (
            "/plan-reviews",
            routes.plan,
            "Say what a plan changes in access, and whether the rules let it",
            openapi.plan_operation(),
        ),
        (
            "/plan-comparisons",
            routes.compare,
            "Say what one version of stacks or policies lets agents do that another does not",
            openapi.comparison_operation(),
        ),
        (
            "/receipts:check",
            routes.check,
            "Say whether a receipt covers what is planned so far",
            openapi.coverage_operation(),
        ),
        (
            "/plan-reviews/{receipt_id}:approve",
            routes.approve,
            "Approve a reviewed plan",
            openapi.approval_operation(),
        ),
    ):
        router.add_api_route(path, endpoint, methods=["POST"], summary=summary, response_model=None, **more)
    return router


class _ReviewRoutes:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    @property
    def _reviews(self) -> Reviews:
        if self._doors.reviews is None:
            raise Unavailable("this control plane reviews nothing")
        return self._doors.reviews

    async def drift(self, request: Request) -> Response:
        """What lives and is not declared so."""
        _, body = await self._asked(request, "drift")
        return await run_in_threadpool(self._drift, body, self._doors.clock())

    async def plan(self, request: Request) -> Response:
        """What an apply would change, with the receipt of this very change."""
        caller, body = await self._asked(request, "plan-reviews")
        now = self._doors.clock()
        judged, bundle = await run_in_threadpool(self._judged, body, caller, now)
        receipts = self._doors.receipts
        if receipts is None:
            return _answer("plan-review", judged.review)
        reviewed = Reviewed(
            report=judged.review.gate,
            delta=judged.delta,
            stacks=frozenset(judged.review.stacks),
            author=caller,
            approvals=judged.approvals,
        )
        receipt, refused = await receipts.answer(reviewed, bundle, now)
        return _answer("plan-review", replace(judged.review, receipt=receipt, receipt_refused=refused))

    async def compare(self, request: Request) -> Response:
        """What the head lets agents do and the base does not: no receipt, for nothing is to be applied."""
        caller, body = await self._asked(request, "plan-comparisons")
        return await run_in_threadpool(self._compared, body, caller, self._doors.clock())

    async def check(self, request: Request) -> Response:
        """Whether a receipt covers part of a plan, asked object by object while it is made."""
        _, body = await self._asked(request, "receipts")
        return await run_in_threadpool(self._checked, body, self._doors.clock())

    async def approve(self, request: Request, receipt_id: str) -> Response:
        """The receipt again, approved by whoever calls."""
        caller = await self._doors.caller(request)
        permit = await self._doors.permit(caller, PlatformAction.APPROVE, "plan-reviews", receipt_id[:_ID_SHOWN])
        body = parse_as(ApprovalBody, await read_json(request, RECEIPT_LIMIT))
        receipts = self._doors.receipts
        if receipts is None:
            raise NotFound("plan-review", receipt_id[:_ID_SHOWN])
        now = self._doors.clock()
        receipt, approval = await receipts.approve(receipt_id, body.receipt, permit, now)
        await run_in_threadpool(record_approval, self._doors.store, permit, approval, now)
        return _answer("receipt", receipt)

    async def _asked(self, request: Request, kind: str) -> tuple[Principal, Json]:
        caller = await self._doors.caller(request)
        await self._doors.permit(caller, PlatformAction.READ, kind, "")
        return caller, await read_json(request, REVIEW_LIMIT)

    def _drift(self, body: Json, now: datetime) -> Response:
        """Parsing and comparing 16 MiB take their time: this runs beside the event loop."""
        return _answer("drift", self._reviews.drift(parse_declared(body), now))

    def _compared(self, body: Json, caller: Principal, now: datetime) -> Response:
        reviews = self._reviews
        sides = parse_comparison(body, lambda name, revision: reviews.policy_at(name, revision).spec or {})
        return _answer("plan-review", reviews.compared(sides, now, caller))

    def _checked(self, body: Json, now: datetime) -> Response:
        declared, gone, bundle = parse_coverage(body)
        receipts = self._doors.receipts
        if receipts is None:
            return _answer("receipt-coverage", Coverage(required=False))
        delta = self._reviews.change(declared, gone)
        return _answer("receipt-coverage", receipts.covers(delta, declared.stacks, bundle, now))

    def _judged(self, body: Json, caller: Principal, now: datetime) -> tuple[Judged, Bundle | None]:
        plans = parse_plan(body)
        return self._reviews.judged(plans.declared, now, caller, plans.base), plans.bundle


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


def _answer(name: str, report: object) -> Response:
    return Response(_adapter(name).dump_json(report, by_alias=True), HTTPStatus.OK, _HEADERS, "application/json")


def report_bytes(report: DriftReport | PlanReview) -> bytes:
    """A report as the doors answer it."""
    name = "drift" if isinstance(report, DriftReport) else "plan-review"
    return _adapter(name).dump_json(report, by_alias=True)


@cache
def _adapter(name: str) -> TypeAdapter[Any]:  # Any: one adapter per report
    return TypeAdapter(_REPORTS[name])
