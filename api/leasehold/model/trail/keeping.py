"""What is kept of the trail, and what is not any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

TRAIL = "audit-trail"
"""The kind of what happens to the trail itself: exports, prunings, holds. It is never pruned."""
ROTATE = "rotate-key"
"""The action that names the next key which signs checkpoints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A legal hold: while it stands nothing about its agent is pruned; nothing at all, if it names none."""

    name: str
    reason: str
    by: str
    at: datetime
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class Pruned:
    """Events that were forgotten: how many, from position `first` to before `before`."""

    count: int
    first: int
    before: int
