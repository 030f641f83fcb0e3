"""Trust issuers, whose tokens we accept as proof, and workload bindings, which say what a proof may become."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_name, check_text
from leasehold.model.principal import Role

_STRICT = {"extra": "forbid", "strict": False, "str_max_length": 65_536}
_URL_LIMIT = 2048
_AUDIENCE_LIMIT = 512
_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
MAX_SUBJECT_TTL_SECONDS = 86_400
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})  # RFC 7518 §6.2.2, §6.3.2, §6.4.1


class IssuerType(StrEnum):
    KUBERNETES = "kubernetes"
    GITHUB_ACTIONS = "github-actions"
    OIDC = "oidc"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustIssuer:
    """Whose subject tokens are accepted. `issuer` is compared with `iss` to the letter (RFC 7519 §4.1.1).

    Keys come from `jwks` (inline JSON text, public keys only), else `jwks_uri`, else OIDC discovery. `allow_private`
    admits loopback, private and link-local addresses, and plain http on loopback. `single_use`: a `jti` is accepted
    once. `max_token_ttl` bounds `exp - iat` of a subject token, in seconds.
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

    def __post_init__(self) -> None:
        check_url(self.issuer, "issuer")
        self._check_keys()
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

    def _check_keys(self) -> None:
        if self.jwks_uri is not None:
            check_url(self.jwks_uri, "jwks_uri")
        if self.jwks is not None:
            check_jwks(self.jwks)


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSubject:
    """A service account, exactly. The uid tells a re-created account of the same name apart."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    namespace: str
    service_account: str
    service_account_uid: str | None = None

    def __post_init__(self) -> None:
        _exact(self.namespace, "namespace")
        _exact(self.service_account, "service_account")
        if self.service_account_uid is not None:
            _exact(self.service_account_uid, "service_account_uid")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubActionsSubject:
    """A workflow run, by the ids that a rename cannot move, and by at least one of workflow, environment and ref."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    repository_id: str
    repository_owner_id: str
    job_workflow_ref: str | None = None
    environment: str | None = None
    ref: str | None = None

    def __post_init__(self) -> None:
        if not self.repository_id.isdecimal() or not self.repository_owner_id.isdecimal():
            raise InvalidValue("repository_id and repository_owner_id are GitHub's numeric ids, as strings")
        pins = {"job_workflow_ref": self.job_workflow_ref, "environment": self.environment, "ref": self.ref}
        for what, value in pins.items():
            if value is not None:
                _exact(value, what)
        if all(value is None for value in pins.values()):
            raise InvalidValue("pin at least one of job_workflow_ref, environment and ref")


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSubject:
    """Any other OpenID Connect subject, by its exact `sub`."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    subject: str

    def __post_init__(self) -> None:
        _exact(self.subject, "subject")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadBinding:
    """Which subject token may become which agent, or take which platform role (for one stack, in CI)."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    trust_issuer: str
    agent: str | None = None
    deployment: str | None = None
    role: Role | None = None
    teams: frozenset[str] = frozenset()
    stack: str | None = None
    kubernetes: KubernetesSubject | None = None
    github_actions: GitHubActionsSubject | None = None
    oidc: OidcSubject | None = None

    def __post_init__(self) -> None:
        check_name(self.trust_issuer, "trust_issuer")
        for what, value in (("agent", self.agent), ("deployment", self.deployment), ("stack", self.stack)):
            if value is not None:
                check_name(value, what)
        for team in self.teams:
            check_name(team, "team")
        self._check_target()
        if sum(s is not None for s in (self.kubernetes, self.github_actions, self.oidc)) != 1:
            raise InvalidValue("give exactly one of kubernetes, github_actions and oidc")

    def _check_target(self) -> None:
        if (self.agent is None) == (self.role is None):
            raise InvalidValue("name exactly one of agent and role")
        if self.role is None and (self.teams or self.stack):
            raise InvalidValue("teams and stack belong to a platform role, not to an agent")
        if self.agent is None and self.deployment is not None:
            raise InvalidValue("deployment belongs to an agent, not to a platform role")
        if (self.role is Role.DEVELOPER) != bool(self.teams):
            raise InvalidValue("role developer, and no other role, names the teams it is limited to")

    @property
    def issuer_type(self) -> IssuerType:
        """The type of trust issuer that this binding's subject belongs to."""
        if self.kubernetes is not None:
            return IssuerType.KUBERNETES
        return IssuerType.GITHUB_ACTIONS if self.github_actions is not None else IssuerType.OIDC


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


def _exact(value: str, what: str) -> None:
    check_text(value, what)
    if not value or "*" in value:
        raise InvalidValue(f"{what} must be an exact, non-empty value: a pin takes no wildcard")
