"""Trust issuers, whose tokens we accept as proof, and workload bindings, which say what a proof may become."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from leasehold.model.conditions import ClaimCondition, check_conditions
from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_name
from leasehold.model.principal import Role
from leasehold.model.subjects import (
    AwsStsSubject,
    AwsSubject,
    AzureSubject,
    BuildkiteSubject,
    GitHubActionsSubject,
    GitLabSubject,
    GoogleSubject,
    HcpTerraformSubject,
    IssuerType,
    KubernetesSubject,
    OidcSubject,
    SpiffeSubject,
    Subject,
    check_role_arn,
)
from leasehold.model.workloads import WorkloadKind

_STRICT = {"extra": "forbid", "strict": False, "str_max_length": 65_536}
_URL_LIMIT = 2048
_AUDIENCE_LIMIT = 512
_CLAIM_LIMIT = 256  # some issuers want claims of their tenants named by a URL
_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
MAX_SUBJECT_TTL_SECONDS = 86_400
_TRUST_DOMAIN = re.compile(r"spiffe://[a-z0-9._-]{1,255}")  # SPIFFE-ID §2.1
_TENANT = re.compile(r"/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/(?:v2\.0)?$")  # v1 ends in a slash, v2 in v2.0
_SLASHES_OF_ORIGIN = 2
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})  # RFC 7518 §6.2.2, §6.3.2, §6.4.1


class Verification(StrEnum):
    """How a token is proved: by its signature, or by asking the cluster that issued it whether it still counts."""

    SIGNATURE = "signature"
    TOKEN_REVIEW = "token-review"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How people log in at an issuer: our client there, which keeps no secret (PKCE instead), and its endpoints."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    client_id: str
    authorization_endpoint: str
    token_endpoint: str
    scopes: frozenset[str] = frozenset({"openid"})

    def __post_init__(self) -> None:
        check_url(self.authorization_endpoint, "authorization_endpoint")
        check_url(self.token_endpoint, "token_endpoint")
        if not self.client_id or not self.client_id.isprintable() or len(self.client_id) > _AUDIENCE_LIMIT:
            raise InvalidValue(f"client_id must be 1-{_AUDIENCE_LIMIT} printable characters")
        if "openid" not in self.scopes or not all(
            s.isascii() and s.isprintable() and " " not in s for s in self.scopes
        ):
            raise InvalidValue("scopes must be words, `openid` among them")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustIssuer:
    """Whose subject tokens are accepted. `issuer` is compared with `iss` to the letter (RFC 7519 §4.1.1).

    Keys come from `jwks` (inline JSON text, public keys only), else `jwks_uri`, else OIDC discovery. `allow_private`
    admits loopback, private and link-local addresses, and plain http on loopback. `single_use`: a `jti` is accepted
    once. `max_token_ttl` bounds `exp - iat` of a subject token, in seconds. With `verify` token-review the API server
    at `api_server` is asked; `credential` names the files that hold our own token and its authority, never a path.
    `watch` names what is watched there: leases die with the pod, account or deployment that they were taken by.
    `login` lets people log in there to let agents act for them; `id_jag` takes its word for people (ID-JAG) instead.
    `groups_claim` names the claim that lists the groups of people who come from there.
    `software_statements` takes its word for clients that register themselves (RFC 7591 §2.3).
    For aws IAM is asked which role holds a name, as this server or as the role `reader_role_arn` in that account.
    For aws-sts `issuer` is the STS endpoint itself; for spiffe it is the `iss`, or `spiffe://` and the trust domain.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    type: IssuerType
    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str] = frozenset({"RS256"})
    jwks: str | None = None
    jwks_uri: str | None = None
    allow_private: bool = False
    single_use: bool = False
    max_token_ttl: int = 7200
    verify: Verification = Verification.SIGNATURE
    api_server: str | None = None
    credential: str | None = None
    watch: frozenset[WorkloadKind] = frozenset()
    login: Login | None = None
    id_jag: bool = False
    software_statements: bool = False
    groups_claim: str | None = None
    reader_role_arn: str | None = None

    def __post_init__(self) -> None:
        check_issuer(self.type, self.issuer)
        vouches = self.login is not None or self.id_jag or self.software_statements
        if vouches and self.type is not IssuerType.OIDC:
            raise InvalidValue("login, id_jag and software_statements belong to an issuer of type oidc and to no other")
        self._check_keys()
        self._check_review()
        self._check_groups()
        self._check_reader()
        if not self.audiences:
            raise InvalidValue("audiences must name at least one audience")
        for audience in self.audiences:
            if not 0 < len(audience) <= _AUDIENCE_LIMIT or not audience.isprintable():
                raise InvalidValue(f"each audience must be 1-{_AUDIENCE_LIMIT} printable characters")
        if not self.algorithms or not self.algorithms <= _ALGORITHMS:
            raise InvalidValue(f"algorithms must be some of {', '.join(sorted(_ALGORITHMS))}")
        if len({_family(a) for a in self.algorithms}) != 1:
            raise InvalidValue("algorithms must be of one family: one issuer signs with one kind of key")
        if not 0 < self.max_token_ttl <= MAX_SUBJECT_TTL_SECONDS:
            raise InvalidValue(f"max_token_ttl must be 1 to {MAX_SUBJECT_TTL_SECONDS} seconds")

    def _check_groups(self) -> None:
        if self.groups_claim is None:
            return
        if self.login is None and not self.id_jag:
            raise InvalidValue("groups_claim is for issuers that people come from: those with login or id_jag")
        if not 0 < len(self.groups_claim) <= _CLAIM_LIMIT or not self.groups_claim.isprintable():
            raise InvalidValue(f"groups_claim must be 1-{_CLAIM_LIMIT} printable characters")

    def _check_reader(self) -> None:
        if self.reader_role_arn is None:
            return
        if self.type is not IssuerType.AWS:
            raise InvalidValue("reader_role_arn is for an issuer of type aws: it asks IAM which role holds a name")
        check_role_arn(self.reader_role_arn, "reader_role_arn")

    def _check_review(self) -> None:
        asked = self.verify is Verification.TOKEN_REVIEW or bool(self.watch)
        if asked and self.type is not IssuerType.KUBERNETES:
            raise InvalidValue("token-review and watch are for kubernetes alone")
        if asked != (self.api_server is not None) or asked != (self.credential is not None):
            raise InvalidValue("api_server and credential are for token-review and watch, which need both")
        if self.api_server is not None:
            check_url(self.api_server, "api_server")
            if not self.api_server.startswith("https://"):
                raise InvalidValue("api_server must be https: it is sent a credential")
        if self.credential is not None:
            check_name(self.credential, "credential")

    def _check_keys(self) -> None:
        if self.type is IssuerType.SPIFFE and self.issuer.startswith("spiffe://") and not (self.jwks or self.jwks_uri):
            raise InvalidValue("a SPIFFE trust domain cannot be asked for its keys: give jwks or jwks_uri")
        if self.jwks_uri is not None:
            check_url(self.jwks_uri, "jwks_uri")
        if self.jwks is not None:
            check_jwks(self.jwks)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadBinding:
    """Which subject token may become which agent, or take which platform role (for one stack, in CI).

    `may_admit` is for the platform's own pipeline: a security-admin of one stack that lets developers, viewers and
    auditors in beyond it.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    trust_issuer: str
    agent: str | None = None
    deployment: str | None = None
    role: Role | None = None
    teams: frozenset[str] = frozenset()
    stack: str | None = None
    may_admit: bool = False
    kubernetes: KubernetesSubject | None = None
    github_actions: GitHubActionsSubject | None = None
    gitlab: GitLabSubject | None = None
    aws: AwsSubject | None = None
    aws_sts: AwsStsSubject | None = None
    google: GoogleSubject | None = None
    azure: AzureSubject | None = None
    spiffe: SpiffeSubject | None = None
    hcp_terraform: HcpTerraformSubject | None = None
    buildkite: BuildkiteSubject | None = None
    oidc: OidcSubject | None = None
    claims: Mapping[str, ClaimCondition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.trust_issuer, "trust_issuer")
        for what, value in (("agent", self.agent), ("deployment", self.deployment), ("stack", self.stack)):
            if value is not None:
                check_name(value, what)
        for team in self.teams:
            check_name(team, "team")
        self._check_target()
        if sum(getattr(self, kind.field) is not None for kind in IssuerType) != 1:
            *most, last = (kind.field for kind in IssuerType)
            raise InvalidValue(f"give exactly one of {', '.join(most)} and {last}")
        check_conditions(self.claims, self.subject.UNTRUSTED)

    def _check_target(self) -> None:
        if (self.agent is None) == (self.role is None):
            raise InvalidValue("name exactly one of agent and role")
        if self.role is None and (self.teams or self.stack):
            raise InvalidValue("teams and stack belong to a platform role, not to an agent")
        if self.may_admit and (self.role is not Role.SECURITY_ADMIN or self.stack is None):
            raise InvalidValue("may_admit belongs to role security-admin with a stack")
        if self.agent is None and self.deployment is not None:
            raise InvalidValue("deployment belongs to an agent, not to a platform role")
        if (self.role is Role.DEVELOPER) != bool(self.teams):
            raise InvalidValue("role developer, and no other role, names the teams it is limited to")

    @property
    def subject(self) -> Subject:
        """The pins; exactly one kind of them is given."""
        given: Subject = next(s for s in (getattr(self, kind.field) for kind in IssuerType) if s is not None)
        return given

    @property
    def issuer_type(self) -> IssuerType:
        """The type of trust issuer that this binding's subject belongs to."""
        return self.subject.TYPE


def check_issuer(kind: IssuerType, issuer: str) -> None:
    """Raise `InvalidValue` unless an issuer of this kind can be called so."""
    if kind is IssuerType.SPIFFE and _TRUST_DOMAIN.fullmatch(issuer):
        return
    check_url(issuer, "issuer")
    if kind is IssuerType.AWS_STS and issuer.count("/") != _SLASHES_OF_ORIGIN:
        raise InvalidValue("issuer is the STS endpoint without a path, such as https://sts.eu-central-1.amazonaws.com")
    if kind is IssuerType.AZURE and not _TENANT.search(issuer):
        raise InvalidValue("issuer names the tenant: https://login.microsoftonline.com/<tenant id>/v2.0")


def check_url(value: str, what: str) -> None:
    """Raise `InvalidValue` unless `value` is an absolute http(s) URL without user, query and fragment (RFC 8414 §2)."""
    scheme, separator, rest = value.partition("://")
    host = rest.partition("/")[0]
    plain = value.isascii() and value.isprintable() and not set(' "<>\\^`{|}?#') & set(value)
    if not (
        separator and scheme in {"https", "http"} and host and "@" not in host and plain and len(value) <= _URL_LIMIT
    ):
        raise InvalidValue(f"{what} must be an absolute http(s) URL without user, query and fragment")


def check_jwks(text: str) -> None:
    """Raise `InvalidValue` unless `text` is a JWK set of public keys alone (RFC 7517 §5); repeats nothing of it."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidValue("jwks must be a JWK set as JSON text") from None
    keys = found.get("keys", []) if isinstance(found, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise InvalidValue("jwks must be a JWK set: an object with a list of keys")
    if any(_SECRET_MEMBERS & key.keys() or key.get("kty") == "oct" for key in keys):
        raise InvalidValue("jwks must hold public keys only: whoever reads the registry would read the private ones")


def _family(algorithm: str) -> str:
    return "RSA" if algorithm[0] in "RP" else algorithm[:2]
