"""Tasks in memory, on a dict that the unit of work owns, commits and rolls back."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace
from datetime import datetime

from leasehold.model.tasks import Task


class MemoryTasks:
    """Tasks by id."""

    def __init__(self, tasks: MutableMapping[str, Task]) -> None:
        self._tasks = tasks

    def find(self, task_id: str) -> Task | None:
        """The task with this id, ended or not."""
        return self._tasks.get(task_id)

    def open(self, task: Task) -> None:
        """Remember a task. The first to name an id has it: what is there already stays as it is."""
        self._tasks.setdefault(task.id, task)

    def end(self, task_id: str, at: datetime) -> bool:
        """End a task; False if it had ended, or is none."""
        task = self._tasks.get(task_id)
        if task is None or task.ended_at is not None:
            return False
        self._tasks[task_id] = replace(task, ended_at=at)
        return True
