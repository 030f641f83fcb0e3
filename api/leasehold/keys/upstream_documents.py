"""Documents of tool servers and their authorization servers, parsed with distrust."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from leasehold.model.errors import InvalidValue
from leasehold.model.trust import check_url
from leasehold.model.upstream_oauth import IssuedTokens, ResourceMetadata, ServerMetadata, UpstreamRefused

_RESOURCE_METADATA = re.compile(r'resource_metadata="([^"\\]{1,2048})"')
_TOKEN_LIMIT = 16_384
_LONGEST_LIFE = 10 * 365 * 86_400
_SCOPES = 256


def resource_places(address: str) -> Iterator[str]:
    """Where a tool server's metadata may be (RFC 9728 §3.1): with its path, then at the root."""
    parts = urlsplit(address)
    root = f"{parts.scheme}://{parts.netloc}/.well-known/oauth-protected-resource"
    if path := parts.path.rstrip("/"):
        yield root + path
    yield root


def server_places(issuer: str) -> Iterator[str]:
    """Where an authorization server's metadata may be: RFC 8414 §3.1, then OpenID Connect Discovery §4."""
    parts = urlsplit(issuer)
    root, path = f"{parts.scheme}://{parts.netloc}/.well-known", parts.path.rstrip("/")
    yield f"{root}/oauth-authorization-server{path}"
    if path:
        yield f"{root}/openid-configuration{path}"
    yield f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def named_in(challenge: str) -> str | None:
    """Where a 401 says that the metadata is (RFC 9728 §5.1)."""
    found = _RESOURCE_METADATA.search(challenge)
    return found[1] if found is not None else None


def resource_metadata(body: bytes, resource: str) -> ResourceMetadata:
    """The metadata of this very resource (RFC 9728 §3.3). Raises `UpstreamRefused`."""
    document = json_object(body)
    if document.get("resource") != resource:
        raise UpstreamRefused("the tool server's metadata is of another resource", "wrong_resource")
    servers = _texts(document, "authorization_servers")
    if not servers:
        raise UpstreamRefused("the tool server names no authorization server", "no_authorization_server")
    scopes = frozenset(_texts(document, "scopes_supported"))
    return ResourceMetadata(resource=resource, authorization_servers=tuple(map(_url, servers)), scopes=scopes)


def server_metadata(body: bytes, issuer: str) -> ServerMetadata:
    """The metadata of this very issuer, if it can do PKCE with S256. Raises `UpstreamRefused`."""
    document = json_object(body)
    if document.get("issuer") != issuer:  # RFC 8414 §3.3: to the letter
        raise UpstreamRefused("the authorization server's metadata is of another issuer", "wrong_issuer")
    if "S256" not in _texts(document, "code_challenge_methods_supported"):
        # MCP 2026-07-28, Authorization: without the word of the server a client must not go on.
        raise UpstreamRefused("the authorization server does not say that it does PKCE with S256", "no_pkce")
    methods = _texts(document, "token_endpoint_auth_methods_supported") or ("client_secret_basic",)  # RFC 8414 §2
    return ServerMetadata(
        issuer=issuer,
        authorization_endpoint=_url(document.get("authorization_endpoint")),
        token_endpoint=_url(document.get("token_endpoint")),
        registration_endpoint=_optional_url(document, "registration_endpoint"),
        revocation_endpoint=_optional_url(document, "revocation_endpoint"),
        auth_methods=frozenset(methods),
        client_documents=document.get("client_id_metadata_document_supported") is True,
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def issued_tokens(body: bytes) -> IssuedTokens:
    """The tokens of an answer (RFC 6749 §5.1). Raises `UpstreamRefused`."""
    document = json_object(body)
    kind, lives = document.get("token_type"), document.get("expires_in")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise UpstreamRefused("the authorization server issued no bearer token", "token_type")
    if lives is not None and (isinstance(lives, bool) or not isinstance(lives, int | float) or lives < 0):
        raise UpstreamRefused("the authorization server does not say how long its token lives", "expires_in")
    scope = document.get("scope")
    return IssuedTokens(
        access_token=_token(document.get("access_token")),
        refresh_token=_token(document["refresh_token"]) if document.get("refresh_token") is not None else None,
        expires_in=min(int(lives), _LONGEST_LIFE) if lives is not None else None,
        scopes=frozenset(scope.split()) if isinstance(scope, str) else None,
    )


def error_of(body: bytes) -> str:
    """The error code of an answer (RFC 6749 §5.2), if it is one that the standards know; never its description."""
    try:
        error = json_object(body).get("error")
    except UpstreamRefused:
        return ""
    return error if isinstance(error, str) and re.fullmatch(r"[a-z_]{1,40}", error) else ""


def json_object(body: bytes) -> dict[str, Any]:  # Any: JSON
    """One JSON object. Raises `UpstreamRefused`."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UpstreamRefused("the answer is no JSON object", "malformed")
    return document


def _texts(document: dict[str, Any], name: str) -> tuple[str, ...]:  # Any: JSON
    found = document.get(name, [])
    if not isinstance(found, list) or len(found) > _SCOPES or not all(isinstance(one, str) for one in found):
        raise UpstreamRefused(f"`{name}` must be a list of strings", "malformed")
    return tuple(found)


def _url(value: object) -> str:
    try:
        if isinstance(value, str):
            check_url(value.partition("?")[0], "an endpoint")
            if value.isascii() and value.isprintable() and not set(' "<>\\^`{|}#') & set(value):
                return value
    except InvalidValue:
        pass
    raise UpstreamRefused("an endpoint is no http(s) URL", "malformed")


def _optional_url(document: dict[str, Any], name: str) -> str | None:  # Any: JSON
    return _url(document[name]) if document.get(name) is not None else None


def _token(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _TOKEN_LIMIT:
        raise UpstreamRefused("the authorization server issued no token", "malformed")
    if not (value.isascii() and value.isprintable()) or " " in value:  # a header is made of it
        raise UpstreamRefused("the authorization server issued what is no token", "malformed")
    return value
