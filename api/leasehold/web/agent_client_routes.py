"""Clients that registered themselves for an agent: one more let in (`:registration-token`), all seen, one ended."""

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
from leasehold.model.registrations import REGISTRATION_TTL_MAX, RegisteredClient
from leasehold.policy.platform import PlatformAction
from leasehold.registry.registrations import list_clients, offer_registration, remove_client
from leasehold.web import openapi
from leasehold.web.bodies import parse_as, read_json
from leasehold.web.documents import json_response
from leasehold.web.doors import Doors

_KIND, _CLIENTS = "registration-tokens", "clients"
_HOURS_MAX = int(REGISTRATION_TTL_MAX / timedelta(hours=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationTokenBody:
    """For how many hours the token is good, a week at most."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}
    hours: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.hours <= _HOURS_MAX:
            raise InvalidValue(f"hours must be 1 to {_HOURS_MAX}")


def agent_client_routes(doors: Doors) -> APIRouter:
    """These routes."""
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

    async def get_clients(request: Request, name: str) -> Response:
        """Show the clients that registered themselves for an agent; their tokens are nobody's to see."""
        caller = await doors.caller(request)
        await doors.permit(caller, PlatformAction.READ, _CLIENTS, name)
        found = await run_in_threadpool(list_clients, doors.store, name)
        return json_response({"items": [_document(client) for client in found]})

    async def delete_client(request: Request, name: str, client_id: str) -> Response:
        """End a client that registered itself, and what it was issued."""
        caller = await doors.caller(request)
        permit = await doors.permit(caller, PlatformAction.DELETE, _CLIENTS, name)
        await run_in_threadpool(remove_client, doors.store, permit, name, client_id, doors.clock())
        return Response(status_code=HTTPStatus.NO_CONTENT)

    for path, method, endpoint, extra in (
        ("/v1/agents/{name}:registration-token", "POST", post_token, openapi.registration_token_operation()),
        ("/v1/agents/{name}:clients", "GET", get_clients, openapi.clients_operation()),
        ("/v1/agents/{name}:clients/{client_id}", "DELETE", delete_client, openapi.client_end_operation()),
    ):
        router.add_api_route(path, endpoint, methods=[method], response_class=Response, response_model=None, **extra)
    return router


def _document(client: RegisteredClient) -> dict[str, object]:
    said = client.metadata
    return {
        "client_id": said.client_id,
        "client_name": said.name,
        "redirect_uris": sorted(said.redirect_uris),
        "grant_types": sorted(said.grants),
        "jwks_uri": said.jwks_uri,
        "registered_at": rfc3339(client.created_at),
    }
