"""Asking again: when it is safe, how often, and how long to wait in between."""

from __future__ import annotations

import random
from time import monotonic

from .client import ConnectionLost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .client import Answer

    Sleep = Callable[[float], bool]
    """Wait so many seconds; True if Terraform asked to stop meanwhile."""

ATTEMPTS = 8
PATIENCE_SECONDS = 45.0
_FIRST_DELAY = 0.2
_LONGEST_DELAY = 8.0
_TRY_AGAIN = frozenset({429, 502, 503, 504})


class Attempt:
    """One of several tries; `repeated` is true once an earlier one may have been carried out unheard."""

    __slots__ = ("repeated",)

    def __init__(self) -> None:
        self.repeated = False


class Retry:
    """Sends until there is an answer worth having, with full jitter between tries.

    Everything sent through here is safe to send twice: reads change nothing, and writes carry a precondition that the
    first of two makes false. The caller of a write looks at `Attempt.repeated` to recognise its own success.
    """

    def __init__(self, sleep: Sleep, *, attempts: int = ATTEMPTS, patience: float = PATIENCE_SECONDS) -> None:
        self._sleep = sleep
        self._attempts = attempts
        self._patience = patience

    def run(self, send: Callable[[], Answer], attempt: Attempt | None = None) -> Answer:
        """Return the first answer that is none of 429, 502, 503 and 504, or the last one; raise `ConnectionLost`."""
        attempt = attempt or Attempt()
        deadline = monotonic() + self._patience
        for left in range(self._attempts - 1, -1, -1):
            waits = _FIRST_DELAY * 2 ** (self._attempts - 1 - left)
            try:
                answer = send()
            except ConnectionLost:
                attempt.repeated = True
                if not left or not self._wait(waits, deadline):
                    raise
                continue
            if answer.status not in _TRY_AGAIN:
                return answer
            attempt.repeated = attempt.repeated or answer.status in (502, 504)  # a gateway lost the real answer
            if not left or not self._wait(waits, deadline, _retry_after(answer)):
                return answer
        raise AssertionError("the last attempt returns or raises")

    def _wait(self, longest: float, deadline: float, at_least: float = 0.0) -> bool:
        """Wait; False when there is no time left or Terraform asked to stop."""
        jitter = random.uniform(0, min(longest, _LONGEST_DELAY))  # noqa: S311 -- spreads load, hides nothing
        delay = at_least + jitter
        return monotonic() + delay <= deadline and not self._sleep(delay)


def _retry_after(answer: Answer) -> float:
    """Seconds from a Retry-After header (RFC 9110 §10.2.3); a date or nonsense counts as none."""
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0
