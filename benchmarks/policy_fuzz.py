"""Random policies and questions in quantity: our engine and index on slices, Cedar on the whole set. None may differ.

Three fuzzers: expressions, tool calls, and whole decisions of both sides with groups of logins and relations to people.

The seed is printed with the figure, so that any run can be repeated: `LEASEHOLD_FUZZ_SEED` and `LEASEHOLD_FUZZ_CASES`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from tests.policy_fuzz.calls import Fused, called
from tests.policy_fuzz.cases import Asked, cases
from tests.policy_fuzz.mutants import the_deciding_ones, the_real_ones
from tests.policy_fuzz.worlds import decided, worlds

from benchmarks.figure import Figure

CASES = 50_000
SEED = 1


def figures() -> Iterator[Figure]:
    """The differences, and how many cases were looked at for them."""
    seed = int(os.environ.get("LEASEHOLD_FUZZ_SEED", SEED))
    wanted = int(os.environ.get("LEASEHOLD_FUZZ_CASES", CASES))
    started = time.perf_counter()
    tally = Asked(the_real_ones()).run(cases(seed, wanted))
    seconds = time.perf_counter() - started
    calls = Fused(the_real_ones()).run(called(seed, wanted))
    whole = decided(worlds(seed, wanted), the_deciding_ones())
    for one in (tally, calls, whole):
        if one.differences:
            raise AssertionError(f"{one.differences} of {one.cases} cases differ, the first:\n{one.first}")
    share = f"of {tally.cases} cases, seed {seed}: {tally.allowed} allowed, {tally.failing} with errors"
    yield Figure("policy_fuzz_differences", tally.differences, "differences", share)
    share = f"of {calls.cases} calls, seed {seed}: {calls.allowed} allowed, {calls.failing} with errors"
    yield Figure("policy_fuzz_call_differences", calls.differences, "differences", share)
    share = (
        f"of {whole.cases} decisions, seed {seed}: {whole.allowed} allowed, {whole.grouped} with groups of a login, "
    )
    share += f"{whole.tied} under policies that ask who acts for whom"
    yield Figure("policy_fuzz_decision_differences", whole.differences, "differences", share)
    yield Figure("policy_fuzz_cases_per_second", tally.cases / seconds, "1/s")
