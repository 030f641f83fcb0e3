"""The events that tell of connections: which one, whose, by whom; never what it holds."""

from __future__ import annotations

from datetime import datetime

from leasehold.model.connections import Connection
from leasehold.model.events import AuditEvent, Outcome

KIND = "connections"
SYSTEM = "leasehold"


def connection_event(
    action: str, connection: Connection, by: str, now: datetime, *, reason: str = "", **detail: object
) -> AuditEvent:
    """Something happened to a connection."""
    return _event(action, connection, by, now, Outcome.OK, reason, detail)


def failed_event(
    action: str, connection: Connection, by: str, now: datetime, *, reason: str, **detail: object
) -> AuditEvent:
    """Something was tried with a connection, and did not work."""
    return _event(action, connection, by, now, Outcome.ERROR, reason, detail)


def _event(  # noqa: PLR0913, PLR0917  one value per column
    action: str,
    connection: Connection,
    by: str,
    now: datetime,
    outcome: Outcome,
    reason: str,
    detail: dict[str, object],
) -> AuditEvent:
    about = {
        "holder": connection.holder.key,
        "tool_server": connection.tool_server,
        "method": connection.method.value,
        **({"issuer": connection.issuer} if connection.issuer is not None else {}),
        **detail,
    }
    return AuditEvent(
        at=now,
        principal=by,
        action=action,
        kind=KIND,
        name=connection.id,
        outcome=outcome,
        reason=reason,
        detail=about,
    )
