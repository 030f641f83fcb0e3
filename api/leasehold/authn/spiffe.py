"""SPIFFE workloads by JWT-SVID: `sub` is the SPIFFE ID (JWT-SVID §3). `iss`, `iat` and `jti` may all be missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leasehold.authn import claims
from leasehold.model.subjects import IssuerType, SpiffeSubject
from leasehold.model.tokens import Flaw, TokenRefused, VerifiedClaims

_SCHEME = "spiffe://"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpiffeIdentity:
    """A workload of a trust domain."""

    TYPE: ClassVar[IssuerType] = IssuerType.SPIFFE
    spiffe_id: str
    proposes: bool = False


def identify(verified: VerifiedClaims) -> SpiffeIdentity:
    """The workload that a verified token speaks for. Raises `TokenRefused`."""
    if not verified.subject.startswith(_SCHEME):
        raise TokenRefused(Flaw.BAD_CLAIM)
    # The keys are those of one trust domain: it cannot speak for another (SPIFFE Federation §6).
    if verified.issuer.startswith(_SCHEME) and not verified.subject.startswith(f"{verified.issuer}/"):
        raise TokenRefused(Flaw.WRONG_ISSUER)
    return SpiffeIdentity(spiffe_id=verified.subject)


def unmet(pins: SpiffeSubject, identity: SpiffeIdentity) -> tuple[str, ...]:
    """The pins that do not hold."""
    return claims.unmet(pins, identity)
