"""`/oauth2/register`: clients that register themselves (RFC 7591) and look after what they said (RFC 7592)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ParamSpec, TypeVar
from urllib.parse import parse_qsl

from leasehold.exchange.open_clients import OpenRegistration
from leasehold.exchange.refusals import ExchangeRefused
from leasehold.exchange.statements import Statements
from leasehold.model.errors import InvalidValue, Unauthenticated
from leasehold.model.registrations import (
    PUBLIC_METHOD,
    ClientMetadata,
    InvalidRedirect,
    RegisteredClient,
    UnapprovedStatement,
    is_public_request,
    statement_of,
)
from leasehold.model.tokens import UnverifiedToken
from leasehold.registry.ports import Store
from leasehold.registry.registrations import (
    NewClient,
    change_client,
    end_client,
    read_client,
    register_client,
    register_vouched_client,
)
from leasehold.web.asgi import Receive, Scope
from leasehold.web.oauth.forms import InvalidRequest, header, read_body

REGISTER = "/oauth2/register"
_JSON = "application/json"
_QUERY_LIMIT = 1024
P = ParamSpec("P")
T = TypeVar("T")


class InvalidMetadata(InvalidRequest):
    """What the client says of itself is not taken (RFC 7591 §3.2.2)."""

    error = "invalid_client_metadata"


class InvalidRedirectUri(InvalidRequest):
    """A redirect_uri is not taken (RFC 7591 §3.2.2)."""

    error = "invalid_redirect_uri"


class UnapprovedSoftwareStatement(InvalidRequest):
    """A software statement is not taken (RFC 7591 §3.2.2)."""

    error = "unapproved_software_statement"


class Registering:
    """The routes of clients that register themselves. `issuer` is where they are."""

    def __init__(
        self,
        *,
        issuer: str,
        store: Store,
        statements: Statements,
        clock: Callable[[], datetime],
        taking: OpenRegistration | None = None,
    ) -> None:
        self._issuer = issuer
        self._taking = taking
        self._statements = statements
        self._store = store
        self._clock = clock

    async def register(self, scope: Scope, receive: Receive, bearer: str | None) -> Mapping[str, object]:
        """A new client, by an initial access token, a statement, or with nothing where that is taken.

        Raises as the others, and `Forbidden`.
        """
        body = await _read(scope, receive)
        if bearer is not None:
            made = await _said(register_client, self._store, bearer, body, self._clock())
            return {**self._document(made.client), "registration_access_token": made.token}
        statement = await _said(statement_of, body)
        if statement is None and self._taking is not None and await _said(is_public_request, body):
            return self._public_document(await self._open(self._taking, body))
        if statement is None:
            raise Unauthenticated("send an initial access token, or a software statement")
        made = await self._vouched(UnverifiedToken(statement), body)
        document = {**self._document(made.client), "registration_access_token": made.token}
        return {**document, "software_statement": statement}  # RFC 7591 §3.2.1: as it was sent

    async def _open(self, taking: OpenRegistration, body: bytes) -> ClientMetadata:
        """A public client. Nothing of it is kept: there is nothing to manage it by."""
        try:
            return await taking.register(body)
        except InvalidRedirect as error:
            raise InvalidRedirectUri(str(error)) from error
        except InvalidValue as error:
            raise InvalidMetadata(str(error)) from error

    def _public_document(self, said: ClientMetadata) -> dict[str, object]:
        return {
            "client_id": said.client_id,
            "client_id_issued_at": int(self._clock().timestamp()),
            "client_name": said.name,
            "redirect_uris": sorted(said.redirect_uris),
            "grant_types": sorted(said.grants),
            "response_types": ["code"],
            "token_endpoint_auth_method": PUBLIC_METHOD,
        }

    async def _vouched(self, statement: UnverifiedToken, body: bytes) -> NewClient:
        now = self._clock()
        try:
            vouched = await self._statements.vouched(statement, now)
        except ExchangeRefused as refused:  # one answer, whatever is wrong with it
            raise UnapprovedSoftwareStatement("the software statement was not accepted") from refused
        return await _said(register_vouched_client, self._store, vouched.permit, vouched.said, body, now)

    async def read(self, scope: Scope, _receive: Receive, bearer: str) -> Mapping[str, object]:
        """The client as it is. Raises `InvalidRequest`, `Unauthenticated`."""
        client = await _said(read_client, self._store, _client_id(scope), bearer)
        return {**self._document(client), "registration_access_token": bearer}

    async def change(self, scope: Scope, receive: Receive, bearer: str) -> Mapping[str, object]:
        """The client, changed. Raises `InvalidRequest`, `Unauthenticated`."""
        body = await _read(scope, receive)
        client = await _said(change_client, self._store, _client_id(scope), bearer, body, self._clock())
        return {**self._document(client), "registration_access_token": bearer}

    async def end(self, scope: Scope, _receive: Receive, bearer: str) -> None:
        """No client any more. Raises `InvalidRequest`, `Unauthenticated`."""
        await _said(end_client, self._store, _client_id(scope), bearer, self._clock())

    def _document(self, client: RegisteredClient) -> dict[str, object]:
        said = client.metadata
        keys = {"jwks": json.loads(said.jwks)} if said.jwks is not None else {"jwks_uri": said.jwks_uri}
        return {
            "client_id": said.client_id,
            "client_id_issued_at": int(client.created_at.timestamp()),
            "registration_client_uri": f"{self._issuer}{REGISTER}?client_id={said.client_id}",
            "client_name": said.name,
            "redirect_uris": sorted(said.redirect_uris),
            "grant_types": sorted(said.grants),
            "response_types": ["code"] if "authorization_code" in said.grants else [],
            "token_endpoint_auth_method": "private_key_jwt",
            **keys,
        }


async def _said(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a call returns, off the event loop; what a client got wrong, in the words of the standard."""
    try:
        return await asyncio.to_thread(call, *args, **kwargs)
    except InvalidRedirect as error:
        raise InvalidRedirectUri(str(error)) from error
    except UnapprovedStatement as error:
        raise UnapprovedSoftwareStatement(str(error)) from error
    except InvalidValue as error:
        raise InvalidMetadata(str(error)) from error


async def _read(scope: Scope, receive: Receive) -> bytes:
    if header(scope, b"content-type").partition(";")[0].strip().lower() != _JSON:
        raise InvalidRequest(f"the body must be {_JSON}")
    return await read_body(receive)


def _client_id(scope: Scope) -> str:
    raw = scope.get("query_string", b"")
    try:
        pairs = parse_qsl(raw[:_QUERY_LIMIT].decode("ascii"), strict_parsing=True, errors="strict")
    except ValueError:
        raise InvalidRequest("client_id is missing") from None
    if len(raw) > _QUERY_LIMIT or len(pairs) != 1 or pairs[0][0] != "client_id":
        raise InvalidRequest("the query names client_id and nothing else")
    return str(pairs[0][1])
