"""May the holder of this lease have a credential of this profile, and until when? Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from leasehold.model.credentials import CredentialProfile
from leasehold.model.leases import Lease
from leasehold.model.people import Agent, AgentState, Owner, OwnerState

MIN_LIFE = timedelta(seconds=1)
_SCOPE = "credential:"


class CredentialReason(StrEnum):
    """Why no credential is given; the words of the audit log."""

    UNKNOWN_PROFILE = "unknown_profile"
    NOT_AN_AGENT = "not_an_agent"
    AGENT_NOT_ALLOWED = "agent_not_allowed"
    NOT_LEASED = "not_leased"
    LEASE_EXPIRING = "lease_expiring"


@dataclass(frozen=True, slots=True)
class CredentialDenied:
    """No credential, and why not."""

    reason: CredentialReason


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialPermit:
    """One credential may be minted, exactly so. Only this module makes one. `ends` is when it should be dead."""

    lease: Lease
    agent: str
    profile: str
    spec: CredentialProfile
    ends: datetime


@dataclass(frozen=True, slots=True)
class CallPermit:
    """A lease may be taken for calls of this agent, for one credential profile. Only this module makes one."""

    agent: str
    profile: str


def decide_call(name: str, agent: Agent, owner: Owner, profile: str) -> CallPermit | None:
    """May the gateway take a lease for this agent? While the agent lives and somebody answers for it."""
    alive = agent.state is AgentState.ACTIVE and owner.state is OwnerState.ACTIVE
    return CallPermit(name, profile) if alive else None


def credential_scopes(profiles: Iterable[str]) -> frozenset[str]:
    """The scopes of a lease that may draw credentials of these profiles."""
    return frozenset(f"{_SCOPE}{profile}" for profile in profiles)


def decide_credential(
    lease: Lease, profile: str, spec: CredentialProfile | None, ttl: timedelta | None, now: datetime
) -> CredentialPermit | CredentialDenied:
    """May it? `spec` is the live profile, None if there is none; `ttl` asks for less than is allowed."""
    if spec is None:
        return CredentialDenied(CredentialReason.UNKNOWN_PROFILE)
    if lease.agent is None:
        return CredentialDenied(CredentialReason.NOT_AN_AGENT)
    if lease.agent not in spec.agents:
        return CredentialDenied(CredentialReason.AGENT_NOT_ALLOWED)
    if not credential_scopes((profile,)) <= lease.scopes:
        return CredentialDenied(CredentialReason.NOT_LEASED)
    # INVARIANT: nothing is meant to outlive the lease it hangs on.
    longest = now + timedelta(seconds=spec.max_ttl)
    ends = min(lease.expires_at, longest, now + ttl if ttl is not None else longest).replace(microsecond=0)
    if ends - now < MIN_LIFE:
        return CredentialDenied(CredentialReason.LEASE_EXPIRING)
    return CredentialPermit(lease=lease, agent=lease.agent, profile=profile, spec=spec, ends=ends)
