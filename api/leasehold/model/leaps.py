"""How far a clock that can be set is believed where something is forgotten for good because its time is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta


class Leaps:
    """Holds a clock against one that only goes on, in seconds from anywhere.

    A clock that leaps ahead would have replays and revocations forgotten that count again once it is set back.
    """

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._began: tuple[float, datetime] | None = None

    def believed(self, now: datetime) -> datetime:
        """`now`, or what it can be at most since the first look, if that is earlier."""
        steady = self._steady()
        if self._began is None:
            self._began = steady, now
        since, at = self._began
        return min(now, at + timedelta(seconds=steady - since))
