from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leasehold_provider.times import check_day, check_moment, parse_moment, same_moment


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001
    st.integers(-1439, 1439),
)
def test_any_zone_spells_the_same_moment(naive, minutes):
    moment = naive.replace(tzinfo=UTC)
    elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert parse_moment(elsewhere.isoformat()) == moment
    assert same_moment(elsewhere.isoformat(), moment.isoformat().replace("+00:00", "Z"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2026-01-31T18:00:00Z", "2026-01-31T19:00:00+01:00"),
        ("2026-01-31T18:00:00Z", "2026-01-31t18:00:00.000z"),
        ("2026-01-31T18:00:00.5Z", "2026-01-31T18:00:00.500000Z"),
    ],
)
def test_spellings_of_one_moment_are_the_same(one, other):
    assert same_moment(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2026-01-31T18:00:00Z", "2026-01-31T18:00:01Z"),
        ("2026-01-31T18:00:00Z", None),
        ("soon", "later"),
        ("2026-01-31T18:00:00Z", "2026-01-31T18:00:00"),
    ],
)
def test_different_moments_differ(one, other):
    assert not same_moment(one, other)


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-01-31", "2026-01-31T18:00:00", "2026-02-30T00:00:00Z", "2026-01-31T18:00Z", "2026-01-31 18:00:00Z",
        "2026-01-31T18:00:00.Z", "2026-01-31T18:00:00+25:00", "2026-01-31T18:00:00+0100", "٢٠٢٦-01-31T18:00:00Z",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused(text):
    assert check_moment(text) is not None


@pytest.mark.parametrize("text", ["2026-02-29", "2026-1-31", "20260131", "2026-01-31T00:00:00Z", ""])
def test_what_is_no_day_is_refused(text):
    assert check_day(text) is not None


def test_a_day_is_a_day():
    assert check_day("2028-02-29") is None
