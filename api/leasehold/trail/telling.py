"""Tells the trail to receivers outside, each in order, each at least once, from where it was.

The trail itself is the queue: a receiver that is away holds up nobody, and is told all of it when it is back. Told is
what is sealed, with its place and the hash before, so that whoever receives it sees a gap. A batch that is not taken
again and again is told event by event; what is not taken then, where others are, is set aside, and that is an event of
the trail (`dead-letter`). Moving a cursor back tells again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Event, main_thread

from leasehold.model.errors import Unavailable
from leasehold.model.events import AuditEvent
from leasehold.model.trail.heads import Cursor
from leasehold.model.trail.keeping import TRAIL
from leasehold.model.trail.records import NOTHING_BEFORE
from leasehold.model.trail.telling import NotTaken, Told
from leasehold.trail.own_events import SYSTEM, by_itself
from leasehold.trail.ports import Receiver, Store

LOOK_EVERY_SECONDS = 0.25
DEAD_LETTER = "dead-letter"
BATCH = 200
DEAD_AFTER = 20
"""Attempts at one event, alone, while the receiver takes others: then it is set aside."""
_LONGEST_PAUSE = 30.0
_log = logging.getLogger(__name__)


class Teller:
    """The worker of one receiver. Servers on one database share its cursor: each tells what no other has told yet."""

    def __init__(self, store: Store, receiver: Receiver, origin: str, clock: Callable[[], datetime]) -> None:
        self._store, self._receiver, self._origin, self._clock = store, receiver, origin, clock
        self._name = cursor_of(receiver.name)
        self._failures = 0

    def run(self, stop: Event) -> None:
        """Tell again and again until `stop`."""
        while not stop.wait(self._pause()) and main_thread().is_alive():
            try:
                while not stop.is_set() and self.tell():
                    continue
            except Unavailable as error:
                _log.warning("export %s: %s", self._receiver.name, error)
            except Exception as error:  # noqa: BLE001  a worker that stops would leave its receiver unaware
                self._failures += 1
                _log.error("export %s: %s", self._receiver.name, type(error).__name__, exc_info=error)

    def tell(self) -> int:
        """Tell one batch; how many events were taken, or set aside."""
        cursor, told = self._next()
        if not told:
            return 0
        try:
            self._receiver.take(told)
        except NotTaken as error:
            self._failures += 1
            _log.warning("export %s: attempt %d: %s", self._receiver.name, self._failures, error)
            return self._one_by_one(cursor, told, str(error)) if self._failures >= DEAD_AFTER else 0
        self._failures = 0
        self._move(cursor, told[-1].position + 1)
        return len(told)

    def _one_by_one(self, cursor: Cursor, told: Sequence[Told], why: str) -> int:
        """Find the event that is not taken. If nothing is, the receiver is away, and nothing is set aside.

        It may have come back on the way: what it did not take while it was away, it is told once more.
        """
        missed = [one for one in told if not self._takes(one)]
        if len(missed) == len(told):
            return 0
        refused = [one for one in missed if not self._takes(one)]
        self._failures = 0
        self._move(cursor, told[-1].position + 1, refused, why)
        return len(told)

    def _takes(self, one: Told) -> bool:
        try:
            self._receiver.take((one,))
        except NotTaken:
            return False
        return True

    def _next(self) -> tuple[Cursor, Sequence[Told]]:
        with self._store.read() as unit:
            cursor = unit.trail.cursor(self._name) or Cursor(self._name, 0)
            sealed = unit.trail.range(cursor.position, cursor.position + BATCH)
            before = unit.trail.hashes(0, cursor.position - 1, 1)[0] if cursor.position and sealed else NOTHING_BEFORE
        told = []
        for one in sealed:
            if one.record is not None:
                told.append(Told(origin=self._origin, previous=before, seal=one.seal, record=one.record))
            before = one.seal.leaf
        if sealed and not told:  # all of it was pruned
            self._move(cursor, sealed[-1].seal.position + 1)
        return cursor, told

    def _move(self, cursor: Cursor, position: int, refused: Sequence[Told] = (), why: str = "") -> None:
        """Remember how far it came, unless another server was faster or somebody moved the cursor meanwhile."""
        with self._store.begin() as unit:
            now = unit.trail.cursor(self._name)
            if (now.position if now is not None else 0) != cursor.position:
                return
            unit.trail.move(Cursor(self._name, position, json.dumps({"at": self._clock().isoformat()})))
            for one in refused:
                unit.audit.append(_dead(self._receiver.name, one, why, self._clock()))

    def _pause(self) -> float:
        return min(_LONGEST_PAUSE, LOOK_EVERY_SECONDS * float(1 << min(self._failures, 8)))


def cursor_of(export: str) -> str:
    """The name of the cursor that says how far a receiver has come."""
    return f"export:{export}"


def record_configuration(store: Store, name: str, said: str, now: datetime) -> None:
    """Remember how an export is configured, if it is new or another: its first event is a test of it."""
    with store.begin() as unit:
        cursor = unit.trail.cursor(f"configuration:{name}")
        if cursor is not None and cursor.state == said:
            return
        unit.trail.move(Cursor(f"configuration:{name}", 0, said))
        unit.audit.append(by_itself("configure", name, now, json.loads(said)))


def _dead(receiver: str, told: Told, why: str, now: datetime) -> AuditEvent:
    detail = {"position": told.position, "receiver": receiver}
    return AuditEvent(
        at=now, principal=SYSTEM, action=DEAD_LETTER, kind=TRAIL, name=receiver, reason=why, detail=detail
    )
