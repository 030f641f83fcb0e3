"""What people ask besides "may they": why, what would pass, who can, which rows, and what another version would say."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.fakes.decision_world import (
    ANA,
    BOB,
    GRANTS,
    MONDAY,
    NOBODY,
    PLAN,
    TRIAGE,
    agent_policy,
    call,
    held,
    ids,
    published,
    refund,
    user_policy,
)

from leasehold.model.access_requests import agent_ref
from leasehold.model.decisions import Reason
from leasehold.model.entities import EntityRef
from leasehold.model.policies import PolicyMode, PolicyPermits, PolicySide
from leasehold.policy.changing import smallest_change
from leasehold.policy.deciding import decision_on
from leasehold.policy.explaining import ConditionTrace, explain
from leasehold.policy.replaying import compare, replay
from leasehold.policy.surveying import what_can, who_can

SALES = """@id("sales")
@advice("ask the data team")
permit (principal, action == Action::"warehouse/query", resource)
when { context.input.table like "sales_*" || context.input.table like "finance_*" }
unless { context.depth > 2 };
"""


# Why.


def test_an_explanation_shows_each_condition_and_whether_it_held():
    version = published(agent_policy("// first\n" + SALES))
    (trace,) = explain(call(arguments={"table": "hr"}), version).failing
    assert (trace.id, trace.document, trace.line, trace.side) == ("agents/sales", "agents", 2, PolicySide.AGENT)
    assert (trace.applied, trace.permits, trace.enforced, trace.advice) == (False, True, True, "ask the data team")
    assert trace.conditions == (
        ConditionTrace('(context.input.table like "sales_*") || (context.input.table like "finance_*")', held=False),
        ConditionTrace("!(context.depth > 2)", held=True),
    )


def test_parentheses_in_a_literal_stay_where_they_are():
    text = 'forbid (principal, action in Action::"docs/*", resource) when { principal.owner == "(a.b) \\"(c)" };'
    (trace,) = explain(call("docs/read", PLAN), published(agent_policy(text))).policies
    assert trace.conditions[0].text == 'principal.owner == "(a.b) \\"(c)"'


def test_an_explanation_tells_both_sides_and_log_only_policies_apart():
    version = published(
        agent_policy(SALES),
        agent_policy('@id("try") forbid (principal, action, resource);', "trial", mode=PolicyMode.LOG_ONLY),
        user_policy('@id("no") forbid (principal, action, resource) when { context has via_agent };'),
    )
    explained = explain(call(user=ANA), version)
    assert ids(explained.policies) == ["agents/sales", "trial/try", "users/no"]
    assert [trace.enforced for trace in explained.policies] == [True, False, True]
    assert ids(explained.failing) == ["users/no"]


def test_a_policy_that_failed_is_shown_as_neither_held_nor_not():
    text = (
        '@id("f") forbid (principal, action == Action::"docs/read", resource is document) when { resource.pages > 9 };'
    )
    explained = explain(call("docs/read", EntityRef("document", "lost")), published(agent_policy(text)))
    assert explained.failing[0].applied is None
    assert explained.failing[0].conditions[-1].held is None


@pytest.mark.parametrize("wrong", [call("docs/shred", PLAN), call(arguments={}), refund(1, user=NOBODY)])
def test_what_cannot_be_asked_is_explained_by_the_decision_alone(wrong):
    explained = explain(wrong, published())
    assert not explained.decision.allowed
    assert not explained.requestable
    assert explained.policies == ()


@pytest.mark.parametrize(
    ("request_", "texts", "expected"),
    [
        (refund(99), [], True),
        (refund(1), [], False),
        (call(resource=EntityRef("repo", "x")), [], True),
        (refund(1), [agent_policy("forbid (principal, action, resource);")], False),
        (refund(1), [agent_policy('@requestable("") forbid (principal, action, resource);')], True),
        (refund(99, user=BOB), [], True),
        (refund(99, user=ANA), [user_policy("forbid (principal, action, resource);")], False),
        (call(arguments={"table": "hr"}), [agent_policy("@requestable" + SALES)], True),
        (call(arguments={"table": "hr"}), [agent_policy(SALES)], False),
    ],
)
def test_a_denial_is_requestable_if_all_that_denies_may_be_asked_for(request_, texts, expected):
    assert explain(request_, published(*texts)).requestable is expected


# What would pass.


@pytest.mark.parametrize(
    ("request_", "texts", "expected"),
    [
        (refund(99), [], {"amount": 50}),
        (refund(50.5), [], {"amount": 50}),
        (refund(10), [], None),
        (call(arguments={"table": "q3"}), [agent_policy(SALES)], {"table": "finance_q3"}),
        (call(resource=EntityRef("repo", "x")), [agent_policy(SALES)], None),
        (call("docs/shred", PLAN), [], None),
    ],
)
def test_the_smallest_change_is_one_that_was_tried(request_, texts, expected):
    version = published(*texts)
    change = smallest_change(request_, version)
    assert change == expected
    if change and not decision_on(request_, version).allowed:
        changed = replace(request_, arguments={**request_.arguments, **change})
        assert decision_on(changed, version).allowed


def test_a_call_that_passes_needs_no_change():
    assert smallest_change(refund(10), published()) is None


@pytest.mark.parametrize(
    ("condition", "arguments", "expected"),
    [
        ("context.input has limit && context.input.limit < 100", {"limit": 500}, {"limit": 99}),
        ("context.input has limit && 100 <= context.input.limit", {"limit": 7}, {"limit": 100}),
        ('context.input.table == "audit"', {}, {"table": "audit"}),
        ('["a", "b"].contains(context.input.table)', {}, {"table": "a"}),
        ('context.input.table like "*_q1"', {"table": "x"}, {"table": "x_q1"}),
        ('context.input.table like "exact"', {"table": "x"}, {"table": "exact"}),
        ('context.input has limit && context.input.limit < 9 && context.input.table like "a*"', {"limit": 20},
         {"limit": 8, "table": "ax"}),
        ("context.input has dry && context.input.dry == true", {"dry": False}, {"dry": True}),
        ("context.input has limit && context.input.limit < context.depth + 5 && context.input.limit == 4", {"limit": 9},
         {"limit": 4}),
        ("context.depth == 7", {}, None),
    ],
)  # fmt: skip
def test_changes_come_from_what_policies_name(condition, arguments, expected):
    text = f'permit (principal, action == Action::"warehouse/query", resource) when {{ {condition} }};'
    assert smallest_change(call(arguments={"table": "x", **arguments}), published(agent_policy(text))) == expected


def test_a_change_of_money_is_the_nearest_that_passes():
    text = 'permit (principal, action == Action::"billing/refund", resource) when {{ {} }};'
    below = agent_policy(text.format('context.input.amount.lessThan(decimal("20.5"))'))
    assert smallest_change(refund(Decimal("30.25")), published(below)) == {"amount": Decimal("20.4999")}
    members = held(TRIAGE, ("billing", "refund", "*", {"amount": {"one_of": [5, 10]}}, "g"))
    assert smallest_change(refund(30), published(grants=members)) == {"amount": 10}
    flag = text.format("if context.depth == 0 then false == (context.depth == 1) else true")
    assert smallest_change(refund(99), published(agent_policy(flag))) == {"amount": 50}
    odd = text.format('context.input.amount.lessThan(decimal("20.0")) && "1" like "1"')
    assert smallest_change(refund(30), published(agent_policy(odd))) == {"amount": Decimal("19.9999")}


def test_a_change_can_fit_a_pattern_of_a_grant():
    globbed = held(TRIAGE, ("warehouse", "query", "db:*", {"table": {"glob": "a*b*c"}}, "g"))
    assert smallest_change(call(arguments={"table": "x"}), published(grants=globbed)) == {"table": "axbc"}
    missing = replace(call(arguments={"table": 5}))
    assert smallest_change(missing, published(grants=globbed)) is None


# Who can, what can.


def test_who_can_names_every_holder_with_what_is_asked_of_it():
    version = published(agent_policy(SALES), agent_policy(
        'forbid (principal, action in Action::"*", resource) when { context.depth > 1 };', "deep"
    ))  # fmt: skip
    (found,) = who_can("warehouse/query", version, MONDAY)
    assert (found.side, found.holder, found.grant, found.resource) == (
        PolicySide.AGENT,
        TRIAGE,
        "triage/warehouse",
        "db:*",
    )
    assert found.unless == ("context.depth > 1",)
    assert 'context.input.table like "sales_*"' in found.when[0]
    assert list(who_can("warehouse/query", version, MONDAY, "repo:web")) == []
    assert len(list(who_can("warehouse/query", version, MONDAY, "db:main"))) == 1
    assert list(who_can("nothing/there", version, MONDAY)) == []


def test_who_can_leaves_out_what_has_ended_and_what_is_forbidden_whatever_is_asked():
    version = published(agent_policy('forbid (principal in role::"crm-reader", action, resource);'))
    assert list(who_can("warehouse/query", version, MONDAY)) == []
    ended = [replace(one, expires_at=MONDAY) for one in held(TRIAGE, *GRANTS)]
    assert list(who_can("warehouse/query", published(grants=ended), MONDAY)) == []
    assert len(list(who_can("warehouse/query", published(grants=ended), MONDAY - timedelta(1)))) == 1


def test_who_can_names_what_policies_grant_by_themselves():
    version = published(
        user_policy('@id("owners") permit (principal, action == Action::"docs/read", resource is document) '
                    'when { principal in resource.owner }; @id("ana") permit (principal == user::"ana", '
                    'action == Action::"docs/read", resource);'),
        agent_policy('@id("b") permit (principal in team::"payments", action in Action::"docs/*", resource);',
                     permits=PolicyPermits.BEYOND_GRANTS),
        user_policy('permit (principal, action == Action::"docs/read", resource);', "trial", mode=PolicyMode.LOG_ONLY),
    )  # fmt: skip
    found = {one.policy: one for one in who_can("docs/read", version, MONDAY) if one.policy}
    assert set(found) == {"users/owners", "users/ana", "agents/b"}
    assert found["users/owners"].when == ("(resource is document) && (principal in resource.owner)",)
    assert (found["users/ana"].holder, found["users/ana"].scope) == (ANA, "= user:ana")
    assert (found["agents/b"].scope, found["agents/b"].resource) == ("in team:payments", "*")


def test_what_a_policy_lets_somebody_do_is_told_with_what_forbids_it():
    may = 'permit (principal, action == Action::"docs/read", resource);'
    forbids = (
        'forbid (principal in group::"staff", action in Action::"docs/*", resource) when { context has via_agent };'
    )
    found = [*who_can("docs/read", published(user_policy(may + forbids)), MONDAY)]
    (way,) = (one for one in found if one.policy)
    assert way.unless == ('(principal in group::"staff") && (context has via_agent)',)
    nobody = published(user_policy(may + "forbid (principal, action, resource);"))
    assert not [one for one in who_can("docs/read", nobody, MONDAY) if one.policy]


def test_what_an_agent_can_is_what_it_and_its_roles_hold():
    roles = held(EntityRef("role", "crm-reader"), GRANTS[0])
    version = published(grants=[*held(TRIAGE, *GRANTS[1:]), *roles])
    found = {(one.action, one.resource) for one in what_can(TRIAGE, version, MONDAY)}
    assert found == {
        ("warehouse/query", "db:*"),
        ("billing/refund", "tool_server:billing"),
        ("docs/read", "document:*"),
        ("docs/delete", "document:*"),
    }
    assert list(what_can(agent_ref("stranger"), version, MONDAY)) == []
    assert {one.side for one in what_can(ANA, version, MONDAY)} == {PolicySide.USER}
    unconditional = published(agent_policy(SALES), agent_policy(
        'permit (principal, action == Action::"warehouse/query", resource);', "all"
    ))  # fmt: skip
    assert next(iter(who_can("warehouse/query", unconditional, MONDAY))).when == ()


# Another version.


def test_replaying_lists_what_turns_round_and_which_way():
    old = published()
    new = published(agent_policy(SALES))
    requests = [call(), call(arguments={"table": "hr"}), refund(1)]
    recorded = [(one, decision_on(one, old)) for one in requests]
    (flip,) = replay(recorded, new)
    assert (flip.request, flip.before.allowed, flip.after.reason) == (requests[1], True, Reason.CONDITION_NOT_MET)
    assert not flip.widens
    assert [one.widens for one in compare(requests, new, old)] == [True]
    assert list(replay(recorded, old)) == []
