"""What connections hold: secrets, one form per method. They live in envelopes and, briefly, in memory."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import ClassVar, TypeAlias

from leasehold.model.errors import InvalidValue
from leasehold.model.upstream import Method

_STRICT = {"extra": "forbid", "strict": False, "str_max_length": 65_536}
_LIMIT = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthSecret:
    """Tokens of an authorization server, and which client of it they were issued to."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    client_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeySecret:
    """A key."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    key: str = field(repr=False)

    def __post_init__(self) -> None:
        _check(self.key, "key")


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicSecret:
    """A user name, which holds no colon (RFC 7617 §2), and a password."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    username: str = field(repr=False)
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        _check(self.username, "username")
        if ":" in self.username:
            raise InvalidValue("username must hold no colon")
        if not self.password or len(self.password) > _LIMIT or not self.password.isprintable():
            raise InvalidValue(f"password must be 1-{_LIMIT} printable characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class MtlsSecret:
    """A certificate chain and the key to it, PEM text."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    certificate: str = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSecret:
    """Access keys of AWS; a session token makes them temporary."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        _check(self.access_key_id, "access_key_id")
        _check(self.secret_access_key, "secret_access_key")
        if self.session_token is not None:
            _check(self.session_token, "session_token")


Secret: TypeAlias = OAuthSecret | ApiKeySecret | BasicSecret | MtlsSecret | AwsSecret
_FORMS: dict[Method, type[Secret]] = {
    Method.OAUTH: OAuthSecret,
    Method.API_KEY: ApiKeySecret,
    Method.BASIC: BasicSecret,
    Method.MTLS: MtlsSecret,
    Method.AWS_SIGV4: AwsSecret,
}


def written(secret: Secret) -> str:
    """The text that is sealed."""
    return json.dumps(asdict(secret), sort_keys=True)


def secret_of(method: Method, text: str) -> Secret:
    """The secret of a text that was sealed for this method."""
    return _FORMS[method](**json.loads(text))


def method_of(secret: Secret) -> Method:
    """The method that a secret is for."""
    return next(method for method, form in _FORMS.items() if isinstance(secret, form))


def _check(value: str, what: str) -> None:
    """A header is made of it: one line, no spaces."""
    if not 0 < len(value) <= _LIMIT or not (value.isascii() and value.isprintable()) or " " in value:
        raise InvalidValue(f"{what} must be 1-{_LIMIT} printable ASCII characters without spaces")
