"""The revocation stream in SQL: read by the feed, written by the unit of work as it commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, text
from sqlmodel import SQLModel

from leasehold.model.leaps import Leaps
from leasehold.model.leases import Node
from leasehold.model.revocations import REVOCATIONS_KEPT, RevocationEvent
from leasehold.store.bulk import BulkInsert, Spelled
from leasehold.store.bumps import Bumps
from leasehold.store.lease_rows import from_micros, to_micros
from leasehold.store.revocation_rows import RevocationRow

CHANNEL = "leasehold_revocations"
_STREAM_LOCK = 0x4C454153_52564B45  # "LEASRVKE": any number that only we use
_ROWS = SQLModel.metadata.tables[str(RevocationRow.__tablename__)]
_R = _ROWS.c
_INSERT = BulkInsert(_ROWS)
_LATEST = Spelled("SELECT max(sequence) FROM revocations")
_FORGET = Spelled("DELETE FROM revocations WHERE at < ? AND sequence < (SELECT max(sequence) FROM revocations)")


class SqlRevocations:
    """`Revocations` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def latest(self) -> int:
        """The sequence of the last committed event, 0 if there never was one."""
        return int(_LATEST.one(self._connection) or 0)

    def horizon(self) -> int:
        """The sequence behind which nothing is missing: readers that are further back need the minimums."""
        first: int | None = self._connection.execute(select(func.min(_R.sequence))).scalar_one()
        return first - 1 if first is not None else 0

    def since(self, sequence: int, limit: int) -> Sequence[RevocationEvent]:
        """At most `limit` events behind `sequence`, in order."""
        wanted = select(_ROWS).where(_R.sequence > sequence).order_by(_R.sequence).limit(limit)
        return [_to_event(row) for row in self._connection.execute(wanted)]

    def minimums(self) -> Mapping[Node, int]:
        """For every node of an event that is kept, the lowest generation that is still good."""
        wanted = select(_R.node, func.max(_R.generation)).group_by(_R.node)
        return {Node(node): generation for node, generation in self._connection.execute(wanted)}

    def ended_since(self, nodes: Iterable[Node], since: datetime) -> frozenset[Node]:
        """Those of the nodes that were revoked at `since` or later, as far back as events are kept."""
        wanted = select(_R.node).where(_R.at >= to_micros(since), _R.node.in_(set(nodes))).distinct()
        return frozenset(Node(node) for (node,) in self._connection.execute(wanted))

    def forget(self, before: datetime) -> int:
        """Drop events from before `before`, never the last: the sequence goes on from there. How many."""
        return _FORGET.count(self._connection, to_micros(before))

    def record(self, bumps: Bumps, now: datetime, leaps: Leaps) -> Sequence[RevocationEvent]:
        """Append what was bumped. The last thing that a transaction does.

        INVARIANT: the sequence has no gap, and is in the order of commits. The lock is taken last and held until the
        commit, so that nobody who holds it waits for anybody else.
        """
        postgresql = self._connection.dialect.name == "postgresql"  # SQLite has one writer at a time as it is
        if postgresql:
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _STREAM_LOCK})
        events = bumps.events(self.latest(), now)
        _INSERT(self._connection, [_to_row(event) for event in events])
        self.forget(leaps.believed(events[-1].at) - REVOCATIONS_KEPT)
        self.wake()
        return events

    def wake(self) -> None:
        """Tell other processes, on PostgreSQL: delivered by the commit, and only by it."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


def _to_row(event: RevocationEvent) -> dict[str, object]:
    return {
        "sequence": event.sequence,
        "node": event.node,
        "generation": event.generation,
        "reason": event.reason,
        "actor": event.actor,
        "at": to_micros(event.at),
    }


def _to_event(row: Row[Any]) -> RevocationEvent:  # Any: SQLAlchemy types the columns of a reflected table no further
    return RevocationEvent(
        sequence=row.sequence,
        node=Node(row.node),
        generation=row.generation,
        reason=row.reason,
        actor=row.actor,
        at=from_micros(row.at),
    )
