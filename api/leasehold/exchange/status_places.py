"""Which place in which status list a new lease gets: by lot, and without asking anybody.

A list belongs to one process, which knows what it gave away, and its id is drawn by lot: no row is written to open it,
and an exchange costs no write more. Lots are drawn until half of a list is taken, so that two draws suffice.
"""

from __future__ import annotations

import os
import secrets
from datetime import datetime, timedelta

from leasehold.model.status import STATUS_LIST_SIZE, StatusPlace

OPEN_FOR = timedelta(hours=1)  # a list is read for as long as its last token lives, five minutes more
_FULL = STATUS_LIST_SIZE // 2
_ID_BYTES = 8
_LOT_BYTES = 4  # STATUS_LIST_SIZE is a power of two: what is left of a lot is as even as the whole


class StatusPlaces:
    """Gives places away, each once."""

    def __init__(self) -> None:
        self._list = ""
        self._taken = bytearray()
        self._count = _FULL
        self._opened_at: datetime | None = None

    def take(self, now: datetime) -> StatusPlace:
        """A place that nobody has. A place whose lease is never written stays as it is: valid, and of nobody."""
        if self._opened_at is None or self._count >= _FULL or not timedelta() <= now - self._opened_at < OPEN_FOR:
            self._open(now)
        index = _lot()
        while self._taken[index]:
            index = _lot()
        self._taken[index] = 1
        self._count += 1
        return StatusPlace(self._list, index)

    def _open(self, now: datetime) -> None:
        self._list = secrets.token_hex(_ID_BYTES)
        self._taken = bytearray(STATUS_LIST_SIZE)
        self._count = 0
        self._opened_at = now


def _lot() -> int:
    return int.from_bytes(os.urandom(_LOT_BYTES)) % STATUS_LIST_SIZE
