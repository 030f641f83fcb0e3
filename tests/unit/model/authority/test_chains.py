"""Delegation chains drawn at random never widen; the benchmark `delegation` draws a million."""

from benchmarks import delegation
from benchmarks.delegation import run_chains

from leasehold.model.authority.order import Verdict


def test_no_link_of_a_thousand_chains_widens():
    tally = run_chains(seed=7, chains=1000)

    assert tally.widenings == 0
    assert tally.links > 1000  # a test of refusals alone would prove nothing
    assert tally.refused > 1000


def test_a_widening_would_be_seen(monkeypatch):
    """The counter counts: with an order that says yes to everything, children get through that allow more."""

    monkeypatch.setattr(delegation, "strictly_narrower", lambda _narrow, _wide: Verdict.YES)
    assert run_chains(seed=7, chains=200).widenings > 0
