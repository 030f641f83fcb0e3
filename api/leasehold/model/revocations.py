"""The revocation stream: what ended, in one gap-free order that every verifier can follow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from leasehold.model.leases import Node

REVOCATIONS_KEPT = timedelta(minutes=15)
"""How long an event can matter: the longest token lives 5 minutes; the rest is for clocks and commits that run late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationEvent:
    """From `sequence` on, what was issued below `node` at a generation lower than `generation` is dead."""

    sequence: int
    node: Node
    generation: int
    reason: str
    actor: str
    at: datetime
