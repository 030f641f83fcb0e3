"""Sealing in a process of its own: ordering, hashing and signing the trail takes no turn from those who call.

In one interpreter a thread that seals holds up every request by what it computes. A process beside it costs a few
megabytes, because nearly all of it is the server's own memory, and a lock of the database, which it took before.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from leasehold.collecting import settle

_BEGIN = b"!"
_log = logging.getLogger(__name__)

Work = Callable[[threading.Event], None]
"""What a process does until the event is set, and once more then."""


class SealingProcess:
    """A child that waits to be told to begin, and ends once its server has, however that came about."""

    def __init__(self, pid: int, tell: int) -> None:
        self._pid, self._tell = pid, tell

    @classmethod
    def fork(cls, work: Work) -> SealingProcess | None:
        """A copy of this process before it has threads; None where it has some, or where a copy is not safe."""
        if sys.platform != "linux" or threading.active_count() != 1:
            return None
        told, tell = os.pipe()
        if pid := os.fork():
            os.close(told)
            return cls(pid, tell)
        os.close(tell)
        return _be_the_child(work, told)

    def begin(self) -> None:
        """The database is up to date and the keys are made: seal. Whether it lives to hear it, `wait` tells."""
        with suppress(BrokenPipeError):
            os.write(self._tell, _BEGIN)

    def wait(self) -> int:
        """Until it has ended; its exit code, negative for a signal."""
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def end(self) -> None:
        """Let it seal what is left, and end. Who waits for it sees when it has."""
        os.close(self._tell)


def _be_the_child(work: Work, told: int) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM):  # a terminal tells all of a group; the server decides when it ends
        signal.signal(number, signal.SIG_IGN)
    with Path(os.devnull).open("r+b") as nothing:  # whoever reads what the server writes does not wait for us
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
    code = 0
    try:
        if os.read(told, len(_BEGIN)) == _BEGIN:
            settle()
            work(_ended(told))
    except BaseException as error:  # noqa: BLE001  a copy of the server must go no further than here
        _log.error("sealing ended: %s", type(error).__name__, exc_info=error)
        code = 1
    finally:
        logging.shutdown()
        os._exit(code)


def _ended(told: int) -> threading.Event:
    """Set once nobody holds the other end of the pipe any more: the server is gone, or says that it goes."""
    stop = threading.Event()

    def wait() -> None:
        os.read(told, 1)
        stop.set()

    threading.Thread(target=wait, name="leasehold-server-lives", daemon=True).start()
    return stop
