"""Constraints as grants declare them: what is refused, what equals what, and how a grant's name says it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from leasehold.model.access import reach_of_grant, reach_of_scope
from leasehold.model.arguments import ArgumentConstraint, alternatives_of, constraint_text
from leasehold.model.authority.constraints import admits
from leasehold.model.authority.order import Verdict, covers
from leasehold.model.errors import InvalidValue
from leasehold.model.grants import Grant, grant_id
from leasehold.model.plain import plain
from leasehold.model.tools import Scope
from leasehold.store.specs import decode, encode

GRANTS = TypeAdapter(Grant)
EDGE = {"agent": "billing", "tool_server": "crm", "tools": ["refund"], "resources": ["crm:acme"]}
NUMBERS = st.one_of(st.integers(-99, 99), st.sampled_from([0.5, -0.25, 1e15, 1e-9, 2.0]))
TEXTS = st.text(st.sampled_from("ab*+,:=%/ é"), min_size=1, max_size=4)
DECLARED = st.one_of(
    st.frozensets(TEXTS, min_size=1, max_size=3).map(lambda v: ArgumentConstraint(one_of=v)),
    st.frozensets(TEXTS, min_size=1, max_size=2).map(lambda v: ArgumentConstraint(prefixes=v)),
    st.frozensets(TEXTS, min_size=1, max_size=2).map(lambda v: ArgumentConstraint(globs=v)),
    st.frozensets(NUMBERS, min_size=1, max_size=3).map(lambda v: ArgumentConstraint(numbers=v)),
    st.booleans().map(lambda v: ArgumentConstraint(boolean=v)),
    st.tuples(NUMBERS, NUMBERS).map(lambda v: ArgumentConstraint(min=min(v), max=max(v))),
    NUMBERS.map(lambda v: ArgumentConstraint(max=v)),
    NUMBERS.map(lambda v: ArgumentConstraint(min=v)),
)
VALUES = st.one_of(NUMBERS, TEXTS, st.booleans(), st.none(), st.just([]), st.just(float("inf")))
SOME = st.dictionaries(st.sampled_from(["amount", "table", "a,b", "a:b", "a=b", "é"]), DECLARED, max_size=3)


def parsed(**constraints: object) -> Grant:
    return GRANTS.validate_json(json.dumps({**EDGE, "constraints": constraints}))


@pytest.mark.parametrize(
    "constraint",
    [
        {},
        {"min": None},
        {"one_of": []},
        {"one_of": ["EUR"], "max": 50},
        {"boolean": True, "numbers": [1]},
        {"exact": "EUR"},
        {"max": "50"},
        {"max": True},
        {"numbers": ["1"]},
        {"numbers": [True]},
        {"boolean": "true"},
        {"boolean": 1},
        {"one_of": [1]},
        {"one_of": "EUR"},
        {"one_of": ["\u202eRUE"]},
        {"one_of": ["x" * 257]},
        {"one_of": [f"v{at}" for at in range(65)]},
        {"numbers": list(range(65))},
        {"prefixes": [f"v{at}" for at in range(17)]},
        {"prefixes": [""]},
        {"globs": [""]},
        {"globs": ["a\n*"]},
        {"min": 2, "max": 1},
        {"max": 10**400},
        {"max": 1234567890123456},
        {"max": 1e16},
        {"max": 1e-16},
        {"max": 50, "__extn": {"fn": "decimal", "arg": "60"}},
        {"range": {"max": 50}},
        [],
        "le 50",
        50,
        None,
    ],
)
def test_a_constraint_that_is_none_or_several_or_odd_is_refused(constraint):
    with pytest.raises(ValidationError):
        parsed(amount=constraint)


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_what_is_no_finite_number_is_refused(number):
    for field in ("min", "max"):
        with pytest.raises(InvalidValue, match="finite"):
            ArgumentConstraint(**{field: number})
    with pytest.raises(InvalidValue, match="finite"):
        ArgumentConstraint(numbers=frozenset({number}))


@pytest.mark.parametrize("name", ["", "x" * 129, "am\u200bount", "amount\n", "\ufb01le", "e\u0301", "\ud800"])
def test_an_argument_whose_name_cannot_be_read_is_refused(name):
    with pytest.raises(InvalidValue):
        Grant(agent="a", scope="s", constraints={name: ArgumentConstraint(max=1)})


def test_ten_thousand_constraints_are_refused_at_once():
    many = {f"a{at}": ArgumentConstraint(max=1) for at in range(10_000)}
    with pytest.raises(InvalidValue, match="at most 16 arguments"):
        Grant(agent="a", scope="s", constraints=many)


def test_alternatives_multiply_and_are_bounded():
    five = ArgumentConstraint(prefixes=frozenset("abcde"))
    with pytest.raises(InvalidValue, match="more than 16 combinations"):
        Grant(agent="a", scope="s", constraints={"x": five, "y": five})


def test_a_key_of_python_is_an_argument_like_any_other():
    grant = parsed(__extn={"max": 1}, __class__={"one_of": ["x"]}, constructor={"boolean": True})
    assert [name for name, _ in alternatives_of(grant.constraints)[0]] == ["__class__", "__extn", "constructor"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"max": 50}, {"max": 50.0}),
        ({"min": 0}, {"min": -0.0}),
        ({"numbers": [1, 2.0]}, {"numbers": [2, 1]}),
        ({"one_of": ["b", "a"]}, {"one_of": ["a", "b", "a"]}),
    ],
)
def test_one_meaning_has_one_spelling_once_it_is_read(one, other):
    assert parsed(x=one) == parsed(x=other)
    assert encode(parsed(x=one)) == encode(parsed(x=other))


@pytest.mark.parametrize(
    ("constraints", "said"),
    [
        ({}, ""),
        ({"amount": {"max": 50}}, ",amount:..50"),
        ({"amount": {"min": 0.5, "max": 50}}, ",amount:0.5..50"),
        ({"amount": {"min": 5, "max": 5}}, ",amount:5"),
        ({"amount": {"numbers": [5]}}, ",amount:5"),
        ({"amount": {"min": -1}}, ",amount:-1.."),
        ({"dry_run": {"boolean": True}}, ",dry_run:true"),
        ({"dry_run": {"one_of": ["true"]}}, ",dry_run=true"),
        ({"currency": {"one_of": ["USD", "EUR"]}}, ",currency=EUR+USD"),
        ({"table": {"prefixes": ["sales_", "finance_"]}}, ",table=finance_*+sales_*"),
        ({"table": {"globs": ["sales_*", "finance_**"]}}, ",table=finance_*+sales_*"),
        ({"table": {"one_of": ["sales_*"]}}, ",table=sales_%2A"),
        ({"b": {"max": 1}, "a": {"min": 2}}, ",a:2..,b:..1"),
        ({"a b/ü": {"one_of": ["x+y"]}}, ",a%20b%2F%C3%BC=x%2By"),
    ],
)
def test_the_name_of_a_grant_says_its_constraints(constraints, said):
    assert parsed(**constraints).id == f"billing/crm.refund@crm:acme{said}"


@given(SOME, SOME)
def test_two_names_are_one_only_if_the_constraints_mean_the_same(one, other):
    means = [set(alternatives_of(declared)) for declared in (one, other)]
    assert (constraint_text(one) == constraint_text(other)) == (means[0] == means[1])


@given(SOME)
def test_no_constraint_changes_the_name_of_another_edge(constraints):
    bare = grant_id("a", "b", frozenset({"t"}), frozenset({"r:x"}))
    named = grant_id("a", "b", frozenset({"t"}), frozenset({"r:x"}), constraints)
    assert (named == bare) == (not constraints)
    assert named.startswith(bare)
    assert len(named) <= 400
    assert named.isascii()
    assert " " not in named


@given(SOME)
def test_constraints_survive_the_store(constraints):
    grant = Grant(agent="a", scope="s", constraints=constraints)
    assert decode("grants", encode(grant)) == grant
    assert encode(decode("grants", encode(grant))) == encode(grant)


def limited(**declared: ArgumentConstraint) -> Grant:
    return Grant(agent="a", tool_server="s", tools=frozenset({"t"}), resources=frozenset({"r:x"}), constraints=declared)


def test_prefixes_are_alternatives_and_arguments_are_conditions():
    table = ArgumentConstraint(prefixes=frozenset({"sales_", "finance_"}))
    reach = list(reach_of_grant(limited(table=table, limit=ArgumentConstraint(max=10)), {}))
    assert [[name for name, _ in one.constraints] for one in reach] == [["limit", "table"]] * 2
    admitted = {
        text
        for text in ("sales_x", "finance_", "hr_x", 1)
        for one in reach
        if admits(dict(one.constraints)["table"], text)
    }
    assert admitted == {"sales_x", "finance_"}


SCOPED = Scope(
    tool_server="s",
    tools=frozenset({"t"}),
    resources=frozenset({"r:x", "r:y"}),
    constraints={"amount": ArgumentConstraint(max=100)},
)


@pytest.mark.parametrize(
    ("mine", "amounts"),
    [
        ({}, ["..100"]),
        ({"amount": ArgumentConstraint(max=50)}, ["..50"]),
        ({"amount": ArgumentConstraint(max=200)}, []),
        ({"amount": ArgumentConstraint(one_of=frozenset({"50"}))}, []),
        ({"currency": ArgumentConstraint(one_of=frozenset({"EUR"}))}, ["..100"]),
    ],
)
def test_a_grant_on_a_scope_narrows_it_or_reaches_nothing(mine, amounts):
    grant = Grant(agent="a", scope="s", resources=frozenset({"r:x"}), constraints=mine)
    found = list(reach_of_grant(grant, {"s": SCOPED}))
    assert [f"..{dict(one.constraints)['amount'].high}" for one in found] == amounts
    assert covers(reach_of_scope(SCOPED), found) is Verdict.YES


@given(SOME, SOME)
def test_a_grant_never_reaches_beyond_its_scope_nor_beyond_its_own_constraints(of_scope, of_grant):
    wild = {"allow_wildcard": True, "justification": "a test"}
    scope = Scope(tool_server="s", tools=frozenset({"*"}), resources=frozenset({"r:*"}), constraints=of_scope, **wild)
    grant = Grant(agent="a", scope="s", resources=frozenset({"r:a"}), constraints=of_grant)
    direct = Grant(
        agent="a", tool_server="s", tools=frozenset({"*"}), resources=frozenset({"r:a"}), constraints=of_grant, **wild
    )
    reach = list(reach_of_grant(grant, {"s": scope}))
    assert covers(reach_of_scope(scope), reach) is Verdict.YES
    assert covers(reach_of_grant(direct, {}), reach) is Verdict.YES


def test_the_plain_form_holds_every_default():
    assert plain(ArgumentConstraint(max=50.0)) == {
        "one_of": [], "prefixes": [], "globs": [], "numbers": [], "boolean": None, "min": None, "max": 50,
    }  # fmt: skip
