"""Tasks in SQL, inside the transaction of the connection they are given."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update
from sqlmodel import SQLModel

from leasehold.model.tasks import Task
from leasehold.store.lease_rows import from_micros, to_micros
from leasehold.store.tables import insert
from leasehold.store.task_rows import TaskRow

_TASKS = SQLModel.metadata.tables[str(TaskRow.__tablename__)]


class SqlTasks:
    """Tasks by id."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, task_id: str) -> Task | None:
        """The task with this id, ended or not."""
        row = self._connection.execute(select(_TASKS).where(_TASKS.c.id == task_id)).one_or_none()
        if row is None:
            return None
        return Task(
            id=row.id,
            agent=row.agent,
            created_at=from_micros(row.created_at),
            deadline=_instant(row.deadline),
            ended_at=_instant(row.ended_at),
        )

    def open(self, task: Task) -> None:
        """Remember a task. The first to name an id has it: what is there already stays as it is."""
        row = {
            "id": task.id,
            "agent": task.agent,
            "created_at": to_micros(task.created_at),
            "deadline": to_micros(task.deadline) if task.deadline is not None else None,
        }
        self._connection.execute(insert(self._connection, _TASKS).values(row).on_conflict_do_nothing())

    def end(self, task_id: str, at: datetime) -> bool:
        """End a task; False if it had ended, or is none."""
        alive = (_TASKS.c.id == task_id) & _TASKS.c.ended_at.is_(None)
        return bool(self._connection.execute(update(_TASKS).where(alive).values(ended_at=to_micros(at))).rowcount)


def _instant(micros: int | None) -> datetime | None:
    return from_micros(micros) if micros is not None else None
