"""What receivers ask for, and what the audit log is told. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.model.errors import LeaseholdError
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.principal import Principal
from leasehold.model.signals import Stream

KIND = "signal-streams"
SYSTEM = "leasehold"


class TooManyStreams(LeaseholdError):
    """A receiver has as many streams as it may (SSF 1.0 §8.1.1.1)."""

    code = "too_many_streams"


class TooSoon(LeaseholdError):
    """A verification was asked for right after another (SSF 1.0 §8.1.4.2)."""

    code = "too_soon"


class StreamIsDisabled(LeaseholdError):
    """Nothing is sent on this stream until it is enabled."""

    code = "stream_disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamWish:
    """What a receiver wants of its stream. None keeps what there is, or the default of a new one."""

    endpoint: str | None = None
    authorization: str | None = field(default=None, repr=False)
    events: frozenset[str] | None = None
    description: str | None = None


def refused(principal: Principal, action: str, stream_id: str, reason: str, now: datetime) -> AuditEvent:
    """Somebody may not do this to a stream."""
    return AuditEvent(
        at=now,
        principal=principal.id,
        action=action,
        kind=KIND,
        name=stream_id,
        outcome=Outcome.DENIED,
        reason=reason,
        stack=principal.stack,
    )


def told(stream: Stream, action: str, principal: Principal | None, now: datetime, reason: str = "") -> AuditEvent:
    """Something happened to a stream; without a principal, the server did it."""
    detail: Mapping[str, object] = {
        "receiver": stream.receiver,
        "host": stream.host,
        "status": stream.status.value,
        "position": stream.delivery.position,
    }
    return AuditEvent(
        at=now,
        principal=principal.id if principal is not None else SYSTEM,
        action=action,
        kind=KIND,
        name=stream.id,
        outcome=Outcome.OK,
        reason=reason,
        stack=principal.stack if principal is not None else None,
        detail=detail,
    )
