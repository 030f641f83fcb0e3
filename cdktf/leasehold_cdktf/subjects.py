"""Who a binding names: one dataclass of pins per kind of trust issuer, and conditions on claims.

Another kind of issuer is one dataclass and its name in `Subject` and `IssuerType`. The registry checks every pin again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import ClassVar, Literal, TypeAlias

IssuerType: TypeAlias = Literal[
    "kubernetes",
    "github-actions",
    "gitlab",
    "aws",
    "aws-sts",
    "google",
    "azure",
    "spiffe",
    "hcp-terraform",
    "buildkite",
    "oidc",
]
_GLOB_REFUSED = frozenset("?[]{}\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one claim must be: exactly one of these. A text is no number; `glob` has `*` within one part of a value."""

    exact: str | None = None
    one_of: Collection[str] = ()
    glob: str | None = None
    number: int | None = None
    boolean: bool | None = None

    def __post_init__(self) -> None:
        if len(self.attributes()) != 1:
            raise ValueError("give exactly one of exact, one_of, glob, number and boolean")
        if self.glob is not None and ("**" in self.glob or self.glob.startswith("*") or _GLOB_REFUSED & set(self.glob)):
            raise ValueError(f"glob `{self.glob}` must say how the value begins, and knows `*` alone")

    def attributes(self) -> dict[str, object]:
        """The attributes that are given."""
        given = {**asdict(self), "one_of": sorted(self.one_of) or None}
        return {key: value for key, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubernetes:
    """A service account, exactly. The uid tells a re-created account of the same name apart."""

    TYPE: ClassVar[str] = "kubernetes"
    namespace: str
    service_account: str
    service_account_uid: str | None = None
    any_uid: bool = False

    def __post_init__(self) -> None:
        if (self.service_account_uid is None) is not self.any_uid:
            raise ValueError("pin service_account_uid, or set any_uid=True: an account made anew has the same name")
        _check_pins(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubActions:
    """A workflow run, by the ids that a rename cannot move and by at least one of workflow, environment and ref."""

    TYPE: ClassVar[str] = "github-actions"
    repository_id: str
    repository_owner_id: str
    job_workflow_ref: str | None = None
    environment: str | None = None
    ref: str | None = None

    def __post_init__(self) -> None:
        for what, value in (("repository_id", self.repository_id), ("repository_owner_id", self.repository_owner_id)):
            if not (value.isdecimal() or "${" in value):
                raise ValueError(f"{what} `{value}` must be GitHub's numeric id as a string: `gh api repos/OWNER/NAME`")
        if self.job_workflow_ref is None and self.environment is None and self.ref is None:
            raise ValueError("pin at least one of job_workflow_ref, environment and ref: any workflow would do else")
        _check_pins(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLab:
    """A CI job, by the ids of its project and namespace and by at least one of configuration, environment and ref."""

    TYPE: ClassVar[str] = "gitlab"
    project_id: str
    namespace_id: str
    ci_config_ref_uri: str | None = None
    environment: str | None = None
    ref_path: str | None = None
    unprotected_ref: bool = False

    def __post_init__(self) -> None:
        _check_one_at_least(
            ci_config_ref_uri=self.ci_config_ref_uri, environment=self.environment, ref_path=self.ref_path
        )
        _check_pins(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Aws:
    """An IAM role, by outbound web identity token, and by its unique id: a role made anew has the same ARN."""

    TYPE: ClassVar[str] = "aws"
    aws_account: str
    role_arn: str
    unique_id: str

    def __post_init__(self) -> None:
        _check_pins(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSts:
    """An IAM principal, by signed GetCallerIdentity; its unique id dies with it."""

    TYPE: ClassVar[str] = "aws-sts"
    aws_account: str
    unique_id: str
    arn: str | None = None

    def __post_init__(self) -> None:
        _check_pins(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Google:
    """A service account on Compute Engine, by two numbers: its own id and the project's."""

    TYPE: ClassVar[str] = "google"
    subject: str
    project_number: str
    instance_id: str | None = None

    def __post_init__(self) -> None:
        _check_pins(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Azure:
    """A managed identity, by tenant and object id."""

    TYPE: ClassVar[str] = "azure"
    tenant_id: str
    object_id: str
    client_id: str | None = None

    def __post_init__(self) -> None:
        _check_pins(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spiffe:
    """A workload, by its SPIFFE ID."""

    TYPE: ClassVar[str] = "spiffe"
    spiffe_id: str

    def __post_init__(self) -> None:
        _check_pins(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class HcpTerraform:
    """A run of a workspace; a plan may read, an apply may write."""

    TYPE: ClassVar[str] = "hcp-terraform"
    organization_id: str
    workspace_id: str
    project_id: str | None = None

    def __post_init__(self) -> None:
        _check_pins(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Buildkite:
    """A job of a pipeline, by the ids of organisation and pipeline and by branch or tag."""

    TYPE: ClassVar[str] = "buildkite"
    organization_id: str
    pipeline_id: str
    build_branch: str | None = None
    build_tag: str | None = None
    step_key: str | None = None

    def __post_init__(self) -> None:
        _check_one_at_least(build_branch=self.build_branch, build_tag=self.build_tag)
        _check_pins(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Oidc:
    """Any other OpenID Connect subject, by its exact `sub`."""

    TYPE: ClassVar[str] = "oidc"
    subject: str

    def __post_init__(self) -> None:
        _check_pins(asdict(self))


Subject: TypeAlias = (
    Kubernetes | GitHubActions | GitLab | Aws | AwsSts | Google | Azure | Spiffe | HcpTerraform | Buildkite | Oidc
)


def _check_one_at_least(**pins: str | None) -> None:
    if all(value is None for value in pins.values()):
        raise ValueError(f"pin at least one of {', '.join(pins)}: the ids alone would admit every branch")


def _check_pins(pins: dict[str, str | bool | None]) -> None:
    for what, value in pins.items():
        if isinstance(value, str) and (not value or "*" in value):
            raise ValueError(f"{what} `{value}` must be an exact, non-empty value: a pin takes no wildcard")
