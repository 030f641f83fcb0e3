"""Any other OpenID Connect subject: its exact `sub`, which an issuer never gives to another (OIDC Core §2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leasehold.authn import claims
from leasehold.model.subjects import IssuerType, OidcSubject
from leasehold.model.tokens import VerifiedClaims


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcIdentity:
    """A subject of an issuer."""

    TYPE: ClassVar[IssuerType] = IssuerType.OIDC
    subject: str
    proposes: bool = False


def identify(verified: VerifiedClaims) -> OidcIdentity:
    """The subject that a verified token speaks for."""
    return OidcIdentity(subject=verified.subject)


def unmet(pins: OidcSubject, identity: OidcIdentity) -> tuple[str, ...]:
    """The pins that do not hold: none iff the binding names this subject, to the letter."""
    return claims.unmet(pins, identity)
