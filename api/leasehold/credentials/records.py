"""The values of one credential's life: what was asked, its record, and the events that tell of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from leasehold.credentials.expectations import expect
from leasehold.model.errors import LeaseholdError
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.external import ExternalCredential, Minted, Order
from leasehold.model.leases import Ancestor, Node, profile_node
from leasehold.model.possession import Possession
from leasehold.policy.credentials import CredentialPermit, CredentialReason

KIND = "credentials"
SYSTEM = "leasehold"
MINTING_TAKES = timedelta(seconds=60)
"""A record that is still `minting` after this belongs to a server that stopped in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRequest:
    """What an agent asks for, on the strength of an access token.

    `ttl` None asks for all there is. `aws`: the answer has to be a session of AWS. `proof`: of the key that the token
    is bound to, if it is.
    """

    bearer: str = field(repr=False)
    profile: str
    ttl: timedelta | None = None
    aws: bool = False
    proof: Possession | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A credential for its holder, and when it ends: with its lease, or later where nothing can be done about it."""

    record: ExternalCredential
    secret: Mapping[str, str] = field(repr=False)
    expires_at: datetime


class CredentialRefused(LeaseholdError):
    """No credential. One answer for "no such profile" and "not yours"; `reason` is for audit only."""

    code = "not_found"

    def __init__(self, reason: CredentialReason, profile: str) -> None:
        self.reason = reason
        super().__init__(f"no credential profile named `{profile}` that this lease may draw on")


def new_record(permit: CredentialPermit, credential_id: str, generation: int, now: datetime) -> ExternalCredential:
    """The record of a credential that is not made yet. `generation` is that of its profile's node."""
    expected = expect(permit.spec.target, credential_id, permit.agent, now, permit.ends)
    return ExternalCredential(
        id=credential_id,
        lease=permit.lease.id,
        agent=permit.agent,
        profile=permit.profile,
        spec=permit.spec,
        reference=expected.reference,
        ending=expected.ending,
        ancestors=(*permit.lease.ancestors, Ancestor(profile_node(permit.profile), generation)),
        issued_at=now,
        lease_expires_at=permit.ends,
        live_until=expected.live_until,
        next_attempt_at=now + MINTING_TAKES,
    )


def order_of(record: ExternalCredential, permit: CredentialPermit) -> Order:
    """What to ask of the other system."""
    return Order(
        id=record.id,
        reference=record.reference,
        profile=record.profile,
        spec=record.spec,
        agent=record.agent,
        deployment=permit.lease.deployment,
        lease=record.lease,
        now=record.issued_at,
        lease_ends=permit.ends,
    )


def profile_ancestor(record: ExternalCredential) -> tuple[Node, int]:
    """The node of the record's profile, and its generation at the time."""
    found = record.ancestors[-1]
    return found.node, found.generation


def issuance(record: ExternalCredential) -> AuditEvent:
    """A credential is about to be minted: on record first, and as unfinished, so that none can exist unrecorded."""
    return issued(record, Outcome.ERROR, "not_finished", record.issued_at)


def issued(record: ExternalCredential, outcome: Outcome, reason: str, now: datetime) -> AuditEvent:
    """What came of it: handed out, not made, or dead before anybody had it."""
    return AuditEvent(
        at=now,
        principal=f"agent:{record.agent}",
        action="issue",
        kind=KIND,
        name=record.id,
        outcome=outcome,
        reason=reason,
        detail=_told(record),
    )


def refusal(subject: str, profile: str, reason: str, now: datetime) -> AuditEvent:
    """No credential was given, and why."""
    return AuditEvent(
        at=now,
        principal=subject,
        action="issue",
        kind=KIND,
        name="",
        outcome=Outcome.DENIED,
        reason=reason,
        detail={"profile": profile},
    )


def ending(record: ExternalCredential, action: str, outcome: Outcome, reason: str, now: datetime) -> AuditEvent:
    """What became of a credential: `end` it, or `end-later` because nothing can be done before its expiry."""
    return AuditEvent(
        at=now,
        principal=SYSTEM,
        action=action,
        kind=KIND,
        name=record.id,
        outcome=outcome,
        reason=reason,
        detail=_told(record),
    )


def holder_sees(record: ExternalCredential, minted: Minted) -> datetime:
    """When its holder has to come back: at the end that we bring about, or at the one that comes by itself."""
    return min(record.live_until, minted.live_until)


def _told(record: ExternalCredential) -> Mapping[str, object]:
    return {
        "lease": record.lease,
        "agent": record.agent,
        "profile": record.profile,
        "reference": record.reference,
        "ending": record.ending.value,
        "live_until": record.live_until.isoformat(),
    }
