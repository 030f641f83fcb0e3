"""From a subject token to a subject, and which workload bindings name it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol, get_args

from leasehold.authn import (
    aws,
    aws_sts,
    azure,
    buildkite,
    claims,
    github_actions,
    gitlab,
    google,
    hcp_terraform,
    kubernetes,
    oidc,
    spiffe,
)
from leasehold.authn.ports import SubjectTokenVerifier
from leasehold.model.conditions import find_claim
from leasehold.model.subjects import IssuerType
from leasehold.model.subjects import Subject as Pins
from leasehold.model.tokens import Flaw, TokenProfile, TokenRefused, UnverifiedToken, VerifiedClaims
from leasehold.model.trust import TrustIssuer, WorkloadBinding
from leasehold.model.workloads import Workload

# An identity token has no type or the generic one: an access token, a logout token or a proof is no identity.
_TYPES = frozenset({"", "jwt"})
_REQUIRED = frozenset({"iss", "sub", "aud", "iat", "exp"})
_SPIFFE_TYPES = _TYPES | {"jose"}  # JWT-SVID §2.3
_SPIFFE_WAIVED = frozenset({"iss", "iat"})  # JWT-SVID §3 asks for sub, aud and exp alone


class Identity(Protocol):
    """Who a token of one kind of issuer speaks for. `proposes`: a run of what nobody accepted yet."""

    @property
    def TYPE(self) -> IssuerType: ...  # noqa: N802  a constant of each kind
    @property
    def proposes(self) -> bool: ...


class IssuerKind(Protocol):
    """A module of this room that knows one kind of issuer. Any: pins and identity are of its own types."""

    def identify(self, verified: VerifiedClaims, /) -> Identity: ...
    def unmet(self, pins: Any, identity: Any, /) -> tuple[str, ...]: ...


KINDS: Mapping[IssuerType, IssuerKind] = {
    IssuerType.KUBERNETES: kubernetes,
    IssuerType.GITHUB_ACTIONS: github_actions,
    IssuerType.GITLAB: gitlab,
    IssuerType.AWS: aws,
    IssuerType.AWS_STS: aws_sts,
    IssuerType.GOOGLE: google,
    IssuerType.AZURE: azure,
    IssuerType.SPIFFE: spiffe,
    IssuerType.HCP_TERRAFORM: hcp_terraform,
    IssuerType.BUILDKITE: buildkite,
    IssuerType.OIDC: oidc,
}
STATEMENT_TYPE = "software-statement+jwt"
_PINS = {kind: kind.field for kind in IssuerType}
_PINS_OF: Mapping[IssuerType, type] = {pins.TYPE: pins for pins in get_args(Pins)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An authenticated subject of a trust issuer, named as in the registry. It lives and dies with `workloads`."""

    trust_issuer: str
    single_use: bool
    verified: VerifiedClaims
    identity: Identity
    workloads: tuple[Workload, ...] = ()

    @property
    def proposes(self) -> bool:
        """True for a run of unmerged code: it may read and plan, never write or mint."""
        return self.identity.proposes


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
    identity = KINDS[issuer.type].identify(verified)
    return Subject(
        trust_issuer=name,
        single_use=issuer.single_use,
        verified=verified,
        identity=identity,
        workloads=workloads_of(name, issuer, identity),
    )


async def authenticate_statement(
    statement: UnverifiedToken,
    issuers: Mapping[str, Sequence[tuple[str, TrustIssuer]]],
    *,
    audience: str,
    verifier: SubjectTokenVerifier,
    now: datetime,
) -> Subject:
    """Whom a software statement speaks of (RFC 7591 §2.3). Raises `TokenRefused`.

    It has a type of its own: whoever finds one in an application cannot trade it for a token, nor a token for it.
    """
    unverified_claims = verifier.read(statement)
    candidates = issuers.get(unverified_claims.issuer, ())
    if len(candidates) != 1 or not candidates[0][1].software_statements:
        raise TokenRefused(Flaw.UNKNOWN_ISSUER)
    name, issuer = candidates[0]
    own = replace(profile_of(issuer), audiences=frozenset({audience}), types=frozenset({STATEMENT_TYPE}))
    verified = await verifier.verify(unverified_claims, issuer, own, now)
    identity = KINDS[issuer.type].identify(verified)
    return Subject(trust_issuer=name, single_use=issuer.single_use, verified=verified, identity=identity)


def workloads_of(trust_issuer: str, issuer: TrustIssuer, identity: Identity) -> tuple[Workload, ...]:
    """What an identity lives and dies with. Raises `TokenRefused`."""
    if not isinstance(identity, kubernetes.KubernetesIdentity):
        return ()
    return kubernetes.workloads(trust_issuer, issuer.watch, identity)


@lru_cache(maxsize=1024)  # an issuer that is changed is another one
def profile_of(issuer: TrustIssuer) -> TokenProfile:
    """What the registry asks of this issuer's tokens."""
    return TokenProfile(
        issuer=issuer.issuer,
        audiences=issuer.audiences,
        algorithms=issuer.algorithms,
        types=_SPIFFE_TYPES if issuer.type is IssuerType.SPIFFE else _TYPES,
        required=frozenset() if issuer.type is IssuerType.SPIFFE else _REQUIRED,
        max_ttl=timedelta(seconds=issuer.max_token_ttl),
        waived=_SPIFFE_WAIVED if issuer.type is IssuerType.SPIFFE else frozenset(),
    )


def is_named_by(binding: WorkloadBinding, subject: Subject) -> bool:
    """True iff the binding is of the subject's issuer, every pin of it holds, and every condition on claims does."""
    if binding.trust_issuer != subject.trust_issuer:
        return False
    kind = subject.identity.TYPE
    pins = getattr(binding, _PINS[kind])
    if pins is None:  # a binding of another kind of issuer names nobody of this one
        return False
    return not KINDS[kind].unmet(pins, subject.identity) and not unmet_claims(binding, subject.verified)


def anchor_of(binding: WorkloadBinding) -> Hashable:
    """What a binding can be looked up by: it names only subjects of the same anchor, though not all of them."""
    pins = binding.subject
    return type(pins), claims.mandatory(type(pins), pins)


def anchor_of_subject(subject: Subject) -> Hashable:
    """The anchor of the bindings that may name this subject."""
    kind = _PINS_OF[subject.identity.TYPE]
    return kind, claims.mandatory(kind, subject.identity)


def unmet_pins(binding: WorkloadBinding, identity: Identity) -> tuple[str, ...]:
    """The pins of a binding that do not hold; all of a kind that is not the identity's."""
    if binding.issuer_type is not identity.TYPE:
        return (binding.issuer_type.field,)
    return KINDS[identity.TYPE].unmet(binding.subject, identity)


def unmet_claims(binding: WorkloadBinding, verified: VerifiedClaims) -> tuple[str, ...]:
    """The conditions on claims that do not hold."""
    said = verified.claims
    return tuple(path for path, one in binding.claims.items() if not one.holds(find_claim(said, path)))
