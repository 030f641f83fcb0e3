"""Gives committed events their places: one order, one chain, one tree, whoever of many servers does it.

INVARIANT: a place is given to what is committed and to nothing else, at sealing. The numbers that a database counts up
are taken before a transaction commits, and commit in another order: an event is found because it has no place, never
because its number is next. So nothing is passed over, however late it commits.
INVARIANT: what is hashed outside of a transaction is written only if the trail still ends where it was taken up; of two
servers that seal at once, one begins anew.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Event, Lock, main_thread

from leasehold.model.errors import Unavailable
from leasehold.model.trail.checkpoints import Checkpoint, NotAnchored
from leasehold.model.trail.heads import Cursor, TrailHead, extend
from leasehold.model.trail.tree import Frontier
from leasehold.trail.completing import Parties
from leasehold.trail.ports import Anchor, CheckpointSigner, Store, Trail

LOOK_EVERY_SECONDS = 0.25
CHECKPOINT_EVERY = timedelta(seconds=5)
CHECKPOINT_EVENTS = 10_000
SIGNER = "signer"
"""The cursor that names the key which signs, once it was handed over."""
_ATTEMPTS, _PATIENCE_SECONDS = 20, 0.05
_BATCH = 256  # SQLite has one writer: whoever waits for it waits a few milliseconds
_log = logging.getLogger(__name__)


class Sealer:
    """The worker. Any number of servers run it on one database, and of each place there is one."""

    def __init__(
        self, store: Store, signer: CheckpointSigner, clock: Callable[[], datetime], anchors: Sequence[Anchor] = ()
    ) -> None:
        self._store, self._signer, self._clock = store, signer, clock
        self._anchors = anchors
        self._parties = Parties()
        self._sealing, self._pause = Lock(), Event()

    @property
    def signer(self) -> CheckpointSigner:
        """Who signs checkpoints."""
        return self._signer

    def run(self, stop: Event) -> None:
        """Seal again and again until `stop`; then once more, with a checkpoint over the last event."""
        while not stop.wait(LOOK_EVERY_SECONDS) and main_thread().is_alive():
            self._look(self.seal_all)
        self._look(self.catch_up)

    def seal_all(self) -> int:
        """Seal all that is committed, signing what is due, and tell the anchors; how many events were sealed."""
        with self._sealing:
            sealed = self._seal_pending()
            self._anchor()
        return sealed

    def catch_up(self) -> int:
        """Seal all that is committed and sign for all of it; the size that the last checkpoint speaks of."""
        with self._sealing:
            self._seal_pending()
            with self._store.read() as unit:
                wanted = unit.trail.head().size
            signed = self._sign_for(wanted)
            self._anchor()
        return signed

    def _sign_for(self, wanted: int) -> int:
        """Sign for at least so many events, or see that another server did; the size that is signed for."""
        for attempt in range(_ATTEMPTS):
            self._pause.wait(_PATIENCE_SECONDS if attempt else 0)  # another server is sealing: it is done soon
            self.seal_some(sign=True)
            with self._store.read() as unit:
                last = unit.trail.last_checkpoint()
            signed = last.size if last is not None else 0
            if signed >= wanted:
                break
        return signed

    def _seal_pending(self) -> int:
        sealed = 0
        while batch := self.seal_some():
            sealed += batch
        return sealed

    def seal_some(self, *, sign: bool = False) -> int:
        """Seal one batch; how many events it was, 0 too where another server was faster. Raises `Unavailable`."""
        now = self._clock()
        with self._store.read() as unit:
            if not self._is_signer(unit.trail):
                return 0
            head, last = unit.trail.head(), unit.trail.last_checkpoint()
            pending = unit.trail.unsealed(_BATCH)
            abouts = self._parties.of(unit, pending)
        grown = extend(head, pending, abouts)
        checkpoint = self._signed(grown.head, now) if _due(last, grown.head, now, sign=sign) else None
        if not pending and checkpoint is None:
            return 0
        with self._store.begin() as unit:
            if not unit.trail.lock() or unit.trail.head() != head or unit.trail.last_checkpoint() != last:
                return 0
            if not self._is_signer(unit.trail):
                return 0
            unit.trail.seal(grown.sealed, grown.subtrees, grown.head)
            if checkpoint is not None:
                unit.trail.add_checkpoint(checkpoint)
        return len(pending)

    def _is_signer(self, trail: Trail) -> bool:
        """Whether nobody handed over to another key since this server was started."""
        named = trail.cursor(SIGNER)
        return named is None or bool(json.loads(named.state)["verifier_key"] == self._signer.verifier_key)

    def _signed(self, head: TrailHead, now: datetime) -> Checkpoint:
        root = Frontier(head.size, head.peaks).root()
        return Checkpoint(head.size, self._signer.checkpoint(head.size, root), now)

    def _anchor(self) -> None:
        """Put the newest checkpoint where each anchor keeps it. What fails is tried again at the next look."""
        for anchor in self._anchors:
            try:
                self._keep(anchor)
            except NotAnchored as error:
                _log.warning("anchor %s: %s", anchor.name, error)

    def _keep(self, anchor: Anchor) -> None:
        name = f"anchor:{anchor.name}"
        with self._store.read() as unit:
            last, cursor = unit.trail.last_checkpoint(), unit.trail.cursor(name)
        if last is None or (cursor is not None and cursor.position >= last.size):
            return
        anchor.keep(last, self._signer.name)
        self._moved(Cursor(name, last.size))

    def _moved(self, cursor: Cursor) -> None:
        with self._store.begin() as unit:
            unit.trail.move(cursor)

    def _look(self, work: Callable[[], int]) -> None:
        try:
            work()
        except Unavailable as error:  # what waits for its place waits on
            _log.warning("events were not sealed: %s", error)
        except Exception as error:  # noqa: BLE001  a worker that stops would leave the trail without an end
            _log.error("events were not sealed: %s", type(error).__name__, exc_info=error)


def _due(last: Checkpoint | None, head: TrailHead, now: datetime, *, sign: bool) -> bool:
    """Whether it is time to sign. A clock that was set back is no reason to wait."""
    size = last.size if last is not None else 0
    if head.size == size:
        return False
    waited = now - last.at if last is not None else CHECKPOINT_EVERY
    return sign or head.size - size > CHECKPOINT_EVENTS - _BATCH or not timedelta(0) <= waited < CHECKPOINT_EVERY
