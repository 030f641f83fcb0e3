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


class _Object:
    """One open object: all private bytes it was ever known by lead to it, the last are the valid ones."""

    __slots__ = ("names", "private", "resource")

    def __init__(self, resource: EphemeralResource, private: bytes) -> None:
        self.resource = resource
        self.private = private
        self.names = [private]


class Leftovers:
    """The table of open ephemeral objects, found by type and private bytes. Used from many threads.

    Terraform closes by the private bytes of the open, even where a renewal has changed them.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._open: dict[Entry, _Object] = {}
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
            self._open[resource.type_name, private] = _Object(resource, private)

    def latest(self, type_name: str, private: bytes) -> bytes:
        """Return the valid private bytes of an object that Terraform names by older ones."""
        with self._changed:
            found = self._open.get((type_name, private))
            return found.private if found is not None else private

    def renewed(self, type_name: str, before: bytes, private: bytes) -> None:
        """Note that an object goes on under other private bytes."""
        with self._changed:
            found = self._open.get((type_name, before))
            if found is not None and private not in found.names:
                found.names.append(private)
                self._open[type_name, private] = found
            if found is not None:
                found.private = private

    def remove(self, type_name: str, private: bytes) -> None:
        """Forget an object that is closed, by whatever private bytes it was known."""
        with self._changed:
            found = self._open.get((type_name, private))
            for name in found.names if found is not None else ():
                self._open.pop((type_name, name), None)

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

    def _shares(self) -> Iterator[list[_Object]]:
        with self._changed:
            objects = list({id(item): item for item in self._open.values()}.values())
        return (objects[start::_CLOSERS] for start in range(min(_CLOSERS, len(objects))))

    def _closer(self, share: list[_Object]) -> Thread:
        thread = Thread(target=self._close_each, args=(share,), daemon=True)
        thread.start()
        return thread

    def _close_each(self, share: list[_Object]) -> None:
        for item in share:
            close_quietly(item.resource, item.private)
            self.remove(item.resource.type_name, item.private)
            log("info", f"closed a leftover {item.resource.type_name}")


def close_quietly(resource: EphemeralResource, private: bytes) -> None:
    """Close an object where nobody is left to read a diagnostic; a failure is logged."""
    try:
        resource.close(CloseContext(private))
    except Exception as failure:  # noqa: BLE001 -- the others must be closed all the same; the time to live is the backstop
        log_failure(f"closing a leftover {resource.type_name}", failure)
