"""The drift report as a whole: its findings, how many there are of each, and what could not be judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from leasehold.review.findings import WIRE, DriftClass, Finding, Risk, Snapshot, Unproven


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How many open findings each class leads; `equivalent` declared objects give exactly the declared access.

    `states` counts the open findings that are in a state, whether or not it leads. `accepted` ones are counted apart,
    and `max_risk` is that of the open ones.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    missing: int
    unmanaged: int
    widened: int
    narrowed: int
    orphan: int
    overstay: int
    changed: int
    conflict: int
    tool_surface: int
    external: int
    states: Mapping[DriftClass, int] = field(hash=False)
    accepted: int
    equivalent: int
    unproven: int
    coverage_pct: float
    max_risk: Risk | None


@dataclass(frozen=True, slots=True)
class Gap:
    """So many things could not be judged, and why."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    what: str
    count: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What was judged, out of what should have been. `gaps` lower `pct`; `out_of_sight` no report of today can see."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    judged: int
    total: int
    pct: float
    gaps: tuple[Gap, ...]
    out_of_sight: tuple[Gap, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """Answer of `POST /v1/drift`. Findings come worst first, those that an exception accepts behind all others."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    schema: str
    stacks: tuple[str, ...]
    snapshot: Snapshot
    summary: Summary
    coverage: Coverage
    findings: tuple[Finding, ...]
    unproven: tuple[Unproven, ...]
