"""Who wants to know of revocations that were committed, and telling them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from leasehold.model.revocations import RevocationEvent

Listener = Callable[[Sequence[RevocationEvent]], None]
_log = logging.getLogger(__name__)


class Wakeups:
    """Calls listeners after a commit, in the thread that committed."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()

    def add(self, listener: Listener) -> None:
        """Call `listener` from now on, with the events, or with none where another process committed them."""
        self._listeners = (*self._listeners, listener)

    def remove(self, listener: Listener) -> None:
        """Call `listener` no more."""
        self._listeners = tuple(one for one in self._listeners if one != listener)

    def tell(self, events: Sequence[RevocationEvent]) -> None:
        """Call everybody. What is committed stays so, whatever a listener does."""
        for listener in self._listeners:
            try:
                listener(events)
            except Exception as error:  # noqa: BLE001  the caller's write has succeeded and must say so
                _log.error("a listener failed: %s", type(error).__name__, exc_info=error)
