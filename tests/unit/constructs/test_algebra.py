"""The constructs' algebra of limits against the registry's: same meaning, same verdicts, same names."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.model.test_arguments import SOME, VALUES

from leasehold.model.access import Reach
from leasehold.model.arguments import alternatives_of, constraint_text
from leasehold.model.authority.order import MAX_POINTS, Call, Verdict, allows, covers
from leasehold.model.plain import plain
from leasehold_cdktf import algebra

ANSWERS = {Verdict.YES: True, Verdict.NO: False, Verdict.UNDECIDABLE: None}
ARGUMENTS = st.dictionaries(st.sampled_from(["amount", "table", "a,b"]), VALUES, max_size=3)


def written(declared):
    """As a synthesised stack has it: what is not given is not there."""
    return {name: {k: v for k, v in plain(one).items() if v not in (None, [])} for name, one in declared.items()}


def reach(alternatives):
    return [Reach("s", "t", "r:x", one) for one in alternatives]


@given(SOME, SOME)
@settings(deadline=None)
def test_both_say_the_same_of_any_two(wide, narrow):
    above = algebra.alternatives_of(written(wide))
    for theirs, ours in zip(alternatives_of(narrow), algebra.alternatives_of(written(narrow)), strict=True):
        verdict = covers(reach(alternatives_of(wide)), reach([theirs]))
        assert algebra.covered(above, ours) is ANSWERS[verdict]


@given(SOME, ARGUMENTS)
def test_both_admit_the_same_calls(declared, arguments):
    theirs = allows(reach(alternatives_of(declared)), Call("s", "t", "r:x", arguments))
    ours = any(algebra.admits(one, arguments) for one in algebra.alternatives_of(written(declared)))
    assert ours == theirs


@given(SOME)
def test_both_name_limits_alike(declared):
    assert algebra.constraint_text(written(declared)) == constraint_text(declared)


def test_too_much_to_compare_is_no_answer():
    names = "abcdefg"
    parts = [{name: {"min": at, "max": at + 2} for name in names} for at in range(6)]
    above = [one for part in parts for one in algebra.alternatives_of(part)]
    (whole,) = algebra.alternatives_of({name: {"min": 1, "max": 7} for name in names})
    assert algebra.covered(above, whole) is None
    assert algebra._POINTS == MAX_POINTS
