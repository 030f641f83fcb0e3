"""How a command ends: the exit codes (design §5), and the one exception that stops a command with an explanation."""

from __future__ import annotations

CLEAN = 0
ERROR = 1
DRIFT = 2
DRIFT_AT_LEVEL = 3
NEEDS_APPROVAL = 4
DENIED = 5
INCOMPLETE = 6
INTERRUPTED = 130


class Failure(Exception):
    """Stops a command: what went wrong, where, and what to do next. Never holds a token."""

    def __init__(self, what: str, *, where: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.next_step = what, where, next_step
