"""Any other OpenID Connect subject: its exact `sub`, which an issuer never gives to another (OIDC Core §2)."""

from __future__ import annotations

from dataclasses import dataclass

from leasehold.model.tokens import VerifiedClaims
from leasehold.model.trust import OidcSubject


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcIdentity:
    """A subject of an issuer."""

    subject: str


def identify(verified: VerifiedClaims) -> OidcIdentity:
    """The subject that a verified token speaks for."""
    return OidcIdentity(subject=verified.subject)


def matches(pins: OidcSubject, identity: OidcIdentity) -> bool:
    """True iff the binding names this subject, to the letter."""
    return pins.subject == identity.subject
