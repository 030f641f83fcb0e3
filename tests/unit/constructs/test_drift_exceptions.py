"""Drift exceptions as constructs."""

from datetime import UTC, datetime

import pytest

from leasehold_cdktf import DriftException
from leasehold_cdktf.collector import collector_of

GIVEN = {"fingerprint": f"sha256:{'a' * 64}", "reason": "known", "expires_at": "2027-01-01T00:00:00Z"}


def test_an_exception_is_declared_with_all_that_it_says(stack):
    DriftException(stack, "noise", **{**GIVEN, "expires_at": datetime(2027, 1, 1, tzinfo=UTC)})
    written = collector_of(stack).resources["leasehold_drift_exception"]["noise"]
    assert written["fingerprint"] == GIVEN["fingerprint"]
    assert datetime.fromisoformat(written["expires_at"]) == datetime(2027, 1, 1, tzinfo=UTC)
    assert (written["name"], written["reason"]) == ("noise", "known")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fingerprint": "abc"}, "64 hex digits"),
        ({"reason": " "}, "reason is empty"),
        ({"expires_at": "2027-01-01T00:00:00"}, "expires_at"),
    ],
)
def test_what_the_registry_would_refuse_is_refused_at_synth(stack, changes, said):
    with pytest.raises(ValueError, match=said):
        DriftException(stack, "noise", **{**GIVEN, **changes})
