"""What a tool server wants to see before it answers, as its declaration says. No declaration holds a secret."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_name
from leasehold.model.trust import check_url

_STRICT = {"extra": "forbid", "strict": False, "str_max_length": 65_536}
_TEXT_LIMIT = 512
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")  # RFC 9110 §5.6.2
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d", re.ASCII)
_SERVICE = re.compile(r"[a-z0-9-]{1,64}")
# What frames a message, routes it, or says who asked belongs to the gateway, whatever a declaration says.
_OURS = frozenset(
    {"host", "cookie", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "te"}
    | {"upgrade", "trailer", "expect", "keep-alive", "accept", "accept-encoding", "forwarded", "via", "origin", "dpop"}
    | {"traceparent", "tracestate", "last-event-id"}
)
_OUR_PREFIXES = ("mcp-", "proxy-", "x-forwarded-", "sec-")


class Method(StrEnum):
    """How a connection proves itself to a tool server."""

    OAUTH = "oauth"
    API_KEY = "api-key"
    BASIC = "basic"
    MTLS = "mtls"
    AWS_SIGV4 = "aws-sigv4"
    CREDENTIAL = "credential"


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthUpstream:
    """Access tokens of an authorization server (authorization code, PKCE S256).

    `issuer` pins the authorization server; None takes the first that the tool server's metadata names (RFC 9728).
    `client_id` is ours there if we were registered by hand, `client_secret` the *name* of the server's own secret.
    Without it we show a client ID metadata document where that is taken, else register dynamically if
    `dynamic_registration`. `resource` replaces the tool server's address as resource indicator (RFC 8707).
    `allow_private` admits addresses of the network around this server, and plain http on loopback.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    issuer: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    scopes: frozenset[str] = frozenset()
    resource: str | None = None
    dynamic_registration: bool = True
    allow_private: bool = False

    def __post_init__(self) -> None:
        if self.issuer is not None:
            check_url(self.issuer, "issuer")
        if self.resource is not None:
            check_url(self.resource, "resource")
        if self.client_id is not None:
            _check_words(self.client_id, "client_id")
        if self.client_secret is not None:
            check_name(self.client_secret, "client_secret")
        if self.client_secret is not None and self.client_id is None:
            raise InvalidValue("client_secret belongs to a client_id")
        if self.client_id is not None and self.issuer is None:
            raise InvalidValue("client_id needs the issuer that knows it: it is shown to no other")
        if not all(s.isascii() and s.isprintable() and s and not set(' "\\') & set(s) for s in self.scopes):
            raise InvalidValue("scopes must be words of RFC 6749 §3.3")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyUpstream:
    """A key in a header: `prefix` and the key, as in `Authorization: Bearer <key>`."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    header: str = "Authorization"
    prefix: str = "Bearer "

    def __post_init__(self) -> None:
        name = self.header.lower()
        if not _HEADER.fullmatch(self.header) or name in _OURS or name.startswith(_OUR_PREFIXES):
            raise InvalidValue("header must be the name of a header that is not the gateway's own")
        if len(self.prefix) > 64 or not (self.prefix.isascii() and self.prefix.isprintable()):  # noqa: PLR2004
            raise InvalidValue("prefix must be at most 64 printable ASCII characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSigV4Upstream:
    """Requests signed for one AWS service in one region (Signature Version 4)."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    region: str
    service: str

    def __post_init__(self) -> None:
        if not _REGION.fullmatch(self.region):
            raise InvalidValue("region must be the name of a region, such as eu-central-1")
        if not _SERVICE.fullmatch(self.service):
            raise InvalidValue("service must be the signing name of a service, such as execute-api")


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialUpstream:
    """A credential of a credential profile, drawn for the agent that calls: whom the profile names, and nobody else.

    Tokens of GitHub Apps and of our own issuer go out as bearer tokens; AWS sessions sign requests for `service` in the
    region of the profile. Nobody connects anything.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    profile: str
    service: str = "execute-api"

    def __post_init__(self) -> None:
        check_name(self.profile, "profile")
        if not _SERVICE.fullmatch(self.service):
            raise InvalidValue("service must be the signing name of a service, such as execute-api")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamAuth:
    """How calls prove themselves to a tool server: exactly one method.

    `basic`: a user name and a password (RFC 7617). `mtls`: a client certificate in the TLS handshake (RFC 8705 §2).
    `personal`: people connect accounts of their own, which come first. `shared`: a connection of the organisation may
    be promoted for an agent.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    oauth: OAuthUpstream | None = None
    api_key: ApiKeyUpstream | None = None
    basic: bool = False
    mtls: bool = False
    aws_sigv4: AwsSigV4Upstream | None = None
    credential: CredentialUpstream | None = None
    personal: bool = True
    shared: bool = True

    def __post_init__(self) -> None:
        if sum(map(bool, self._methods.values())) != 1:
            raise InvalidValue("give exactly one of oauth, api_key, basic, mtls, aws_sigv4 and credential")
        if not (self.personal or self.shared):
            raise InvalidValue("personal and shared cannot both be off: no call could ever go out")

    @property
    def _methods(self) -> dict[Method, object]:
        return {
            Method.OAUTH: self.oauth,
            Method.API_KEY: self.api_key,
            Method.BASIC: self.basic,
            Method.MTLS: self.mtls,
            Method.AWS_SIGV4: self.aws_sigv4,
            Method.CREDENTIAL: self.credential,
        }

    @property
    def method(self) -> Method:
        """The one that is given."""
        return next(method for method, given in self._methods.items() if given)


def _check_words(value: str, what: str) -> None:
    if not 0 < len(value) <= _TEXT_LIMIT or not (value.isascii() and value.isprintable()):
        raise InvalidValue(f"{what} must be 1-{_TEXT_LIMIT} printable ASCII characters")
