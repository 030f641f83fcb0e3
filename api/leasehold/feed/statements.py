"""What the feed signs. Pure.

A batch says: these are the events behind `since` up to `seq`, all of them. One without events is a heartbeat. `at`
(milliseconds since the epoch) is when the database was last asked: up to that instant, nothing else had ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from leasehold.model.leases import Node
from leasehold.model.revocations import RevocationEvent, feed_audience


def batch_claims(issuer: str, since: int, events: Sequence[RevocationEvent], at: datetime) -> dict[str, object]:
    """The claims of a batch; of a heartbeat, where there are no events."""
    return {
        **_envelope(issuer, at),
        "since": since,
        "seq": events[-1].sequence if events else since,
        "events": [[event.node, event.generation] for event in events],
    }


def snapshot_claims(issuer: str, sequence: int, minimums: Mapping[Node, int], at: datetime) -> dict[str, object]:
    """The claims of a snapshot: every event up to `sequence` that can still matter, as lowest good generations."""
    return {**_envelope(issuer, at), "seq": sequence, "nodes": dict(minimums)}


def milliseconds(at: datetime) -> int:
    """An instant as the feed writes it."""
    return int(at.timestamp() * 1000)


def _envelope(issuer: str, at: datetime) -> dict[str, object]:
    # No `sub`, no `client_id`, no `exp`: beside its type, nothing of this looks like an access token (RFC 9068 §2.2).
    return {"iss": issuer, "aud": feed_audience(issuer), "iat": int(at.timestamp()), "at": milliseconds(at)}
