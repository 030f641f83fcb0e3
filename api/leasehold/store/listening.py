"""PostgreSQL tells of revocations that other processes commit, the moment they do (LISTEN / NOTIFY).

A help, not a promise: a connection that breaks is made again, and whoever must not miss anything looks by itself too.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import psycopg
from psycopg import sql

_PATIENCE_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Listening:
    """Calls `wake` for every notification on `channel`, from a thread of its own, until closed."""

    def __init__(self, conninfo: str, channel: str, wake: Callable[[], None]) -> None:
        self._conninfo = conninfo
        self._channel = channel
        self._wake = wake
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leasehold-listening", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and its connection."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                with psycopg.connect(self._conninfo, autocommit=True, connect_timeout=5) as connection:
                    connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
                    self._listen(connection)
            except psycopg.Error as error:
                _log.warning("not listening for revocations: %s", type(error).__name__)
                self._closed.wait(_PATIENCE_SECONDS)

    def _listen(self, connection: psycopg.Connection) -> None:
        self._wake()  # what was committed while nobody listened
        while not self._closed.is_set():
            for _ in connection.notifies(timeout=_PATIENCE_SECONDS / 4, stop_after=1):
                self._wake()
