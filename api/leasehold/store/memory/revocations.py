"""The revocation stream in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableSequence, Sequence
from datetime import datetime

from leasehold.model.leaps import Leaps
from leasehold.model.leases import Node
from leasehold.model.revocations import REVOCATIONS_KEPT, RevocationEvent
from leasehold.store.bumps import Bumps


class MemoryRevocations:
    """`Revocations` of one transaction."""

    def __init__(self, events: MutableSequence[RevocationEvent]) -> None:
        self._events = events

    def latest(self) -> int:
        """The sequence of the last committed event, 0 if there never was one."""
        return self._events[-1].sequence if self._events else 0

    def horizon(self) -> int:
        """The sequence behind which nothing is missing: readers that are further back need the minimums."""
        return self._events[0].sequence - 1 if self._events else 0

    def since(self, sequence: int, limit: int) -> Sequence[RevocationEvent]:
        """At most `limit` events behind `sequence`, in order."""
        return [event for event in self._events if event.sequence > sequence][:limit]

    def minimums(self) -> Mapping[Node, int]:
        """For every node of an event that is kept, the lowest generation that is still good."""
        lowest: dict[Node, int] = {}
        for event in self._events:
            lowest[event.node] = max(event.generation, lowest.get(event.node, 0))
        return lowest

    def ended_since(self, nodes: Iterable[Node], since: datetime) -> frozenset[Node]:
        """Those of the nodes that were revoked at `since` or later, as far back as events are kept."""
        return frozenset(nodes) & {event.node for event in self._events if event.at >= since}

    def forget(self, before: datetime) -> int:
        """Drop events from before `before`, never the last: the sequence goes on from there. How many."""
        kept = [event for event in self._events[:-1] if event.at >= before] + list(self._events[-1:])
        dropped = len(self._events) - len(kept)
        self._events[:] = kept
        return dropped

    def record(self, bumps: Bumps, now: datetime, leaps: Leaps) -> Sequence[RevocationEvent]:
        """Append what was bumped. The last thing that a transaction does."""
        events = bumps.events(self.latest(), now)
        self._events.extend(events)
        self.forget(leaps.believed(events[-1].at) - REVOCATIONS_KEPT)
        return events
