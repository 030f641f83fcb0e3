"""Who a workload binding names: one block of pins per kind of trust issuer, and conditions on claims.

Another kind of issuer is one line in `_KINDS`. The registry has the last word on what a pin may look like; here stands
what can be told before it is asked. No regular expressions, as in `names`.
"""

from __future__ import annotations

from .names import check_exact
from .protocol import Attribute, Bool, Diagnostic, DiagnosticError, Key, Nested, Number, Set, String, is_unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    Values = dict[str, Any]

_HEX = frozenset("0123456789abcdef")
_UUID_PARTS = [8, 4, 4, 4, 12]
_ACCOUNT_LENGTH = 12
_WILDCARDS_MAX = 4
_CONDITIONS = ("exact", "one_of", "glob", "number", "boolean")
_REGISTERED = frozenset({"iss", "aud", "exp", "iat", "nbf", "jti"})


def check_number_id(value: str) -> str | None:
    """Complain unless `value` is a numeric id, written as a string."""
    return None if value.isascii() and value.isdecimal() else "must be a numeric id, as a string: names can be taken"


def check_uuid(value: str) -> str | None:
    """Complain unless `value` is a UUID in lower case."""
    parts = value.split("-")
    fits = [len(part) for part in parts] == _UUID_PARTS and all(_HEX.issuperset(part) for part in parts)
    return None if fits else "must be a UUID in lower case"


def check_account(value: str) -> str | None:
    """Complain unless `value` is the id of an AWS account."""
    return None if len(value) == _ACCOUNT_LENGTH and check_number_id(value) is None else "must have twelve digits"


def check_spiffe_id(value: str) -> str | None:
    """Complain unless `value` names a workload of a trust domain."""
    domain, _, path = value.removeprefix("spiffe://").partition("/")
    fits = value.startswith("spiffe://") and domain and path and check_exact(value) is None
    return None if fits else "must read spiffe://<trust domain>/<path>, exactly"


def check_glob(value: str) -> str | None:
    """Complain about a pattern that is broader, or cleverer, than a reader would think."""
    if any(sign in value for sign in "?[]{}\\"):
        return "knows `*` alone: no ?, no [ ], no { } and no backslash"
    if not 1 <= value.count("*") <= _WILDCARDS_MAX or "**" in value:
        return f"holds 1 to {_WILDCARDS_MAX} `*`, none beside another; without one, use exact"
    *leading, last = value.replace(":", "/").split("/")
    if [*leading, last][0].startswith("*"):
        return "must say how the value begins"
    if any("*" in part and part != "*" for part in leading) or (last.startswith("*") and last != "*"):
        return "`*` stands for a whole part, or within the last: `acme*/web` would admit `acme-evil/web`"
    return None


def check_claims(claims: Mapping[str, object]) -> str | None:
    """Complain about a condition that is none, several, or on a claim that is checked anyway."""
    for name, condition in claims.items():
        given = [kind for kind in _CONDITIONS if isinstance(condition, dict) and condition.get(kind) not in (None, [])]
        if len(given) != 1:
            raise DiagnosticError("Invalid condition", f"give exactly one of {', '.join(_CONDITIONS)}", (Key(name),))
        if name.removeprefix("/") in _REGISTERED:
            raise DiagnosticError("Invalid condition", f"`{name}` is checked for every token anyway", (Key(name),))
    return None


def _pin(description: str, check: Callable[[str], str | None] = check_exact, *, required: bool = False) -> Attribute:
    return Attribute(String, required=required, optional=not required, validators=(check,), description=description)


def _id(description: str, check: Callable[[str], str | None] = check_number_id) -> Attribute:
    return _pin(description, check, required=True)


_KINDS: dict[str, tuple[str, dict[str, Attribute]]] = {
    "kubernetes": (
        "A Kubernetes service account.",
        {
            "namespace": _id("Namespace of the service account.", check_exact),
            "service_account": _id("Name of the service account.", check_exact),
            "service_account_uid": _pin("Its uid, which tells a re-created account of the same name apart."),
            "any_uid": Attribute(
                Bool, default=False, description="Admit any account of this name, also one made anew by others."
            ),
        },
    ),
    "github_actions": (
        "A GitHub Actions job; pin at least one of workflow, environment and ref.",
        {
            "repository_id": _id("GitHub's numeric id of the repository, which a rename does not move."),
            "repository_owner_id": _id("GitHub's numeric id of the repository's owner."),
            "job_workflow_ref": _pin(
                "Workflow file and ref, such as `acme/web/.github/workflows/deploy.yml@refs/heads/main`."
            ),
            "environment": _pin("Deployment environment of the job."),
            "ref": _pin("Git ref of the run, such as `refs/heads/main`."),
        },
    ),
    "gitlab": (
        "A GitLab CI job (18.3 and later); pin at least one of configuration, environment and ref.",
        {
            "project_id": _id("Numeric id of the project that the job runs in (`job_project_id`)."),
            "namespace_id": _id("Numeric id of that project's namespace (`job_namespace_id`)."),
            "ci_config_ref_uri": _pin(
                "Configuration file and ref, such as `gitlab.com/acme/web//.gitlab-ci.yml@refs/heads/main`."
            ),
            "environment": _pin("Environment of the job."),
            "ref_path": _pin("Whole git ref, such as `refs/heads/main`."),
            "unprotected_ref": Attribute(
                Bool, default=False, description="Admit refs that are not protected, which any developer may push."
            ),
        },
    ),
    "aws": (
        "An IAM role, by outbound web identity token.",
        {
            "aws_account": _id("Id of the account, twelve digits.", check_account),
            "role_arn": _id("ARN of the role in that account.", check_exact),
            "unique_id": _id(
                "The role's `RoleId`, such as `AROAEXAMPLEROLEID1234`: a role made anew has the same ARN and another.",
                check_exact,
            ),
        },
    ),
    "aws_sts": (
        "An IAM principal, by signed GetCallerIdentity.",
        {
            "aws_account": _id("Id of the account, twelve digits.", check_account),
            "unique_id": _id("IAM's unique id of the role or user, such as `AROAEXAMPLEROLEID1234`.", check_exact),
            "arn": _pin("What STS calls the caller, session name included."),
        },
    ),
    "google": (
        "A Google service account on Compute Engine; tokens of `format=full`.",
        {
            "subject": _id("Numeric id of the service account."),
            "project_number": _id("Number of the project: all customers share one issuer."),
            "instance_id": _pin("Numeric id of the machine.", check_number_id),
        },
    ),
    "azure": (
        "An Azure managed identity.",
        {
            "tenant_id": _id("Id of the tenant (`tid`).", check_uuid),
            "object_id": _id("Object id of the service principal (`oid`).", check_uuid),
            "client_id": _pin("Client id of the identity (`azp`, in v1 tokens `appid`).", check_uuid),
        },
    ),
    "spiffe": (
        "A SPIFFE workload, by JWT-SVID.",
        {"spiffe_id": _id("The SPIFFE ID, such as `spiffe://acme.example/shop/triage`.", check_spiffe_id)},
    ),
    "hcp_terraform": (
        "A run of HCP Terraform; a plan may read, an apply may write.",
        {
            "organization_id": _id("Id of the organisation, `org-…`.", check_exact),
            "workspace_id": _id("Id of the workspace, `ws-…`.", check_exact),
            "project_id": _pin("Id of the project, `prj-…`."),
        },
    ),
    "buildkite": (
        "A Buildkite job, with the claims organization_id and pipeline_id; pin branch or tag.",
        {
            "organization_id": _id("Id of the organisation: all of them share one issuer.", check_uuid),
            "pipeline_id": _id("Id of the pipeline.", check_uuid),
            "build_branch": _pin("Branch of the build."),
            "build_tag": _pin("Tag of the build."),
            "step_key": _pin("Key of the step."),
        },
    ),
    "oidc": (
        "Any other OpenID Connect subject.",
        {"subject": _pin("The exact `sub`.", required=True)},
    ),
}
_ONE_AT_LEAST = {
    "github_actions": ("job_workflow_ref", "environment", "ref"),
    "gitlab": ("ci_config_ref_uri", "environment", "ref_path"),
    "buildkite": ("build_branch", "build_tag"),
}
SUBJECTS = tuple(_KINDS)
ISSUER_TYPES = tuple(kind.replace("_", "-") for kind in _KINDS)


def subject_blocks() -> dict[str, Nested]:
    """Return the block of every kind."""
    return {
        kind: Nested(pins, optional=True, description=f"{description} Exactly one kind of subject is given.")
        for kind, (description, pins) in _KINDS.items()
    }


def claims_block() -> Nested:
    """Return the conditions on claims, by name of the claim."""
    return Nested(
        {
            "exact": Attribute(String, optional=True, description="The very text."),
            "one_of": Attribute(Set(String), default=[], description="One of these texts."),
            "glob": Attribute(
                String,
                optional=True,
                validators=(check_glob,),
                description="A pattern; `*` stands for what lies between two of `/` and `:`, and never for those.",
            ),
            "number": Attribute(Number, optional=True, description="The very number; a text is none."),
            "boolean": Attribute(Bool, optional=True, description="True or false; a text is neither."),
        },
        nesting="map",
        default={},
        validators=(check_claims,),
        description="Conditions on verified claims beside the pins, by name or `/path/into/a/claim` (RFC 6901).",
    )


def check_subject(given: Values) -> Iterator[Diagnostic]:
    """Complain about a subject whose ids alone are pinned, where any branch of a project would then do."""
    account = given.get("kubernetes")
    if isinstance(account, dict) and account["service_account_uid"] is None and account["any_uid"] in (None, False):
        detail = "pin service_account_uid, or set any_uid = true: an account made anew has the same name"
        yield Diagnostic.error("Nothing immutable is pinned", detail, ("kubernetes",))
    for kind, pins in _ONE_AT_LEAST.items():
        subject = given.get(kind)
        if isinstance(subject, dict) and not is_unknown(subject) and all(subject[pin] is None for pin in pins):
            detail = f"pin at least one of {', '.join(pins[:-1])} and {pins[-1]}"
            yield Diagnostic.error("Subject not pinned", detail, (kind,))
