"""Decisions on record: many callers to one durable transaction.

INVARIANT: a permit for what may change the world is on disk before its answer leaves. What only reads, and every
denial, is written at once behind the answer; while that fails, or falls too far behind, nothing is decided.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from leasehold.decisions.ports import Store, Vault
from leasehold.decisions.records import Decided, Done, done_event, event_of, sealed_question
from leasehold.model.decision_records import QUESTIONS_KEPT, SealedQuestion
from leasehold.model.errors import Unavailable
from leasehold.model.events import AuditEvent
from leasehold.policy.decision import Permit

BEHIND_LIMIT = 10_000
_BATCH = 512
_GATHER_SECONDS = 0.025
_FORGET_EVERY = timedelta(minutes=10)
_PATIENCE_SECONDS = 0.5
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Waiting:
    """One decision, or what came of one, to write; and who waits for it, if anybody does."""

    permit: Permit
    decided: Decided | Done
    loop: asyncio.AbstractEventLoop | None = None
    written: asyncio.Future[None] | None = None


class Recorder:
    """Writes decisions in a thread of its own, whatever waits in one transaction."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store, self._vault = store, vault
        self._waiting: deque[_Waiting] = deque()
        self._woken, self._urgent = threading.Event(), threading.Event()
        self._failing = False
        self._closed = False
        self._forgot_at: datetime | None = None
        self._thread = threading.Thread(target=self._run, name="leasehold-decision-log", daemon=True)
        self._started = threading.Lock()

    async def record(self, permit: Permit, decided: Sequence[Decided | Done]) -> None:
        """On disk when this returns, if one of them has to be. Raises `Unavailable`."""
        durable = any(one.durable for one in decided)
        if not durable:
            self.check()
            self.note(permit, decided)
            return
        loop = asyncio.get_running_loop()
        written = loop.create_future()
        self._waiting.extend(_Waiting(permit, one) for one in decided[:-1])
        self._waiting.append(_Waiting(permit, decided[-1], loop, written))
        self._wake()
        self._urgent.set()
        await written

    def note(self, permit: Permit, decided: Sequence[Decided | Done]) -> None:
        """On disk soon, whether or not anything can be written now: for what has happened already."""
        self._waiting.extend(_Waiting(permit, one) for one in decided)
        self._wake()

    def check(self) -> None:
        """Whether what need not be on disk at once can be recorded now. Raises `Unavailable`."""
        if self._failing or len(self._waiting) > BEHIND_LIMIT:
            raise Unavailable("decisions cannot be recorded now")

    def close(self) -> None:
        """Write what waits, then end."""
        self._closed = True
        self._woken.set()
        self._urgent.set()
        if self._thread.is_alive():
            self._thread.join()

    def _wake(self) -> None:
        if self._thread.ident is None and self._started.acquire(blocking=False):
            self._thread.start()
        if not self._woken.is_set():  # who clears it looks for what waits afterwards
            self._woken.set()

    def _run(self) -> None:
        while not self._closed or self._waiting:
            if not self._waiting:
                self._woken.wait(_PATIENCE_SECONDS if self._failing else None)
                self._woken.clear()
                self._recover()
                continue
            self._urgent.wait(_GATHER_SECONDS)  # nobody waits: the next few go with it
            if not self._closed:
                self._urgent.clear()
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            if not self._written(batch) and self._closed:
                return

    def _written(self, batch: Sequence[_Waiting]) -> bool:
        try:
            write(self._store, self._vault, [(one.permit, one.decided) for one in batch])
            self._forget_old(batch[-1].decided.at)
        except Exception as error:  # noqa: BLE001  whatever it was: nothing more is decided until a write succeeds
            self._failing = True
            _log.error("decisions are not recorded: %s", type(error).__name__)
            self._again(batch)
            threading.Event().wait(0 if self._closed else _PATIENCE_SECONDS)
            return False
        self._failing = False
        for one in batch:
            _settle(one, None)
        return True

    def _recover(self) -> None:
        """Where a write failed and nothing is owed, see whether the store takes one again: nobody else would."""
        if not self._failing or self._waiting:
            return
        try:
            self._forget(_NEVER)
        except Exception:  # noqa: BLE001  it was told of when it began
            return
        self._failing = False

    def _again(self, batch: Sequence[_Waiting]) -> None:
        """Who waits is told; what was answered already is still owed its record."""
        owed = [one for one in batch if one.written is None]
        for one in batch:
            _settle(one, Unavailable("the decision could not be recorded"))
        self._waiting.extendleft(reversed(owed))

    def _forget_old(self, now: datetime) -> None:
        if self._forgot_at is None or now - self._forgot_at >= _FORGET_EVERY:
            self._forgot_at = now
            self._forget(now - QUESTIONS_KEPT)

    def _forget(self, before: datetime) -> None:
        with self._store.begin() as unit:
            unit.questions.forget(before)


def write(store: Store, vault: Vault, decided: Sequence[tuple[Permit, Decided | Done]]) -> None:
    """Events with what is shut away beside them, and sealed questions, in one transaction. Raises `Unavailable`."""
    events = [_event(permit, one, vault) for permit, one in decided]
    asked = [one if isinstance(one, Decided) else one.decided for _, one in decided]
    sealed = [
        SealedQuestion(id=one.id, at=one.at, sealed=sealed_question(one, vault)) for one in asked if one is not None
    ]
    with store.begin() as unit:
        unit.audit.append_all(events)
        unit.questions.add_all(sealed)


def _event(permit: Permit, one: Decided | Done, vault: Vault) -> AuditEvent:
    return done_event(one, vault) if isinstance(one, Done) else event_of(one, permit.principal, vault)


def _settle(waiting: _Waiting, error: Exception | None) -> None:
    if waiting.loop is None or waiting.written is None:
        return
    future = waiting.written

    def settle() -> None:
        if future.done():  # the caller hung up
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(None)

    try:
        waiting.loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop has closed: nobody waits any more
        return
