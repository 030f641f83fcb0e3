"""`/v1/credentials`: what agents draw with an access token of their own, and what is on record of it.

An agent's token for this door has the audience `<issuer>/v1/credentials` and the scope `credential:<profile>`: ask
`/oauth2/token` for `resource=<issuer>/v1/credentials`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from leasehold.authn.possession import Presented
from leasehold.credentials.reading import list_credentials
from leasehold.credentials.records import CredentialRequest, Issued
from leasehold.model.errors import InvalidValue, Unavailable
from leasehold.model.external import CredentialFilters, CredentialState
from leasehold.policy.platform import PlatformAction
from leasehold.web import openapi
from leasehold.web.bodies import parse_as, read_json
from leasehold.web.credential_documents import (
    container_document,
    credential_document,
    issued_document,
    printed_document,
)
from leasehold.web.documents import Document, json_response
from leasehold.web.doors import CredentialDoors, Doors
from leasehold.web.presenting import presented
from leasehold.web.queries import (
    Cursor,
    Limit,
    NameFilter,
    decode_cursor,
    encode_cursor,
    name_filter,
    refuse_unknown,
    refuse_unprintable,
)

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_LONGEST = 86_400


class CredentialFormat(StrEnum):
    """The form of the answer."""

    JSON = "json"
    CREDENTIAL_PROCESS = "credential_process"
    CONTAINER = "container"


_DOCUMENTS: Mapping[CredentialFormat, Callable[[Issued], Document]] = {
    CredentialFormat.JSON: issued_document,
    CredentialFormat.CREDENTIAL_PROCESS: printed_document,
    CredentialFormat.CONTAINER: container_document,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialBody:
    """`ttl`, in seconds, asks for a shorter life than the profile and the lease allow; never for a longer one."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}
    ttl: int | None = None

    def __post_init__(self) -> None:
        if self.ttl is not None and not 0 < self.ttl <= _LONGEST:
            raise InvalidValue(f"ttl must be 1 to {_LONGEST} seconds")


def credential_routes(doors: Doors) -> APIRouter:
    """These routes."""
    routes = _CredentialRoutes(doors)
    checked = [Depends(refuse_unprintable), Depends(refuse_unknown)]
    router = APIRouter()
    for path, method, endpoint, extra in (
        ("/v1/credentials/{profile}", "POST", routes.issue, openapi.issue_operation()),
        ("/v1/credentials/{profile}/container", "GET", routes.container, openapi.container_operation()),
    ):
        router.add_api_route(
            path,
            endpoint,
            methods=[method],
            response_class=Response,
            response_model=None,
            dependencies=[Depends(_presented), *checked],
            **extra,
        )
    router.add_api_route(
        "/v1/credentials",
        routes.list,
        methods=["GET"],
        response_class=Response,
        response_model=None,
        dependencies=[Depends(doors.caller), *checked],
        **openapi.list_credentials_operation(),
    )
    return router


class _CredentialRoutes:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def issue(
        self,
        request: Request,
        profile: str,
        format: Annotated[CredentialFormat, Query()] = CredentialFormat.JSON,  # noqa: A002  its name
    ) -> Response:
        """Draw a credential of a profile, bound to the lease behind the token presented."""
        sent = presented(request.scope)
        proof = self._doors.possessions.prove(sent, self._doors.clock())
        body = await _body(request)
        ttl = timedelta(seconds=body.ttl) if body.ttl is not None else None
        aws = format is not CredentialFormat.JSON
        wanted = CredentialRequest(bearer=sent.token, profile=profile, ttl=ttl, aws=aws, proof=proof)
        return await self._issued(wanted, format)

    async def container(self, request: Request, profile: str) -> Response:
        """Draw an AWS session as the SDKs' container provider asks for it.

        `AWS_CONTAINER_CREDENTIALS_FULL_URI` is this address. The SDK sends what `AWS_CONTAINER_AUTHORIZATION_TOKEN`
        or its file holds as the whole Authorization header, so that the access token may stand there alone.
        """
        sent = _presented(request)
        proof = self._doors.possessions.prove(sent, self._doors.clock())
        wanted = CredentialRequest(bearer=sent.token, profile=profile, aws=True, proof=proof)
        return await self._issued(wanted, CredentialFormat.CONTAINER)

    async def list(  # noqa: PLR0913, PLR0917  each is a parameter of the query
        self,
        request: Request,
        limit: Limit = 100,
        cursor: Cursor = "",
        agent: NameFilter = None,
        profile: NameFilter = None,
        lease: Annotated[str | None, Query(max_length=64)] = None,
        state: Annotated[CredentialState | None, Query()] = None,
    ) -> Response:
        """What is on record: who holds what, and until when it lives."""
        caller = await self._doors.caller(request)
        await self._doors.permit(caller, PlatformAction.READ, "credentials", "")
        filters = CredentialFilters(
            agent=name_filter(agent, "agent"),
            profile=name_filter(profile, "profile"),
            lease=lease,
            states=frozenset({state}) if state is not None else None,
        )
        after = decode_cursor(cursor)
        page = await run_in_threadpool(list_credentials, self._opened().store, after, limit, filters)
        items = [credential_document(one) for one in page.items]
        return json_response({"items": items, "next_cursor": encode_cursor(page.after)})

    async def _issued(self, wanted: CredentialRequest, form: CredentialFormat) -> Response:
        issued = await self._opened().desk.issue(wanted)
        return json_response(_DOCUMENTS[form](issued), headers=_NO_STORE)

    def _opened(self) -> CredentialDoors:
        if self._doors.credentials is None:
            raise Unavailable("this registry hands out no credentials")
        return self._doors.credentials


def _presented(request: Request) -> Presented:
    """The token, with or without its scheme. Raises `Unauthenticated`: who calls comes before what is wrong with it."""
    given = request.headers.get("authorization", "")
    return Presented(token=given) if _TOKEN.fullmatch(given) else presented(request.scope)


async def _body(request: Request) -> CredentialBody:
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return CredentialBody()
    return parse_as(CredentialBody, await read_json(request))
