"""Limits on arguments in drift and plan review: by meaning, both ways, in words that nobody can break out of."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.model.test_arguments import DECLARED
from tests.unit.review.test_hostile_strings import HOSTILE
from tests.unit.review.worlds import NOW, Registry, declare, drift, only, organisation, review

from leasehold.limit_words import limits_of
from leasehold.model.arguments import ArgumentConstraint
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.kinds import Kind
from leasehold.model.tools import Scope
from leasehold.review.declared import Declared
from leasehold.review.entitlements import beyond, entitlements, undecided
from leasehold.review.findings import DriftClass
from leasehold.review.quotation import quoted
from leasehold.review.worlds import World

BASE = {key: spec for key, spec in organisation().items() if key[0] not in {Kind.GRANTS, Kind.GRANT_SETS}}


def grant(**constraints: ArgumentConstraint) -> Grant:
    return Grant(
        agent="triage",
        tool_server="github",
        tools=frozenset({"create_issue"}),
        resources=frozenset({"repo:web"}),
        constraints=constraints,
    )


def at_most(number: float) -> ArgumentConstraint:
    return ArgumentConstraint(max=number)


def of(low: float, high: float) -> ArgumentConstraint:
    return ArgumentConstraint(min=low, max=high)


def having(*grants: Grant) -> Registry:
    registry = Registry()
    for kind, name in list(registry.stored):
        if kind in {Kind.GRANTS, Kind.GRANT_SETS}:
            registry.delete(kind, name)
    for one in grants:
        registry.write(Kind.GRANTS, one.id, one)
    return registry


def declaring(*grants: Grant) -> Declared:
    return declare(BASE | {(Kind.GRANTS, one.id): one for one in grants})


def by_class(report) -> dict[str, str]:
    return {one.class_.value: one.sentence for one in report.findings}


def test_a_hand_made_grant_is_told_with_its_limits():
    finding = only(drift(having(grant(amount=at_most(50))), declaring()))
    assert finding.class_ is DriftClass.UNMANAGED
    assert finding.sentence == "agent `triage` can now `create_issue` on `repo:web` where `amount` ≤ 50"
    assert finding.now_can[0].constraints == {"amount": {"range": {"max": 50}}}


def test_a_raised_limit_is_access_gained_and_none_lost():
    report = drift(having(grant(amount=at_most(60))), declaring(grant(amount=at_most(50))))
    assert by_class(report)["unmanaged"].endswith("where `amount` ≤ 60")
    assert [one.no_longer_can for one in report.findings] == [(), ()]


def test_a_lowered_limit_is_access_lost_and_none_gained():
    report = drift(having(grant(amount=at_most(40))), declaring(grant(amount=at_most(50))))
    assert by_class(report)["missing"].endswith("can no longer `create_issue` on `repo:web` where `amount` ≤ 50")
    assert [one.now_can for one in report.findings] == [(), ()]


def test_two_grants_that_together_are_the_declared_one_take_nothing_away_and_give_nothing():
    live = (grant(amount=of(0, 5)), grant(amount=of(5, 10)))
    report = drift(having(*live), declaring(grant(amount=of(0, 10))))
    assert [(one.now_can, one.no_longer_can) for one in report.findings] == [((), ())] * 3


def test_two_spellings_of_one_limit_are_equivalent():
    one = grant(path=ArgumentConstraint(prefixes=frozenset({"docs/"})))
    other = grant(path=ArgumentConstraint(globs=frozenset({"docs/*"})))
    assert one.id == other.id
    report = drift(having(one), declaring(other))
    assert report.findings == ()


SCOPED = {(Kind.GRANTS, "triage/issues"): Grant(agent="triage", scope="issues")}


@pytest.mark.parametrize(
    ("was", "now", "found"),
    [
        ({"amount": at_most(50)}, {"amount": at_most(60)}, DriftClass.WIDENED),
        ({"amount": at_most(50)}, {}, DriftClass.WIDENED),
        ({"amount": at_most(60)}, {"amount": at_most(50)}, DriftClass.NARROWED),
        ({}, {"amount": at_most(50)}, DriftClass.NARROWED),
        ({"amount": at_most(50)}, {"note": at_most(50)}, DriftClass.WIDENED),
        ({"amount": at_most(50)}, {"amount": at_most(50.0)}, None),
        ({"p": ArgumentConstraint(globs=frozenset({"a*"}))}, {"p": ArgumentConstraint(prefixes=frozenset("a"))}, None),
    ],
)
def test_a_scope_that_moved_is_widened_or_narrowed_by_its_limits(was, now, found):
    registry = having(SCOPED[Kind.GRANTS, "triage/issues"])
    registry.change(Kind.SCOPES, "issues", constraints=now)
    objects = BASE | SCOPED
    objects[Kind.SCOPES, "issues"] = replace(objects[Kind.SCOPES, "issues"], constraints=was)
    report = drift(registry, declare(objects))
    assert [one.class_ for one in report.findings if one.kind is Kind.SCOPES] == ([found] if found else [])


def test_a_ceiling_that_lost_its_limit_is_raised():
    registry = having()
    registry.write(Kind.CEILINGS, "payments", Ceiling(principal="team:payments", scopes=frozenset({"anything"})))
    capped = replace(BASE[Kind.SCOPES, "anything"], constraints={"amount": at_most(50)})
    report = drift(registry, declare(BASE | {(Kind.SCOPES, "anything"): capped}))
    assert [(one.class_, one.factors) for one in report.findings] == [(DriftClass.WIDENED, ("scope raised",))]


PARTS = [grant(**{name: of(at, at + 2) for name in "abcdefg"}) for at in range(6)]
WHOLE = grant(**{name: of(1, 7) for name in "abcdefg"})


def test_what_cannot_be_decided_is_reported_and_said_to_be_unproven():
    report = drift(having(WHOLE), declaring(*PARTS))
    (finding,) = [one for one in report.findings if one.name == WHOLE.id]
    assert finding.class_ is DriftClass.UNMANAGED
    assert finding.now_can
    assert "unproven" in finding.factors
    assert finding.sentence.endswith("(unproven: there are too many limits to compare)")
    (change,) = review(having(*PARTS), declaring(WHOLE)).access
    assert "unproven" in change.factors
    assert change.gains
    assert "unproven" in change.sentence


def test_a_plan_that_raises_a_limit_says_so():
    (change,) = review(having(grant(amount=at_most(50))), declaring(grant(amount=at_most(500)))).access
    assert change.sentence.startswith("agent `triage` can now `create_issue` on `repo:web` where `amount` ≤ 500")


def test_the_code_to_adopt_a_grant_holds_its_limits():
    live = grant(amount=at_most(49.5), path=ArgumentConstraint(prefixes=frozenset({"b/", 'a"${x}'})))
    hcl = only(drift(having(live), declaring())).fix.adopt_hcl
    assert "  constraints = {\n    amount = {\n      max = 49.5\n    }\n" in hcl
    assert 'prefixes = ["a\\"$${x}", "b/"]' in hcl


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        ({"exact": "50"}, "is `50`"),
        ({"exact": 50}, "is 50"),
        ({"exact": True}, "is true"),
        ({"one_of": ["a", "b"]}, "is `a` or `b`"),
        ({"one_of": [1, 2, 3, 4, 5]}, "is 1, 2, 3 or 2 more"),
        ({"prefix": "sales_"}, "begins with `sales_`"),
        ({"glob": "a*c"}, "is like `a*c`"),
        ({"range": {"max": 50}}, "≤ 50"),
        ({"range": {"min": 0.5}}, "≥ 0.5"),
        ({"range": {"min": 1, "max": 2}}, "is 1 to 2"),
    ],
)
def test_a_limit_in_words(constraint, words):
    assert limits_of({"x": constraint}, quoted) == f" where `x` {words}"


def test_many_limits_are_counted():
    found = limits_of({name: {"range": {"max": 1}} for name in "abcde"}, quoted)
    assert found == " where `a` ≤ 1, `b` ≤ 1, `c` ≤ 1 and 2 more arguments are limited"


@pytest.mark.parametrize("text", HOSTILE)
def test_names_and_values_stay_between_backticks(text):
    found = limits_of({text: {"one_of": [text, "plain"]}}, quoted)
    outside = "".join(piece for at, piece in enumerate(found.split("`")) if at % 2 == 0)
    assert outside == " where  is  or "
    assert found.isprintable()


@given(st.lists(DECLARED, min_size=1, max_size=3), st.lists(DECLARED, min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_nothing_is_beyond_only_if_every_limit_lies_within(wide, narrow):
    def held(limits):
        objects = BASE | {(Kind.GRANTS, one.id): one for one in (grant(x=limit) for limit in limits)}
        return entitlements(World(objects), "triage", NOW)

    assert beyond(held(wide), held([*wide, *narrow])) == frozenset()
    assert undecided(held(wide), held(narrow)) == frozenset()
    assert (beyond(held(narrow), held(wide)) == frozenset()) == (
        beyond(held([*wide, *narrow]), held(wide)) == frozenset()
    )


def test_a_scope_under_limits_is_held_under_a_ceiling_with_limits():
    tight = Scope(
        tool_server="github",
        tools=frozenset({"create_issue"}),
        resources=frozenset({"repo:web"}),
        constraints={"amount": at_most(10)},
    )
    objects = BASE | {(Kind.SCOPES, "tight"): tight}
    objects[Kind.CEILINGS, "payments"] = Ceiling(principal="team:payments", scopes=frozenset({"tight"}))
    for limit, allowed in ((at_most(10), 1), (at_most(11), 0)):
        world = World(objects | {(Kind.GRANTS, "g"): grant(amount=limit)})
        assert len(entitlements(world, "triage", NOW)) == allowed


def test_a_loss_that_leaves_something_limited_is_told_as_such():
    report = drift(having(grant(amount=at_most(50))), declaring(grant()))
    assert by_class(report)["missing"] == "agent `triage` can no longer `create_issue` on `repo:web` without limits"
    assert by_class(drift(having(grant()), declaring(grant(amount=at_most(50)))))["unmanaged"].endswith(
        "without limits"
    )
