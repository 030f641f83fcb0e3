"""The provider's algebra of constraints against the registry's: same refusals, same meaning, same verdicts."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from tests.unit.model.test_arguments import SOME

from leasehold.model.access import Reach
from leasehold.model.arguments import alternatives_of
from leasehold.model.authority.order import MAX_POINTS, Verdict, covers
from leasehold.model.grants import Grant
from leasehold.model.plain import plain
from leasehold_provider import algebra
from leasehold_provider.constraints import check_written, name_suffix, same_constraints
from leasehold_provider.protocol import UNKNOWN

GRANTS = TypeAdapter(Grant)
ANSWERS = {Verdict.YES: True, Verdict.NO: False, Verdict.UNDECIDABLE: None}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([1e15, 1e16, 0.1, 1234567890123456, 10**30]),
    st.sampled_from(["", "a", "b*", "\u202e", "x" * 257]),
    st.lists(st.one_of(st.integers(0, 2), st.sampled_from(["", "a", "*"]), st.booleans()), max_size=3),
    st.just([f"v{at}" for at in range(20)]),
)
FORMS = ["one_of", "prefixes", "globs", "numbers", "boolean", "min", "max", "exact"]
ODD = st.dictionaries(st.sampled_from(FORMS), VALUES, max_size=2)


def written(declared):
    return {name: plain(one) for name, one in declared.items()}


def reach(alternatives):
    return [Reach("s", "t", "r:x", one) for one in alternatives]


@given(SOME, SOME)
@settings(deadline=None)
def test_both_say_the_same_of_any_two(wide, narrow):
    above = tuple(algebra.alternatives_of(written(wide)))
    for theirs, ours in zip(alternatives_of(narrow), algebra.alternatives_of(written(narrow)), strict=True):
        verdict = covers(reach(alternatives_of(wide)), reach([theirs]))
        assert algebra.covered(above, ours) is ANSWERS[verdict]


@given(SOME, SOME)
def test_what_means_the_same_is_no_difference(one, other):
    same = {*alternatives_of(one)} == {*alternatives_of(other)}
    assert same_constraints(written(one), written(other)) is same


@given(st.dictionaries(st.sampled_from(["amount", "é", "e\u0301", "a\u200b", ""]), ODD, max_size=2))
@settings(max_examples=300, deadline=None)
def test_what_the_registry_refuses_is_refused_before_it_is_asked(constraints):
    try:
        body = {"agent": "a", "scope": "s", "constraints": constraints}
        GRANTS.validate_json(json.dumps(body))
    except ValidationError:
        assert check_written(constraints) is not None
    else:
        assert check_written(constraints) is None


def test_too_much_to_compare_is_no_answer():
    names = "abcdefg"
    parts = [{name: {"min": at, "max": at + 2} for name in names} for at in range(6)]
    above = tuple(one for part in parts for one in algebra.alternatives_of(part))
    (whole,) = algebra.alternatives_of({name: {"min": 1, "max": 7} for name in names})
    assert algebra.covered(above, whole) is None
    assert algebra._POINTS == MAX_POINTS


@pytest.mark.parametrize("unknown", [UNKNOWN, {"amount": UNKNOWN}, {"amount": {"max": UNKNOWN}}])
def test_what_is_not_known_yet_is_neither_wrong_nor_the_same(unknown):
    known = {"amount": {"max": 1}}
    assert not same_constraints(unknown, known)
    assert name_suffix(known) == ",amount:..1"
