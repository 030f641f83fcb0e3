"""What is kept of the trail, in memory."""

from __future__ import annotations

from collections.abc import MutableMapping, MutableSequence, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.model.events import AuditEvent
from leasehold.model.trail.keeping import Hold, Pruned
from leasehold.store.memory.trail import MemoryTrailState


@dataclass(slots=True)
class MemoryKept:
    """Keys by subject, contents by what they hash to, holds by name."""

    keys: dict[str, str] = field(default_factory=dict)
    contents: dict[str, tuple[str, str]] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)

    def copy(self) -> MemoryKept:
        """A state that can change without changing this one."""
        return MemoryKept(dict(self.keys), dict(self.contents), dict(self.holds))


class MemoryKeeping:
    """`Keeping` of one transaction."""

    def __init__(self, kept: MemoryKept, trail: MemoryTrailState, events: MutableSequence[AuditEvent]) -> None:
        self._kept, self._trail, self._events = kept, trail, events

    def find_key(self, subject: str) -> str | None:
        """The sealed key of a subject."""
        return self._kept.keys.get(subject)

    def agree_on_key(self, subject: str, proposed: str) -> str:
        """The sealed key of a subject; `proposed` if there was none."""
        keys: MutableMapping[str, str] = self._kept.keys
        return keys.setdefault(subject, proposed)

    def find_content(self, commitment: str) -> tuple[str, str] | None:
        """Whose content it is, and what is shut away."""
        return self._kept.contents.get(commitment)

    def erase(self, subject: str) -> int:
        """Destroy the key of a subject and what was shut away with it; how many contents it was."""
        self._kept.keys.pop(subject, None)
        gone = [commitment for commitment, (of, _) in self._kept.contents.items() if of == subject]
        for commitment in gone:
            del self._kept.contents[commitment]
        return len(gone)

    def holds(self) -> Sequence[Hold]:
        """Every hold, by name."""
        return [hold for _, hold in sorted(self._kept.holds.items())]

    def hold(self, hold: Hold) -> None:
        """Keep a hold, in place of one of the same name."""
        self._kept.holds[hold.name] = hold

    def release(self, name: str) -> bool:
        """End a hold; False if there was none."""
        return self._kept.holds.pop(name, None) is not None

    def prune(self, kind: str, until: datetime, size: int, limit: int) -> Pruned | None:
        """Forget at most `limit` events of a kind before `until`, below position `size` and under no hold."""
        held = {hold.agent for hold in self.holds()}
        if None in held:
            return None
        found = [seal for seal in self._trail.seals[:size] if seal.sequence not in self._trail.pruned]
        events = [(seal, self._events[seal.sequence - 1]) for seal in found]
        due = [
            (seal, one) for seal, one in events if one.kind == kind and one.at < until and seal.about.agent not in held
        ][:limit]
        for seal, one in due:
            self._trail.pruned.add(seal.sequence)
            if one.content is not None:
                self._kept.contents.pop(one.content.commitment, None)
        positions = [seal.position for seal, _ in due]
        return Pruned(len(due), min(positions), max(positions) + 1) if due else None
