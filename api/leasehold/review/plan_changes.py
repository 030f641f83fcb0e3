"""What a plan changes, piece by piece: access of agents, what lies beneath it, what it takes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leasehold.model.kinds import Kind
from leasehold.review.findings import WIRE, Cause, Entitlement, Risk
from leasehold.review.proofs import AccessProof
from leasehold.review.spawning import DelegationChange


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessChange:
    """What one agent gains and loses. Between backticks, `sentence` holds names that are to be distrusted.

    `had` is the narrower access that a gain replaces, `keeps` the narrower access that a loss leaves.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    agent: str
    risk: Risk
    factors: tuple[str, ...]
    sentence: str
    gains: tuple[Entitlement, ...]
    losses: tuple[Entitlement, ...]
    had: tuple[Entitlement, ...] = ()
    keeps: tuple[Entitlement, ...] = ()
    is_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundationChange:
    """A change beneath the grants: who can become an agent, whose proof is believed, who answers, what bounds."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    kind: Kind
    name: str
    address: str | None
    risk: Risk
    factors: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """A grant made by hand that the apply would take away."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    name: str
    agent: str
    cause: Cause | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary:
    """Counts of entitlements gained and lost over all agents."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    gains: int
    losses: int
    foundations: int
    reversals: int
    unproven: int
    coverage_pct: float
    max_risk: Risk | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SinceBase:
    """What a plan brings that the base branch does not have though it lives already: drift that the plan takes over."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    access: tuple[AccessChange, ...]
    foundations: tuple[FoundationChange, ...]
    proofs: tuple[AccessProof, ...]
    delegation: tuple[DelegationChange, ...]
