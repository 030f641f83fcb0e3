"""From a subject token to a subject, and which workload bindings name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never

from leasehold.authn import github_actions, kubernetes, oidc
from leasehold.authn.github_actions import GitHubIdentity
from leasehold.authn.kubernetes import KubernetesIdentity
from leasehold.authn.oidc import OidcIdentity
from leasehold.authn.ports import SubjectTokenVerifier
from leasehold.model.tokens import Flaw, TokenProfile, TokenRefused, UnverifiedToken, VerifiedClaims
from leasehold.model.trust import IssuerType, TrustIssuer, WorkloadBinding

Identity: TypeAlias = KubernetesIdentity | GitHubIdentity | OidcIdentity
# An identity token has no type or the generic one: an access token, a logout token or a proof is no identity.
_TYPES = frozenset({"", "jwt"})
_REQUIRED = frozenset({"iss", "sub", "aud", "iat", "exp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An authenticated subject of a trust issuer, named as in the registry."""

    trust_issuer: str
    single_use: bool
    verified: VerifiedClaims
    identity: Identity

    @property
    def proposes(self) -> bool:
        """True for a run of unmerged code: it may read and plan, never write or mint."""
        return isinstance(self.identity, GitHubIdentity) and self.identity.proposes


async def authenticate_subject(
    unverified_token: UnverifiedToken,
    issuers: Mapping[str, Sequence[tuple[str, TrustIssuer]]],
    verifier: SubjectTokenVerifier,
    now: datetime,
) -> Subject:
    """The subject of a token. `issuers`: names and specs by the exact `iss`. Raises `TokenRefused`."""
    unverified_claims = verifier.read(unverified_token)
    candidates = issuers.get(unverified_claims.issuer, ())
    if not candidates:
        raise TokenRefused(Flaw.UNKNOWN_ISSUER)
    if len(candidates) > 1:  # two sets of rules for one issuer: neither is meant for certain
        raise TokenRefused(Flaw.AMBIGUOUS_ISSUER)
    name, issuer = candidates[0]
    verified = await verifier.verify(unverified_claims, issuer, profile_of(issuer), now)
    return Subject(
        trust_issuer=name, single_use=issuer.single_use, verified=verified, identity=_identify(issuer.type, verified)
    )


def profile_of(issuer: TrustIssuer) -> TokenProfile:
    """What the registry asks of this issuer's tokens."""
    return TokenProfile(
        issuer=issuer.issuer,
        audiences=issuer.audiences,
        algorithms=issuer.algorithms,
        types=_TYPES,
        required=_REQUIRED,
        max_ttl=timedelta(seconds=issuer.max_token_ttl),
    )


def is_named_by(binding: WorkloadBinding, subject: Subject) -> bool:
    """True iff the binding is of the subject's issuer and every pin of it holds."""
    if binding.trust_issuer != subject.trust_issuer:
        return False
    match binding, subject.identity:
        case WorkloadBinding(kubernetes=pins), KubernetesIdentity() as identity if pins is not None:
            return kubernetes.matches(pins, identity)
        case WorkloadBinding(github_actions=pins), GitHubIdentity() as identity if pins is not None:
            return github_actions.matches(pins, identity)
        case WorkloadBinding(oidc=pins), OidcIdentity() as identity if pins is not None:
            return oidc.matches(pins, identity)
        case _:  # a binding of another kind of issuer names nobody of this one
            return False


def _identify(kind: IssuerType, verified: VerifiedClaims) -> Identity:
    match kind:
        case IssuerType.KUBERNETES:
            return kubernetes.identify(verified)
        case IssuerType.GITHUB_ACTIONS:
            return github_actions.identify(verified)
        case IssuerType.OIDC:
            return oidc.identify(verified)
        case _:  # pragma: no cover  mypy proves that nothing comes here
            assert_never(kind)
