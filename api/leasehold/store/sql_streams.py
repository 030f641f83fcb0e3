"""Event streams in SQL, inside the transaction of the connection they are given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlmodel import SQLModel

from leasehold.model.external import Sealed
from leasehold.model.leases import Ancestor, Node
from leasehold.model.signals import Delivery, Stream, StreamStatus
from leasehold.store.lease_rows import from_micros, to_micros
from leasehold.store.stream_rows import StreamRow

_TABLE = SQLModel.metadata.tables[str(StreamRow.__tablename__)]
_S = _TABLE.c


class SqlStreams:
    """Streams by id."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, stream: Stream) -> None:
        """Remember a stream. Its id must be new."""
        self._connection.execute(insert(_TABLE), _to_row(stream))

    def lock(self, stream_id: str) -> Stream | None:
        """The stream with this id, which nobody else changes until this transaction is over."""
        wanted = select(_TABLE).where(_S.id == stream_id).with_for_update()  # SQLite has one writer as it is
        row = self._connection.execute(wanted).first()
        return _to_stream(row) if row is not None else None

    def replace(self, stream: Stream) -> None:
        """Remember a stream as it is now."""
        row = _to_row(stream)
        self._connection.execute(update(_TABLE).where(_S.id == row.pop("id")).values(row))

    def remove(self, stream_id: str) -> None:
        """Forget a stream."""
        self._connection.execute(delete(_TABLE).where(_S.id == stream_id))

    def list(self) -> Sequence[Stream]:
        """Every stream, the oldest first."""
        return [_to_stream(row) for row in self._connection.execute(select(_TABLE).order_by(_S.created_at, _S.id))]


def _to_row(stream: Stream) -> dict[str, Any]:  # Any: columns of every type
    delivery = stream.delivery
    return {
        "id": stream.id,
        "receiver": stream.receiver,
        "standing": [[a.node, a.generation] for a in stream.standing],
        "endpoint": stream.endpoint,
        "sealed": stream.sealed,
        "events": sorted(stream.events),
        "description": stream.description,
        "status": stream.status.value,
        "reason": stream.reason,
        "excluded": sorted(stream.excluded),
        "created_at": to_micros(stream.created_at),
        "position": delivery.position,
        "next_attempt_at": to_micros(delivery.next_attempt_at),
        "attempts": delivery.attempts,
        "failing_since": _micros(delivery.failing_since),
        "verification": delivery.verification,
        "verified_at": _micros(delivery.verified_at),
    }


def _to_stream(row: Row[Any]) -> Stream:  # Any: as for leases
    return Stream(
        id=row.id,
        receiver=row.receiver,
        standing=tuple(Ancestor(Node(node), generation) for node, generation in row.standing),
        endpoint=row.endpoint,
        sealed=Sealed(row.sealed) if row.sealed is not None else None,
        events=frozenset(row.events),
        description=row.description,
        status=StreamStatus(row.status),
        reason=row.reason,
        excluded=frozenset(Node(node) for node in row.excluded),
        created_at=from_micros(row.created_at),
        delivery=Delivery(
            position=row.position,
            next_attempt_at=from_micros(row.next_attempt_at),
            attempts=row.attempts,
            failing_since=_instant(row.failing_since),
            verification=row.verification,
            verified_at=_instant(row.verified_at),
        ),
    )


def _micros(at: datetime | None) -> int | None:
    return to_micros(at) if at is not None else None


def _instant(micros: int | None) -> datetime | None:
    return from_micros(micros) if micros is not None else None
