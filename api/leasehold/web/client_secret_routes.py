"""`POST|DELETE /v1/agents/{name}:client-secret`: a secret for an agent that may have one, shown in this one answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import ClassVar

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from leasehold.model.clients import SECRET_TTL_MAX
from leasehold.model.errors import InvalidValue
from leasehold.model.plain import rfc3339
from leasehold.policy.platform import PlatformAction
from leasehold.registry.client_secrets import end_client_secret, issue_client_secret
from leasehold.web import openapi
from leasehold.web.bodies import parse_as, read_json
from leasehold.web.documents import json_response
from leasehold.web.doors import Doors

_KIND = "client-secrets"
_PATH = "/v1/agents/{name}:client-secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecretBody:
    """For how many days the secret is good, 90 at most."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}
    days: int = SECRET_TTL_MAX.days

    def __post_init__(self) -> None:
        if not 1 <= self.days <= SECRET_TTL_MAX.days:
            raise InvalidValue(f"days must be 1 to {SECRET_TTL_MAX.days}")


def client_secret_routes(doors: Doors) -> APIRouter:
    """These routes."""
    router = APIRouter()

    async def post_secret(request: Request, name: str) -> Response:
        """Make a new secret, shown this once; the one before and its tokens end."""
        caller = await doors.caller(request)
        body = parse_as(ClientSecretBody, await read_json(request))
        permit = await doors.permit(caller, PlatformAction.PUT, _KIND, name)
        ttl = timedelta(days=body.days)
        made = await run_in_threadpool(issue_client_secret, doors.store, permit, name, ttl, doors.clock())
        document = {
            "client_id": name,
            "client_secret": made.secret,
            "created_at": rfc3339(made.kept.created_at),
            "expires_at": rfc3339(made.kept.expires_at),
        }
        return json_response(document, HTTPStatus.CREATED, headers={"Cache-Control": "no-store"})

    async def delete_secret(request: Request, name: str) -> Response:
        """End the secret and what it got."""
        caller = await doors.caller(request)
        permit = await doors.permit(caller, PlatformAction.DELETE, _KIND, name)
        await run_in_threadpool(end_client_secret, doors.store, permit, name, doors.clock())
        return Response(status_code=HTTPStatus.NO_CONTENT)

    for method, endpoint, extra in (
        ("POST", post_secret, openapi.client_secret_operation()),
        ("DELETE", delete_secret, openapi.client_secret_end_operation()),
    ):
        router.add_api_route(_PATH, endpoint, methods=[method], response_class=Response, response_model=None, **extra)
    return router
