"""What a report says: findings, each with its risk, its cause and its fix. Published as JSON Schema by the door."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, TypeAlias

from leasehold.model.kinds import Kind
from leasehold.model.tools import Action


def _wire_name(attribute: str) -> str:
    return attribute.removesuffix("_")  # `class` and `import` are words of the report and keywords of the language


Deed: TypeAlias = tuple[str, str, str]
WIRE: dict[str, object] = {"alias_generator": _wire_name, "validate_by_name": True}


class DriftClass(StrEnum):
    """How live access differs from declared access; terraform-ux §11."""

    MISSING = "missing"
    UNMANAGED = "unmanaged"
    WIDENED = "widened"
    NARROWED = "narrowed"
    ORPHAN = "orphan"
    OVERSTAY = "overstay"
    CHANGED = "changed"
    CONFLICT = "conflict"


class Risk(StrEnum):
    """How bad it is to leave a finding alone."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """1 (low) to 4 (critical)."""
        return list(Risk).index(self) + 1


def risk_at(rank: int) -> Risk:
    """The risk of a rank, held between low and critical."""
    return list(Risk)[min(max(rank, 1), len(Risk)) - 1]


@dataclass(frozen=True, slots=True)
class Entitlement:
    """One thing an agent can do: a tool (or `*`) on a resource pattern. `action` is null for `*`.

    `constraints` say what arguments must be, by name, one operator each as in a token; without any, they are free.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    tool_server: str
    tool: str
    action: Action | None
    resource: str
    constraints: Mapping[str, Mapping[str, object]] = field(default_factory=dict, hash=False)

    def __lt__(self, other: Entitlement) -> bool:
        return self.key < other.key

    @property
    def deed(self) -> Deed:
        """The same, whatever the arguments."""
        return (self.tool_server, self.tool, self.resource)

    @property
    def key(self) -> tuple[str, ...]:
        """Total order: an absent action sorts first, and what is free of constraints before what is not."""
        found = (self.tool_server, self.tool, self.action or "", self.resource)
        return (*found, json.dumps(self.constraints, sort_keys=True)) if self.constraints else found


@dataclass(frozen=True, slots=True)
class Delta:
    """One attribute whose live value is not the declared one."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    path: str
    declared: object
    live: object


@dataclass(frozen=True, slots=True)
class Cause:
    """The write that brought the difference about: who, when (aware UTC), and `create`, `update` or `delete`."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    actor: str
    at: datetime
    operation: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Two ways out: make live as declared (`revert`), or declare what lives (`adopt_hcl`, with `import` if new)."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    revert: str
    adopt_hcl: str | None = None
    import_: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference between declared and live access.

    In `sentence`, whatever stands between backticks comes from live objects and is to be distrusted; the rest is ours.
    `fingerprint` names the finding across reports: it covers neither counts nor times.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    fingerprint: str
    class_: DriftClass
    risk: Risk
    factors: tuple[str, ...]
    sentence: str
    agent: str | None
    now_can: tuple[Entitlement, ...]
    no_longer_can: tuple[Entitlement, ...]
    changes: tuple[Delta, ...]
    kind: Kind
    name: str
    address: str | None
    stack: str | None
    managed_by: str | None
    cause: Cause | None
    expires_at: datetime | None
    fix: Fix


@dataclass(frozen=True, slots=True)
class Unproven:
    """A declared object that cannot be compared yet: these attributes are unknown at plan, or withheld as sensitive."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    address: str
    stack: str
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The live picture that was compared: its change sequence, when it was read, and whether it is whole."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    revision: int
    at: datetime
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How many findings of each class; `equivalent` declared objects give exactly the declared access."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    missing: int
    unmanaged: int
    widened: int
    narrowed: int
    orphan: int
    overstay: int
    changed: int
    conflict: int
    equivalent: int
    unproven: int
    coverage_pct: float
    max_risk: Risk | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """Answer of `POST /v1/drift`. Findings come worst first."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    schema: str
    stacks: tuple[str, ...]
    snapshot: Snapshot
    summary: Summary
    findings: tuple[Finding, ...]
    unproven: tuple[Unproven, ...]


def fingerprint(class_: str, agent: str | None, kind: Kind, name: str, *reach: tuple[Entitlement, ...]) -> str:
    """A stable name for a finding: `sha256:` over its class, agent, object and reach."""
    parts = [class_, agent, kind.value, name, [[one.key for one in sorted(side)] for side in reach]]
    return "sha256:" + hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()
