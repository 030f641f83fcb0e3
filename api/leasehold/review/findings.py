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
    """How live access differs from declared access; terraform-ux §11. One object can be in several of these at once.

    `ghost`: declared, lived, and was deleted behind the code. `tool_surface`: what a tool server offers moved, or a
    grant names a tool that is not listed. `binding`: who can become an agent, or take a role, moved. `ceiling`: what
    bounds agents moved. `external`: what a credential profile points to moved. `unproven`: nobody can tell which way it
    moved.
    """

    MISSING = "missing"
    UNMANAGED = "unmanaged"
    WIDENED = "widened"
    NARROWED = "narrowed"
    ORPHAN = "orphan"
    OVERSTAY = "overstay"
    CHANGED = "changed"
    CONFLICT = "conflict"
    GHOST = "ghost"
    TOOL_SURFACE = "tool_surface"
    BINDING = "binding"
    CEILING = "ceiling"
    EXTERNAL = "external"
    UNPROVEN = "unproven"


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
    """The write that brought the difference about: who, when (aware UTC), and `create`, `update` or `delete`.

    How: `via` is the door, `stack` the stack that it was written for (null: by hand), `binding` the workload binding
    that let the writer in, `lease` the lease of the token that it presented, `run` the pipeline run behind that,
    `event` its place in the audit log, `approved_by` who approved the plan whose receipt let it through. What nobody
    wrote down is null. Of a change in another system, `operation` is its word for it, and `record` where that
    stands there.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    actor: str
    at: datetime
    operation: str
    via: str | None = None
    stack: str | None = None
    binding: str | None = None
    lease: str | None = None
    run: str | None = None
    event: int | None = None
    approved_by: str | None = None
    record: str | None = None


@dataclass(frozen=True, slots=True)
class Fix:
    """Three ways out: make live as declared, declare what lives, or accept it for some days.

    `revert` is the first; `adopt_hcl` or `adopt_cdktf`, with `import` if it is new, the second. The third is
    `exception`, for at most `except_days_max` days; its reason and its end are yours to say.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    revert: str
    adopt_hcl: str | None = None
    import_: str | None = None
    adopt_cdktf: str | None = None
    exception: str | None = None
    except_days_max: int | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """One part of a score, and why it counts."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    factor: str
    points: int
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """How much a finding weighs, 0 to 100: the sum of its parts, 25 for each level of risk below it included."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    value: int
    parts: tuple[Points, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blast:
    """How far a difference reaches, as far as it is on record.

    `resources` counts patterns. `live_leases` are those that carry it now. `used` counts the tokens of the last
    `used_days` days that carried it. `calls` are those of these tools that went through the gateway: of the newest on
    record, which go back to `calls_since`.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    agents: int
    resources: int
    live_leases: int
    used: int
    used_days: int
    last_used: datetime | None
    calls: int = 0
    calls_since: datetime | None = None
    last_called: datetime | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The exception that accepts a finding until `until`: its name, its reason, and who wrote it."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    exception: str
    reason: str
    by: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference between declared and live access.

    In `sentence`, whatever stands between backticks comes from live objects and is to be distrusted; the rest is ours.
    `class` is the state that leads, `states` are all of them. `fingerprint` names the finding across reports: it covers
    neither counts nor times. `accepted` is set while an exception holds; `lapsed` names one that has ended.
    `unknown_cause` says why nobody can tell who changed another system.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    fingerprint: str
    class_: DriftClass
    states: tuple[DriftClass, ...]
    risk: Risk
    score: Score
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
    blast: Blast
    expires_at: datetime | None
    fix: Fix
    accepted: Accepted | None = None
    lapsed: Accepted | None = None
    unknown_cause: str | None = None


@dataclass(frozen=True, slots=True)
class Unproven:
    """A declared object that cannot be compared: these attributes are unknown at plan, or withheld as sensitive.

    Or, with a `reason`, what lies beyond the registry could not be looked at.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    address: str
    stack: str
    attributes: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The live picture that was compared: its change sequence, when it was read, and whether it is whole."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    revision: int
    at: datetime
    complete: bool


def fingerprint(parts: object) -> str:
    """A stable name for a finding: `sha256:` over what makes it this one and no other."""
    return "sha256:" + hashlib.sha256(json.dumps(parts, separators=(",", ":"), sort_keys=True).encode()).hexdigest()
