"""Subjects of trust issuers: what a binding pins, one dataclass per kind of issuer.

Every kind has mandatory pins that nobody can be given later: ids, never names alone. `MUTABLE` lists the pins that are
names, `UNTRUSTED` the claims whose value the caller chooses; a boolean pin that is true admits more, never less.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, TypeAlias

from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_text

_STRICT = {"extra": "forbid", "strict": False, "str_max_length": 65_536}
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ACCOUNT = re.compile(r"[0-9]{12}")
_ARN_LIMIT = 2048
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):role/[A-Za-z0-9+=,.@_/-]+")
_UNIQUE_ID = re.compile(r"A[A-Z0-9]{15,127}")
_SPIFFE_ID = re.compile(r"spiffe://[a-z0-9._-]{1,255}(?:/[A-Za-z0-9._-]+)+")
ROLE_ID_CLAIM = "leasehold:iam_role_id"
"""Where the unique id of an IAM role stands beside the claims of its token: put there by us, never by the token."""
_TERRAFORM_ID = re.compile(r"(org|ws|prj)-[A-Za-z0-9]{8,64}")


class IssuerType(StrEnum):
    """The kinds of trust issuer; a binding's field is named alike, with `_` for `-`."""

    KUBERNETES = "kubernetes"
    GITHUB_ACTIONS = "github-actions"
    GITLAB = "gitlab"
    AWS = "aws"
    AWS_STS = "aws-sts"
    GOOGLE = "google"
    AZURE = "azure"
    SPIFFE = "spiffe"
    HCP_TERRAFORM = "hcp-terraform"
    BUILDKITE = "buildkite"
    OIDC = "oidc"

    @property
    def field(self) -> str:
        """The attribute of a binding that holds this kind's pins."""
        return self.value.replace("-", "_")


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSubject:
    """A service account, exactly. The uid tells a re-created account of the same name apart.

    Namespace and name can be taken by others once they are free, so the uid is needed, unless `any_uid` says outright
    that whoever may create accounts in the namespace is trusted with this too.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    TYPE: ClassVar[IssuerType] = IssuerType.KUBERNETES
    MUTABLE: ClassVar[frozenset[str]] = frozenset({"namespace", "service_account"})
    UNTRUSTED: ClassVar[tuple[str, ...]] = ()
    namespace: str
    service_account: str
    service_account_uid: str | None = None
    any_uid: bool = False

    def __post_init__(self) -> None:
        _exact(self.namespace, "namespace")
        _exact(self.service_account, "service_account")
        _exact(self.service_account_uid, "service_account_uid")
        if (self.service_account_uid is None) is not self.any_uid:
            raise InvalidValue("pin service_account_uid, or set any_uid = true: an account made anew has the same name")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubActionsSubject:
    """A workflow run, by the ids that a rename cannot move, and by at least one of workflow, environment and ref."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    TYPE: ClassVar[IssuerType] = IssuerType.GITHUB_ACTIONS
    MUTABLE: ClassVar[frozenset[str]] = frozenset({"job_workflow_ref", "environment", "ref"})
    UNTRUSTED: ClassVar[tuple[str, ...]] = ("head_ref", "workflow")
    repository_id: str
    repository_owner_id: str
    job_workflow_ref: str | None = None
    environment: str | None = None
    ref: str | None = None

    def __post_init__(self) -> None:
        if not (_is_digits(self.repository_id) and _is_digits(self.repository_owner_id)):
            raise InvalidValue("repository_id and repository_owner_id are GitHub's numeric ids, as strings")
        _exact_one_at_least(
            {"job_workflow_ref": self.job_workflow_ref, "environment": self.environment, "ref": self.ref}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLabSubject:
    """A CI job, by the ids of the project it runs in and of that project's namespace (GitLab 18.3 and later).

    Only protected refs unless `unprotected_ref`. `ref_path` is whole, such as `refs/heads/main`.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    TYPE: ClassVar[IssuerType] = IssuerType.GITLAB
    MUTABLE: ClassVar[frozenset[str]] = frozenset({"ci_config_ref_uri", "environment", "ref_path"})
    UNTRUSTED: ClassVar[tuple[str, ...]] = ()
    project_id: str
    namespace_id: str
    ci_config_ref_uri: str | None = None
    environment: str | None = None
    ref_path: str | None = None
    unprotected_ref: bool = False

    def __post_init__(self) -> None:
        if not (_is_digits(self.project_id) and _is_digits(self.namespace_id)):
            raise InvalidValue("project_id and namespace_id are GitLab's numeric ids, as strings")
        _exact_one_at_least(
            {"ci_config_ref_uri": self.ci_config_ref_uri, "environment": self.environment, "ref_path": self.ref_path}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSubject:
    """An IAM role, by outbound web identity token: its account, its ARN, and its unique id (`AROA…`).

    The token names the role by ARN alone, which a role made anew has too: IAM is asked which role holds that name.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    TYPE: ClassVar[IssuerType] = IssuerType.AWS
    MUTABLE: ClassVar[frozenset[str]] = frozenset({"role_arn"})
    UNTRUSTED: ClassVar[tuple[str, ...]] = ("/https:~1~1sts.amazonaws.com~1/request_tags",)
    aws_account: str
    role_arn: str
    unique_id: str

    def __post_init__(self) -> None:
        named = _ROLE_ARN.fullmatch(self.role_arn)
        if named is None or named[1] != self.aws_account:
            raise InvalidValue("role_arn is the ARN of a role of aws_account, whose id has twelve digits")
        if not _UNIQUE_ID.fullmatch(self.unique_id):
            raise InvalidValue("unique_id is what IAM gives as the role's RoleId, such as AROAEXAMPLEROLEID1234")


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsStsSubject:
    """An IAM principal, by signed GetCallerIdentity: its account and its unique id (`AROA…` for a role).

    A role made anew under the same name has another unique id. `arn` also pins what STS says the caller is called.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    TYPE: ClassVar[IssuerType] = IssuerType.AWS_STS
    MUTABLE: ClassVar[frozenset[str]] = frozenset({"arn"})
    UNTRUSTED: ClassVar[tuple[str, ...]] = ()
    aws_account: str
    unique_id: str
    arn: str | None = None

    def __post_init__(self) -> None:
        if not _ACCOUNT.fullmatch(self.aws_account):
            raise InvalidValue("aws_account is the account's id, of twelve digits")
        if not _UNIQUE_ID.fullmatch(self.unique_id):
            raise InvalidValue("unique_id is IAM's unique id of the principal, such as AROAEXAMPLEROLEID1234")
        _exact(self.arn, "arn")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleSubject:
    """A service account on a Compute Engine machine; ask the metadata server for `format=full`.

    All of Google's customers share one issuer: only the two numbers tell whose machine it is.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    TYPE: ClassVar[IssuerType] = IssuerType.GOOGLE
    MUTABLE: ClassVar[frozenset[str]] = frozenset()
    UNTRUSTED: ClassVar[tuple[str, ...]] = ()
    subject: str
    project_number: str
    instance_id: str | None = None

    def __post_init__(self) -> None:
        if not (_is_digits(self.subject) and _is_digits(self.project_number)):
            raise InvalidValue("subject and project_number are Google's numeric ids, as strings")
        if self.instance_id is not None and not _is_digits(self.instance_id):
            raise InvalidValue("instance_id is a numeric id, as a string")


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureSubject:
    """A managed identity: the tenant, and the object id of its service principal."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    TYPE: ClassVar[IssuerType] = IssuerType.AZURE
    MUTABLE: ClassVar[frozenset[str]] = frozenset()
    UNTRUSTED: ClassVar[tuple[str, ...]] = ()
    tenant_id: str
    object_id: str
    client_id: str | None = None

    def __post_init__(self) -> None:
        for what, value in (
            ("tenant_id", self.tenant_id),
            ("object_id", self.object_id),
            ("client_id", self.client_id),
        ):
            if value is not None and not _UUID.fullmatch(value):
                raise InvalidValue(f"{what} is a UUID in lower case")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpiffeSubject:
    """A workload, by its SPIFFE ID, which the trust domain alone gives out."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    TYPE: ClassVar[IssuerType] = IssuerType.SPIFFE
    MUTABLE: ClassVar[frozenset[str]] = frozenset()
    UNTRUSTED: ClassVar[tuple[str, ...]] = ()
    spiffe_id: str

    def __post_init__(self) -> None:
        if len(self.spiffe_id) > 2048 or not _SPIFFE_ID.fullmatch(self.spiffe_id):  # noqa: PLR2004  SPIFFE-ID §2.3
            raise InvalidValue("spiffe_id reads spiffe://<trust domain>/<path>, exactly")


@dataclass(frozen=True, slots=True, kw_only=True)
class HcpTerraformSubject:
    """A run of a workspace, by the ids of organisation and workspace. A plan may read; an apply may write."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    TYPE: ClassVar[IssuerType] = IssuerType.HCP_TERRAFORM
    MUTABLE: ClassVar[frozenset[str]] = frozenset()
    UNTRUSTED: ClassVar[tuple[str, ...]] = ()
    organization_id: str
    workspace_id: str
    project_id: str | None = None

    def __post_init__(self) -> None:
        for prefix, value in (("org", self.organization_id), ("ws", self.workspace_id), ("prj", self.project_id)):
            named = _TERRAFORM_ID.fullmatch(value) if value is not None else None
            if value is not None and (named is None or named[1] != prefix):
                raise InvalidValue(f"ids of HCP Terraform are needed, such as {prefix}-3fJ8sKq2LmZ1xYtW")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildkiteSubject:
    """A job of a pipeline, by the ids of organisation and pipeline and by its branch or tag.

    All organisations share one issuer. The agent puts the ids in when asked: `--claim organization_id,pipeline_id`.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    TYPE: ClassVar[IssuerType] = IssuerType.BUILDKITE
    MUTABLE: ClassVar[frozenset[str]] = frozenset({"build_branch", "build_tag", "step_key"})
    UNTRUSTED: ClassVar[tuple[str, ...]] = ()
    organization_id: str
    pipeline_id: str
    build_branch: str | None = None
    build_tag: str | None = None
    step_key: str | None = None

    def __post_init__(self) -> None:
        if not (_UUID.fullmatch(self.organization_id) and _UUID.fullmatch(self.pipeline_id)):
            raise InvalidValue("organization_id and pipeline_id are Buildkite's UUIDs")
        _exact(self.step_key, "step_key")
        _exact_one_at_least({"build_branch": self.build_branch, "build_tag": self.build_tag})


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSubject:
    """Any other OpenID Connect subject, by its exact `sub`, which an issuer never reassigns (OIDC Core §2)."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    TYPE: ClassVar[IssuerType] = IssuerType.OIDC
    MUTABLE: ClassVar[frozenset[str]] = frozenset()
    UNTRUSTED: ClassVar[tuple[str, ...]] = ()
    subject: str

    def __post_init__(self) -> None:
        _exact(self.subject, "subject")


Subject: TypeAlias = (
    KubernetesSubject
    | GitHubActionsSubject
    | GitLabSubject
    | AwsSubject
    | AwsStsSubject
    | GoogleSubject
    | AzureSubject
    | SpiffeSubject
    | HcpTerraformSubject
    | BuildkiteSubject
    | OidcSubject
)


def check_role_arn(value: str, what: str) -> None:
    """Raise `InvalidValue` unless `value` is the ARN of an IAM role."""
    if len(value) > _ARN_LIMIT or not _ROLE_ARN.fullmatch(value):
        raise InvalidValue(f"{what} is the ARN of an IAM role, such as arn:aws:iam::123456789012:role/reader")


def _is_digits(value: str) -> bool:
    return value.isascii() and value.isdecimal()


def _exact(value: str | None, what: str) -> None:
    if value is None:
        return
    check_text(value, what)
    if not value or "*" in value:
        raise InvalidValue(f"{what} must be an exact, non-empty value: a pin takes no wildcard")


def _exact_one_at_least(pins: Mapping[str, str | None]) -> None:
    for what, value in pins.items():
        _exact(value, what)
    if all(value is None for value in pins.values()):
        *most, last = pins
        raise InvalidValue(f"pin at least one of {', '.join(most)} and {last}")
