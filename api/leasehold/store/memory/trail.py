"""The trail in memory."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from leasehold.model.events import AuditEvent
from leasehold.model.records import AuditRecord
from leasehold.model.trail.checkpoints import Checkpoint
from leasehold.model.trail.heads import Cursor, TrailHead
from leasehold.model.trail.queries import Found, Place, TrailQuery, facets_of, matches
from leasehold.model.trail.records import Seal, SealedRecord
from leasehold.model.trail.tree import Subtree


@dataclass(slots=True)
class MemoryTrailState:
    """All that is remembered of the trail."""

    seals: list[Seal] = field(default_factory=list)
    sealed: set[int] = field(default_factory=set)
    pruned: set[int] = field(default_factory=set)
    subtrees: dict[tuple[int, int], bytes] = field(default_factory=dict)
    head: TrailHead = field(default_factory=TrailHead)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    cursors: dict[str, Cursor] = field(default_factory=dict)

    def copy(self) -> MemoryTrailState:
        """A state that can change without changing this one."""
        return replace(
            self,
            seals=list(self.seals),
            sealed=set(self.sealed),
            pruned=set(self.pruned),
            subtrees=dict(self.subtrees),
            checkpoints=list(self.checkpoints),
            cursors=dict(self.cursors),
        )


class MemoryTrail:
    """`Trail` of one transaction, which is the only writer anyway."""

    def __init__(self, state: MemoryTrailState, events: Sequence[AuditEvent]) -> None:
        self._state, self._events = state, events

    def lock(self) -> bool:
        """True: memory has one writer."""
        return True

    def head(self) -> TrailHead:
        """How long the trail is."""
        return self._state.head

    def unsealed(self, limit: int) -> Sequence[AuditRecord]:
        """The oldest events that have no place yet."""
        waiting = (n for n in range(1, len(self._events) + 1) if n not in self._state.sealed)
        return [self._record(n) for n, _ in zip(waiting, range(limit), strict=False)]

    def seal(self, sealed: Sequence[SealedRecord], subtrees: Sequence[Subtree], head: TrailHead) -> None:
        """Give events their places, and the trail its new head."""
        self._state.seals += [one.seal for one in sealed]
        self._state.sealed |= {one.seal.sequence for one in sealed}
        self._state.subtrees |= {(one.level, one.index): one.hash for one in subtrees}
        self._state.head = head

    def range(self, start: int, end: int) -> Sequence[SealedRecord]:
        """Events from position `start` to before `end`, in order."""
        return [
            SealedRecord(seal, self._record(seal.sequence) if seal.sequence not in self._state.pruned else None)
            for seal in self._state.seals[start:end]
        ]

    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]:
        """The hashes of `count` neighbours, from `start` on: of leaves at level 0, else of subtrees of 2^level."""
        if level == 0:
            return [seal.leaf for seal in self._state.seals[start : start + count]]
        return [self._state.subtrees[level, at] for at in range(start, start + count)]

    def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint."""
        self._state.checkpoints.append(checkpoint)

    def last_checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint."""
        return self._state.checkpoints[-1] if self._state.checkpoints else None

    def checkpoints(self, start: int, end: int, limit: int) -> Sequence[Checkpoint]:
        """Checkpoints of sizes from `start` to `end`, both included, the smallest first."""
        return [one for one in self._state.checkpoints if start <= one.size <= end][:limit]

    def first_at(self, at: datetime) -> int | None:
        """The lowest position of an event at or behind `at`, None if there is none."""
        found = (seal.position for seal in self._state.seals if self._events[seal.sequence - 1].at >= at)
        return next(found, None)

    def search(self, query: TrailQuery, before: Place | None, limit: int) -> Sequence[Found]:
        """At most `limit` events, newest first, from the first one behind `before`."""
        seals = {seal.sequence: seal for seal in self._state.seals}
        records = (self._record(n) for n in range(1, len(self._events) + 1) if n not in self._state.pruned)
        found = (_found(one, seals.get(one.sequence)) for one in records)
        asked = (one for one in found if matches(query, one.record.event, one.about))
        wanted = [one for one in asked if before is None or one.place < before]
        return sorted(wanted, key=lambda one: one.place, reverse=True)[:limit]

    def cursor(self, name: str) -> Cursor | None:
        """How far somebody has come."""
        return self._state.cursors.get(name)

    def move(self, cursor: Cursor) -> None:
        """Remember how far somebody has come."""
        cursors: MutableMapping[str, Cursor] = self._state.cursors
        cursors[cursor.name] = cursor

    def _record(self, sequence: int) -> AuditRecord:
        return AuditRecord(sequence, self._events[sequence - 1])


def _found(record: AuditRecord, seal: Seal | None) -> Found:
    if seal is None:
        return Found(record, None, facets_of(record.event))
    return Found(record, seal.position, seal.about)
