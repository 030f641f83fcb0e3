"""Threads for calls that wait for the network: none at first, one more whenever all are busy."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Lock, Thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MAX_WORKERS = 64
"""More calls than this wait their turn; Terraform runs ten at once unless told otherwise."""


class Workers:
    """Runs jobs in daemon threads: the process's end waits for none of them."""

    def __init__(self, limit: int = MAX_WORKERS) -> None:
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._lock = Lock()
        self._limit = limit
        self._threads = 0
        self._idle = 0

    def run(self, job: Callable[[], None]) -> None:
        """Run a job soon. It must not raise."""
        with self._lock:
            if self._idle > 0:
                self._idle -= 1
            elif self._threads < self._limit:
                self._threads += 1
                Thread(target=self._work, daemon=True).start()
        self._jobs.put(job)

    def _work(self) -> None:
        while True:
            self._jobs.get()()
            with self._lock:
                self._idle += 1
