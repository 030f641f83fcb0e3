"""How the server's process collects garbage, and how its threads take turns.

CPython counts what a request allocates and, as it comes, walks everything alive for cycles: an eighth of an exchange,
and with a large registry in memory a pause that the slowest of a hundred callers waits for. A thread that works leaves
the interpreter to another one after 5 ms: what writes and seals behind the answers would hold them up several times.
"""

from __future__ import annotations

import gc
import sys

# Net allocations until the young are looked through, the times that happens until the middle-aged are, and so on. What
# an exchange leaves behind in cycles is little, and 50,000 objects are some megabytes.
_THRESHOLDS = (50_000, 20, 50)
_TURN_SECONDS = 0.0005


def postpone() -> None:
    """Call it before the server is imported and built: nearly all of that stays, and `settle` finds the rest."""
    gc.disable()


def settle() -> None:
    """Call it once, when everything that lives as long as the process is built: none of that is walked again."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    sys.setswitchinterval(_TURN_SECONDS)
