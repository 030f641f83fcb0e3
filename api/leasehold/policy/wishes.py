"""What is asked for when a lease is asked for, and the words of a denial."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from leasehold.model.access import Reach
from leasehold.model.leases import Node


class LeaseReason(StrEnum):
    """Why a lease is denied; the words of the audit log."""

    UNMERGED_CODE = "unmerged_code"
    AGENT_SUSPENDED = "agent_suspended"
    OWNER_DISABLED = "owner_disabled"
    NO_DEPLOYMENT = "no_deployment"
    AMBIGUOUS_DEPLOYMENT = "ambiguous_deployment"
    DEPLOYMENT_EXPIRED = "deployment_expired"
    DEPLOYMENT_GONE = "deployment_gone"
    HEARTBEAT_MISSED = "heartbeat_missed"
    NOTHING_GRANTED = "nothing_granted"
    SCOPE_EXCEEDED = "scope_exceeded"
    DETAILS_EXCEEDED = "details_exceeded"
    SUBJECT_EXPIRING = "subject_expiring"
    PROOF_MISSING = "proof_missing"


@dataclass(frozen=True, slots=True)
class LeaseDenied:
    """No lease, and why not."""

    reason: LeaseReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ActingFor:
    """For whom an agent acts, and beneath whom: `user` as a token's `sub` names them, with the groups of their login.

    `chain`: the agents above, the first of all at its head.
    """

    user: str | None = None
    groups: frozenset[str] = frozenset()
    chain: tuple[str, ...] = ()


ITSELF = ActingFor()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseWish:
    """What is asked for: one resource; `scopes` None asks for all there is. Not to outlive `subject_expires_at`.

    `reach`, unless None, is exactly what is wanted of that. `at_most`, unless None, is all that a person consented to.
    `proven`: the caller proved that it holds a key.
    `dies_with`: the nodes of what runs the subject, if it is known. `acting`: for whom, as policies see it.
    """

    resource: str
    scopes: frozenset[str] | None
    subject_expires_at: datetime
    proposes: bool
    reach: frozenset[Reach] | None = None
    at_most: frozenset[str] | None = None
    proven: bool = False
    dies_with: tuple[Node, ...] = ()
    acting: ActingFor = ITSELF
