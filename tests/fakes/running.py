"""One event loop for all that a test process runs on one, in a thread of its own.

A server has one loop for all its requests. A loop for each would also start anew, for each, the threads in which the
door looks who is calling.
"""

from __future__ import annotations

import atexit
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from anyio.from_thread import start_blocking_portal

Answer = TypeVar("Answer")
_running = start_blocking_portal()
_portal = _running.__enter__()
atexit.register(_running.__exit__, None, None, None)


def run(work: Callable[..., Awaitable[Answer]], *arguments: Any, **options: Any) -> Answer:
    """What the coroutine function returns or raises, from a test that is none."""
    return _portal.call(partial(work, *arguments, **options))
