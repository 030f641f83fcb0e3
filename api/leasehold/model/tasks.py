"""Tasks: what an agent takes leases for. When one ends, every lease taken for it ends, whoever holds it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leasehold.model.names import check_name, check_task


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task of one agent. Times are aware UTC; no lease of it lives past `deadline`."""

    id: str
    agent: str
    created_at: datetime
    deadline: datetime | None = None
    ended_at: datetime | None = None

    def __post_init__(self) -> None:
        check_task(self.id)
        check_name(self.agent, "agent")


@dataclass(frozen=True, slots=True)
class TaskWish:
    """The task that a lease is asked for; `deadline` is for the first to name it."""

    id: str
    deadline: datetime | None = None
