"""AWS principals by signed GetCallerIdentity: what STS itself answered about who signed.

The claims are those of STS's answer (`Account`, `UserId`, `Arn`); `keys` has checked and forwarded the request. The
unique id before the colon is the role's; what follows is the session name, which the caller chooses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leasehold.authn import claims
from leasehold.authn.claims import digits, text
from leasehold.model.subjects import AwsStsSubject, IssuerType
from leasehold.model.tokens import VerifiedClaims


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsStsIdentity:
    """A role or user of an account, by its unique id."""

    TYPE: ClassVar[IssuerType] = IssuerType.AWS_STS
    aws_account: str
    unique_id: str
    arn: str
    proposes: bool = False


def identify(verified: VerifiedClaims) -> AwsStsIdentity:
    """The principal that STS named. Raises `TokenRefused`."""
    return AwsStsIdentity(
        aws_account=digits(verified.claims, "Account"),
        unique_id=text(verified.claims, "UserId").partition(":")[0],
        arn=text(verified.claims, "Arn"),
    )


def unmet(pins: AwsStsSubject, identity: AwsStsIdentity) -> tuple[str, ...]:
    """The pins that do not hold."""
    return claims.unmet(pins, identity)
