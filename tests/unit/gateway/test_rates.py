"""Token buckets: what one process, and what several that know how many they are, let through in any time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leasehold.gateway.rates import Rate, RateLimits, Rates
from leasehold.mcp.refusals import Refused

KEY = ("agent", "triage")


def passes(rates, rate, now, times=1):
    try:
        rates.take([(KEY, rate)] * times, now)
    except Refused as refused:
        return int(refused.headers["retry-after"]) < 1  # never
    return True


@given(
    st.integers(1, 6),
    st.floats(1, 6000),
    st.floats(1, 100),
    st.lists(st.tuples(st.floats(0, 5), st.integers(0, 5)), max_size=200),
)
def test_replicas_that_know_how_many_they_are_keep_the_limit_together_however_calls_are_spread(
    replicas, per_minute, burst, calls
):
    rate, every = Rate(per_minute=per_minute, burst=burst), [Rates(RateLimits(), replicas) for _ in range(replicas)]
    now, let_through = 0.0, []
    for pause, which in calls:
        now += pause
        if passes(every[which % replicas], rate, now):
            let_through.append(now)
    at_once = max(burst, replicas)
    for first, begin in enumerate(let_through):
        for last, end in enumerate(let_through[first:], 1):
            assert last <= at_once + (end - begin) * per_minute / 60 + 1e-6


@pytest.mark.parametrize(("replicas", "told", "most"), [(1, 1, 30), (3, 3, 30), (3, 1, 90), (40, 40, 40)])
def test_what_replicas_let_through_at_once(replicas, told, most):
    """Those that are told nothing of each other let through what each may: as many times as much as there are."""
    rate, every = Rate(per_minute=60, burst=30), [Rates(RateLimits(), told) for _ in range(replicas)]
    assert sum(passes(one, rate, 0.0) for one in every for _ in range(100)) == most


def test_a_part_fills_as_fast_as_its_part_of_the_rate():
    rate, rates = Rate(per_minute=60, burst=30), Rates(RateLimits(), 3)
    assert [passes(rates, rate, 0.0, 10), passes(rates, rate, 2.9), passes(rates, rate, 3.1)] == [True, False, True]


def test_of_several_buckets_all_or_none_are_taken_from():
    rate, rates = Rate(per_minute=60, burst=5), Rates(RateLimits())
    assert passes(rates, rate, 0.0, 5)
    with pytest.raises(Refused):
        rates.take([(("other",), rate), (KEY, rate)], 0.0)
    rates.take([(("other",), rate)] * 5, 0.0)
