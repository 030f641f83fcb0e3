"""May a lease be taken for this task, and may this caller end it? Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from leasehold.model.leases import task_node
from leasehold.model.tasks import Task
from leasehold.policy.decision import Deny, Permit
from leasehold.policy.leasing import MIN_TTL, LeasePermit
from leasehold.policy.platform import within_teams


class TaskReason(StrEnum):
    """Why no lease is taken for a task; the words of the audit log."""

    NOT_YOURS = "task_of_another"
    OVER = "task_over"


@dataclass(frozen=True, slots=True)
class TaskDenied:
    """No lease for this task, and why not."""

    reason: TaskReason


@dataclass(frozen=True, slots=True)
class TaskPermit:
    """One task may be opened or ended. Only this module makes one."""

    task_id: str
    agent: str


def decide_opening(permit: LeasePermit, task_id: str) -> TaskPermit | TaskDenied:
    """May the agent of this lease open a task of this name? Any agent may, for itself."""
    return TaskPermit(task_id, permit.agent) if permit.agent is not None else TaskDenied(TaskReason.NOT_YOURS)


def decide_lease_of_task(permit: LeasePermit, task: Task, now: datetime) -> LeasePermit | TaskDenied:
    """May the lease be taken for the task? It dies with it, and is over by its deadline."""
    if task.agent != permit.agent:
        return TaskDenied(TaskReason.NOT_YOURS)
    ends = permit.expires_at if task.deadline is None else min(permit.expires_at, task.deadline.replace(microsecond=0))
    if task.ended_at is not None or ends - now < MIN_TTL:
        return TaskDenied(TaskReason.OVER)
    return replace(permit, nodes=(*permit.nodes, task_node(task.id)), expires_at=ends)


def decide_end_by_agent(agent: str, task: Task) -> TaskPermit | Deny:
    """May an agent end this task? Its own."""
    return TaskPermit(task.id, agent) if task.agent == agent else Deny("an agent ends its own tasks")


def decide_end_by_principal(permit: Permit, task: Task, team: str | None) -> TaskPermit | Deny:
    """May a platform principal end this task? `team` is that of the agent's owner."""
    answer = within_teams(permit, (team,))
    return answer if isinstance(answer, Deny) else TaskPermit(task.id, task.agent)
