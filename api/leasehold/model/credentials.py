"""Credential profiles: what of another system an agent may be handed, and how narrow it is cut there.

No profile holds a secret. Where a root secret is needed (a PostgreSQL administrator, the private key of a GitHub App)
the profile *names* one of the server's own settings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar, TypeAlias

from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_name, check_text
from leasehold.model.people import TTL_MAX_SECONDS, TTL_MIN_SECONDS
from leasehold.model.trust import check_url

_STRICT = {"extra": "forbid", "strict": False, "str_max_length": 65_536}
AWS_FLOOR_SECONDS = 900  # STS AssumeRole, DurationSeconds: nothing shorter is issued
AWS_CEILING_SECONDS = 3600  # the limit of role chaining, and the shortest maximum a role can have
_POLICY_CHARACTERS = 2048  # STS AssumeRole, Policy
_ROLE_ARN = re.compile(r"arn:aws(?:-[a-z]+)*:iam::\d{12}:role/[\w+=,.@/-]{1,576}", re.ASCII)
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d", re.ASCII)
_TAG_KEY = re.compile(r"[A-Za-z0-9 _.:/=+\-@]{1,128}")  # STS, session tags
_TAG_VALUE = re.compile(r"[A-Za-z0-9 _.:/=+\-@]{0,256}")
_TAGS_LIMIT = 40  # STS allows 50; we add some of our own
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_PERMISSION = re.compile(r"[a-z_]{1,64}")
_POSTGRES_NAME_BYTES = 63  # NAMEDATALEN - 1
# Whoever is one of these leaves the database for the machine under it.
_POSTGRES_ESCAPES = frozenset({"pg_execute_server_program", "pg_read_server_files", "pg_write_server_files"})
_AUDIENCE_LIMIT = 512


class AwsMode(StrEnum):
    """Who vouches to STS: the server's own AWS identity, or a token of our issuer that the role trusts."""

    ASSUME_ROLE = "assume-role"
    WEB_IDENTITY = "web-identity"


class AwsEnding(StrEnum):
    """What a revocation does: wait for the expiry, or deny the session by a policy on the role."""

    EXPIRE = "expire"
    DENY_SESSION = "deny-session"


class Privilege(StrEnum):
    """What may be done to the tables of a schema."""

    SELECT = "select"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


class GitHubAccess(StrEnum):
    """How much of a GitHub permission."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSession:
    """A session of one IAM role, narrowed by `session_policy` (JSON text).

    `duration` is in seconds. STS issues nothing under 900, so a session may outlive its lease; how long is on record.
    `endpoint_url` replaces the region's STS and IAM, for tests.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    role_arn: str
    region: str
    mode: AwsMode = AwsMode.ASSUME_ROLE
    session_policy: str | None = None
    duration: int = AWS_FLOOR_SECONDS
    tags: Mapping[str, str] = field(default_factory=dict)
    on_revoke: AwsEnding = AwsEnding.EXPIRE
    endpoint_url: str | None = None

    def __post_init__(self) -> None:
        if not _ROLE_ARN.fullmatch(self.role_arn):
            raise InvalidValue("role_arn must read arn:aws:iam::<account>:role/<name>")
        if not _REGION.fullmatch(self.region):
            raise InvalidValue("region must be the name of a region, such as eu-central-1")
        if not AWS_FLOOR_SECONDS <= self.duration <= AWS_CEILING_SECONDS:
            raise InvalidValue(f"duration must be {AWS_FLOOR_SECONDS} to {AWS_CEILING_SECONDS} seconds")
        if self.session_policy is not None:
            _check_session_policy(self.session_policy)
        if self.endpoint_url is not None:
            check_url(self.endpoint_url, "endpoint_url")
        _check_tags(self.tags)

    def life(self, left: timedelta) -> timedelta:
        """How long a session to ask for: as long as the lease has left, yet STS issues nothing under 900 s."""
        return timedelta(seconds=min(self.duration, max(AWS_FLOOR_SECONDS, int(left.total_seconds()))))


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlLogin:
    """A login of its own per lease, gone with it.

    `dsn` names the secret with the administrator's connection string. The login inherits `roles`, and gets `privileges`
    on the tables of `schema`, which also becomes its search path.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    dsn: str
    roles: frozenset[str] = frozenset()
    schema: str | None = None
    privileges: frozenset[Privilege] = frozenset()

    def __post_init__(self) -> None:
        check_name(self.dsn, "dsn")
        for role in self.roles:
            _check_postgres_name(role, "a role")
            if role in _POSTGRES_ESCAPES:
                raise InvalidValue(f"role {role} reaches beyond the database: no agent gets it")
        if self.schema is not None:
            _check_postgres_name(self.schema, "schema")
        if self.privileges and self.schema is None:
            raise InvalidValue("privileges need a schema")
        if not self.roles and not self.privileges:
            raise InvalidValue("give roles to inherit, or privileges on a schema: a login for nothing is none")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubInstallation:
    """A token of a GitHub App's installation, narrowed to `repositories` and `permissions`.

    `private_key` names the secret with the app's RSA key as PEM.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    app_id: str
    installation_id: str
    repositories: frozenset[str]
    permissions: Mapping[str, GitHubAccess]
    private_key: str
    api_url: str = "https://api.github.com"

    def __post_init__(self) -> None:
        for what, value in (("app_id", self.app_id), ("installation_id", self.installation_id)):
            if not (value.isascii() and value.isdecimal() and len(value) <= 20):  # noqa: PLR2004  64 bits
                raise InvalidValue(f"{what} is GitHub's numeric id, as a string")
        check_name(self.private_key, "private_key")
        check_url(self.api_url, "api_url")
        if not self.repositories or not all(_REPOSITORY.fullmatch(one) for one in self.repositories):
            raise InvalidValue("repositories must name at least one repository, without its owner")
        if not self.permissions or not all(_PERMISSION.fullmatch(one) for one in self.permissions):
            raise InvalidValue("permissions must name at least one permission: left out, GitHub grants all there are")


@dataclass(frozen=True, slots=True, kw_only=True)
class Federation:
    """A token of our own issuer for whoever trusts it: Google, Azure, Vault. `token_ttl` is in seconds."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    audience: str
    token_ttl: int = TTL_MAX_SECONDS

    def __post_init__(self) -> None:
        if not 0 < len(self.audience) <= _AUDIENCE_LIMIT or not self.audience.isprintable():
            raise InvalidValue(f"audience must be 1-{_AUDIENCE_LIMIT} printable characters")
        _check_ttl(self.token_ttl, "token_ttl")


Target: TypeAlias = AwsSession | PostgresqlLogin | GitHubInstallation | Federation


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialProfile:
    """What the `agents` named, and no others, may be handed. `max_ttl` caps it in seconds, where the other side can."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    agents: frozenset[str]
    aws: AwsSession | None = None
    postgresql: PostgresqlLogin | None = None
    github_app: GitHubInstallation | None = None
    federation: Federation | None = None
    max_ttl: int = TTL_MAX_SECONDS
    description: str = ""

    def __post_init__(self) -> None:
        for agent in self.agents:
            check_name(agent, "agent")
        if sum(one is not None for one in self._targets) != 1:
            raise InvalidValue("give exactly one of aws, postgresql, github_app and federation")
        _check_ttl(self.max_ttl, "max_ttl")
        check_text(self.description, "description")

    @property
    def target(self) -> Target:
        """The one system that this profile is for."""
        return next(one for one in self._targets if one is not None)

    @property
    def _targets(self) -> tuple[Target | None, ...]:
        return self.aws, self.postgresql, self.github_app, self.federation


def _check_session_policy(text: str) -> None:
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidValue("session_policy must be an IAM policy as JSON text") from None
    if not isinstance(policy, dict) or not policy.get("Statement") or len(text) > _POLICY_CHARACTERS:
        raise InvalidValue(f"session_policy must be an IAM policy with a Statement, of {_POLICY_CHARACTERS} characters")


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > _TAGS_LIMIT or any(key.lower().startswith(("aws:", "leasehold")) for key in tags):
        raise InvalidValue(f"tags: at most {_TAGS_LIMIT}, and none that starts with `aws:` or `leasehold`")
    for key, value in tags.items():
        if not _TAG_KEY.fullmatch(key) or not _TAG_VALUE.fullmatch(value):
            raise InvalidValue("tags hold letters, digits, spaces and _.:/=+-@ only")


def _check_postgres_name(value: str, what: str) -> None:
    if not value or not value.isprintable() or len(value.encode()) > _POSTGRES_NAME_BYTES:
        raise InvalidValue(f"{what} must be 1-{_POSTGRES_NAME_BYTES} printable bytes")


def _check_ttl(value: int, what: str) -> None:
    if not TTL_MIN_SECONDS <= value <= TTL_MAX_SECONDS:
        raise InvalidValue(f"{what} must be {TTL_MIN_SECONDS} to {TTL_MAX_SECONDS} seconds")
