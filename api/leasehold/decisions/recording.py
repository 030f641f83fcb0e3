"""Decisions on record: many callers to one durable transaction.

INVARIANT: a permit for what may change the world is on disk before its answer leaves. What only reads, and every
denial, is written at once behind the answer; while that fails, or falls too far behind, nothing is decided.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from leasehold.decisions.ports import Store, Vault
from leasehold.decisions.records import Decided, Done, done_event, event_of, sealed_question
from leasehold.model.decision_records import QUESTIONS_KEPT, SealedQuestion
from leasehold.model.errors import Unavailable
from leasehold.model.events import AuditEvent
from leasehold.policy.decision import Permit

BEHIND_LIMIT = 10_000
_BATCH = 512
_GATHER_SECONDS = 0.025
_PACE_SECONDS = 0.003
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


class _Ready(NamedTuple):
    """What is written of it: an event with what is shut away beside it, and the question, sealed."""

    event: AuditEvent
    question: SealedQuestion | None


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
            elif not self._written() and self._closed:
                return

    def _written(self) -> bool:
        batch: list[_Waiting] = []
        try:
            ready = list(self._made_ready(batch))
            with self._store.begin() as unit:
                unit.audit.append_all([one.event for one in ready])
                unit.questions.add_all([one.question for one in ready if one.question is not None])
        except Exception as error:  # noqa: BLE001  whatever it was: nothing more is decided until a write succeeds
            self._failing = True
            _log.error("decisions are not recorded: %s", type(error).__name__)
            self._again(batch)
            threading.Event().wait(0 if self._closed else _PATIENCE_SECONDS)
            return False
        self._failing = False
        for one in batch:
            _settle(one, None)
        self._forget_old(batch[-1].decided.at)
        return True

    def _made_ready(self, batch: list[_Waiting]) -> Iterator[_Ready]:
        """What the next batch writes, little by little: all at once they would hold up those who call meanwhile.

        Once somebody waits for one of them, without a pause.
        """
        until = time.monotonic() + _GATHER_SECONDS
        hurried = False
        while True:
            while self._waiting and len(batch) < _BATCH:
                batch.append(self._waiting.popleft())
                yield _ready(batch[-1], self._vault)
            if hurried or len(batch) == _BATCH or time.monotonic() >= until:
                break
            hurried = self._urgent.wait(_PACE_SECONDS)
            if hurried and not self._closed:
                self._urgent.clear()
        if hurried and self._waiting:
            self._urgent.set()  # for those who did not fit in

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
        if self._forgot_at is not None and now - self._forgot_at < _FORGET_EVERY:
            return
        self._forgot_at = now
        try:
            self._forget(now - QUESTIONS_KEPT)
        except Exception as error:  # noqa: BLE001  what is due stays due
            _log.warning("old questions are kept longer: %s", type(error).__name__)

    def _forget(self, before: datetime) -> None:
        with self._store.begin() as unit:
            unit.questions.forget(before)


def _ready(waiting: _Waiting, vault: Vault) -> _Ready:
    """Raises `Unavailable`."""
    one = waiting.decided
    event = done_event(one, vault) if isinstance(one, Done) else event_of(one, waiting.permit.principal, vault)
    asked = one.decided if isinstance(one, Done) else one
    if asked is None:
        return _Ready(event, None)
    return _Ready(event, SealedQuestion(id=asked.id, at=asked.at, sealed=sealed_question(asked, vault)))


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
