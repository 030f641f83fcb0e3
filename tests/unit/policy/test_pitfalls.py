"""Each way in which a policy engine on Cedar was seen to go wrong, by name, with what happens here."""

import cedarpy
import pytest
from tests.fakes.decision_world import (
    MAIN,
    TOOLS,
    TRIAGE,
    agent_policy,
    call,
    entity,
    facts,
    held,
    published,
    refund,
    user_policy,
)

from leasehold.model.decisions import Reason
from leasehold.model.entities import EntityRef
from leasehold.policy.assessing import check
from leasehold.policy.cedar.cedar_engine import CedarEngine
from leasehold.policy.cedar.contexts import by_query
from leasehold.policy.cedar.engines import CompiledEngine, ShadowEngine, engine_named
from leasehold.policy.cedar.evaluation import Query
from leasehold.policy.cedar.known import Known
from leasehold.policy.cedar.statements import DocumentRefused, statements_of
from leasehold.policy.deciding import decision_on
from leasehold.policy.material import FactsRefused, facts_of
from leasehold.policy.publishing import publish

ENGINES = [CompiledEngine(), CedarEngine(), engine_named("shadow")]
QUERY = 'action == Action::"warehouse/query"'


def reason(request, version):
    return decision_on(request, version).reason


def messages(text, **more):
    return [str(problem) for problem in check([text], facts(**more))]


def evaluated(engine, document, query):
    return engine.prepare(statements_of("d", document))(query)


def question(context, **entities):
    return Query(TRIAGE, EntityRef("Action", "a"), MAIN, context, dict(entities.values()))


# 1. A forbid that errors is skipped by Cedar, and the call goes through.


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_a_forbid_that_cannot_be_evaluated_denies(engine):
    verdict = evaluated(
        engine,
        'permit (principal, action == Action::"a", resource); @id("f") forbid (principal, action, resource) '
        "when { context.risk > 5 };",
        question({"risk": "9"}),
    )
    assert verdict.permitted
    assert verdict.failed == ("d/f",)
    # No verdict with a failure in it is ever a yes.
    foreign = "entity user; action look appliesTo { principal: user, resource: user, context: { risk?: Long } };"
    version = publish(
        [user_policy('permit (principal, action == Action::"look", resource);', schema=foreign)],
        facts(entities=[entity("user", "u")]),
        engine,
    )
    assert version.application is not None


def test_an_error_at_run_time_is_a_denial_with_its_own_reason():
    version = published(
        agent_policy('@id("f") forbid (principal, action == Action::"docs/read", resource is document) '
                     "when { resource.pages > 100 };"),
    )  # fmt: skip
    decision = decision_on(call("docs/read", EntityRef("document", "lost")), version)
    assert (decision.reason, decision.sides[0].failed) == (Reason.EVALUATION_ERROR, ("agents/f",))


# 2. A question that Cedar refuses is no decision at all.


def test_a_question_that_cedar_refuses_fails_every_policy_and_is_no_passing_denial():
    verdict = evaluated(
        CedarEngine(),
        '@id("p") permit (principal, action == Action::"a", resource) when { context.n == 1 };',
        question({"n": 1 << 70}),
    )
    assert verdict.failed == ("d/p",)
    assert not verdict.permitted


# 3. Entities that were read without the schema are not looked at again.


def test_entities_of_one_type_have_attributes_of_one_type_before_anything_is_published():
    with pytest.raises(FactsRefused, match=r"`document` differ: `pages`: a Long here and a String there"):
        facts_of(entities=[entity("document", "a", pages=1), entity("document", "b", pages="1")])


def test_an_attribute_that_some_lack_is_optional_to_every_policy():
    bare = (*facts().known, entity("document", "x"))[-1:]
    world = [entity("agent", "triage"), entity("document", "a", pages=1), *bare]
    forbid = 'forbid (principal, action == Action::"docs/read", resource is document) when { resource.pages > 1 };'
    assert (
        "unable to guarantee safety of access to optional attribute `pages`"
        in messages(agent_policy(forbid), entities=world, relations=type(facts().relations)())[0]
    )


# 6. What only a schema notices.


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ('context.nothing in ["a"]', "attribute `nothing` in context"),
        ('context.input.tabel like "x"', "did you mean `table`?"),
        ("context.input.limit <= 50", "unable to guarantee safety of access to optional attribute `input.limit`"),
        ('context.input.table <= "x"', "unexpected type"),
        ('ip("300.0.0.1").isIpv4()', "agents:1"),
        ('context.input.extra == "x"', "attribute `input.extra`"),
    ],
)
def test_a_policy_that_would_fail_at_run_time_is_never_published(condition, said):
    text = agent_policy(f"forbid (principal, {QUERY}, resource) when {{ {condition} }};")
    assert said in "; ".join(messages(text))
    with pytest.raises(DocumentRefused):
        published(text)


# 7. Permits without an action.


def test_a_permit_names_its_actions():
    assert "a permit names its actions" in messages(agent_policy("permit (principal, action, resource);"))[0]
    assert messages(agent_policy("forbid (principal, action, resource);")) == []


# 8. Ids by position, and errors that quote everything.


def test_policies_go_by_ids_that_do_not_move():
    forbid = f"forbid (principal, {QUERY}, resource);"
    alone = published(agent_policy(forbid))
    (derived,) = alone.policies
    below = published(agent_policy(f'@id("first") forbid (principal, {QUERY}, resource) when {{ false }};\n{forbid}'))
    assert set(below.policies) == {"agents/first", derived}
    assert [decision_on(call(), one).sides[0].determining for one in (alone, below)] == [(derived,)] * 2


def test_an_id_is_given_once():
    twice = f'@id("a") forbid (principal, {QUERY}, resource);\n@id("a") forbid (principal, action, resource);'
    assert messages(agent_policy(twice)) == ["agents:2: `agents/a` is on line 1 already: ids are unique"]
    assert "an `@id` is 1-63 letters" in messages(agent_policy(f'@id("a b") forbid (principal, {QUERY}, resource);'))[0]


def test_nothing_that_cedar_says_about_values_reaches_a_decision():
    forbid = f'forbid (principal, {QUERY}, resource is db) when {{ resource.secret == "x" }};'
    world = [entity("agent", "triage", password="hunter2"), entity("db", "other", secret="tell-tale")]
    for engine in ENGINES:
        version = publish([agent_policy(forbid)], facts(entities=world), engine)
        said = repr(decision_on(call(), version))
        assert Reason.ENTITY_MISSING.value in said or Reason.EVALUATION_ERROR.value in said
        assert "hunter2" not in said
        assert "tell-tale" not in said


# 9. `like` takes no dynamic pattern, so prefixes of grants are no policies here.


def test_a_prefix_of_a_grant_is_a_row_and_its_star_is_no_wildcard():
    grants = [("warehouse", "query", "db:*", {"table": {"prefix": "sales*"}}, "g")]
    version = published(grants=held(TRIAGE, *grants))
    allowed = [decision_on(call(arguments={"table": one}), version).allowed for one in ("sales*_q", "sales_q")]
    assert allowed == [True, False]


# 10. An index that misses a policy.


@pytest.mark.parametrize(
    "scope",
    [
        "principal, action, resource",
        'principal == agent::"triage", action, resource',
        'principal in agent::"triage", action, resource',
        'principal in role::"crm-reader", action, resource',
        "principal is agent, action, resource",
        'principal is agent in team::"payments", action, resource',
        'principal, action in Action::"read", resource',
        'principal, action in Action::"warehouse/*", resource',
        'principal, action in [Action::"write", Action::"warehouse/query"], resource',
        f'principal, {QUERY}, resource == db::"main"',
        f"principal, {QUERY}, resource is db",
    ],
)
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_every_scope_that_holds_is_found(scope, engine):
    version = published(agent_policy(f"forbid ({scope});"), engine=engine)
    assert reason(call(), version) is Reason.FORBIDDEN
    assert reason(refund(1), version) is (
        Reason.FORBIDDEN if "action," in scope or "write" in scope else Reason.GRANTED
    )


def test_another_hierarchy_is_another_index():
    text = agent_policy('forbid (principal in role::"crm-reader", action, resource);')
    assert reason(call(), published(text)) is Reason.FORBIDDEN
    promoted = [entity("agent", "triage", ("role", "writer"))]
    assert reason(call(), published(text, entities=promoted)) is Reason.GRANTED
    nested = [entity("agent", "triage", ("role", "writer")), entity("role", "writer", ("role", "crm-reader"))]
    assert reason(call(), published(text, entities=nested)) is Reason.FORBIDDEN


# 11. Python is not Cedar: the fuzzer looks for more of these.


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("true == 1", False),
        ("[true].contains(1)", False),
        ("[1, 1] == [1]", True),
        ('decimal("1.0") == decimal("1.00")', True),
        ('[decimal("0.0001")].contains(1)', False),
        ('"a\\n" like "a"', False),
        ('{a: 1, "b": [true]} == {"b": [true], a: 1}', True),
        ("[{a: 1}].contains({a: true})", False),
        ("9223372036854775807 == 9223372036854775807", True),
    ],
)
def test_values_are_cedars_and_not_pythons(condition, holds):
    permit = f'permit (principal, action == Action::"a", resource) when {{ {condition} }};'
    for engine in ENGINES:
        assert bool(evaluated(engine, permit, question({})).permitted) is holds


def test_an_integer_that_overflows_fails_the_policy():
    permit = (
        '@id("o") permit (principal, action == Action::"a", resource) when { 9223372036854775807 + context.n > 0 };'
    )
    for engine in ENGINES:
        assert evaluated(engine, permit, question({"n": 1})).failed == ("d/o",)


# 12 is the doors': who may search. What follows is ours.


def test_two_engines_that_disagree_deny_and_somebody_hears_of_it():
    class Generous:
        name = "generous"

        def prepare(self, policies):
            return lambda _query: CompiledEngine().prepare(policies)(_query)._replace(forbidden=())

        def fuse(self, _policies, evaluate):
            return by_query(evaluate, None)

    heard = []
    version = published(
        agent_policy('@id("all") forbid (principal, action, resource);'),
        engine=ShadowEngine(Generous(), CedarEngine(), heard.append),
    )
    assert reason(call(), version) is Reason.ENGINES_DISAGREE
    assert heard == [("agents/all",)]


def test_a_policy_that_cannot_be_parsed_says_so_and_replaces_nothing():
    live = published()
    with pytest.raises(DocumentRefused):
        live = published(agent_policy("permit ("))
    assert reason(call(), live) is Reason.GRANTED


def test_what_a_policy_says_is_never_read_as_python():
    evil = "__import__('os').system('x') #\\\"] + [ K0"
    document = f'permit (principal, action == Action::"a", resource) when {{ context["{evil}"] == "{evil}" }};'
    raw = evil.replace('\\"', '"')
    for engine in ENGINES:
        assert evaluated(engine, document, question({raw: raw})).permitted
    assert cedarpy.PolicySet.from_str(document) is not None


def test_a_policy_as_deep_as_may_be_is_compiled():
    deep = "!(" * 44 + "context.b" + ")" * 44
    document = f'permit (principal, action == Action::"a", resource) when {{ {deep} }};'
    assert evaluated(CompiledEngine(), document, question({"b": True})).permitted


def test_an_entity_without_a_known_attribute_fails_and_one_that_nobody_knows_is_missing():
    document = '@id("x") forbid (principal, action == Action::"a", resource) when { principal.owner == "x" };'
    for engine in ENGINES:
        unknown = evaluated(engine, document, question({}))
        bare = evaluated(engine, document, question({}, one=(TRIAGE, Known({}, frozenset()))))
        assert (unknown.failed, unknown.missing) == (("d/x",), True)
        assert (bare.failed, bare.missing) == (("d/x",), False)


def test_a_tool_without_a_schema_shows_policies_nothing_and_takes_everything():
    assert (
        reason(call("docs/delete", EntityRef("document", "x"), arguments={"a": [1.5, None]}), published())
        is Reason.GRANTED
    )
    assert TOOLS[3].input_schema is None
