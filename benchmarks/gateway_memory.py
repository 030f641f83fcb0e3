"""Whether the gateway's memory stays as it is, however many calls pass: everything on, one worker, sixteen clients.

A tenth of the calls warm it up: caches fill, and the allocator settles. The long form is
`LEASEHOLD_MEMORY_CALLS=1000000`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.figure import Figure
from benchmarks.gateway import CLIENTS, Side, running, token_of

CALLS = 100_000
_AT_ONCE = 10_000  # of one token: it lives five minutes


def figures() -> Iterator[Figure]:
    """Megabytes in memory after all calls, against those after the first tenth."""
    wanted = int(os.environ.get("LEASEHOLD_MEMORY_CALLS", CALLS))
    with running() as (registry, (_, through)):
        passed = _pass(through, wanted // 10)
        before = through.memory_mb()
        while passed < wanted:
            passed += _pass(replace(through, token=token_of(registry)), min(_AT_ONCE, wanted - passed))
        after = through.memory_mb()
    yield Figure("gateway_memory_mb", after, f"MB after {passed} calls", versus=before, ratio=after / before)


def _pass(side: Side, calls: int) -> int:
    return int(side.calls(CLIENTS, max(1, calls // CLIENTS))["calls"])
