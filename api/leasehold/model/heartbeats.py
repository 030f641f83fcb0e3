"""Heartbeats: the sign of life that a deployment owes, and when it is owed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """Of one deployment. Once one was missed, the deployment stays ended until somebody with a role says otherwise."""

    deployment: str
    ttl: timedelta
    due_at: datetime
    missed_at: datetime | None = None

    def is_missed(self, now: datetime) -> bool:
        """True iff the deployment holds nothing any more."""
        return self.missed_at is not None or now >= self.due_at
