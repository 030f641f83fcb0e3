"""`POST /v1/trust-issuers:simulate`: what a pasted token would get. The token is neither kept nor told back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from leasehold.model.errors import InvalidValue
from leasehold.model.plain import plain_value
from leasehold.model.tokens import MAX_TOKEN_BYTES, UnverifiedToken
from leasehold.policy.platform import PlatformAction
from leasehold.web import openapi
from leasehold.web.bodies import parse_as, read_json
from leasehold.web.documents import json_response
from leasehold.web.doors import Doors


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationBody:
    """The token to look at."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "hide_input_in_errors": True}
    token: str = field(repr=False)

    def __post_init__(self) -> None:
        if not 0 < len(self.token) <= MAX_TOKEN_BYTES:
            raise InvalidValue(f"token must have 1 to {MAX_TOKEN_BYTES} characters")


def simulation_routes(doors: Doors) -> APIRouter:
    """The one route."""
    router = APIRouter()

    async def simulate(request: Request) -> Response:
        """Which bindings match a token, which claims fail, and which pins could pass to others."""
        caller = await doors.caller(request)
        permit = await doors.permit(caller, PlatformAction.SIMULATE, "trust-issuers", "")
        body = parse_as(SimulationBody, await read_json(request))
        report = await doors.simulator.simulate(permit, UnverifiedToken(body.token.strip()), doors.clock())
        return json_response(plain_value(report))

    router.add_api_route(
        "/v1/trust-issuers:simulate",
        simulate,
        methods=["POST"],
        response_class=Response,
        response_model=None,
        **openapi.simulation_operation(),
    )
    return router
