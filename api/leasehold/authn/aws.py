"""AWS roles by outbound web identity token: one issuer per account, `sub` is the role's ARN.

No claim holds the role's unique id: `keys` has asked IAM for it, and left it out where it was not certain.

The claims stand under `https://sts.amazonaws.com/` (IAM User Guide, outbound identity federation). `request_tags` in
there is what the caller asked for, so nothing rests on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leasehold.authn import claims
from leasehold.authn.claims import digits, members, optional_text
from leasehold.model.subjects import ROLE_ID_CLAIM, AwsSubject, IssuerType
from leasehold.model.tokens import Flaw, TokenRefused, VerifiedClaims

_NAMESPACE = "https://sts.amazonaws.com/"
_ACCOUNT_AT = 4  # arn:partition:iam::account:resource


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsIdentity:
    """A role in an account. `unique_id` None: which role it was is not certain, and no binding matches."""

    TYPE: ClassVar[IssuerType] = IssuerType.AWS
    aws_account: str
    role_arn: str
    unique_id: str | None
    proposes: bool = False


def identify(verified: VerifiedClaims) -> AwsIdentity:
    """The role that a verified token speaks for. Raises `TokenRefused`."""
    account = digits(members(verified.claims, _NAMESPACE), "aws_account")
    parts = verified.subject.split(":")
    if len(parts) <= _ACCOUNT_AT or parts[0] != "arn" or parts[_ACCOUNT_AT] != account:
        raise TokenRefused(Flaw.BAD_CLAIM)
    role_id = optional_text(verified.claims, ROLE_ID_CLAIM)
    return AwsIdentity(aws_account=account, role_arn=verified.subject, unique_id=role_id)


def unmet(pins: AwsSubject, identity: AwsIdentity) -> tuple[str, ...]:
    """The pins that do not hold."""
    return claims.unmet(pins, identity)
