"""Credential profiles: what of another system agents may draw while they hold a lease."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

from leasehold_cdktf._cdk import Construct
from leasehold_cdktf.collector import Declared, Entry, refer
from leasehold_cdktf.names import check_name

_FLOOR_SECONDS, _CEILING_SECONDS = 900, 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSession:
    """A session of an IAM role, narrowed by a session policy and tagged with the lease.

    STS issues nothing under 900 s, so a session can outlive its lease; the registry says until when.
    """

    TARGET: ClassVar[str] = "aws"
    role_arn: str
    region: str
    mode: Literal["assume-role", "web-identity"] | None = None
    session_policy: Mapping[str, Any] | str | None = None  # Any: IAM's JSON
    duration: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    on_revoke: Literal["expire", "deny-session"] | None = None
    endpoint_url: str | None = None

    def __post_init__(self) -> None:
        if not ((self.role_arn.startswith("arn:aws") and ":role/" in self.role_arn) or "${" in self.role_arn):
            raise ValueError(f"role_arn `{self.role_arn}` must read arn:aws:iam::<account>:role/<name>")
        if self.duration is not None and not _FLOOR_SECONDS <= self.duration <= _CEILING_SECONDS:
            raise ValueError(
                f"duration must be {_FLOOR_SECONDS} to {_CEILING_SECONDS} seconds: STS issues nothing else"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlLogin:
    """A login of its own per lease. `dsn` names a secret of the registry's server, and is never the string itself."""

    TARGET: ClassVar[str] = "postgresql"
    dsn: str
    roles: Collection[str] = ()
    schema: str | None = None
    privileges: Collection[Literal["select", "insert", "update", "delete"]] = ()

    def __post_init__(self) -> None:
        check_name(self.dsn, "dsn")
        if self.privileges and self.schema is None:
            raise ValueError("privileges need a schema")
        if not self.roles and not self.privileges:
            raise ValueError("give roles to inherit, or privileges on a schema: a login for nothing is none")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubInstallation:
    """A token of a GitHub App's installation. `private_key` names a secret of the registry's server."""

    TARGET: ClassVar[str] = "github_app"
    app_id: str
    installation_id: str
    repositories: Collection[str]
    permissions: Mapping[str, Literal["read", "write"]]
    private_key: str
    api_url: str | None = None

    def __post_init__(self) -> None:
        check_name(self.private_key, "private_key")
        if not self.repositories or not self.permissions:
            raise ValueError("name repositories and permissions: left out, GitHub grants all there are")


@dataclass(frozen=True, slots=True, kw_only=True)
class Federation:
    """A token of the registry's own issuer, for Google, Azure, Vault or whoever else trusts it."""

    TARGET: ClassVar[str] = "federation"
    audience: str
    token_ttl: int | None = None


Target = AwsSession | PostgresqlLogin | GitHubInstallation | Federation


class CredentialProfile(Declared):
    """What the agents named, and no others, may draw. The credentials never pass through Terraform.

    Args:
        agents: Who may: `Agent`s, or names of agents declared elsewhere.
        target: Of which system: `AwsSession(…)`, `PostgresqlLogin(…)`, `GitHubInstallation(…)` or `Federation(…)`.
        max_ttl: The longest life in seconds, where the other system can; a lease ends sooner.
        description: What for.
        name: The name in the registry; the construct's id if left out.

    Raises:
        ValueError: a malformed name.
    """

    KIND = "leasehold_credential_profile"

    def __init__(  # noqa: PLR0913  one keyword per attribute
        self,
        scope: Construct,
        id_: str,
        *,
        agents: Collection[Entry | str],
        target: Target,
        max_ttl: int | None = None,
        description: str = "",
        name: str | None = None,
    ) -> None:
        super().__init__(scope, id_, name)
        self.declare(
            {
                "agents": sorted(refer(agent, self.collector) for agent in agents),
                target.TARGET: _attributes(target),
                "max_ttl": max_ttl,
                "description": description or None,
            }
        )


def _attributes(target: Target) -> dict[str, object]:
    given = {key: value for key, value in asdict(target).items() if value not in (None, (), {})}
    for key, value in given.items():
        if key == "session_policy" and not isinstance(value, str):
            given[key] = json.dumps(value, sort_keys=True)
        elif isinstance(value, list | tuple | set | frozenset):
            given[key] = sorted(value)
    return given
