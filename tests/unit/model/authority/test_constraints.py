"""What a constraint may say, what it admits, and where a question has no answer."""

from decimal import Decimal

import pytest

from leasehold.model.access import Reach
from leasehold.model.authority.constraints import admits, between, exact, glob, meet, one_of, prefix
from leasehold.model.authority.order import MAX_POINTS, Verdict, covers, strictly_narrower
from leasehold.model.authority.order import meet as meet_of_authorities
from leasehold.model.authority.plain import constraints_of, plain_of
from leasehold.model.errors import InvalidValue


def reach(*, tool="refund", resource="shop:web", **constraints) -> Reach:
    return Reach("shop", tool, resource, constraints_of(constraints))


@pytest.mark.parametrize(
    ("constraint", "value", "admitted"),
    [
        (exact(1), True, False),
        (one_of([True]), 1, False),
        (exact("1"), 1, False),
        (exact(50), 50.0, True),
        (exact(0.1), Decimal("0.1"), True),
        (between(None, 50), 50, True),
        (between(None, 50), 50.000001, False),
        (between(None, 0.3), 0.1 + 0.2, False),
        (between(0, None), 10**40, True),
        (between(0, None), float("inf"), False),
        (between(0, None), float("nan"), False),
        (between(0, 1), True, False),
        (between(0, 1), "1", False),
        (prefix("sales_"), "sales_2026", True),
        (prefix("sales_"), "Sales_2026", False),
        (prefix("a*"), "abc", False),
        (prefix("a*"), "a*c", True),
        (glob("a*c"), "abc", True),
        (glob("a*c"), ["a", "c"], False),
        (one_of(["eu", "us"]), None, False),
        (glob("*"), {}, False),
    ],
)
def test_only_values_of_the_set_are_admitted(constraint, value, admitted):
    assert admits(constraint, value) is admitted


@pytest.mark.parametrize(
    "plain",
    [
        {"exact": None},
        {"exact": [1]},
        {"exact": 1, "range": {"max": 2}},
        {},
        {"regex": ".*"},
        {"prefix": ""},
        {"prefix": 1},
        {"glob": ""},
        {"glob": "a\u202eb"},
        {"one_of": []},
        {"one_of": "ab"},
        {"one_of": list(range(65))},
        {"range": {}},
        {"range": {"min": 2, "max": 1}},
        {"range": {"maximum": 1}},
        {"range": {"max": "50"}},
        {"range": {"max": True}},
        {"range": {"max": float("nan")}},
        {"range": {"max": float("inf")}},
        {"range": {"max": 1e300}},
        {"range": {"max": 0.12345678901234567}},
        {"exact": "x" * 257},
        "50",
    ],
)
def test_a_constraint_that_is_not_understood_is_refused(plain):
    with pytest.raises(InvalidValue):
        constraints_of({"amount": plain})


@pytest.mark.parametrize("plain", [[], "x", {1: {"exact": 1}}, {"": {"exact": 1}}, {"a\n": {"exact": 1}}])
def test_constraints_name_arguments(plain):
    with pytest.raises(InvalidValue):
        constraints_of(plain)


def test_too_many_arguments_are_refused():
    with pytest.raises(InvalidValue):
        constraints_of({f"a{n}": {"exact": 1} for n in range(17)})


@pytest.mark.parametrize(
    ("written", "meaning"),
    [
        ({"one_of": ["a"]}, {"exact": "a"}),
        ({"glob": "abc"}, {"exact": "abc"}),
        ({"glob": "ab**"}, {"prefix": "ab"}),
        ({"glob": "a**b"}, {"glob": "a*b"}),
        ({"range": {"min": 5, "max": 5.0}}, {"exact": 5}),
        ({"one_of": [2, "b", "a", 2.0, False]}, {"one_of": ["a", "b", 2, False]}),
        ({"range": {"max": 49.99}}, {"range": {"max": 49.99}}),
        ({"prefix": "a*"}, {"prefix": "a*"}),
    ],
)
def test_one_set_has_one_form(written, meaning):
    assert constraints_of({"x": written}) == constraints_of({"x": meaning})
    assert plain_of(constraints_of({"x": written})) == {"x": meaning}


def test_ranges_together_cover_what_none_of_them_covers():
    low, high = reach(amount={"range": {"max": 50}}), reach(amount={"range": {"min": 50}})
    assert covers({low, high}, {reach(amount={"range": {"min": 10, "max": 90}})}) is Verdict.YES


def test_a_gap_between_ranges_is_found():
    low, high = reach(amount={"range": {"max": 50}}), reach(amount={"range": {"min": 50.01}})
    assert covers({low, high}, {reach(amount={"range": {"min": 10, "max": 90}})}) is Verdict.NO


def test_an_argument_left_out_is_not_within_a_constraint_on_it():
    assert covers({reach(amount={"range": {"max": 50}})}, {reach()}) is Verdict.NO


def test_everything_on_an_argument_is_still_narrower_than_no_word_of_it():
    assert strictly_narrower({reach(amount={"glob": "*"})}, {reach()}) is Verdict.YES


def test_other_servers_tools_and_resources_are_beyond():
    for other in (reach(tool="sell"), reach(resource="shop:app"), Reach("store", "refund", "shop:web")):
        assert covers({reach()}, {other}) is Verdict.NO
        assert meet_of_authorities({reach()}, {other}) == frozenset()


def test_more_pieces_than_can_be_looked_at_are_undecidable():
    cut = {f"a{n}": {"one_of": list(range(64))} for n in range(3)}
    halves = [reach(**{**cut, "a0": {"one_of": list(part)}}) for part in (range(32), range(32, 64))]
    assert MAX_POINTS < 64**3
    assert covers(halves, {reach(**cut)}) is Verdict.UNDECIDABLE
    assert strictly_narrower({reach(**cut)}, set(halves)) is Verdict.UNDECIDABLE
    # One that covers alone needs no looking, and nothing that is beyond is ever undecidable.
    assert covers({reach()}, {reach(**cut)}) is Verdict.YES
    assert covers(halves, {reach(tool="sell"), reach(**cut)}) is Verdict.NO


def test_patterns_that_only_overlap_have_no_meet():
    assert meet(prefix("a"), glob("*b")) is None
    assert meet_of_authorities({reach(table={"prefix": "a"})}, {reach(table={"glob": "*b"})}) is None
    assert meet_of_authorities({reach(resource="shop:a*")}, {reach(resource="shop:*b")}) is None


def test_an_undecidable_part_of_a_pair_with_nothing_in_common_does_no_harm():
    left = reach(table={"prefix": "a"}, amount={"exact": 1})
    right = reach(table={"glob": "*b"}, amount={"exact": 2})
    assert meet_of_authorities({left}, {right}) == frozenset()


def test_a_meet_keeps_the_constraints_of_both():
    common = meet_of_authorities({reach(tool="*", amount={"range": {"max": 50}})}, {reach(region={"exact": "eu"})})
    assert common == {reach(amount={"range": {"max": 50}}, region={"exact": "eu"})}


def test_a_long_resource_is_compared_as_any_other():
    long = f"repo:{'x' * 256}"
    assert meet_of_authorities({reach(resource="repo:*")}, {reach(resource=long)}) == {reach(resource=long)}
