"""The claims of security event tokens (RFC 8417 §2.2, SSF 1.0 §4). Pure.

None has `exp` or `sub` (SSF 1.0 §4.1), and none says who ended something or why: receivers are outside.
"""

from __future__ import annotations

from datetime import datetime

from leasehold.model.revocations import RevocationEvent
from leasehold.model.signals import (
    SESSION_REVOKED,
    STREAM_UPDATED,
    VERIFICATION,
    Stream,
    StreamStatus,
    stream_audience,
    subject_of,
)


def session_revoked(issuer: str, stream: Stream, event: RevocationEvent, now: datetime) -> dict[str, object]:
    """What a node issued before the event's time is revoked (CAEP 1.0 §3.1).

    `jti` is the same however often the event is sent, so that a receiver knows the second as the first; `txn` is the
    same on every stream.
    """
    return {
        **_envelope(issuer, stream, now),
        "jti": f"{stream.id}.{event.sequence}",
        "txn": f"revocation.{event.sequence}",
        "sub_id": subject_of(issuer, event.node),
        "events": {SESSION_REVOKED: {"event_timestamp": int(event.at.timestamp())}},
    }


def verification(issuer: str, stream: Stream, state: str, unique: str, now: datetime) -> dict[str, object]:
    """The stream works (SSF 1.0 §8.1.4.1). `state` is the receiver's, empty if it gave none."""
    return _about_stream(issuer, stream, {VERIFICATION: {"state": state} if state else {}}, unique, now)


def stream_updated(
    issuer: str, stream: Stream, status: StreamStatus, reason: str, unique: str, now: datetime
) -> dict[str, object]:
    """The stream stops, and why (SSF 1.0 §8.1.5)."""
    return _about_stream(issuer, stream, {STREAM_UPDATED: {"status": status.value, "reason": reason}}, unique, now)


def _about_stream(
    issuer: str, stream: Stream, events: dict[str, object], unique: str, now: datetime
) -> dict[str, object]:
    return {
        **_envelope(issuer, stream, now),
        "jti": f"{stream.id}.{unique}",
        "txn": f"{stream.id}.{unique}",
        "sub_id": {"format": "opaque", "id": stream.id},
        "events": events,
    }


def _envelope(issuer: str, stream: Stream, now: datetime) -> dict[str, object]:
    return {"iss": issuer, "aud": stream_audience(issuer, stream.id), "iat": int(now.timestamp())}
