"""Agent side and user side: who is asked, what each says, and that both must say yes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.fakes.decision_world import (
    ANA,
    BOB,
    GRANTS,
    MAIN,
    MEMO,
    MONDAY,
    NOBODY,
    PLAN,
    TRIAGE,
    agent_policy,
    call,
    consented,
    entity,
    facts,
    held,
    published,
    refund,
    user_policy,
)

from leasehold.model.access_requests import action_name, agent_ref, user_ref
from leasehold.model.decisions import Reason
from leasehold.model.entities import Entity, EntityRef
from leasehold.model.policies import PolicyMode, PolicyPermits, PolicySide
from leasehold.policy import AccessDenied, AccessPermit, decide
from leasehold.policy.cedar.engines import engine_named
from leasehold.policy.deciding import decision_on
from leasehold.policy.publishing import publish

EVERY_CALL = 'forbid (principal, action in Action::"*", resource)'
ENGINES = ("compiled", "cedarpy", "shadow")


def reason(request, version):
    return decision_on(request, version).reason


def test_what_nobody_granted_is_denied():
    nothing = published(grants=())
    assert isinstance(decide(call(), nothing), AccessDenied)
    assert reason(call(), nothing) is Reason.NOTHING_GRANTED


def test_a_grant_alone_lets_an_autonomous_call_pass_and_says_which():
    answer = decide(call(), published())
    assert isinstance(answer, AccessPermit)
    (side,) = answer.decision.sides
    assert (side.side, side.allowed, side.determining) == (PolicySide.AGENT, True, ("grant:triage/warehouse",))


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (call(resource=EntityRef("repo", "web")), Reason.RESOURCE_NOT_GRANTED),
        (refund(51), Reason.ARGUMENTS_NOT_GRANTED),
        (refund(50), Reason.GRANTED),
        (call("docs/delete", PLAN), Reason.GRANTED),
        (call("docs/shred", PLAN), Reason.UNKNOWN_ACTION),
        (call(subject=agent_ref("stranger")), Reason.ENTITY_MISSING),
    ],
)
def test_a_grant_reaches_as_far_as_it_says(request_, expected):
    assert reason(request_, published()) is expected


def test_a_denial_says_which_grant_came_nearest_and_what_it_lacked():
    (side,) = decision_on(refund(51), published()).sides
    assert side.determining == ("grant:triage/billing",)
    assert side.detail == "arguments.amount"


def test_a_grant_ends_when_it_says():
    short = [replace(one, expires_at=MONDAY) for one in held(TRIAGE, *GRANTS)]
    version = published(grants=short)
    assert reason(call(at=MONDAY - timedelta(microseconds=1)), version) is Reason.GRANTED
    assert reason(call(at=MONDAY), version) is Reason.GRANT_EXPIRED


def test_a_role_can_hold_a_grant():
    version = published(grants=held(EntityRef("role", "crm-reader"), *GRANTS))
    assert reason(call(), version) is Reason.GRANTED
    assert reason(call(subject=agent_ref("stranger")), version) is Reason.ENTITY_MISSING


def test_grants_of_one_holder_are_replaced_without_loading_all():
    before = facts()
    after = before.regranted(TRIAGE, held(TRIAGE, GRANTS[1]))
    assert reason(call(), publish((), after)) is Reason.NOTHING_GRANTED
    assert reason(refund(1), publish((), after)) is Reason.GRANTED
    assert reason(call(), publish((), before)) is Reason.GRANTED


@pytest.mark.parametrize("engine", ENGINES)
def test_a_forbid_wins_over_any_grant(engine):
    version = published(agent_policy(f'@id("all") {EVERY_CALL};'), engine=engine_named(engine))
    (side,) = decision_on(call(), version).sides
    assert (side.reason, side.determining) == (Reason.FORBIDDEN, ("agents/all",))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_permit_says_when_a_grant_holds_and_never_grants(engine):
    permit = '@id("sales") permit (principal, action == Action::"warehouse/query", resource)'
    version = published(
        agent_policy(permit + ' when { context.input.table like "sales_*" };'), engine=engine_named(engine)
    )
    assert reason(call(), version) is Reason.GRANTED
    assert reason(call(arguments={"table": "hr_q3"}), version) is Reason.CONDITION_NOT_MET
    without = publish(version.texts, facts(grants=()))
    assert reason(call(), without) is Reason.NOTHING_GRANTED
    # It speaks of one tool, and leaves the others to their grants.
    assert reason(refund(1), version) is Reason.GRANTED


def test_only_a_document_that_says_so_grants_beyond_grants():
    permit = '@id("open") permit (principal in team::"payments", action == Action::"warehouse/query", resource);'
    version = publish([agent_policy(permit, permits=PolicyPermits.BEYOND_GRANTS)], facts(grants=()))
    decision = decision_on(call(), version)
    assert (decision.reason, decision.sides[0].determining) == (Reason.PERMITTED, ("agents/open",))
    assert reason(refund(1), version) is Reason.NOTHING_GRANTED


def test_both_sides_are_asked_and_both_must_allow():
    version = published()
    allowed = decision_on(refund(10, user=ANA), version)
    assert [side.reason for side in allowed.sides] == [Reason.GRANTED, Reason.GRANTED]
    only_agent = decision_on(refund(10, user=BOB), version)
    assert [side.reason for side in only_agent.sides] == [Reason.GRANTED, Reason.NOT_PERMITTED]
    only_user = decision_on(refund(99, user=ANA), version)
    assert [side.reason for side in only_user.sides] == [Reason.ARGUMENTS_NOT_GRANTED, Reason.GRANTED]
    neither = decision_on(refund(99, user=BOB), version)
    assert [side.allowed for side in neither.sides] == [False, False]
    assert [one.allowed for one in (allowed, only_agent, only_user, neither)] == [True, False, False, False]


def test_users_can_and_agents_acting_as_them_cannot_in_one_line():
    version = published(
        user_policy(
            'forbid (principal, action == Action::"billing/refund", resource) when { context has via_agent };',
        )
    )
    assert reason(refund(10, subject=ANA), version) is Reason.GRANTED
    assert reason(refund(10, user=ANA), version) is Reason.FORBIDDEN


def test_the_user_side_sees_which_agent_and_the_agent_side_for_whom():
    version = published(
        user_policy('forbid (principal, action in Action::"*", resource) when { context has via_agent && '
                    'context.via_agent.environment == "production" };'),
        agent_policy('forbid (principal, action in Action::"*", resource) when { context has on_behalf_of && '
                     'context.on_behalf_of.region == "US" };'),
    )  # fmt: skip
    assert [side.reason for side in decision_on(refund(1, user=ANA), version).sides] == [
        Reason.GRANTED,
        Reason.FORBIDDEN,
    ]
    assert decision_on(refund(1, user=BOB), version).sides[0].reason is Reason.FORBIDDEN
    assert reason(refund(1), version) is Reason.GRANTED


def test_a_person_alone_is_decided_by_the_user_side_alone():
    version = published(agent_policy(f"{EVERY_CALL};"))
    decision = decision_on(refund(10, subject=ANA), version)
    assert (decision.reason, [side.side for side in decision.sides]) == (Reason.GRANTED, [PolicySide.USER])


@pytest.mark.parametrize("user", [NOBODY, EntityRef("team", "payments")])
def test_a_person_whom_nobody_knows_is_denied_and_the_agent_side_is_on_record(user):
    decision = decision_on(refund(10, user=user), published())
    assert not decision.allowed
    assert decision.sides[0].reason is Reason.GRANTED
    assert decision.sides[1].reason in {Reason.ENTITY_MISSING, Reason.SCHEMA_VIOLATION}


def test_nobody_but_an_agent_acts_for_somebody():
    assert reason(refund(10, subject=ANA, user=BOB), published()) is Reason.SCHEMA_VIOLATION


def test_a_group_calls_no_tools():
    assert reason(refund(10, subject=EntityRef("group", "support")), published()) is Reason.SCHEMA_VIOLATION


def test_log_only_says_what_it_would_do_and_does_not_do_it():
    version = published(agent_policy(f"{EVERY_CALL};", mode=PolicyMode.LOG_ONLY))
    decision = decision_on(call(), version)
    assert (decision.allowed, decision.would_flip, decision.sides[0].would_allow) == (True, True, False)
    assert not decision_on(call(), published()).would_flip
    assert published().agents.slice_of(TRIAGE, frozenset(), version.actions["docs/read"]).trial is None


def test_log_only_beside_what_is_enforced():
    version = published(
        agent_policy('forbid (principal, action in Action::"*", resource) when { context.depth > 3 };'),
        agent_policy(f"{EVERY_CALL} when {{ context.depth > 0 }};", "try", mode=PolicyMode.LOG_ONLY),
    )
    assert [decision_on(call(chain=("a",) * depth), version).would_flip for depth in (0, 1, 4)] == [False, True, False]


def test_what_a_call_carries_can_be_seen_by_policies():
    conditions = (
        'context.source_ip.isInRange(ip("10.0.0.0/8"))',
        'context.oauth.consent && context.oauth.scopes.contains("mcp:tool:query:read")',
        'context.oauth.mode == "on_behalf_of"',
        'context.deployment == "triage"',
        'context.chain.contains(agent::"lead") && context.depth == 1',
        "context.weekday == 1",
        'context.now < datetime("2026-11-23T10:00:01Z")',
        'context.tool.server == "warehouse" && context.tool.read_only && !context.tool.idempotent',
        'context.caller.device.managed && context.caller.region == "EU"',
        'principal.owner == "maya" && principal in team::"payments" && principal in role::"crm-reader"',
    )
    permit = 'permit (principal, action == Action::"warehouse/query", resource) when {{ {} }};'
    guards = "context has source_ip && context has oauth && context has deployment && context has caller && "
    guards += "context.caller has device && context.caller.device has managed && context.caller has region && "
    full = call(
        source="10.1.2.3",
        oauth=consented("mcp:tool:query:read"),
        deployment="triage",
        chain=("lead",),
        context={"region": "EU", "device": {"managed": True, "colour": "red"}, "ticket": "T-1"},
    )
    for one in conditions:
        assert reason(full, published(agent_policy(permit.format(guards + one)))) is Reason.GRANTED, one


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": "10.0.0.0/8"},
        {"source": "not an address"},
        {"context": {"region": 5}},
        {"context": {"device": {"managed": "yes"}}},
        {"arguments": {"tabel": "x"}},
        {"arguments": {}},
        {"of": entity("document", "plan", pages="twelve")},
    ],
)
def test_what_the_schema_does_not_know_is_denied_whether_or_not_a_policy_looks(wrong):
    decision = decision_on(call(**wrong), published())
    assert decision.reason is Reason.SCHEMA_VIOLATION
    assert decision.detail
    assert "twelve" not in decision.detail


def test_what_the_registry_knows_overrules_what_the_caller_claims():
    version = published(
        agent_policy('forbid (principal, action == Action::"docs/read", resource is document) '
                     'when { resource.label == "public" };'),
    )  # fmt: skip
    claimed = entity("document", "plan", label="public", colour="red")
    assert reason(call("docs/read", of=claimed), version) is Reason.GRANTED
    unknown = entity("document", "draft", label="public")
    assert reason(call("docs/read", of=unknown), version) is Reason.FORBIDDEN
    assert reason(call("docs/read", EntityRef("document", "draft")), version) is Reason.EVALUATION_ERROR
    unseen = entity("repo", "web", label="public")
    assert reason(call("docs/read", of=unseen), version) is Reason.RESOURCE_NOT_GRANTED


def test_owners_and_those_it_is_shared_with_directly_by_a_group_or_a_folder():
    version = published(
        user_policy(
            'permit (principal, action == Action::"docs/read", resource is document) '
            "when { principal in resource.owner || principal in resource.viewer };"
        ),
        permissions=(),
    )
    readers = [(who, what) for who in (ANA, BOB) for what in (PLAN, MEMO)]
    allowed = [decision_on(call("docs/read", what, user=who), version).allowed for who, what in readers]
    assert allowed == [True, False, False, True]


def test_the_agent_side_sees_what_the_person_owns():
    version = published(
        agent_policy(
            'permit (principal, action == Action::"docs/read", resource is document) '
            "when { context has on_behalf_of && context.on_behalf_of in resource.owner };"
        )
    )
    sides = [decision_on(call("docs/read", PLAN, user=who), version).sides[0].reason for who in (ANA, BOB)]
    assert sides == [Reason.GRANTED, Reason.CONDITION_NOT_MET]
    assert reason(call("docs/read", PLAN), version) is Reason.CONDITION_NOT_MET
    assert decision_on(call("docs/read", PLAN, user=NOBODY), version).sides[0].reason is Reason.CONDITION_NOT_MET


def test_every_decision_names_the_version_and_the_same_policies_have_the_same():
    version = published(agent_policy(f"{EVERY_CALL};"))
    assert decision_on(call(), version).version == version.version == published(*version.texts).version
    assert published().version != version.version
    assert publish((), facts(), as_of="r12").version == f"{published().version}@r12"


def test_an_entity_that_nobody_knows_is_its_own_reason():
    version = published(
        user_policy(
            'forbid (principal, action == Action::"docs/read", resource is document) when { resource.pages > 100 };'
        )
    )
    bare = publish(version.texts, facts())
    lost = call("docs/read", EntityRef("document", "memory"), user=ANA)
    assert decision_on(lost, bare).sides[1].reason is Reason.EVALUATION_ERROR  # relations make it an entity
    without = published(*version.texts, relations=type(facts().relations)())
    assert decision_on(lost, without).sides[1].reason is Reason.ENTITY_MISSING


def test_whatever_is_thrown_at_it_a_decision_comes_out():
    class Broken(dict):
        def items(self):
            raise RuntimeError("a mapping that breaks")

    odd = [
        call(arguments=Broken()),
        replace(call(), at=MONDAY.replace(tzinfo=None)),
        replace(call(), subject=Entity(ref=EntityRef("agent", "\ud800"))),
    ]
    version = published(agent_policy(f'{EVERY_CALL} when {{ context.now < datetime("2000-01-01") }};'))
    decisions = [decision_on(one, version) for one in odd]
    assert not any(decision.allowed for decision in decisions)
    assert decisions[0].reason is Reason.EVALUATION_ERROR


def test_names_of_entities_are_made_in_one_place():
    assert (agent_ref("a"), user_ref("u")) == (EntityRef("agent", "a"), EntityRef("user", "u"))
    assert str(MAIN) == "db:main"
    assert action_name("docs", "read") == "docs/read"


def test_a_policy_may_look_at_the_context_as_a_whole():
    whole = 'forbid (principal, action == Action::"warehouse/query", resource) unless { [context].contains(context) };'
    assert reason(call(), published(agent_policy(whole))) is Reason.GRANTED
    tried = agent_policy(whole.replace("unless", "when"), "try", mode=PolicyMode.LOG_ONLY)
    assert decision_on(call(), published(tried)).would_flip
    assert decision_on(call(), published(tried, agent_policy(whole))).would_flip


def test_what_a_caller_may_say_besides_is_published_too():
    text = agent_policy('forbid (principal, action in Action::"*", resource) when { '
                        "context has caller && context.caller has risk && context.caller.risk > 7 };")  # fmt: skip
    schema = {"type": "object", "properties": {"risk": {"type": "integer"}}}
    version = publish([text], facts(), caller_schema=schema)
    assert reason(call(context={"risk": 8}), version) is Reason.FORBIDDEN
    assert reason(call(context={"risk": 7}), version) is Reason.GRANTED
    assert reason(call(context={"region": "EU"}), version) is Reason.SCHEMA_VIOLATION
    other = agent_policy("forbid (principal, action, resource) when { context.depth > 9 };")
    silent = publish([other], facts(), caller_schema={"type": "object", "additionalProperties": True})
    assert reason(call(context={"region": 5}), silent) is Reason.GRANTED
    assert publish((), facts(), caller_schema={"type": "object"}).version != silent.version
