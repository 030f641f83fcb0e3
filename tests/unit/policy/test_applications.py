"""Other applications' questions: subjects, actions and resources of any type, under a schema that they bring."""

import pytest
from tests.fakes.decision_world import ENTITIES, MONDAY, TRIAGE, agent_policy, call, entity, facts, user_policy

from leasehold.model.access_requests import AccessRequest
from leasehold.model.decisions import Reason
from leasehold.model.entities import Entity, EntityRef, Relationship
from leasehold.model.policies import PolicyPermits, PolicySide
from leasehold.policy.assessing import check
from leasehold.policy.cedar.engines import engine_named
from leasehold.policy.deciding import decision_on
from leasehold.policy.publishing import publish
from leasehold.policy.relating import StoredRelations

SCHEMA = """
entity role;
entity user in [role] = { email: String, level?: Long };
entity todo = { ownerID: String };
entity agent in [role] = {};
action change;
action can_read_todos, can_create_todo appliesTo { principal: [user, agent], resource: [user, todo], context: {} };
action can_delete_todo in [change] appliesTo {
  principal: [user, agent], resource: todo, context: { via_agent?: agent, on_behalf_of?: user, reason?: String }
};
"""
POLICIES = """
@id("read") permit (principal, action == Action::"can_read_todos", resource);
@id("create") permit (principal in role::"editor", action == Action::"can_create_todo", resource);
@id("delete") permit (principal is user in role::"editor", action == Action::"can_delete_todo", resource is todo)
when { principal.email == resource.ownerID };
@id("admin") permit (principal in role::"admin", action in Action::"change", resource is todo);
"""
PEOPLE = (
    entity("user", "rick", ("role", "admin"), email="rick@example.com"),
    entity("user", "morty", ("role", "editor"), email="morty@example.com"),
    entity("user", "beth", ("role", "viewer"), email="beth@example.com"),
    entity("agent", "triage", ("role", "editor")),
)


@pytest.fixture(params=["compiled", "cedarpy", "shadow"])
def version(request):
    return publish([user_policy(POLICIES, schema=SCHEMA)], facts(entities=PEOPLE), engine_named(request.param))


def ask(who, action, resource, **more):
    subject = more.pop("subject", None) or Entity(ref=EntityRef("user", who))
    return AccessRequest(subject=subject, action=action, resource=resource, at=MONDAY, **more)


def todo(owner):
    return entity("todo", "1", ownerID=owner)


@pytest.mark.parametrize(
    ("who", "action", "owner", "expected"),
    [
        ("rick", "can_delete_todo", "morty@example.com", Reason.PERMITTED),
        ("morty", "can_delete_todo", "morty@example.com", Reason.PERMITTED),
        ("morty", "can_delete_todo", "rick@example.com", Reason.NOT_PERMITTED),
        ("beth", "can_create_todo", "beth@example.com", Reason.NOT_PERMITTED),
        ("morty", "can_create_todo", "x", Reason.PERMITTED),
        ("beth", "can_read_todos", "x", Reason.PERMITTED),
        ("summer", "can_read_todos", "x", Reason.ENTITY_MISSING),
        ("rick", "can_dance", "x", Reason.UNKNOWN_ACTION),
    ],
)
def test_roles_attributes_and_what_the_caller_says_of_the_resource_decide(version, who, action, owner, expected):
    decision = decision_on(ask(who, action, todo(owner)), version)
    assert decision.reason is expected
    assert [side.side for side in decision.sides] == (
        [PolicySide.USER] if expected is not Reason.UNKNOWN_ACTION else []
    )


def test_groups_of_actions_are_those_of_the_schema(version):
    (side,) = decision_on(ask("rick", "can_delete_todo", todo("x")), version).sides
    assert side.determining == ("users/admin",)


@pytest.mark.parametrize(
    "wrong",
    [
        ask("morty", "can_delete_todo", entity("todo", "1", ownerID=5)),
        ask("morty", "can_delete_todo", entity("role", "1")),
        ask("morty", "can_delete_todo", todo("x"), context={"reason": True}),
        ask("morty", "can_delete_todo", todo("x"), context={"reason": ["y"]}),
        ask("morty", "can_delete_todo", todo("x"), context={"reason": None}),
        ask("morty", "can_delete_todo", todo("x"), context={"reason": 1.23456}),
        ask("morty", "can_delete_todo", todo("x"), arguments={"a": 1}),
        ask("", "can_read_todos", todo("x"), subject=entity("user", "new", email=5)),
        ask("", "can_read_todos", todo("x"), subject=entity("role", "admin", email="x")),
    ],
)
def test_a_question_that_the_schema_does_not_know_is_refused(version, wrong):
    assert decision_on(wrong, version).reason is Reason.SCHEMA_VIOLATION


def test_a_caller_may_bring_a_subject_and_cannot_overrule_the_registry(version):
    stranger = entity("user", "new", email="new@example.com")
    assert decision_on(ask("", "can_read_todos", todo("x"), subject=stranger), version).allowed
    pretender = entity("user", "beth", ("role", "admin"), email="morty@example.com")
    assert not decision_on(ask("", "can_delete_todo", todo("morty@example.com"), subject=pretender), version).allowed


def test_an_agent_of_another_application_has_two_sides_too():
    forbid = (
        '@id("no") forbid (principal, action == Action::"can_delete_todo", resource) when { context has via_agent };'
    )
    agents = 'permit (principal, action in Action::"change", resource) when { context has on_behalf_of };'
    version = publish(
        [
            user_policy(POLICIES, schema=SCHEMA),
            user_policy(forbid, "more"),
            agent_policy(agents, "agents", permits=PolicyPermits.BEYOND_GRANTS),
        ],
        facts(entities=PEOPLE),
    )
    asked = ask(
        "", "can_delete_todo", todo("x"), subject=Entity(ref=TRIAGE), user=Entity(ref=EntityRef("user", "rick"))
    )
    assert [side.reason for side in decision_on(asked, version).sides] == [Reason.PERMITTED, Reason.FORBIDDEN]
    assert decision_on(ask("rick", "can_delete_todo", todo("x")), version).allowed
    alone = ask("", "can_delete_todo", todo("x"), subject=Entity(ref=TRIAGE))
    assert decision_on(alone, version).reason is Reason.NOTHING_GRANTED


def problems(*texts):
    return [str(one) for one in check(texts, facts(entities=PEOPLE))]


def test_policies_are_validated_against_the_schema_that_they_bring():
    bad = POLICIES.replace("principal.email", "principal.mail")
    (said,) = problems(user_policy(bad, schema=SCHEMA))
    assert said.startswith("users:5: attribute `mail` on entity type `user` not found")
    assert "can_fly" in problems(user_policy('permit (principal, action == Action::"can_fly", resource);'))[0]


def test_a_schema_that_cannot_be_read_is_a_problem_of_its_document():
    assert problems(user_policy(POLICIES, schema="entity ;"))[0].startswith("users:1: error parsing schema")
    other = user_policy(POLICIES, "other", schema="entity user;")
    # Each application's schema stands alone: another declares the same types, and speaks of its own actions.
    said = problems(user_policy(POLICIES, schema=SCHEMA), other)
    assert all(one.startswith("other:") for one in said)
    assert any("unrecognized action" in one for one in said)


def test_a_schema_that_would_not_end_is_never_parsed():
    types = "type A0 = Long;" + "".join(f"type A{n} = {{ a: A{n - 1}, b: A{n - 1} }};" for n in range(1, 60))
    brackets = f"entity user = {{ a: {'{ a: ' * 60}Long{'}' * 60} }};"
    for schema in (types, brackets):
        assert problems(user_policy(POLICIES, schema=schema))[0].startswith("users:1: a schema ")
    assert problems(user_policy(POLICIES, schema=f"entity user = {{ a: {'Set<' * 60}Long{'>' * 60} }};"))


def test_two_actions_of_one_name_cannot_be_told_apart():
    twice = "namespace A { action go; } namespace B { action go; }"
    said = problems(user_policy('forbid (principal, action == A::Action::"go", resource);', schema=twice))
    assert said == ["users:1: two actions are named `go`"]


def test_one_schema_may_serve_several_documents():
    more = user_policy(
        '@id("x") forbid (principal, action == Action::"can_read_todos", resource);', "more", schema=SCHEMA
    )
    version = publish([user_policy(POLICIES, schema=SCHEMA), more], facts(entities=PEOPLE))
    assert decision_on(ask("beth", "can_read_todos", todo("x")), version).reason is Reason.FORBIDDEN


def test_an_applications_policies_speak_of_its_own_actions_alone():
    """One that names no action was written for one schema, and would fail in every other."""
    schema = """entity user; entity file; entity agent;
    action look appliesTo { principal: [user, agent], resource: file, context: { reason: String } };"""
    wide = '@id("w") forbid (principal, action, resource) when { context.reason == "x" };'
    looks = '@id("l") permit (principal, action == Action::"look", resource);'
    shop = 'permit (principal, action == Action::"buy", resource);'
    texts = [
        user_policy(f"{wide}{looks}", schema=schema),
        user_policy(
            shop, "shop", schema="entity user; entity item; action buy appliesTo {principal: user, resource: item};"
        ),
        agent_policy(wide, "agents", schema=schema),
    ]
    version = publish(texts, facts(entities=[*PEOPLE, *ENTITIES]))
    file = Entity(ref=EntityRef("file", "1"))
    reasons = [decision_on(ask("rick", "look", file, context={"reason": one}), version).reason for one in "xy"]
    assert reasons == [Reason.FORBIDDEN, Reason.PERMITTED]
    assert decision_on(ask("rick", "buy", Entity(ref=EntityRef("item", "1"))), version).allowed
    assert decision_on(call(), version).allowed


DRIVE = """
entity Relation;
entity group;
entity user in [Relation, group];
entity document = { owner: Relation, viewer: Relation, "part of"?: Relation };
action view, share appliesTo { principal: user, resource: document };
"""
SHARED = """
@id("view") permit (principal, action == Action::"view", resource)
when { principal in resource.viewer || principal in resource.owner };
@id("share") permit (principal, action == Action::"share", resource) when { principal in resource.owner };
"""
MEMO = EntityRef("document", "memo")
OWNER = Relationship(MEMO, "owner", EntityRef("user", "rick"))
STAFF = Relationship(MEMO, "viewer", EntityRef("group", "staff"))


@pytest.mark.parametrize("engine", ["compiled", "cedarpy", "shadow"])
@pytest.mark.parametrize(
    ("tuples", "allowed"),
    [((OWNER, STAFF), {"rick view", "rick share", "morty view"}), ((OWNER,), {"rick view", "rick share"}), ((), set())],
    ids=["owned and shared", "owned", "nobody's"],
)
def test_an_application_asks_for_relations_whether_or_not_anybody_has_one(engine, tuples, allowed):
    people = (*PEOPLE, entity("user", "morty", ("group", "staff")))
    known = facts(entities=people, relations=StoredRelations(tuples))
    version = publish([user_policy(SHARED, schema=DRIVE)], known, engine_named(engine))
    found = {f"{who} {action}" for who in ("rick", "morty", "beth") for action in ("view", "share")}
    for one in sorted(found):
        decision = decision_on(ask(*one.split(), Entity(ref=MEMO)), version)
        assert decision.reason is (Reason.PERMITTED if one in allowed else Reason.NOT_PERMITTED), one


def test_a_relation_that_an_application_takes_for_something_else_is_a_mistake_of_its_schema():
    other = DRIVE.replace("owner: Relation", "owner: user").replace("resource.owner", "x")
    known = facts(entities=PEOPLE, relations=StoredRelations((OWNER, STAFF)))
    assert [str(one) for one in check((user_policy(SHARED, schema=DRIVE),), known)] == []
    (said,) = check((user_policy(SHARED, schema=other),), known)
    assert "`owner` is a relation to `document`: declare it as `owner: Relation`" in str(said)


def test_a_relation_that_nobody_can_have_is_a_mistake_of_the_schema():
    alone = DRIVE.replace("entity user in [Relation, group];", "entity user in [group];")
    (said, *_) = check((user_policy(SHARED, schema=alone),), facts(entities=PEOPLE))
    assert "nobody can have `owner`, a relation to `document`: declare who can as `entity user in [Relation]`" in str(
        said
    )


SHOP = """
namespace Shop { entity Item; }
entity role;
entity user in [role];
action greet appliesTo { principal: [user], resource: [user], context: {} };
"""


@pytest.mark.parametrize("engine", ["compiled", "cedarpy", "shadow"])
def test_an_application_without_a_word_for_agents_that_act_for_people_sees_none(engine):
    """With namespaces entities must fit the schema whole: what it does not declare must not be there."""
    people = (entity("user", "rick", ("role", "admin")), entity("user", "beth"))
    text = 'permit (principal in role::"admin", action == Action::"greet", resource);'
    version = publish([user_policy(text, schema=SHOP)], facts(entities=people), engine_named(engine))
    assert decision_on(ask("rick", "greet", entity("user", "beth")), version).reason is Reason.PERMITTED
    assert decision_on(ask("beth", "greet", entity("user", "rick")), version).reason is Reason.NOT_PERMITTED
