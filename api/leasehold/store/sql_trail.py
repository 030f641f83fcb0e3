"""The trail in SQL: places, tree, checkpoints and cursors, inside the transaction of the connection it is given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, text

from leasehold.model.records import AuditRecord
from leasehold.model.trail.checkpoints import Checkpoint
from leasehold.model.trail.heads import Cursor, TrailHead
from leasehold.model.trail.queries import Found, Place, TrailQuery
from leasehold.model.trail.records import Seal, SealedRecord
from leasehold.model.trail.tree import HASH_BYTES, Subtree
from leasehold.store.bulk import BulkInsert, Spelled, listed
from leasehold.store.lease_rows import from_micros, to_micros
from leasehold.store.sql_history import to_record
from leasehold.store.sql_trail_search import ABOUT, facet_values, row_facets, search
from leasehold.store.tables import (
    AUDIT,
    CHECKPOINTS,
    SEALS,
    SUBTREES,
    TRAIL_CURSORS,
    TRAIL_HEAD,
    WITHOUT_PLACE,
    upsert,
)

SEALERS_LOCK = 0x4C454153_5345414C  # "LEASSEAL": any number that only we use
_INSERT_SEALS, _INSERT_SUBTREES = BulkInsert(SEALS), BulkInsert(SUBTREES)
_SEALED = Spelled(
    "UPDATE audit_events SET unsealed = 0 WHERE sequence IN (SELECT value FROM json_each(?))",
    "UPDATE audit_events SET unsealed = false WHERE sequence IN "
    "(SELECT value::bigint FROM json_array_elements_text(%s::json))",
)
_ONE = 1


class SqlTrail:
    """`Trail` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self) -> bool:
        """Be the one who seals until the transaction ends; False if another is. SQLite has one writer as it is."""
        if self._connection.dialect.name != "postgresql":
            return True
        asked = text("SELECT pg_try_advisory_xact_lock(:key)")
        return bool(self._connection.execute(asked, {"key": SEALERS_LOCK}).scalar_one())

    def head(self) -> TrailHead:
        """How long the trail is."""
        row = self._connection.execute(select(TRAIL_HEAD)).first()
        if row is None:
            return TrailHead()
        raw = bytes(row.peaks)
        peaks = tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))
        return TrailHead(row.size, bytes(row.leaf), peaks)

    def unsealed(self, limit: int) -> Sequence[AuditRecord]:
        """The oldest events that have no place yet."""
        wanted = select(AUDIT).where(WITHOUT_PLACE).order_by(AUDIT.c.sequence).limit(limit)
        return [to_record(row) for row in self._connection.execute(wanted)]

    def seal(self, sealed: Sequence[SealedRecord], subtrees: Sequence[Subtree], head: TrailHead) -> None:
        """Give events their places, and the trail its new head."""
        if not sealed:
            return
        _INSERT_SEALS(self._connection, [_seal_row(one) for one in sealed])
        if subtrees:
            _INSERT_SUBTREES(self._connection, [{"level": s.level, "place": s.index, "hash": s.hash} for s in subtrees])
        _SEALED.count(self._connection, listed(one.seal.sequence for one in sealed))
        row = {"id": _ONE, "size": head.size, "leaf": head.leaf, "peaks": b"".join(head.peaks)}
        upsert(self._connection, TRAIL_HEAD, row)

    def range(self, start: int, end: int) -> Sequence[SealedRecord]:
        """Events from position `start` to before `end`, in order, the pruned ones as their seals."""
        joined = SEALS.outerjoin(AUDIT, AUDIT.c.sequence == SEALS.c.sequence)
        columns = (SEALS.c.position, SEALS.c.sequence.label("sealed_sequence"), SEALS.c.leaf, SEALS.c.version, *ABOUT)
        wanted = select(*columns, *AUDIT.c).select_from(joined)
        wanted = wanted.where(SEALS.c.position >= start, SEALS.c.position < end).order_by(SEALS.c.position)
        return [_sealed(row) for row in self._connection.execute(wanted)]

    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]:
        """The hashes of `count` neighbours, from `start` on: of leaves at level 0, else of subtrees of 2^level."""
        if level == 0:
            wanted = select(SEALS.c.leaf).where(SEALS.c.position >= start, SEALS.c.position < start + count)
            return [bytes(row.leaf) for row in self._connection.execute(wanted.order_by(SEALS.c.position))]
        s = SUBTREES.c
        wanted = select(s.hash).where(s.level == level, s.place >= start, s.place < start + count).order_by(s.place)
        return [bytes(row.hash) for row in self._connection.execute(wanted)]

    def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint; of its size there must be none yet."""
        row = {"size": checkpoint.size, "note": checkpoint.note, "at": to_micros(checkpoint.at)}
        self._connection.execute(insert(CHECKPOINTS), row)

    def last_checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint."""
        return self._checkpoint(select(CHECKPOINTS).order_by(CHECKPOINTS.c.size.desc()))

    def checkpoints(self, start: int, end: int, limit: int) -> Sequence[Checkpoint]:
        """Checkpoints of sizes from `start` to `end`, both included, the smallest first."""
        c = CHECKPOINTS.c
        wanted = select(CHECKPOINTS).where(c.size >= start, c.size <= end).order_by(c.size).limit(limit)
        return [_checkpoint(row) for row in self._connection.execute(wanted)]

    def first_at(self, at: datetime) -> int | None:
        """The lowest position of an event at or behind `at`, None if there is none."""
        micros = to_micros(at)
        first = select(SEALS.c.at).where(SEALS.c.at >= micros).order_by(SEALS.c.at).limit(1)
        if self._connection.execute(first).first() is None:
            return None
        wanted = select(SEALS.c.position).where(SEALS.c.at >= micros).order_by(SEALS.c.position).limit(1)
        return int(self._connection.execute(wanted).scalar_one())

    def search(self, query: TrailQuery, before: Place | None, limit: int) -> Sequence[Found]:
        """At most `limit` events, newest first, from the first one behind `before`; those without a place too."""
        return search(self._connection, query, before, limit)

    def cursor(self, name: str) -> Cursor | None:
        """How far somebody has come."""
        wanted = select(TRAIL_CURSORS).where(TRAIL_CURSORS.c.name == name)
        row = self._connection.execute(wanted).first()
        return Cursor(row.name, row.position, row.state) if row is not None else None

    def move(self, cursor: Cursor) -> None:
        """Remember how far somebody has come."""
        row = {"name": cursor.name, "position": cursor.position, "state": cursor.state}
        upsert(self._connection, TRAIL_CURSORS, row)

    def _checkpoint(self, wanted: Any) -> Checkpoint | None:  # Any: a statement of every shape
        row = self._connection.execute(wanted.limit(1)).first()
        return _checkpoint(row) if row is not None else None


def _seal_row(sealed: SealedRecord) -> dict[str, object]:
    seal, record = sealed.seal, sealed.record
    assert record is not None  # noqa: S101  what is sealed now is there: only later can it be pruned
    own = {"position": seal.position, "sequence": seal.sequence, "leaf": seal.leaf, "version": seal.version}
    return own | {"at": to_micros(record.event.at), "kind": record.event.kind} | facet_values(seal.about)


def _sealed(row: Any) -> SealedRecord:  # Any: SQLAlchemy types the columns of a table no further
    seal = Seal(row.position, row.sealed_sequence, bytes(row.leaf), row_facets(row), row.version)
    return SealedRecord(seal, to_record(row) if row.sequence is not None else None)


def _checkpoint(row: Any) -> Checkpoint:  # Any: as above
    return Checkpoint(row.size, row.note, from_micros(row.at))
