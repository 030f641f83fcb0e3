"""Many callers, one transaction: whatever waits is run together, and at once when nothing else runs.

No timer delays the lone caller: a batch is what one turn of the event loop brought, and what arrived while the previous
batch ran.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")
MAX_BATCH = 256


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item, Answer]):
    """One item, and who waits for its answer in which event loop."""

    item: Item
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Answer]


class Batches(Generic[Item, Answer]):
    """Runs `run` on batches of items in a thread of its own. `run` answers item by item, or raises for all."""

    def __init__(self, name: str, run: Callable[[Sequence[Item]], Sequence[Answer]]) -> None:
        self._run = run
        self._gathered: deque[_Waiting[Item, Answer]] = deque()
        self._queue: SimpleQueue[_Waiting[Item, Answer] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"leasehold-{name}", daemon=True)
        self._started = False

    async def submit(self, item: Item) -> Answer:
        """The answer to one item. Raises what `run` raised for it."""
        if not self._started:
            self._started = True
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._gathered.append(_Waiting(item, loop, future))
        # Behind everything else that this turn of the loop runs: the thread wakes once for all of it, not for the first
        # alone. With 16 clients a transaction serves four times as many.
        loop.call_soon(self._hand_over)
        return await future

    def close(self) -> None:
        """Finish what waits, then end the thread."""
        if self._started:
            self._hand_over()
            self._queue.put(None)
            self._thread.join()

    def _hand_over(self) -> None:
        with suppress(IndexError):  # empty; several event loops may share this
            while True:
                self._queue.put(self._gathered.popleft())

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, ending = self._drain(first)
            self._answer(batch)
            if ending:
                return

    def _drain(self, first: _Waiting[Item, Answer]) -> tuple[list[_Waiting[Item, Answer]], bool]:
        batch = [first]
        with suppress(Empty):
            while len(batch) < MAX_BATCH:
                following = self._queue.get_nowait()
                if following is None:
                    return batch, True
                batch.append(following)
        return batch, False

    def _answer(self, batch: Sequence[_Waiting[Item, Answer]]) -> None:
        try:
            answers: Sequence[Answer | Exception] = self._run([waiting.item for waiting in batch])
        except Exception as error:  # noqa: BLE001  whatever stopped the batch belongs to those who wait for it
            if len(batch) > 1:  # one bad item must not fail its neighbours
                for waiting in batch:
                    self._answer((waiting,))
                return
            answers = (error,)
        by_loop = defaultdict(list)
        for waiting, answer in zip(batch, answers, strict=True):
            by_loop[waiting.loop].append((waiting.future, answer))
        for loop, settled in by_loop.items():
            with suppress(RuntimeError):  # the loop has closed: nobody waits any more
                loop.call_soon_threadsafe(_settle, settled)


def _settle(settled: Sequence[tuple[asyncio.Future[Answer], Answer | Exception]]) -> None:
    for future, answer in settled:
        if future.done():  # the caller hung up
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
