"""The revocation feed inside the process that tells it: no signature, no network, and as old as the last look.

A commit of this process, and on PostgreSQL of any other, wakes the look; it looks by itself at every beat besides.
INVARIANT: what is heard is heard after the look began, so that nothing that was committed before is missing from it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from leasehold.feed.ports import Store
from leasehold.model.revocations import BEAT_SECONDS, RevocationEvent
from leasehold.verify.known import Gap, Known
from leasehold.verify.refusals import Untrusted
from leasehold.verify.statements import Batch, Snapshot

_EVENTS_AT_ONCE = 1000
_log = logging.getLogger(__name__)


class Following:
    """Keeps `known` up to date in a thread of its own. `told` is called after everything new, in that thread."""

    def __init__(
        self,
        store: Store,
        *,
        wall: Callable[[], float],
        monotonic: Callable[[], float],
        every: float = BEAT_SECONDS,
    ) -> None:
        self.known = Known()
        self._store, self._wall, self._monotonic, self._every = store, wall, monotonic, every
        self._woken, self._closed = threading.Event(), False
        self._told: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._run, name="leasehold-gateway-feed", daemon=True)

    def start(self) -> None:
        """Follow from now on. Until the first look nothing is known, and nobody is let in."""
        self._store.listen(self._wake)
        self._woken.set()
        self._thread.start()

    def close(self) -> None:
        """Follow no more."""
        self._closed = True
        self._store.unlisten(self._wake)
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join()

    def tell(self, told: Callable[[], None]) -> None:
        """Call this after everything new from now on."""
        self._told.append(told)

    def look(self) -> None:
        """Learn everything that was committed before this call. Raises `Unavailable`."""
        wall, before = self._wall(), self.known.sequence
        try:
            while not self._learned(wall):
                pass
        except Gap:  # events between were forgotten already: only what is in force now is left of them
            self._start(wall)
        if self.known.sequence != before:
            for told in self._told:
                told()

    def _learned(self, wall: float) -> bool:
        """Learn the next events; true when there are no more."""
        since = self.known.sequence
        if since is None:
            self._start(wall)
            return True
        with self._store.read() as unit:
            latest, events = unit.revocations.latest(), unit.revocations.since(since, _EVENTS_AT_ONCE)
        if latest < since or (events and events[0].sequence != since + 1):
            raise Gap  # a copy of the database from before, or a stream that was cut off behind us
        sequence = events[-1].sequence if events else since
        told = tuple((str(event.node), event.generation) for event in events)
        at = wall if sequence >= latest else self.known.heard.at
        self.known.add(Batch(since=since, sequence=sequence, events=told, at=at), self._wall(), self._monotonic())
        return sequence >= latest

    def _start(self, wall: float) -> None:
        with self._store.read() as unit:
            latest, minimums = unit.revocations.latest(), unit.revocations.minimums()
        named = {str(node): generation for node, generation in minimums.items()}
        self.known.start(Snapshot(sequence=latest, minimums=named, at=wall), self._wall(), self._monotonic())

    def _wake(self, _events: Sequence[RevocationEvent] = ()) -> None:
        self._woken.set()

    def _run(self) -> None:
        while not self._closed:
            self._woken.wait(self._every)
            self._woken.clear()
            try:
                self.look()
            except Untrusted:
                _log.error("the gateway's clock went back: revocations are not heard of until it catches up")
            except Exception as error:  # noqa: BLE001  what is known grows old, and callers are refused by that
                _log.warning("the gateway does not hear of revocations: %s", type(error).__name__)
