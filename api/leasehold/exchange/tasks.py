"""Leases of a task: opened by the first that names it, over when it is ended or its deadline comes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from leasehold.exchange.ledger import Ledger, Open
from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused
from leasehold.exchange.views import Views
from leasehold.model.leases import Node, task_node
from leasehold.model.tasks import Task, TaskWish
from leasehold.policy.leasing import LeasePermit
from leasehold.policy.tasks import TaskDenied, decide_lease_of_task, decide_opening


class Tasks:
    """Puts leases under tasks."""

    def __init__(self, *, views: Views, ledger: Ledger) -> None:
        self._views = views
        self._ledger = ledger

    async def held(
        self, wish: TaskWish | None, permit: LeasePermit, generations: Mapping[Node, int], now: datetime
    ) -> tuple[LeasePermit, Mapping[Node, int]]:
        """The same without a task, else what `bind` says. Raises what it does."""
        return (permit, generations) if wish is None else await self.bind(wish, permit, generations, now)

    async def bind(
        self, wish: TaskWish, permit: LeasePermit, generations: Mapping[Node, int], now: datetime
    ) -> tuple[LeasePermit, Mapping[Node, int]]:
        """The permit held under the task, and the generations with its own. Raises `ExchangeRefused`, `Unavailable`."""
        task, generation = await self._views.task(wish.id)
        if task is None:
            opening = decide_opening(permit, wish.id)
            if isinstance(opening, TaskDenied):
                raise ExchangeRefused(opening.reason)
            task = Task(id=wish.id, agent=opening.agent, created_at=now, deadline=wish.deadline)
            _permitted(permit, task, now)  # nothing is opened for what is refused
            await self._ledger.write(Open(opening, task))
            task, generation = await self._views.task(wish.id)  # somebody else may have been first
        if task is None or wish.deadline not in {None, task.deadline}:
            raise ExchangeRefused(ExchangeReason.TASK_REFUSED)
        return _permitted(permit, task, now), {**generations, task_node(wish.id): generation}


def _permitted(permit: LeasePermit, task: Task, now: datetime) -> LeasePermit:
    decision = decide_lease_of_task(permit, task, now)
    if isinstance(decision, TaskDenied):
        raise ExchangeRefused(decision.reason)
    return decision
