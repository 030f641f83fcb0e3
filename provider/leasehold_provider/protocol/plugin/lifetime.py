"""When the process has served its purpose.

Terraform ends us with the Shutdown call and kills us two seconds later. A Terraform that was killed itself says
nothing: then its connection closes, and that is our end too. Nothing of ours may outlive it.
"""

from __future__ import annotations

import os
from threading import Condition
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

START_SECONDS = 60.0
"""How long we wait for the first connection; go-plugin gives up on us after as long."""
RECONNECT_SECONDS = 1.0
"""How long a living parent may take to connect again after the last connection closed."""
SHUTDOWN_SECONDS = 1.6
"""For leftovers after a Shutdown call: Terraform kills us after 2 s."""
ORPHAN_SECONDS = 20.0
"""For leftovers when nobody waits for us any more."""
_POLL_SECONDS = 0.25


class Lifetime:
    """Counts connections and knows who asked for the end. Used from many threads."""

    def __init__(self, parent: int) -> None:
        """Take the parent's process id as it was when we started: it may be gone by now."""
        self._changed = Condition()
        self._connections = 0
        self._ever_connected = False
        self._alone_since = monotonic()
        self._requested = False
        self._over = False
        self._parent = parent

    def connected(self) -> None:
        """Count a peer that has proved who it is."""
        with self._changed:
            self._connections += 1
            self._ever_connected = True

    def disconnected(self) -> None:
        """Count one less."""
        with self._changed:
            self._connections -= 1
            self._alone_since = monotonic()
            self._changed.notify_all()

    def request_end(self) -> None:
        """Ask for the end, once the answer to this very request is on its way."""
        self._requested = True

    def flushed(self) -> None:
        """Note that everything answered so far was written."""
        if self._requested:
            self.end()

    def end(self) -> None:
        """End as soon as possible (also from a signal handler: takes no lock)."""
        self._over = True
        if self._changed.acquire(blocking=False):
            self._changed.notify_all()
            self._changed.release()

    def wait(self) -> float:
        """Block until the end; return how many seconds remain for leftovers."""
        with self._changed:
            while not self._is_over():
                self._changed.wait(_POLL_SECONDS)
        return SHUTDOWN_SECONDS if self._requested else ORPHAN_SECONDS

    def _is_over(self) -> bool:
        if self._over:
            return True
        if self._connections:
            return False
        if os.getppid() != self._parent:
            return True
        patience = RECONNECT_SECONDS if self._ever_connected else START_SECONDS
        return monotonic() - self._alone_since > patience


class DebugLifetime(Lifetime):
    """A debug run outlives many runs of Terraform; only a signal ends it."""

    def __init__(self) -> None:
        super().__init__(os.getppid())
        self._tidy: Callable[[], None] = _nothing

    def when_alone(self, tidy: Callable[[], None]) -> None:
        """Say what to do between two runs of Terraform."""
        self._tidy = tidy

    def disconnected(self) -> None:
        """Tidy up after the last connection."""
        super().disconnected()
        if not self._connections:
            self._tidy()

    def request_end(self) -> None:
        """Stay: another run of Terraform will connect."""

    def _is_over(self) -> bool:
        return self._over


def _nothing() -> None:
    pass
