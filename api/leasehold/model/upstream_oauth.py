"""Authorization servers of tool servers, and us as their client: what they say of themselves, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from leasehold.model.errors import LeaseholdError


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceMetadata:
    """What a tool server says of itself (RFC 9728 §2)."""

    resource: str
    authorization_servers: tuple[str, ...]
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMetadata:
    """What an authorization server says of itself (RFC 8414 §2).

    `client_documents`: it takes client ID metadata documents. `names_itself`: its answers carry `iss` (RFC 9207 §3).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    registration_endpoint: str | None = None
    revocation_endpoint: str | None = None
    auth_methods: frozenset[str] = frozenset({"client_secret_basic"})
    client_documents: bool = False
    names_itself: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientIdentity:
    """Who we are at an authorization server; without a secret, a public client that PKCE protects."""

    client_id: str
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedTokens:
    """What a token endpoint answered (RFC 6749 §5.1). `expires_in` is in seconds, None if it does not say."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_in: int | None = None
    scopes: frozenset[str] | None = None


class UpstreamRefused(LeaseholdError):
    """The other side said no. `error` is the error code of RFC 6749 §5.2, or a word of ours; never what it answered."""

    code = "unavailable"

    def __init__(self, message: str, error: str = "") -> None:
        self.error = error
        super().__init__(message)


class UpstreamSilent(LeaseholdError):
    """The other side did not answer, or nothing that can be understood: it may have done what it was asked, or not."""

    code = "unavailable"
