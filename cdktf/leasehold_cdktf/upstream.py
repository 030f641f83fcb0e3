"""How calls prove themselves to a tool server. No declaration holds a secret: people and administrators connect."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from leasehold_cdktf.names import check_name


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """Access tokens of an authorization server (authorization code, PKCE).

    `issuer` pins it; left out, it is the first that the tool server names (RFC 9728). `client_id` is ours there if we
    were registered by hand, `client_secret` names a secret of the registry's server.
    """

    METHOD: ClassVar[str] = "oauth"
    issuer: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    scopes: Collection[str] = ()
    resource: str | None = None
    dynamic_registration: bool | None = None
    allow_private: bool | None = None

    def __post_init__(self) -> None:
        if self.client_secret is not None:
            check_name(self.client_secret, "client_secret")
        if self.client_secret is not None and self.client_id is None:
            raise ValueError("client_secret belongs to a client_id")
        if self.client_id is not None and self.issuer is None:
            raise ValueError("client_id needs the issuer that knows it: it is shown to no other")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key in a header, `Authorization: Bearer <key>` if nothing else is said."""

    METHOD: ClassVar[str] = "api_key"
    header: str | None = None
    prefix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """A user name and a password (RFC 7617)."""

    METHOD: ClassVar[str] = "basic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mtls:
    """A client certificate in the TLS handshake."""

    METHOD: ClassVar[str] = "mtls"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSigV4:
    """Requests signed for one AWS service in one region."""

    METHOD: ClassVar[str] = "aws_sigv4"
    region: str
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A credential of a credential profile, drawn for the agent that calls: nobody connects anything.

    `service` is the signing name of the AWS service, where the profile is of AWS.
    """

    METHOD: ClassVar[str] = "credential"
    profile: str
    service: str | None = None

    def __post_init__(self) -> None:
        check_name(self.profile, "profile")


@dataclass(frozen=True, slots=True)
class UpstreamAuth:
    """One method, and whose connections count.

    Args:
        method: `OAuth()`, `ApiKey()`, `Basic()`, `Mtls()`, `AwsSigV4(…)` or `Credential(…)`.
        personal: People connect accounts of their own, which come before what is shared.
        shared: A connection of the organisation may be promoted for an agent.
    """

    method: OAuth | ApiKey | Basic | Mtls | AwsSigV4 | Credential
    personal: bool = field(default=True, kw_only=True)
    shared: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        if not (self.personal or self.shared):
            raise ValueError("personal and shared cannot both be off: no call could ever go out")

    def attributes(self) -> dict[str, Any]:  # Any: attributes of every type
        """As the resource has it."""
        given = {key: value for key, value in asdict(self.method).items() if value is not None and value != ()}
        if "scopes" in given:
            given["scopes"] = sorted(given["scopes"])
        whose = {key: False for key in ("personal", "shared") if not getattr(self, key)}
        plain = isinstance(self.method, Basic | Mtls)
        return {self.method.METHOD: True if plain else given, **whose}
