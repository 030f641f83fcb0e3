"""A trail that is written, sealed and exported as production does, and told to whoever verifies it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from leasehold.keys.trail_keys import TrailKey
from leasehold.model.events import AuditEvent, Outcome
from leasehold.store.memory.store import MemoryStore
from leasehold.trail.exporting import export_lines
from leasehold.trail.sealing import Sealer
from leasehold.verify.trail import TrailKeyring, Verdict, verify_trail

START = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
NAME = "registry.example/audit"


def event(number: int, **changes: object) -> AuditEvent:
    fields = {
        "at": START + timedelta(seconds=number),
        "principal": f"agent:triage-{number % 3}",
        "action": "decide",
        "kind": "decisions",
        "name": f"d{number}",
        "outcome": Outcome.DENIED if number % 4 == 0 else Outcome.OK,
        "detail": {"subject": f"agent:triage-{number % 3}", "action": "github/read_file", "number": number},
    }
    return AuditEvent(**{**fields, **changes})


class TrailWorld:
    """A store with its sealer; the clock is the test's."""

    def __init__(self, folder: Path, store=None, anchors=()) -> None:
        self.store = store if store is not None else MemoryStore()
        self.now = START
        self.key = TrailKey(folder / "audit.key", NAME)
        self.sealer = Sealer(self.store, self.key, lambda: self.now, anchors)

    def write(self, *events: AuditEvent) -> None:
        with self.store.begin() as unit:
            unit.audit.append_all(events)

    def grow(self, count: int, every: int = 10) -> None:
        """So many events, a checkpoint behind each `every` of them."""
        with self.store.read() as unit:
            at = unit.trail.head().size
        for first in range(at, at + count, every):
            self.write(*(event(n) for n in range(first, min(first + every, at + count))))
            self.sealer.catch_up()

    def export(self, start: int = 0, end: int | None = None) -> list[bytes]:
        with self.store.read() as unit:
            size = unit.trail.last_checkpoint().size
        return list(export_lines(self.store, NAME, start, end if end is not None else size))

    def verify(self, *files: list[bytes], known: tuple[str, ...] = ()) -> Verdict:
        return verify_trail(files, TrailKeyring(self.key.verifier_key), known)

    def checkpoints(self) -> list[str]:
        with self.store.read() as unit:
            return [one.note for one in unit.trail.checkpoints(0, 10**9, 10**6)]
