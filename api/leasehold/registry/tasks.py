"""End a task: one generation up, and every lease taken for it is dead, the sub-agents' included."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from leasehold.model.errors import NotFound
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.kinds import Kind
from leasehold.model.leases import task_node
from leasehold.model.tasks import Task
from leasehold.policy.decision import Deny, Permit
from leasehold.policy.tasks import TaskPermit, decide_end_by_agent, decide_end_by_principal
from leasehold.registry.journal import attempt, recording_failure
from leasehold.registry.ports import Store
from leasehold.registry.preconditions import check_stack
from leasehold.registry.teams import team_of_agent


@dataclass(frozen=True, slots=True)
class EndedTask:
    """A task that is over. A second end changes nothing, and tells when the first was."""

    task: str
    generation: int
    ended_at: datetime


def end_task_of_agent(store: Store, agent: str, task_id: str, now: datetime) -> EndedTask:
    """End a task for its own agent, durable before this returns. Raises `NotFound` for any other."""
    event = AuditEvent(at=now, principal=f"agent:{agent}", action="end", kind="tasks", name=task_id)
    with recording_failure(store, event):
        with store.read() as unit:
            task = unit.tasks.find(task_id)
        return _end(store, _permitted(decide_end_by_agent(agent, _known(task, task_id)), task_id), event)


def end_task(store: Store, permit: Permit, task_id: str, now: datetime) -> EndedTask:
    """End a task for a platform principal, durable before this returns. Raises `NotFound` if it is not theirs."""
    event = attempt(permit.principal, "end", "tasks", task_id, now)
    with recording_failure(store, event):
        with store.read() as unit:
            task = _known(unit.tasks.find(task_id), task_id)
            team = team_of_agent(unit, task.agent)
            check_stack(unit.objects.find(Kind.AGENTS, task.agent), permit.principal)
        return _end(store, _permitted(decide_end_by_principal(permit, task, team), task_id), event)


def _known(task: Task | None, task_id: str) -> Task:
    if task is None:
        raise NotFound("task", task_id)
    return task


def _permitted(answer: TaskPermit | Deny, task_id: str) -> TaskPermit:
    if isinstance(answer, Deny):  # "not yours" answers like "not found"
        raise NotFound("task", task_id)
    return answer


def _end(store: Store, permit: TaskPermit, event: AuditEvent) -> EndedTask:
    node = task_node(permit.task_id)
    with store.begin() as unit:
        ending = unit.tasks.end(permit.task_id, event.at)
        generation = unit.nodes.bump(node) if ending else unit.nodes.ensure(node)
        unit.audit.append(replace(event, outcome=Outcome.OK))
        ended = _known(unit.tasks.find(permit.task_id), permit.task_id)
    return EndedTask(permit.task_id, generation, ended.ended_at or event.at)
