"""What a client says of itself: in a metadata document at its client id, or when it registers (RFC 7591 §2). Pure.

Whoever it says to be, it is a client of the one agent that was declared to have it, and gets no more than that agent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from leasehold.model.clients import check_client_keys, check_redirect_uris
from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_text
from leasehold.model.redirects import public_redirects
from leasehold.model.trust import check_url

MAX_DOCUMENT_BYTES = 10_240  # CIMD §6.6 recommends 5 KB; a set of RSA keys needs more
CLIENT_ID_LIMIT = 512
DYNAMIC_PREFIX = "dyn."  # no agent can be named so
REGISTRATION_TTL_MAX = timedelta(days=7)
DYNAMIC_CLIENTS_MAX = 20
JWT_BEARER_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLIENT_GRANTS = frozenset({"authorization_code", "client_credentials", JWT_BEARER_GRANT})
REFRESH_TOKEN_GRANT = "refresh_token"  # noqa: S105  the name of a grant type
PUBLIC_GRANTS = frozenset({"authorization_code", REFRESH_TOKEN_GRANT})
PUBLIC_METHOD = "none"
_METHOD = "private_key_jwt"
_SECRETS = frozenset({"client_secret", "client_secret_expires_at"})
_KEYS = frozenset({"jwks", "jwks_uri"})
_CLIENT_IDS_MAX = 20
_VOUCHED = frozenset(
    {"redirect_uris", "grant_types", "response_types", "token_endpoint_auth_method", "client_name", "jwks", "jwks_uri"}
)
_OURS = frozenset({"client_id_issued_at", "registration_access_token", "registration_client_uri"})


class UnapprovedStatement(InvalidValue):
    """A software statement: nobody whose word counts here made one (RFC 7591 §3.2.2)."""


class InvalidRedirect(InvalidValue):
    """A redirect_uri that codes may not be sent to; the rest of the metadata may be right (RFC 7591 §3.2.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMetadata:
    """A client: where it is sent back to, its public keys, and the grant types that it keeps to.

    A `public` one has no keys (RFC 6749 §2.1): anybody can say to be it, and what it says of itself is a claim.
    """

    client_id: str
    redirect_uris: frozenset[str]
    grants: frozenset[str]
    jwks: str | None = None
    jwks_uri: str | None = None
    name: str = ""
    public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredClient:
    """A client that registered itself. `token_sha256` is of its registration access token, which is kept nowhere."""

    metadata: ClientMetadata
    agent: str
    token_sha256: str = field(repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationToken:
    """An initial access token: one client may register, once, for one agent. Only its SHA-256 is kept."""

    sha256: str = field(repr=False)
    agent: str
    expires_at: datetime


def digest_of_token(token: str) -> str:
    """What is kept of a registration token: it has 256 random bits, nobody guesses it back."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def check_client_id(value: str) -> None:
    """Raise `InvalidValue` unless a metadata document may live there (CIMD §3): https, a path that reads one way."""
    check_url(value, "client_ids")
    path = urlsplit(value).path
    if not value.startswith("https://") or len(value) > CLIENT_ID_LIMIT:
        raise InvalidValue(f"each of client_ids is an https URL of at most {CLIENT_ID_LIMIT} characters")
    if not path.strip("/") or {".", ".."} & set(path.split("/")) or "%" in path:
        raise InvalidValue("each of client_ids has a path, without `.`, `..` and percent signs")


def check_client_ids(values: frozenset[str]) -> None:
    """Raise `InvalidValue` for too many, or for one that is no address of a metadata document."""
    if len(values) > _CLIENT_IDS_MAX:
        raise InvalidValue(f"at most {_CLIENT_IDS_MAX} client_ids")
    for value in values:
        check_client_id(value)


def metadata_of_document(url: str, body: bytes) -> ClientMetadata:
    """The client of the document at `url`. Raises `InvalidValue`: of a document that is half right nothing is taken."""
    if len(body) > MAX_DOCUMENT_BYTES:
        raise InvalidValue(f"the document exceeds {MAX_DOCUMENT_BYTES} bytes")
    found = _json_object(body)
    if found.get("client_id") != url:  # CIMD §4.1: compared as strings
        raise InvalidValue("client_id is not the address of the document")
    if found.get("token_endpoint_auth_method") == PUBLIC_METHOD:
        return public_metadata_of(found, url)
    if found.get("token_endpoint_auth_method") != _METHOD:  # what is public holds no secret; the default is a secret
        raise InvalidValue(f"token_endpoint_auth_method must be {_METHOD} or {PUBLIC_METHOD}")
    metadata = metadata_of(found, url)
    if metadata.jwks_uri is not None and urlsplit(metadata.jwks_uri).netloc != urlsplit(url).netloc:
        raise InvalidValue("jwks_uri is not on the host of the document")
    return metadata


def statement_of(body: bytes) -> str | None:
    """The software statement of a request, None if it has none. Raises `InvalidValue`."""
    return _text(_registration(body), "software_statement")


def metadata_of_registration(
    body: bytes, client_id: str, *, registered: bool = False, vouched: Mapping[str, object] | None = None
) -> ClientMetadata:
    """The client that a request describes (RFC 7591 §3.1); once `registered`, by its id (RFC 7592 §2.2).

    What a software statement says, `vouched`, stands above what the client says (RFC 7591 §2.3).
    """
    found = _registration(body)
    if "software_statement" in found and vouched is None:
        raise UnapprovedStatement("a software statement stands for itself: bring no token with it, nor change it later")
    found = {**found, **{name: value for name, value in (vouched or {}).items() if name in _VOUCHED}}
    if registered and found.get("client_id") != client_id:
        raise InvalidValue("client_id is not that of the client")
    if registered and _OURS & found.keys():
        raise InvalidValue(f"leave out {', '.join(sorted(_OURS))}")
    return metadata_of(found, client_id)


def _registration(body: bytes) -> Mapping[str, object]:
    if len(body) > MAX_DOCUMENT_BYTES:
        raise InvalidValue(f"the metadata exceeds {MAX_DOCUMENT_BYTES} bytes")
    return _json_object(body)


def metadata_of(found: Mapping[str, object], client_id: str) -> ClientMetadata:
    """The client that this describes (RFC 7591 §2). Members that mean nothing here are left out, as the RFC asks."""
    if _SECRETS & found.keys():
        raise InvalidValue("a client brings no secret")
    if found.get("token_endpoint_auth_method", _METHOD) != _METHOD:
        raise InvalidValue(f"token_endpoint_auth_method can only be {_METHOD}")
    grants = _words(found, "grant_types", ["authorization_code"]) & CLIENT_GRANTS
    if not grants:
        raise InvalidValue(f"grant_types must name some of {', '.join(sorted(CLIENT_GRANTS))}")
    if not _words(found, "response_types", []) <= {"code"}:
        raise InvalidValue("response_types can only be code")
    metadata = ClientMetadata(
        client_id=client_id,
        redirect_uris=_redirect_uris(found),
        grants=grants,
        jwks=_keys(found),
        jwks_uri=_text(found, "jwks_uri"),
        name=_text(found, "client_name") or "",
    )
    _check_whole(metadata)
    return metadata


def public_metadata_of(found: Mapping[str, object], client_id: str) -> ClientMetadata:
    """The public client that this describes. Raises `InvalidValue`."""
    if (_SECRETS | _KEYS) & found.keys():
        raise InvalidValue("a client without authentication has neither secret nor keys")
    grants = _words(found, "grant_types", ["authorization_code"]) & PUBLIC_GRANTS
    if "authorization_code" not in grants or not _words(found, "response_types", ["code"]) >= {"code"}:
        raise InvalidValue("grant_types must name authorization_code, and response_types code")
    try:
        redirects = public_redirects(_words(found, "redirect_uris", []))
    except InvalidValue as error:
        raise InvalidRedirect(str(error)) from None
    name = _text(found, "client_name") or ""
    check_text(name, "client_name")
    return ClientMetadata(client_id=client_id, redirect_uris=redirects, grants=grants, name=name, public=True)


def is_public_request(body: bytes) -> bool:
    """True iff the client that a request describes means to have no key. Raises `InvalidValue`."""
    found = _registration(body)
    return not _KEYS & found.keys() and found.get("token_endpoint_auth_method") != _METHOD


def open_registration_of(body: bytes) -> ClientMetadata:
    """The public client that a request without any token describes; it has no id yet. Raises `InvalidValue`.

    Whatever other method it asks for, what it gets is none (RFC 7591 §3.2.1), and the answer says so.
    """
    return public_metadata_of(_registration(body), "")


def _check_whole(metadata: ClientMetadata) -> None:
    check_client_keys(metadata.jwks, metadata.jwks_uri)
    if metadata.jwks is None and metadata.jwks_uri is None:
        raise InvalidValue("jwks or jwks_uri is missing: a client proves itself with a key of its own")
    if "authorization_code" in metadata.grants and not metadata.redirect_uris:
        raise InvalidRedirect("redirect_uris is missing")
    check_text(metadata.name, "client_name")


def _redirect_uris(found: Mapping[str, object]) -> frozenset[str]:
    uris = _words(found, "redirect_uris", [])
    try:
        check_redirect_uris(uris)
    except InvalidValue as error:
        raise InvalidRedirect(str(error)) from None
    return uris


def _keys(found: Mapping[str, object]) -> str | None:
    jwks = found.get("jwks")
    if jwks is None:
        return None
    if not isinstance(jwks, dict) or not isinstance(jwks.get("keys"), list) or not jwks["keys"]:
        raise InvalidValue("jwks must be a JWK set with a key")
    return json.dumps(jwks, sort_keys=True)


def _text(found: Mapping[str, object], name: str) -> str | None:
    value = found.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidValue(f"{name} must be a string")
    return value


def _words(found: Mapping[str, object], name: str, default: list[str]) -> frozenset[str]:
    words = found.get(name, default)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise InvalidValue(f"{name} must be a list of strings")
    return frozenset(words)


def _json_object(body: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise InvalidValue("the document is not JSON that says each thing once") from None
    if not isinstance(found, dict):
        raise InvalidValue("the document is not a JSON object")
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    named = dict(pairs)
    if len(named) != len(pairs):
        raise ValueError("a member is repeated")
    return named
