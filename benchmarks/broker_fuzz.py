"""Random lives of connections in quantity: no call ever goes out with what is another principal's.

The seed is printed with the figure, so that any run can be repeated: `LEASEHOLD_FUZZ_SEED` and `LEASEHOLD_FUZZ_STEPS`.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.broker_fuzz.lives import Life

from benchmarks.figure import Figure

STEPS = 100_000
A_LIFE = 2_000
SEED = 1


def figures() -> Iterator[Figure]:
    """The mix-ups, and how many steps were taken to find one; the first one stops the run."""
    seed = int(os.environ.get("LEASEHOLD_FUZZ_SEED", SEED))
    wanted = int(os.environ.get("LEASEHOLD_FUZZ_STEPS", STEPS))
    started, steps, sent, refused = time.process_time(), 0, 0, 0
    while steps < wanted:
        life = _lived(seed + steps, min(A_LIFE, wanted - steps))
        steps, sent, refused = steps + life.steps, sent + life.sent, refused + life.refused
    share = f"of {steps} steps, seed {seed}: {sent} calls sent, {refused} refused"
    yield Figure("broker_fuzz_mixed_up", 0, "mix-ups", share)
    yield Figure("broker_fuzz_steps_per_cpu_second", steps / (time.process_time() - started), "1/s")


def _lived(seed: int, steps: int) -> Life:
    with tempfile.TemporaryDirectory() as folder:
        life = Life(random.Random(seed), Path(folder))  # noqa: S311  not for secrets
        for _ in range(steps):
            life.step()
        life.close()
    return life
