"""Ephemeral objects that are open, so that none outlives the run.

Terraform closes them in a run that goes well. After a failed apply it never does, and when it is killed it cannot.
"""

from __future__ import annotations

from threading import Condition, Thread
from time import monotonic

from leasehold_provider.protocol.contexts import CloseContext
from leasehold_provider.protocol.log import log, log_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from leasehold_provider.protocol.ephemeral import EphemeralResource

    Entry = tuple[str, bytes]

_CLOSERS = 16
"""Threads that close leftovers at the same time: Terraform gives us two seconds in all."""


class Leftovers:
    """The table of open ephemeral objects, keyed by type and private bytes. Used from many threads."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._open: dict[Entry, EphemeralResource] = {}
        self._opening = 0
        self._ended = False

    def begin(self) -> None:
        """Note that an open is under way, so that the end waits for it."""
        with self._changed:
            self._opening += 1

    def finish(self) -> None:
        """Note that an open is over, well or not."""
        with self._changed:
            self._opening -= 1
            self._changed.notify_all()

    def add(self, resource: EphemeralResource, private: bytes) -> None:
        """Remember an open object."""
        with self._changed:
            self._open[resource.type_name, private] = resource

    def remove(self, type_name: str, private: bytes) -> None:
        """Forget an object that is closed or goes on under other private bytes."""
        with self._changed:
            self._open.pop((type_name, private), None)

    def close_all(self, seconds: float) -> int:
        """Close what is still open, opens under way included; return how many were left when the time was up."""
        deadline = monotonic() + seconds
        while True:
            closers = [self._closer(share) for share in self._shares()]
            for closer in closers:
                closer.join(max(0.0, deadline - monotonic()))
            with self._changed:
                if not self._open and not self._opening:
                    return 0
                if not self._open:
                    self._changed.wait(max(0.0, deadline - monotonic()))
                if monotonic() >= deadline:
                    return len(self._open) + self._opening

    def _shares(self) -> Iterator[list[tuple[Entry, EphemeralResource]]]:
        with self._changed:
            entries = list(self._open.items())
        return (entries[start::_CLOSERS] for start in range(min(_CLOSERS, len(entries))))

    def _closer(self, share: list[tuple[Entry, EphemeralResource]]) -> Thread:
        thread = Thread(target=self._close_each, args=(share,), daemon=True)
        thread.start()
        return thread

    def _close_each(self, share: list[tuple[Entry, EphemeralResource]]) -> None:
        for (type_name, private), resource in share:
            close_quietly(resource, private)
            self.remove(type_name, private)
            log("info", f"closed a leftover {type_name}")


def close_quietly(resource: EphemeralResource, private: bytes) -> None:
    """Close an object where nobody is left to read a diagnostic; a failure is logged."""
    try:
        resource.close(CloseContext(private))
    except Exception as failure:  # noqa: BLE001 -- the others must be closed all the same; the time to live is the backstop
        log_failure(f"closing a leftover {resource.type_name}", failure)
