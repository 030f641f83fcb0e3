"""What decisions prepare and remember says what asking afresh would say: checks, standings, what policies look at."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.decision_world import (
    ANA,
    BOB,
    ENTITIES,
    GRANTS,
    MEMO,
    MONDAY,
    TRIAGE,
    agent_policy,
    call,
    entity,
    facts,
    held,
    published,
    user_policy,
)

from leasehold.model.access_requests import agent_ref
from leasehold.model.authority.constraints import admits, between, exact, glob, one_of, prefix
from leasehold.model.authority.constraints import number as number_of
from leasehold.model.decisions import Reason
from leasehold.model.entities import EntityRef
from leasehold.policy.argument_checks import check_of
from leasehold.policy.cedar import operations
from leasehold.policy.cedar.cedar_engine import CedarEngine
from leasehold.policy.cedar.evaluation import Query
from leasehold.policy.cedar.json_schema import arguments_shape
from leasehold.policy.cedar.known import Known
from leasehold.policy.cedar.mapping import ValueRefused, mapper_of
from leasehold.policy.cedar.reading import context_seen
from leasehold.policy.cedar.statements import statements_of
from leasehold.policy.cedar.values import EvaluationError, network
from leasehold.policy.deciding import decide, decision_on
from leasehold.policy.published import Standings
from leasehold.policy.publishing import publish
from leasehold.policy.surveying import who_can

SCOPE = '(principal, action == Action::"x", resource)'
LAW = settings(max_examples=400, deadline=None, derandomize=True)
numbers = st.integers(-3, 3) | st.sampled_from((Decimal("0.5"), Decimal("-1.5"), 2.5))
texts = st.text("ab*", min_size=1, max_size=4)
constraints = st.one_of(
    st.builds(exact, numbers | texts | st.booleans()),
    st.builds(one_of, st.lists(numbers | texts | st.booleans(), min_size=1, max_size=4)),
    st.builds(prefix, texts),
    st.builds(glob, texts),
    st.builds(
        lambda low, high: between(*sorted((low, high), key=number_of)),
        numbers,
        numbers,
    ),
    st.builds(lambda low: between(low, None), numbers),
    st.builds(lambda high: between(None, high), numbers),
)
values = st.one_of(
    numbers,
    st.floats(),
    texts,
    st.booleans(),
    st.none(),
    st.just([1]),
    st.just({}),
    st.integers(),
    st.text("ab", max_size=4),
)


@LAW
@given(constraints, values)
def test_a_prepared_check_admits_what_its_constraint_admits(constraint, value):
    assert check_of(constraint)(value) is admits(constraint, value)


def test_a_text_of_another_class_is_checked_like_any_text():
    class Text(str):
        __slots__ = ()

    assert check_of(prefix("sales_"))(Text("sales_q3"))
    assert not check_of(prefix("sales_"))(Text("hr"))
    assert check_of(exact("a"))(Text("a"))


@LAW
@given(st.sampled_from(("db", "db:x", "d", "")), st.sampled_from(("main", "x:main", ":", "")), texts)
def test_a_grant_on_all_of_a_type_reaches_what_its_pattern_covers(type_, id_, tail):
    version = published(grants=held(TRIAGE, ("warehouse", "query", "db:*", {}, "g")))
    said = decision_on(call(resource=EntityRef(type_, id_ + tail)), version).reason
    assert (said is Reason.GRANTED) is f"{type_}:{id_}{tail}".startswith("db:")


def test_a_second_question_is_answered_like_the_first():
    version = published(user_policy('permit (principal, action in Action::"*", resource);'))
    for asked in (call(user=ANA), call(user=BOB), call(subject=agent_ref("nobody-here"), user=ANA)):
        assert decision_on(asked, version) == decision_on(asked, version)
        assert type(decide(asked, version)) is type(decide(asked, version))


def test_an_outcome_that_is_settled_for_one_is_settled_for_nobody_else():
    version = published(user_policy(f'permit (principal == user::"{ANA.id}", action in Action::"*", resource);'))
    for _ in range(2):
        assert decision_on(call(user=ANA), version).allowed
        assert decision_on(call(user=BOB), version).sides[1].reason is Reason.NOT_PERMITTED


def test_another_version_remembers_nothing_of_this_one():
    version = published()
    assert decision_on(call(), version).allowed
    emptied = replace(version, facts=facts(grants=()))
    assert decision_on(call(), emptied).reason is Reason.NOTHING_GRANTED
    assert decision_on(call(), version).allowed


def test_what_is_remembered_of_standings_is_bounded_and_strangers_are_not_remembered():
    version = published()
    standings = Standings("agent", version.agents, version.facts.grants, version.facts.known)
    standings.limit = 1
    reading, refunding = (standings.on(version.actions[one]) for one in ("warehouse/query", "billing/refund"))
    first = reading[TRIAGE.id]
    assert reading["nobody-here"] is None
    assert len(reading) == 1
    assert reading[TRIAGE.id] is first
    assert refunding[TRIAGE.id] is not None
    assert (len(reading), len(refunding)) == (0, 1)
    assert reading[TRIAGE.id] is not first
    assert reading[TRIAGE.id] == first


def test_grants_of_a_role_are_replaced_and_taken_back():
    role = EntityRef("role", "crm-reader")
    before = facts(grants=held(TRIAGE, GRANTS[1]))
    with_role = before.regranted(role, held(role, GRANTS[0]))
    assert decision_on(call(), publish((), with_role)).allowed
    without = with_role.regranted(role, ())
    assert decision_on(call(), publish((), without)).reason is Reason.NOTHING_GRANTED
    assert without.grants.groups == frozenset()


@pytest.mark.parametrize(
    ("condition", "seen"),
    [
        ("context has a", {"a": set()}),
        ("context has a.b.c", {"a": {"b"}}),
        ("context.a.b", {"a": {"b"}}),
        ("context.a has b", {"a": {"b"}}),
        ("context.a.b == context.a.c", {"a": {"b", "c"}}),
        ("context has a && context.a", {"a": None}),
        ("context.a && context has a", {"a": None}),
        ("context.a == {b: 1}", {"a": None}),
        ("context == {a: 1}", None),
        ("principal == resource", {}),
    ],
)
def test_what_a_policy_looks_at_is_all_that_cedar_is_shown(condition, seen):
    (one,) = statements_of("d", f"permit {SCOPE} when {{ {condition} }};")
    found = context_seen([one.template])
    assert found == (None if seen is None else {n: None if f is None else frozenset(f) for n, f in seen.items()})


@pytest.mark.parametrize(
    "condition",
    [
        "context has a.b && context.a.b == 1",
        "context has d",
        "context.a has c.d",
        "context.a.c.d",
        "context.e.owner == 1",
        "context.e has owner",
        "context has e.owner",
        "context.a == {b: 1, c: {d: true}}",
        "context == {}",
        "context.n.isLoopback()",
        "context.b == 1",
        "context.b.c == 1",
    ],
)
@pytest.mark.parametrize("effect", ["permit", "forbid"])
def test_cedar_says_of_what_it_is_shown_what_it_says_of_all(condition, effect):
    ref = EntityRef("agent", "a")
    known = {ref: Known({"owner": 1}, frozenset())}
    context = {"a": {"b": 1, "c": {"d": True}}, "b": 1, "d": True, "e": ref, "n": network("127.0.0.1")}
    query = Query(ref, EntityRef("Action", "x"), EntityRef("db", "main"), context, known)
    text = f"{effect} {SCOPE} when {{ {condition} }};"
    every = f'forbid {SCOPE} when {{ context == {{never: "so"}} }};'  # it looks at the context as a whole
    alone = CedarEngine().prepare(statements_of("d", f'@id("one") {text}'))(query)
    whole = CedarEngine().prepare(statements_of("d", f'@id("one") {text} @id("every") {every}'))(query)
    assert alone == whole


def test_a_policy_that_asks_nothing_is_asked_once():
    class Counting(CedarEngine):
        asked = 0

        def prepare(self, policies):
            evaluate = super().prepare(policies)

            def counted(query):
                Counting.asked += 1
                return evaluate(query)

            return counted

    version = published(
        agent_policy('@id("x") permit (principal, action in Action::"*", resource);'), engine=Counting()
    )
    for _ in range(3):
        assert decision_on(call(), version).sides[0].determining == ("grant:triage/warehouse", "agents/x")
    assert Counting.asked == 1


def test_arguments_that_cedar_would_take_for_its_own_are_refused_even_if_a_tool_lists_them():
    shape = arguments_shape(json.loads('{"type": "object", "properties": {"a": {"type": "string"}}}'))
    listed = replace(shape, fields=(*shape.fields, ("__entity", shape.fields[0][1])))
    with pytest.raises(ValueRefused, match="Cedar's own"):
        mapper_of(listed)({"__entity": "x"})


def test_operations_take_the_long_way_too():
    for truth in (True, False):
        assert operations.boolean(truth) is truth
    with pytest.raises(EvaluationError):
        operations.boolean(1)
    assert operations.attribute({}, {"a": 1}, "a") == 1
    with pytest.raises(EvaluationError):
        operations.attribute({}, {"a": 1}, "b")


def test_everybody_under_the_same_policies_is_asked_the_same():
    other = agent_ref("scribe")
    both = facts(grants=[*held(TRIAGE, GRANTS[0]), *held(other, GRANTS[0])])
    forbid = 'forbid (principal, action in Action::"*", resource) when { context.depth > 1 };'
    ways = list(who_can("warehouse/query", publish([agent_policy(forbid)], both), MONDAY))
    assert [(way.holder, way.unless) for way in ways] == [(one, ("context.depth > 1",)) for one in (TRIAGE, other)]


CARL, DORA = EntityRef("user", "carl"), EntityRef("user", "dora")
SPOKEN = user_policy(
    'permit (principal == user::"ana", action == Action::"docs/read", resource);'
    'permit (principal in group::"support", action == Action::"docs/delete", resource);'
)


@pytest.mark.parametrize(
    "order", [*permutations((ANA, BOB, CARL, DORA))], ids=lambda order: "-".join(o.id for o in order)
)
def test_who_was_asked_before_gives_nobody_their_policies(order):
    people = (*(entity("user", one.id, ("group", "support")) for one in (ANA, CARL)), entity("user", "bob"))
    known = facts(entities=[*ENTITIES, *people, entity("user", "dora")], permissions=())
    version = publish([SPOKEN], known)
    may = {(ANA, "docs/read"), (ANA, "docs/delete"), (CARL, "docs/delete")}
    for who in order:
        for action in ("docs/read", "docs/delete"):
            decision = decision_on(call(action, MEMO, user=who), version)
            assert decision.sides[1].allowed is ((who, action) in may), (who, action)


def test_a_policy_that_asks_nothing_answers_for_no_other():
    version = published(
        user_policy(
            'permit (principal, action == Action::"docs/read", resource);'
            'forbid (principal, action == Action::"docs/read", resource) when { context.weekday == 7 };'
        ),
        permissions=(),
    )
    for at, reason in ((MONDAY, Reason.PERMITTED), (MONDAY - timedelta(days=1), Reason.FORBIDDEN)):
        assert decision_on(call("docs/read", MEMO, user=ANA, at=at), version).sides[1].reason is reason
