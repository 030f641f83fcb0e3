"""Laws of the order of authorities, against an evaluator that tries calls one by one."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import Phase, given, settings
from tests.unit.model.authority.universe import PATTERNS, TEXTS, VALUES, authorities, calls, constraints, reaches

from leasehold.model.authority import constraints as algebra
from leasehold.model.authority import texts
from leasehold.model.authority.order import Verdict, allows, canonical, covers, meet, strictly_narrower
from leasehold.model.authority.plain import constraints_of, plain_of

# A counterexample is read as it is found: making it smaller costs more than it tells.
tried = settings(deadline=None, max_examples=50, phases=[Phase.explicit, Phase.reuse, Phase.generate])
CALLS = calls()


def allowed(authority) -> set[int]:
    return {at for at, call in enumerate(CALLS) if allows(authority, call)}


@given(authorities)
def test_an_authority_lies_within_itself(authority):
    assert covers(authority, authority) is Verdict.YES
    assert strictly_narrower(authority, authority) is Verdict.NO


@given(authorities, authorities, authorities)
def test_what_lies_within_what_lies_within_lies_within(one, two, three):
    if covers(one, two) is covers(two, three) is Verdict.YES:
        assert covers(one, three) is Verdict.YES


@given(authorities, authorities, authorities)
def test_chains_by_meeting_stay_within_each_ancestor(one, two, three):
    lower = meet(one, two)
    lowest = meet(lower, three) if lower is not None else None
    if lowest is not None:
        assert all(covers(above, lowest) is Verdict.YES for above in (one, two, three, lower))


@tried
@given(authorities, authorities)
def test_two_within_each_other_allow_the_same_calls(one, two):
    if covers(one, two) is covers(two, one) is Verdict.YES:
        assert allowed(one) == allowed(two)


@given(constraints, constraints)
def test_constraints_within_each_other_are_one(one, two):
    assert (algebra.covers(one, two) and algebra.covers(two, one)) == (one == two)


@tried
@given(authorities, authorities)
def test_covering_says_what_trying_every_call_says(wide, narrow):
    assert (covers(wide, narrow) is Verdict.YES) == (allowed(narrow) <= allowed(wide))


@tried
@given(authorities, authorities)
def test_strictly_narrower_is_never_equal_and_never_wider(narrow, wide):
    if strictly_narrower(narrow, wide) is Verdict.YES:
        assert allowed(narrow) < allowed(wide)


@tried
@given(authorities, authorities)
def test_a_meet_allows_what_both_allow_and_no_more(one, two):
    common = meet(one, two)
    if common is not None:
        assert allowed(common) == allowed(one) & allowed(two)


@given(authorities, authorities, authorities)
def test_a_meet_is_the_greatest_of_all_that_lie_within_both(one, two, below):
    common = meet(one, two)
    if common is not None and covers(one, below) is covers(two, below) is Verdict.YES:
        assert covers(common, below) is Verdict.YES


@given(authorities, authorities)
def test_a_meet_does_not_depend_on_the_order(one, two):
    common, turned = meet(one, two), meet(two, one)
    assert (common is None) == (turned is None)
    if common is not None and turned is not None:
        assert covers(common, turned) is covers(turned, common) is Verdict.YES


@tried
@given(authorities)
def test_the_canonical_form_says_the_same_with_no_part_inside_another(authority):
    short = canonical(authority)
    assert allowed(short) == allowed(authority)
    assert canonical(short) == short
    assert not any(one.covers(other) for one in short for other in short if one != other)


@given(constraints, constraints)
def test_a_constraint_covers_another_iff_it_admits_all_of_its_values(wide, narrow):
    tried = [Decimal(99), Decimal(-99), *VALUES, *TEXTS, "z", "aza", "azb", "zab", "abz", "zzzzz"]
    wider = {at for at, value in enumerate(tried) if algebra.admits(wide, value)}
    narrower = {at for at, value in enumerate(tried) if algebra.admits(narrow, value)}
    assert algebra.covers(wide, narrow) == (narrower <= wider)


@given(reaches)
def test_a_constraint_survives_being_written(reach):
    assert constraints_of(plain_of(reach.constraints)) == reach.constraints


@given(reaches, authorities)
def test_leaving_a_constraint_out_never_narrows(reach, authority):
    assert covers({replace(reach, constraints=()), *authority}, {reach}) is Verdict.YES


def test_patterns_overlap_iff_some_text_is_in_both():
    for left in map(texts.parts_of_glob, PATTERNS):
        for right in map(texts.parts_of_glob, PATTERNS):
            shared = any(texts.matches(left, text) and texts.matches(right, text) for text in TEXTS)
            assert texts.overlap(left, right) == shared
