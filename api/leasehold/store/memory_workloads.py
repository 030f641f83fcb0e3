"""What ended outside the registry, in memory, on dicts that the unit of work owns, commits and rolls back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from dataclasses import replace
from datetime import datetime

from leasehold.model.heartbeats import Heartbeat
from leasehold.model.leases import Node
from leasehold.model.workloads import STANDING_GENERATION


class MemoryWorkloads:
    """Workloads by node: those that leases hang on, and those that are gone."""

    def __init__(self, generations: MutableMapping[Node, int], ended: MutableMapping[Node, datetime]) -> None:
        self._generations = generations
        self._ended = ended

    def standing(self, start: str) -> frozenset[Node]:
        """The nodes that start so and whose workload is not known to be gone."""
        found = self._generations.items()
        return frozenset(n for n, generation in found if n.startswith(start) and generation == STANDING_GENERATION)

    def end(self, node: Node, at: datetime) -> bool:
        """Remember that a workload is gone; True for the first to say so."""
        if node in self._ended:
            return False
        self._ended[node] = at
        return True

    def forget(self, before: datetime) -> int:
        """Drop workloads that were gone before `before`, and their nodes; how many."""
        old = [node for node, at in self._ended.items() if at < before]
        for node in old:
            del self._ended[node]
            self._generations.pop(node, None)
        return len(old)


class MemoryHeartbeats:
    """Heartbeats by deployment."""

    def __init__(self, heartbeats: MutableMapping[str, Heartbeat], looks: MutableSequence[datetime]) -> None:
        self._heartbeats = heartbeats
        self._looks = looks

    def put(self, heartbeat: Heartbeat) -> None:
        """Remember when the next heartbeat is due."""
        self._heartbeats[heartbeat.deployment] = heartbeat

    def find(self, deployment: str) -> Heartbeat | None:
        """The heartbeat of a deployment that owes one."""
        return self._heartbeats.get(deployment)

    def find_all(self, deployments: Iterable[str]) -> Mapping[str, Heartbeat]:
        """The heartbeats of those deployments that owe one."""
        return {name: self._heartbeats[name] for name in deployments if name in self._heartbeats}

    def delete(self, deployment: str) -> None:
        """The deployment owes none any more."""
        self._heartbeats.pop(deployment, None)

    def is_owed(self) -> bool:
        """Whether anybody owes one."""
        return bool(self._heartbeats)

    def overdue(self, now: datetime) -> Sequence[Heartbeat]:
        """Those that were due by now and are not known to be missed, by name."""
        late = [one for one in self._heartbeats.values() if one.missed_at is None and one.due_at <= now]
        return sorted(late, key=lambda one: one.deployment)

    def miss(self, deployment: str, now: datetime) -> bool:
        """Remember that it was missed; False if it came meanwhile, or somebody remembered before."""
        found = self._heartbeats.get(deployment)
        if found is None or found.missed_at is not None or found.due_at > now:
            return False
        self._heartbeats[deployment] = replace(found, missed_at=now)
        return True

    def looked_at(self) -> datetime | None:
        """When anybody last looked for those that are overdue."""
        return self._looks[-1] if self._looks else None

    def look(self, now: datetime) -> None:
        """Remember that somebody looks now."""
        self._looks[:] = [now]
