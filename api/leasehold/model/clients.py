"""Agents as OAuth clients: where their keys come from, and what of a client's registration is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from leasehold.model.errors import InvalidValue
from leasehold.model.trust import check_jwks, check_url

CLIENT_ALGORITHMS = frozenset({"ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA"})
SECRET_TTL_MAX = timedelta(days=90)
_REDIRECTS_MAX = 20


class DpopUse(StrEnum):
    """Whether an agent's tokens must be bound to a key of its own (RFC 9449). A proof that is sent is always used."""

    OFF = "off"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKeys:
    """Where the public keys of one client are. `issuer` is the client id: a client asserts itself (RFC 7523 §3)."""

    issuer: str
    jwks: str | None
    jwks_uri: str | None
    algorithms: frozenset[str] = CLIENT_ALGORITHMS
    allow_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecret:
    """What is kept of a client secret: a memory-hard hash, never the secret. `expires_at` is aware UTC."""

    agent: str
    salt: str
    digest: str
    created_at: datetime
    expires_at: datetime


def check_client_keys(jwks: str | None, jwks_uri: str | None) -> None:
    """Raise `InvalidValue` unless at most one is given: inline public keys, or an https URL of them."""
    if jwks is not None and jwks_uri is not None:
        raise InvalidValue("give client_jwks or client_jwks_uri, not both")
    if jwks is not None:
        check_jwks(jwks)
    if jwks_uri is not None:
        check_url(jwks_uri, "client_jwks_uri")
        if not jwks_uri.startswith("https://"):
            raise InvalidValue("client_jwks_uri must be an https URL")


def check_redirect_uri(value: str) -> None:
    """Raise `InvalidValue` unless codes may be sent there: https, or http on loopback (RFC 8252 §7.3)."""
    check_url(value.partition("?")[0], "redirect_uri")
    query = value.partition("?")[2]
    if not query.isascii() or not query.isprintable() or set(' "<>\\^`{|}#') & set(query):
        raise InvalidValue("redirect_uri must be an absolute URL without fragment")
    local = ("http://127.0.0.1", "http://[::1]")
    authority = value.partition("://")[0] + "://" + value.partition("://")[2].partition("/")[0]
    host = authority.rpartition(":")[0] if authority.rpartition(":")[2].isdecimal() else authority
    if not value.startswith("https://") and host not in local:
        raise InvalidValue("redirect_uri must be https, or http on 127.0.0.1 or [::1]")


def check_redirect_uris(values: frozenset[str]) -> None:
    """Raise `InvalidValue` for too many, or for one that codes may not be sent to."""
    if len(values) > _REDIRECTS_MAX:
        raise InvalidValue(f"at most {_REDIRECTS_MAX} redirect_uris")
    for value in values:
        check_redirect_uri(value)
