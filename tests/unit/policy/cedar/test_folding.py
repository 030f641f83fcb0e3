"""Partial evaluation: what is left, evaluated on any resource, says what the whole says."""

from random import Random

import cedarpy
import pytest
from cedarpy import pst
from tests.fakes.decision_world import MAIN, TRIAGE
from tests.policy_fuzz.cases import known_of, query_of
from tests.policy_fuzz.grammar import Grammar
from tests.policy_fuzz.mutants import the_real_ones

from leasehold.model.entities import EntityRef, Relationship
from leasehold.policy.cedar.compiler import expression, is_boolean
from leasehold.policy.cedar.evaluation import Query
from leasehold.policy.cedar.folding import FAILS, condition_of, folded, literal_of, looks_at_resource
from leasehold.policy.cedar.reading import rebuilt
from leasehold.policy.cedar.values import Fraction, Moment, Span, network, set_of
from leasehold.policy.explaining import text_of
from leasehold.policy.relating import StoredRelations


def outcome(of, query):
    try:
        return expression(of)(query)
    except Exception:  # noqa: BLE001  that it fails is the outcome
        return "fails"


def test_what_is_left_of_random_conditions_says_what_the_whole_says():
    grammar, ours, looked = Grammar(Random(5)), the_real_ones(), 0  # noqa: S311  repeatable on purpose
    for _ in range(250):
        world = grammar.world()
        query = query_of(ours, world, known_of(ours, world))
        try:
            whole = cedarpy.policies_to_pst(grammar.policy(0, wide=False)).static_policies["policy0"]
        except ValueError:
            continue
        # Where Cedar wants a boolean, as in a policy.
        condition = pst.BinaryOp("and", pst.BoolLit(value=True), condition_of(whole))
        left = folded(condition, query)
        looked += looks_at_resource(left)
        assert outcome(pst.BinaryOp("and", pst.BoolLit(value=True), left), query) == outcome(condition, query), text_of(
            left
        )
    assert looked > 25


@pytest.mark.parametrize(
    "value",
    [True, "x", 7, -7, EntityRef("A::B", "c"), Fraction(-1), network("10.0.0.0/8"), Span(-5), Moment(99),
     {"a": 1, "b": set_of([1, True])}, set_of([{"a": 1}])],
)  # fmt: skip
def test_a_literal_is_the_value(value):
    query = Query(TRIAGE, EntityRef("Action", "a"), MAIN, {}, {})
    assert expression(literal_of(value))(query) == value


def test_what_always_fails_is_kept_where_cedar_would_come_to_it():
    query = Query(TRIAGE, EntityRef("Action", "a"), MAIN, {}, {})

    def left(text):
        parsed = cedarpy.policies_to_pst(f"permit (principal, action, resource) when {{ {text} }};")
        return folded(parsed.static_policies["policy0"].clauses[0].expr, query)

    lost = "context.nothing == resource"
    assert left("context.nothing") == FAILS
    assert left(f"context.nothing && {lost}") == FAILS
    assert left(f"false && {lost}") == pst.BoolLit(value=False)
    assert left(f"true || {lost}") == pst.BoolLit(value=True)
    assert text_of(left("if context.nothing then resource.a else resource.b")).startswith("if ({}.fails) then")
    assert left("resource is db") == pst.BoolLit(value=True)
    assert left("!(resource is repo)") == pst.BoolLit(value=True)
    assert left("if resource is db then resource.a else resource.b") == pst.GetAttr(pst.Var("resource"), "a")
    assert left("if resource is repo then resource.a else resource.b") == pst.GetAttr(pst.Var("resource"), "b")
    assert isinstance(left("if resource.a then resource.b else resource.c"), pst.IfThenElse)
    assert left("true && resource.a") == pst.BinaryOp(
        "and", pst.BoolLit(value=True), pst.GetAttr(pst.Var("resource"), "a")
    )
    assert (
        text_of(left("[resource.a, context].contains({b: resource.c})")) == "[resource.a, {}].contains({b: resource.c})"
    )
    assert text_of(left("principal is agent in resource.team")) == 'agent::"triage" is agent in resource.team'
    assert not is_boolean(pst.Var("resource"))
    assert rebuilt(pst.Var("resource"), ()) == pst.Var("resource")


def test_an_expression_that_cedar_has_and_we_do_not_is_never_guessed():
    with pytest.raises(TypeError, match="no code for Slot"):
        expression(pst.Slot("principal"))


def test_relations_that_go_round_in_a_circle_end():
    a, b = EntityRef("folder", "a"), EntityRef("folder", "b")
    circle = StoredRelations(
        [Relationship(a, "viewer", b, through="viewer"), Relationship(b, "viewer", a, through="viewer")]
    )
    assert circle.held(frozenset({TRIAGE}), a) == frozenset()
    assert circle.held(frozenset({TRIAGE}), EntityRef("folder", "none")) == frozenset()
