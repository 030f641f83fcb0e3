"""Random pairs of policy sets: what brute force finds, a proof may not deny. `LEASEHOLD_PROOF_PAIRS`, `…_SEED`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from tests.policy_fuzz.pairs import QUESTIONS, judged, pairs

from benchmarks.figure import Figure

PAIRS = 10_000
SEED = 1


def figures() -> Iterator[Figure]:
    """The proofs that brute force refutes, and how many pairs were looked at for them."""
    seed = int(os.environ.get("LEASEHOLD_PROOF_SEED", SEED))
    wanted = int(os.environ.get("LEASEHOLD_PROOF_PAIRS", PAIRS))
    started = time.perf_counter()
    score = judged(pairs(seed, wanted))
    seconds = time.perf_counter() - started
    if score.wrong:
        raise AssertionError(f"{score.wrong} of {score.pairs} proofs are wrong, the first:\n{score.first}")
    share = f"of {score.pairs} pairs, seed {seed}: {score.moved} moved on {2 * len(QUESTIONS)} questions each"
    yield Figure("proof_pairs_wrong", score.wrong, "pairs", share)
    yield Figure("proof_pairs_unproven", score.unproven, "pairs")
    yield Figure("proof_pairs_per_second", score.pairs / seconds, "1/s")
