"""Trust issuers, whose tokens count as proof, and workload bindings, which say what a proof may become."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import ClassVar, Literal

from leasehold_cdktf._cdk import Construct
from leasehold_cdktf.collector import Collector, Declared, refer
from leasehold_cdktf.names import check_name

GITHUB = "https://token.actions.githubusercontent.com"

Role = Literal["viewer", "developer", "approver", "security-admin", "auditor"]


class TrustIssuer(Declared):
    """Whose tokens the registry accepts as proof of identity.

    Args:
        type: The shape of its tokens, and so which pins a binding must give.
        issuer: Compared with a token's `iss` to the letter.
        audiences: What a token's `aud` must name; ask for exactly one of these when a workload gets its token.
        algorithms: Of one family; the registry's default is RS256 alone.
        jwks: Public keys as JSON text, for an issuer that the registry cannot reach.
        jwks_uri: Where the keys are; the issuer's OpenID discovery document says so if left out.
        allow_private: Admit loopback and private addresses, and plain http on loopback.
        single_use: Accept each token once.
        max_token_ttl: The longest life of an acceptable token, in seconds.
        name: The name in the registry; the construct's id if left out.

    Raises:
        ValueError: no audience is named, or both kinds of key source are.
    """

    KIND = "leasehold_trust_issuer"

    def __init__(  # noqa: PLR0913  one keyword per attribute
        self,
        scope: Construct,
        id_: str,
        *,
        type: Literal["kubernetes", "github-actions", "oidc"],  # noqa: A002  the attribute's name
        issuer: str,
        audiences: Collection[str],
        algorithms: Collection[str] | None = None,
        jwks: str | None = None,
        jwks_uri: str | None = None,
        allow_private: bool | None = None,
        single_use: bool | None = None,
        max_token_ttl: int | None = None,
        name: str | None = None,
    ) -> None:
        if not audiences or isinstance(audiences, str):
            raise ValueError('audiences must list at least one audience, such as ["https://leasehold.example.com"]')
        if jwks is not None and jwks_uri is not None:
            raise ValueError("give jwks or jwks_uri, not both: keys come from one place")
        self.type, self.audiences, self.max_token_ttl = type, frozenset(audiences), max_token_ttl
        super().__init__(scope, id_, name)
        self.declare(
            {
                "type": type,
                "issuer": issuer,
                "audiences": sorted(audiences),
                "algorithms": None if algorithms is None else sorted(algorithms),
                "jwks": jwks,
                "jwks_uri": jwks_uri,
                "allow_private": allow_private,
                "single_use": single_use,
                "max_token_ttl": max_token_ttl,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubernetes:
    """A service account, exactly. The uid tells a re-created account of the same name apart."""

    TYPE: ClassVar[str] = "kubernetes"
    namespace: str
    service_account: str
    service_account_uid: str | None = None

    def __post_init__(self) -> None:
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
class Oidc:
    """Any other OpenID Connect subject, by its exact `sub`."""

    TYPE: ClassVar[str] = "oidc"
    subject: str

    def __post_init__(self) -> None:
        _check_pins(asdict(self))


Subject = Kubernetes | GitHubActions | Oidc


class WorkloadBinding(Declared):
    """Lets people or pipelines with a certain proof take a platform role. For agents use `Agent.bind_workload`.

    Args:
        trust_issuer: Who must have signed the proof.
        subject: What the proof must say: `Kubernetes(…)`, `GitHubActions(…)` or `Oidc(…)`.
        role: The platform role to take.
        teams: For `developer`, and needed there: whose agents this developer may change.
        stack: Limits writes to this stack; give one to every pipeline.
        name: The name in the registry; the construct's id if left out.

    Raises:
        ValueError: teams are missing for a developer or given to another role.
    """

    KIND = "leasehold_workload_binding"

    def __init__(  # noqa: PLR0913  one keyword per attribute
        self,
        scope: Construct,
        id_: str,
        *,
        trust_issuer: TrustIssuer | str,
        subject: Subject,
        role: Role,
        teams: Collection[str] = (),
        stack: str | None = None,
        name: str | None = None,
    ) -> None:
        if (role == "developer") != bool(teams):
            raise ValueError("role `developer` names the teams it is limited to, and no other role does")
        super().__init__(scope, id_, name)
        self.declare(
            {
                "role": role,
                "teams": sorted(check_name(team, "team") for team in teams) or None,
                "stack": None if stack is None else check_name(stack, "stack"),
                **proof(trust_issuer, subject, self.collector),
            }
        )


def proof(trust_issuer: TrustIssuer | str, subject: Subject, user: Collector) -> dict[str, object]:
    """The attributes of a binding that say what is proven, and by whom.

    Raises:
        ValueError: the issuer signs tokens of another shape than the subject describes.
    """
    if isinstance(trust_issuer, TrustIssuer) and trust_issuer.type != subject.TYPE:
        raise ValueError(
            f"trust issuer `{trust_issuer.name}` signs tokens of type `{trust_issuer.type}`, "
            f"and {type(subject).__name__}(…) describes one of type `{subject.TYPE}`"
        )
    pins = {key: value for key, value in asdict(subject).items() if value is not None}
    return {"trust_issuer": refer(trust_issuer, user), subject.TYPE.replace("-", "_"): pins}


def _check_pins(pins: dict[str, str | None]) -> None:
    for what, value in pins.items():
        if value is not None and (not value or "*" in value):
            raise ValueError(f"{what} `{value}` must be an exact, non-empty value: a pin takes no wildcard")
