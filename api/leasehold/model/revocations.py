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


BATCH_TYPE = "revocations+jwt"
SNAPSHOT_TYPE = "revocations-snapshot+jwt"
"""The `typ` of what the feed signs. Neither is that of an access token, so that none can stand in for another."""

BEAT_SECONDS = 0.25
"""How often the feed says that it is alive, and up to which event it is complete."""


def feed_audience(issuer: str) -> str:
    """The `aud` of everything that the feed of `issuer` signs."""
    return f"{issuer}/revocations"
