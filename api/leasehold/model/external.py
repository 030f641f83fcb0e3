"""Credentials of other systems that we handed out: each is on record before its holder has it, until it is dead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from leasehold.model.credentials import CredentialProfile
from leasehold.model.errors import LeaseholdError
from leasehold.model.leases import Ancestor

Sealed = NewType("Sealed", str)
"""A secret that only this server can open."""


class CredentialState(StrEnum):
    """Where a credential is in its life.

    `minting`: written down, perhaps made; `live`: handed out; `ending`: being killed, again and again until it is
    certain; `expiring`: cannot be killed, dies at `live_until`; `ended`: dead, leftovers may remain; `cleared`: nothing
    of it is left over there.
    """

    MINTING = "minting"
    LIVE = "live"
    ENDING = "ending"
    EXPIRING = "expiring"
    ENDED = "ended"
    CLEARED = "cleared"


class Ending(StrEnum):
    """How a credential is killed."""

    TERMINATE_SESSIONS = "terminate-sessions"
    DELETE_TOKEN = "delete-token"  # noqa: S105
    DENY_SESSION = "deny-session"
    EXPIRY = "expiry"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalCredential:
    """One credential of another system, bound to a lease. Never the credential itself.

    `reference` is what it is called over there. `sealed` holds what it takes to kill it, if that is secret.
    `ancestors` are those of its lease and the node of its profile. `live_until` is when it is dead if nobody kills it,
    at the latest.
    """

    id: str
    lease: str
    agent: str
    profile: str
    spec: CredentialProfile
    reference: str
    ending: Ending
    ancestors: tuple[Ancestor, ...]
    issued_at: datetime
    lease_expires_at: datetime
    live_until: datetime
    state: CredentialState = CredentialState.MINTING
    sealed: Sealed | None = field(default=None, repr=False)
    attempts: int = 0
    next_attempt_at: datetime
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be minted. `reference` is its name over there; `lease_ends` is when it should be dead."""

    id: str
    reference: str
    profile: str
    spec: CredentialProfile
    agent: str
    deployment: str | None
    lease: str
    now: datetime
    lease_ends: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A credential, for its holder and nobody else. `ends_with` is the secret needed to kill it."""

    secret: Mapping[str, str] = field(repr=False)
    live_until: datetime
    ends_with: str | None = field(default=None, repr=False)


class MintRefused(LeaseholdError):
    """The other system said no, so that nothing exists there. The message names no secret."""

    code = "unavailable"


class StillLive(LeaseholdError):
    """The credential could not be killed this time; `str(error)` says why, without secrets."""

    code = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFilters:
    """Which credentials to list; None asks nothing."""

    agent: str | None = None
    profile: str | None = None
    lease: str | None = None
    states: frozenset[CredentialState] | None = None


EVERY_CREDENTIAL = CredentialFilters()
