"""What is remembered of each action. An event starts as `error` until the action is proven done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    OK = "ok"
    DENIED = "denied"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """Who did what to which object, and how it ended. `detail` is JSON-like and holds digests, never secrets."""

    at: datetime
    principal: str
    action: str
    kind: str
    name: str
    outcome: Outcome = Outcome.ERROR
    reason: str = ""
    stack: str | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One committed write to an object; `sequence` is gap-free across the registry."""

    sequence: int
    kind: str
    name: str
    operation: str
    revision: int
    by: str
    at: datetime
