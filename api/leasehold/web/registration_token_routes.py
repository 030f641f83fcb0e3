"""`POST /v1/agents/{name}:registration-token`: lets one client register itself for an agent that may have some."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import ClassVar

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from leasehold.model.errors import InvalidValue
from leasehold.model.plain import rfc3339
from leasehold.model.registrations import REGISTRATION_TTL_MAX
from leasehold.policy.platform import PlatformAction
from leasehold.registry.registrations import offer_registration
from leasehold.web import openapi
from leasehold.web.bodies import parse_as, read_json
from leasehold.web.documents import json_response
from leasehold.web.doors import Doors

_KIND = "registration-tokens"
_HOURS_MAX = int(REGISTRATION_TTL_MAX / timedelta(hours=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationTokenBody:
    """For how many hours the token is good, a week at most."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}
    hours: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.hours <= _HOURS_MAX:
            raise InvalidValue(f"hours must be 1 to {_HOURS_MAX}")


def registration_token_routes(doors: Doors) -> APIRouter:
    """This route."""
    router = APIRouter()

    async def post_token(request: Request, name: str) -> Response:
        """Make an initial access token (RFC 7591 section 3): one client may register with it, once, for this agent."""
        caller = await doors.caller(request)
        body = parse_as(RegistrationTokenBody, await read_json(request))
        permit = await doors.permit(caller, PlatformAction.PUT, _KIND, name)
        ttl = timedelta(hours=body.hours)
        made = await run_in_threadpool(offer_registration, doors.store, permit, name, ttl, doors.clock())
        document = {"agent": name, "initial_access_token": made.token, "expires_at": rfc3339(made.kept.expires_at)}
        return json_response(document, HTTPStatus.CREATED, headers={"Cache-Control": "no-store"})

    router.add_api_route(
        "/v1/agents/{name}:registration-token",
        post_token,
        methods=["POST"],
        response_class=Response,
        response_model=None,
        **openapi.registration_token_operation(),
    )
    return router
