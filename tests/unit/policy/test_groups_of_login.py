"""Groups that come with a person: the user side asks for them, the agent side sees them, and nothing remembers them."""

from dataclasses import replace

import pytest
from tests.fakes.decision_world import (
    ANA,
    BILLING,
    BOB,
    ENTITIES,
    NOBODY,
    PERMISSIONS,
    PLAN,
    RELATIONSHIPS,
    agent_policy,
    call,
    entity,
    held,
    published,
    refund,
    user_policy,
)

from leasehold.model.decisions import Reason
from leasehold.model.entities import Entity, EntityRef, Relationship
from leasehold.policy.cedar.engines import engine_named
from leasehold.policy.deciding import decision_on
from leasehold.policy.explaining import explain
from leasehold.policy.possible import could_allow
from leasehold.policy.relating import StoredRelations

ENG = EntityRef("group", "okta/eng")
MAY = 'permit (principal in group::"okta/eng", action == Action::"billing/refund", resource);'
ENGINES = ("compiled", "cedarpy", "shadow")


def coming(request, *groups, user=BOB):
    return replace(request, user=Entity(ref=user, parents=frozenset(groups)))


def reason(request, version):
    return decision_on(request, version).reason


@pytest.mark.parametrize("engine", ENGINES)
def test_a_group_of_the_login_permits_as_long_as_it_comes(engine):
    version = published(user_policy(MAY), engine=engine_named(engine))
    for _ in range(2):
        assert reason(coming(refund(10)), version) is Reason.NOT_PERMITTED
        assert reason(coming(refund(10), ENG), version) is Reason.GRANTED
        assert reason(coming(refund(10), EntityRef("group", "other/eng")), version) is Reason.NOT_PERMITTED
        assert reason(coming(refund(10), EntityRef("group", "eng")), version) is Reason.NOT_PERMITTED


@pytest.mark.parametrize("engine", ENGINES)
def test_a_condition_sees_the_group_too(engine):
    asks = 'permit (principal, action == Action::"billing/refund", resource) when { principal in group::"okta/eng" };'
    version = published(user_policy(asks), engine=engine_named(engine))
    assert reason(coming(refund(10), ENG), version) is Reason.GRANTED
    assert reason(coming(refund(10)), version) is Reason.NOT_PERMITTED


@pytest.mark.parametrize("engine", ENGINES)
def test_a_group_forbids_on_either_side(engine):
    for text in (
        user_policy('forbid (principal in group::"okta/eng", action, resource);'),
        agent_policy(
            'forbid (principal, action == Action::"billing/refund", resource) when '
            '{ context has on_behalf_of && context.on_behalf_of in group::"okta/eng" };'
        ),
    ):
        version = published(text, engine=engine_named(engine))
        for _ in range(2):
            assert reason(coming(refund(10), user=ANA), version) is Reason.GRANTED
            assert reason(coming(refund(10), ENG, user=ANA), version) is Reason.FORBIDDEN


def test_the_registry_says_what_a_group_stands_for():
    """`group:support#member@group:okta/eng`: what lies above the group is the registry's alone."""
    world = (*ENTITIES, entity("group", "okta/eng", ("group", "support")))
    version = published(entities=world)
    assert reason(coming(refund(10), ENG), version) is Reason.GRANTED  # by the permission that group:support holds
    assert reason(coming(refund(10)), version) is Reason.NOT_PERMITTED


def test_a_group_holds_permissions_and_relations():
    version = published(permissions=held(ENG, PERMISSIONS[0]))
    assert reason(coming(refund(10), ENG), version) is Reason.GRANTED
    reads = user_policy(
        'permit (principal, action == Action::"docs/read", resource) '
        "when { resource is document && principal in resource.editor };"
    )
    shared = StoredRelations((*RELATIONSHIPS, Relationship(PLAN, "editor", ENG)))
    version = published(reads, relations=shared)
    assert reason(coming(call("docs/read", PLAN), ENG), version) is Reason.GRANTED
    assert reason(coming(call("docs/read", PLAN)), version) is Reason.NOT_PERMITTED


def test_a_group_makes_nobody_known():
    assert reason(coming(refund(10), ENG, user=NOBODY), published(user_policy(MAY))) is Reason.ENTITY_MISSING


def test_a_group_is_no_principal_of_the_agents_side():
    version = published(agent_policy(MAY, permits="beyond_grants"), grants=(), permissions=held(BOB, PERMISSIONS[0]))
    assert decision_on(coming(refund(10), ENG), version).sides[0].reason is Reason.NOTHING_GRANTED


@pytest.mark.parametrize(
    "name", ['okta/"); permit(principal,action,resource);//', "okta/../eng", "okta/eng ", "okta/a/b"]
)
def test_a_hostile_name_is_a_name(name):
    for engine in ENGINES:
        version = published(user_policy(MAY), engine=engine_named(engine))
        assert reason(coming(refund(10), EntityRef("group", name)), version) is Reason.NOT_PERMITTED


def test_lists_and_explanations_agree_with_decisions():
    version = published(user_policy(MAY))
    for groups, expected in (((ENG,), True), ((), False)):
        request = coming(refund(10), *groups)
        assert could_allow(request, str(BILLING), version) is expected
        assert explain(request, version).decision.allowed is expected
        assert [one.applied for one in explain(request, version).policies] == ([True] if groups else [])


def test_a_person_who_acts_for_themselves_brings_none():
    """Groups come in a token that an agent has for them; a call without one has no login behind it."""
    request = replace(refund(10), subject=Entity(ref=BOB, parents=frozenset({ENG})))
    version = published(user_policy(MAY))
    assert reason(request, version) is Reason.NOT_PERMITTED
    assert [one.applied for one in explain(request, version).policies] == []
