"""What is remembered of each action. An event starts as `error` until the action is proven done."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    OK = "ok"
    DENIED = "denied"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from: the address that sent it, and the trace that it is part of (W3C Trace Context)."""

    source: str = ""
    trace: str = ""


NOWHERE = Origin()
ORIGIN: ContextVar[Origin] = ContextVar("leasehold_origin", default=NOWHERE)
"""Of the request that is being answered. A door says it once; every event that comes of the request has it."""


@dataclass(frozen=True, slots=True)
class Content:
    """What went in and came out, shut away under a key of its subject, which can be destroyed.

    `digest` is keyed with the same key (HMAC-SHA-256, hex); `sealed` is what was shut away, None once it is erased;
    `commitment` is the SHA-256 (hex) of `sealed` and stands in the trail for it.
    """

    subject: str
    digest: str
    commitment: str
    sealed: str | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """Who did what to which object, and how it ended. `detail` is JSON-like and holds digests, never secrets.

    What personal details went in or came out belongs in `content`, where it can be erased; `detail` is kept.
    """

    at: datetime
    principal: str
    action: str
    kind: str
    name: str
    outcome: Outcome = Outcome.ERROR
    reason: str = ""
    stack: str | None = None
    detail: Mapping[str, object] = field(default_factory=dict)
    content: Content | None = None
    origin: Origin = field(default_factory=ORIGIN.get)


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
