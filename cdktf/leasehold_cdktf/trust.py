"""Trust issuers, whose tokens count as proof, and workload bindings, which say what a proof may become."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from leasehold_cdktf._cdk import Construct
from leasehold_cdktf.collector import Collector, Declared, refer
from leasehold_cdktf.names import check_name
from leasehold_cdktf.subjects import Claim, IssuerType, Subject

GITHUB = "https://token.actions.githubusercontent.com"

Watched = Literal["pods", "service-accounts", "deployments"]
Role = Literal["viewer", "developer", "approver", "security-admin", "auditor", "enforcer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How people log in at an issuer of type `oidc`: the registry's client there, which keeps no secret.

    Args:
        client_id: The registry's client there.
        authorization_endpoint: Where people are sent to log in.
        token_endpoint: Where the login is redeemed.
        scopes: What the login asks for, `openid` among it; just that if left out.
    """

    client_id: str
    authorization_endpoint: str
    token_endpoint: str
    scopes: Collection[str] | None = None

    def attributes(self) -> dict[str, object]:
        """What `leasehold_trust_issuer` says of it."""
        named: dict[str, object] = {
            "client_id": self.client_id,
            "authorization_endpoint": self.authorization_endpoint,
            "token_endpoint": self.token_endpoint,
        }
        return named if self.scopes is None else {**named, "scopes": sorted(self.scopes)}


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
        verify: `token-review` asks the cluster whether a service account's token still counts.
        watch: What the registry watches in the cluster: leases die with the pod, account or Deployment that holds them.
        api_server: The API server to ask or to watch.
        credential: Names the files `<name>.token` and `<name>.crt` in the registry's folder `clusters`.
        login: Lets people log in there, to have agents act for them.
        id_jag: Take its word that a person lets an agent act for them (identity assertion grants).
        groups_claim: The claim that lists people's groups; policies name one `group::"<issuer's name>/<group>"`.
        software_statements: Take its word for clients that register themselves.
        reader_role_arn: For AWS, the role in that account as which the registry asks IAM who holds a role's name.
        name: The name in the registry; the construct's id if left out.

    Raises:
        ValueError: no audience is named, both kinds of key source are, or a cluster is to be asked that cannot be.
    """

    KIND = "leasehold_trust_issuer"

    def __init__(  # noqa: PLR0913  one keyword per attribute
        self,
        scope: Construct,
        id_: str,
        *,
        type: IssuerType,  # noqa: A002  the attribute's name
        issuer: str,
        audiences: Collection[str],
        algorithms: Collection[str] | None = None,
        jwks: str | None = None,
        jwks_uri: str | None = None,
        allow_private: bool | None = None,
        single_use: bool | None = None,
        max_token_ttl: int | None = None,
        verify: Literal["signature", "token-review"] | None = None,
        watch: Collection[Watched] = (),
        api_server: str | None = None,
        credential: str | None = None,
        login: Login | None = None,
        id_jag: bool | None = None,
        groups_claim: str | None = None,
        software_statements: bool | None = None,
        reader_role_arn: str | None = None,
        name: str | None = None,
    ) -> None:
        if (verify == "token-review" or bool(watch)) != (api_server is not None and credential is not None):
            raise ValueError('api_server and credential are for verify="token-review" and watch, which need both')
        if (login is not None or id_jag or software_statements) and type != "oidc":
            raise ValueError('login, id_jag and software_statements belong to an issuer of type="oidc"')
        if reader_role_arn is not None and type != "aws":
            raise ValueError('reader_role_arn is for an issuer of type="aws"')
        if groups_claim is not None and login is None and not id_jag:
            raise ValueError("groups_claim is for an issuer that people come from: with login or id_jag")
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
                "verify": verify,
                "watch": sorted(watch) or None,
                "api_server": api_server,
                "credential": credential,
                "login": None if login is None else login.attributes(),
                "id_jag": id_jag,
                "groups_claim": groups_claim,
                "software_statements": software_statements,
                "reader_role_arn": reader_role_arn,
            }
        )


class WorkloadBinding(Declared):
    """Lets people or pipelines with a certain proof take a platform role. For agents use `Agent.bind_workload`.

    Args:
        trust_issuer: Who must have signed the proof.
        subject: What the proof must say: `GitLab(…)`, `HcpTerraform(…)` or another of `leasehold_cdktf.subjects`.
        claims: Conditions on claims beside the pins, by name or `/path/into/one`.
        role: The platform role to take.
        teams: For `developer`, and needed there: whose agents this developer may change.
        stack: Limits writes to this stack; give one to every pipeline.
        may_admit: For the platform's own pipeline, a `security-admin` with a stack: it may let developers, viewers and
            auditors in beyond its stack.
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
        may_admit: bool = False,
        claims: Mapping[str, Claim] | None = None,
        name: str | None = None,
    ) -> None:
        if (role == "developer") != bool(teams):
            raise ValueError("role `developer` names the teams it is limited to, and no other role does")
        if may_admit and (role != "security-admin" or stack is None):
            raise ValueError("may_admit belongs to role `security-admin` with a stack")
        super().__init__(scope, id_, name)
        self.declare(
            {
                "role": role,
                "teams": sorted(check_name(team, "team") for team in teams) or None,
                "stack": None if stack is None else check_name(stack, "stack"),
                "may_admit": may_admit or None,
                **proof(trust_issuer, subject, self.collector, claims),
            }
        )


def proof(
    trust_issuer: TrustIssuer | str, subject: Subject, user: Collector, claims: Mapping[str, Claim] | None = None
) -> dict[str, object]:
    """The attributes of a binding that say what is proven, and by whom.

    Raises:
        ValueError: the issuer signs tokens of another shape than the subject describes.
    """
    if isinstance(trust_issuer, TrustIssuer) and trust_issuer.type != subject.TYPE:
        raise ValueError(
            f"trust issuer `{trust_issuer.name}` signs tokens of type `{trust_issuer.type}`, "
            f"and {type(subject).__name__}(…) describes one of type `{subject.TYPE}`"
        )
    pins = {key: value for key, value in asdict(subject).items() if value is not None and value is not False}
    conditions = {name: claim.attributes() for name, claim in sorted((claims or {}).items())}
    named: dict[str, object] = {"trust_issuer": refer(trust_issuer, user), subject.TYPE.replace("-", "_"): pins}
    if conditions:
        named["claims"] = conditions
    return named
