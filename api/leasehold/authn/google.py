"""Google service accounts on Compute Engine, by two numbers: the account's id and the project's.

Identity tokens of every Google customer have the same issuer. The project stands in `google.compute_engine`, which
the metadata server puts in with `format=full` (https://cloud.google.com/compute/docs/instances/verifying-instance-identity).
`project_number` there is a JSON number, `instance_id` a string.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leasehold.authn import claims
from leasehold.authn.claims import digits, members
from leasehold.model.subjects import GoogleSubject, IssuerType
from leasehold.model.tokens import Flaw, TokenRefused, VerifiedClaims


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleIdentity:
    """A service account and the machine that it is on."""

    TYPE: ClassVar[IssuerType] = IssuerType.GOOGLE
    subject: str
    project_number: str
    instance_id: str
    proposes: bool = False


def identify(verified: VerifiedClaims) -> GoogleIdentity:
    """The machine that a verified token speaks for. Raises `TokenRefused`."""
    machine = members(members(verified.claims, "google"), "compute_engine")
    number = machine.get("project_number")
    if type(number) is not int or number <= 0:
        raise TokenRefused(Flaw.BAD_CLAIM)
    return GoogleIdentity(
        subject=digits(verified.claims, "sub"), project_number=str(number), instance_id=digits(machine, "instance_id")
    )


def unmet(pins: GoogleSubject, identity: GoogleIdentity) -> tuple[str, ...]:
    """The pins that do not hold."""
    return claims.unmet(pins, identity)
