"""`POST /v1/bootstrap` with the one-time token, and `GET /healthz`: the two routes that no registry token opens."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from leasehold.model.errors import FieldError, InvalidBody
from leasehold.model.trust import TrustIssuer, WorkloadBinding
from leasehold.registry.bootstrap import First, bootstrap, check_bootstrap
from leasehold.web import openapi
from leasehold.web.bodies import Json, parse_as, read_json
from leasehold.web.documents import json_response, object_document
from leasehold.web.doors import Doors
from leasehold.web.headers import bearer

_MEMBERS = frozenset({"trust_issuer", "workload_bindings"})


def bootstrap_routes(doors: Doors) -> APIRouter:
    """These routes."""
    router = APIRouter()

    async def post_bootstrap(request: Request) -> Response:
        """Write the first trust issuer and role bindings. The token works once, for fifteen minutes."""
        unverified_token = bearer(request)
        await run_in_threadpool(check_bootstrap, doors.store, unverified_token, doors.clock())
        first = _parse(await read_json(request))
        views = await run_in_threadpool(bootstrap, doors.store, unverified_token, first, doors.clock())
        issuer, *bindings = [object_document(view) for view in views]
        return json_response({"trust_issuer": issuer, "workload_bindings": bindings}, HTTPStatus.CREATED)

    async def healthz() -> Response:
        """Answer while the server is up; says nothing about the database."""
        return json_response({"status": "ok"})

    for path, method, endpoint, extra in (
        ("/v1/bootstrap", "POST", post_bootstrap, openapi.bootstrap_operation()),
        ("/healthz", "GET", healthz, openapi.health_operation()),
    ):
        router.add_api_route(path, endpoint, methods=[method], response_class=Response, response_model=None, **extra)
    return router


def _parse(body: Json) -> First:
    if unknown := sorted(body.keys() - _MEMBERS):
        raise InvalidBody([FieldError(unknown[0], "is not a field of this object")])
    bindings = body.get("workload_bindings")
    if not isinstance(bindings, list) or not bindings:
        raise InvalidBody([FieldError("workload_bindings", "must name at least one role binding")])
    name, issuer = _named(body.get("trust_issuer"), "trust_issuer")
    paths = [f"workload_bindings.{at}" for at in range(len(bindings))]
    named = [(path, *_named(binding, path)) for path, binding in zip(paths, bindings, strict=True)]
    return First(
        issuer_name=name,
        issuer=parse_as(TrustIssuer, issuer, "trust_issuer"),
        bindings=[(name, parse_as(WorkloadBinding, spec, path)) for path, name, spec in named],
    )


def _named(found: Any, path: str) -> tuple[str, Json]:  # Any: parsed JSON
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        raise InvalidBody([FieldError(path, "must be an object with a name")])
    return found["name"], {key: value for key, value in found.items() if key != "name"}
