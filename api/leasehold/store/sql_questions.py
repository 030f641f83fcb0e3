"""Sealed questions in SQL, inside the transaction of the connection they are given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlmodel import SQLModel

from leasehold.model.decision_records import SealedQuestion
from leasehold.model.external import Sealed
from leasehold.store.bulk import BulkInsert
from leasehold.store.lease_rows import from_micros, to_micros
from leasehold.store.question_rows import QuestionRow

_ROWS = SQLModel.metadata.tables[str(QuestionRow.__tablename__)]
_Q = _ROWS.c
_INSERT = BulkInsert(_ROWS)


class SqlQuestions:
    """Sealed questions, newest first."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_all(self, questions: Sequence[SealedQuestion]) -> None:
        """Keep these."""
        if questions:
            rows = [{"id": one.id, "at": to_micros(one.at), "sealed": one.sealed} for one in questions]
            _INSERT(self._connection, rows)

    def find(self, question_id: str) -> SealedQuestion | None:
        """The question of one decision."""
        row = self._connection.execute(select(_ROWS).where(_Q.id == question_id)).one_or_none()
        return SealedQuestion(id=row.id, at=from_micros(row.at), sealed=Sealed(row.sealed)) if row else None

    def latest(self, limit: int) -> Sequence[SealedQuestion]:
        """At most `limit`, newest first."""
        wanted = select(_ROWS).order_by(_Q.at.desc(), _Q.id.desc()).limit(limit)
        return [
            SealedQuestion(id=row.id, at=from_micros(row.at), sealed=Sealed(row.sealed))
            for row in self._connection.execute(wanted)
        ]

    def forget(self, before: datetime) -> int:
        """Drop what is older. How many."""
        return self._connection.execute(delete(_ROWS).where(_Q.at < to_micros(before))).rowcount
