"""Agents that act on behalf of people, as a durable relation: policies ask for it on either side; it grants nothing."""

from dataclasses import replace

import pytest
from tests.fakes.decision_world import (
    ANA,
    BILLING,
    BOB,
    MONDAY,
    RELATIONSHIPS,
    TRIAGE,
    agent_policy,
    call,
    facts,
    held,
    published,
    refund,
    user_policy,
)

from leasehold.model.decisions import Reason
from leasehold.model.entities import ACTS_ON_BEHALF_OF, Entity, EntityRef, Relationship
from leasehold.model.policies import PolicySide
from leasehold.policy.assessing import check
from leasehold.policy.cedar.engines import engine_named
from leasehold.policy.deciding import decision_on
from leasehold.policy.explaining import explain
from leasehold.policy.possible import could_allow
from leasehold.policy.proving.comparing import Comparison, Movement
from leasehold.policy.relating import StoredRelations

ENGINES = ("compiled", "cedarpy", "shadow")
BY_ANA = user_policy(
    'forbid (principal, action == Action::"billing/refund", resource) when { context has via_agent } '
    "unless { context.via_agent in principal.acts_on_behalf_of };"
)
BY_AGENT = agent_policy(
    'forbid (principal, action == Action::"billing/refund", resource) when { context has on_behalf_of } '
    "unless { principal in context.on_behalf_of.acts_on_behalf_of };"
)
SUPPORT, STAFF, OKTA = EntityRef("group", "support"), EntityRef("group", "staff"), EntityRef("group", "okta/eng")


BANNED = (
    "forbid (principal, action, resource) "
    "when { context has on_behalf_of && principal in context.on_behalf_of.banned };"
)


def acting(subject, target, through=None):
    return Relationship(target, ACTS_ON_BEHALF_OF, subject, through)


def world(*texts, relations=(), engine="compiled", **more):
    stored = StoredRelations((*RELATIONSHIPS, *relations))
    return published(*texts, relations=stored, engine=engine_named(engine), **more)


def reason(version, user=ANA, groups=(), **more):
    request = replace(refund(10, **more), user=Entity(ref=user, parents=frozenset(groups)) if user else None)
    return decision_on(request, version).reason


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("text", [BY_ANA, BY_AGENT])
def test_either_side_can_demand_that_it_holds(text, engine):
    assert reason(world(text, engine=engine)) is Reason.FORBIDDEN
    version = world(text, relations=[acting(TRIAGE, ANA)], engine=engine)
    for _ in range(2):
        assert reason(version) is Reason.GRANTED
    assert reason(world(text, relations=[acting(TRIAGE, BOB)], engine=engine)) is Reason.FORBIDDEN
    assert reason(world(text, relations=[acting(EntityRef("agent", "other"), ANA)], engine=engine)) is Reason.FORBIDDEN


@pytest.mark.parametrize("text", [BY_ANA, BY_AGENT])
@pytest.mark.parametrize("group", [SUPPORT, STAFF])
def test_who_acts_for_a_group_acts_for_whoever_is_in_it(text, group):
    version = world(text, relations=[acting(TRIAGE, group)])
    assert reason(version) is Reason.GRANTED
    assert reason(version, user=BOB) is not Reason.GRANTED


@pytest.mark.parametrize("text", [BY_ANA, BY_AGENT])
def test_a_group_of_the_login_counts_while_it_comes(text):
    more = {"permissions": held(BOB, ("billing", "*", "tool_server:billing", {}, "g"))}
    version = world(text, relations=[acting(TRIAGE, OKTA)], **more)
    for _ in range(2):
        assert reason(version, user=BOB, groups=[OKTA]) is Reason.GRANTED
        assert reason(version, user=BOB) is Reason.FORBIDDEN
        assert reason(version, user=BOB, groups=[EntityRef("group", "other/eng")]) is Reason.FORBIDDEN


@pytest.mark.parametrize("text", [BY_ANA, BY_AGENT])
def test_agents_have_it_by_their_team_or_as_members(text):
    assert reason(world(text, relations=[acting(EntityRef("team", "payments"), ANA)])) is Reason.GRANTED
    assert reason(world(text, relations=[acting(EntityRef("team", "other"), ANA)])) is Reason.FORBIDDEN
    bots = EntityRef("group", "bots")
    members = Relationship(bots, "member", TRIAGE)
    assert reason(world(text, relations=[acting(bots, ANA, "member"), members])) is Reason.GRANTED
    assert reason(world(text, relations=[acting(bots, ANA, "member")])) is Reason.FORBIDDEN


@pytest.mark.parametrize("text", [BY_ANA, BY_AGENT])
def test_it_is_no_person_that_a_person_is_related_to(text):
    """Ana's own relation to herself, or Bob's to her, is none of the agent's."""
    for subject in (ANA, BOB):
        assert reason(world(text, relations=[acting(subject, ANA)])) is Reason.FORBIDDEN


def test_it_grants_nothing():
    """Token and consent say who the person is; grants say what the agent may. The relation is asked for, or silent."""
    tie = [acting(TRIAGE, ANA), acting(TRIAGE, SUPPORT)]
    assert reason(world(relations=tie, grants=())) is Reason.NOTHING_GRANTED
    assert reason(world(relations=tie, permissions=())) is Reason.NOT_PERMITTED
    assert reason(world(relations=tie, permissions=()), user=None) is Reason.GRANTED  # by its own grant, for nobody


def test_autonomous_calls_have_nobody_to_act_for():
    for text, expected in ((BY_AGENT, Reason.GRANTED), (BY_ANA, Reason.GRANTED)):
        assert reason(world(text, relations=[acting(TRIAGE, ANA)]), user=None) is expected


def test_the_last_one_may_go_and_the_policy_holds_of_nobody():
    assert check([BY_ANA], facts(relations=StoredRelations())) == ()
    assert check([BY_AGENT], facts(relations=StoredRelations())) == ()
    assert reason(published(BY_ANA, relations=StoredRelations())) is Reason.FORBIDDEN
    misspelt = user_policy(BY_ANA.document.replace("principal.acts_on_behalf_of", "principal.acts_on_behalf"))
    assert "acts_on_behalf" in check([misspelt], facts())[0].message


def test_it_can_be_the_condition_of_a_grant():
    only = agent_policy(
        'permit (principal, action == Action::"billing/refund", resource) when '
        "{ context has on_behalf_of && principal in context.on_behalf_of.acts_on_behalf_of };"
    )
    assert reason(world(only)) is Reason.CONDITION_NOT_MET
    assert reason(world(only, relations=[acting(TRIAGE, ANA)])) is Reason.GRANTED


@pytest.mark.parametrize("engine", ENGINES)
def test_any_relation_to_people_can_be_asked_for(engine):
    text = agent_policy(BANNED)
    version = world(text, relations=[Relationship(ANA, "banned", TRIAGE)], engine=engine)
    assert reason(version) is Reason.FORBIDDEN
    assert reason(version, user=BOB) is not Reason.FORBIDDEN
    assert reason(world(text, engine=engine)) is Reason.GRANTED  # the last of them went


def test_groups_pass_on_this_relation_and_no_other():
    text = agent_policy(BANNED)
    assert reason(world(text, relations=[Relationship(SUPPORT, "banned", TRIAGE)])) is Reason.GRANTED


def test_a_person_that_is_the_resource_keeps_the_groups_that_came():
    """Else a policy about a group of the login were walked around by asking about oneself."""
    self_ = user_policy('forbid (principal, action, resource) when { principal in group::"okta/eng" };')
    tie = Relationship(BOB, "manager", ANA)
    more = {
        "grants": held(TRIAGE, ("docs", "*", "user:*", {}, "g")),
        "permissions": held(BOB, ("docs", "*", "user:*", {}, "g")),
    }
    version = world(self_, relations=[tie], **more)
    request = replace(call("docs/read", BOB), user=Entity(ref=BOB, parents=frozenset({OKTA})))
    assert decision_on(request, version).reason is Reason.FORBIDDEN
    assert decision_on(replace(request, user=Entity(ref=BOB)), version).reason is Reason.GRANTED


def test_lists_and_explanations_agree_with_decisions():
    for relations, expected in (((), False), ([acting(TRIAGE, ANA)], True)):
        version = world(BY_ANA, relations=relations)
        assert could_allow(refund(10, user=ANA), str(BILLING), version) is expected
        assert explain(refund(10, user=ANA), version).decision.allowed is expected


@pytest.mark.parametrize("text", [BY_ANA, BY_AGENT])
def test_no_proof_takes_the_relation_for_granted_or_for_missing(text):
    """It depends on who calls for whom: a change of such a policy is not proved, in either direction."""
    was, now = world(relations=[acting(TRIAGE, ANA)]), world(text, relations=[acting(TRIAGE, ANA)])
    side = text.side
    for old, new in ((was, now), (now, was)):
        proof = Comparison(old, new, MONDAY).proof(side, "billing/refund")
        assert proof.movement is Movement.UNPROVEN, proof
    named = user_policy(
        'forbid (principal, action == Action::"billing/refund", resource) when { context has via_agent && '
        '!(context.via_agent in user::"ana".acts_on_behalf_of) };'
    )
    proof = Comparison(was, world(named, relations=[acting(TRIAGE, ANA)]), MONDAY).proof(
        PolicySide.USER, "billing/refund"
    )
    assert proof.movement is Movement.UNPROVEN


def test_what_somebody_acts_for_can_be_listed():
    relations = StoredRelations([acting(TRIAGE, ANA), acting(EntityRef("team", "payments"), SUPPORT), *RELATIONSHIPS])
    who = frozenset({TRIAGE, EntityRef("team", "payments")})
    assert relations.targets(who, ACTS_ON_BEHALF_OF) == {ANA, SUPPORT}
    assert relations.targets(frozenset({TRIAGE}), ACTS_ON_BEHALF_OF) == {ANA}
    assert relations.targets(who, "owner") == relations.targets(who, "nothing") == frozenset()


def test_nobody_pays_for_what_no_policy_asks():
    version = world(relations=[acting(TRIAGE, ANA)])
    assert not version.to_people
    assert world(BY_ANA, relations=[acting(TRIAGE, ANA)]).to_people == {ACTS_ON_BEHALF_OF}
