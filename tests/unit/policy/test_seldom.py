"""What hardly ever happens to a decision, and has to come out right all the same."""

from dataclasses import replace

import pytest
from tests.fakes.decision_world import (
    ANA,
    MAIN,
    MONDAY,
    PLAN,
    TRIAGE,
    agent_policy,
    call,
    entity,
    facts,
    published,
    user_policy,
)

from leasehold.model.access_requests import AccessRequest
from leasehold.model.decisions import Reason
from leasehold.model.directory import Relation, Resource, User
from leasehold.model.entities import Entity, EntityRef
from leasehold.policy.assessing import check
from leasehold.policy.cedar.engines import engine_named
from leasehold.policy.cedar.evaluation import Verdict
from leasehold.policy.cedar.known import refs_in
from leasehold.policy.cedar.values import CedarSet
from leasehold.policy.deciding import decision_on
from leasehold.policy.directory import directory_of, entities_of
from leasehold.policy.permitted import by_policy
from leasehold.policy.possible import could_allow
from leasehold.policy.publishing import publish

LOOKING = "entity user; entity file; entity agent; action %s appliesTo { principal: [user, agent], resource: [file] };"
READ = 'action == Action::"docs/read"'


def looking(document, action="look", **more):
    return user_policy(document, schema=LOOKING % action, **more)


def asked(action="look", **more):
    given = {"subject": Entity(ref=ANA), "resource": Entity(ref=EntityRef("file", "f")), "at": MONDAY, **more}
    return AccessRequest(action=action, **given)


def test_two_applications_never_share_an_action():
    one = looking('permit (principal, action == Action::"look", resource);')
    other = user_policy('forbid (principal, action == Action::"look", resource);', "b", schema=f"{LOOKING % 'look'} ")
    (said,) = check((one, other), facts())
    assert "two applications have an action `look`" in str(said)


def test_an_application_with_a_namespace_sees_of_an_entity_what_it_declares_too():
    schema = (
        "namespace Files { entity file; action look appliesTo { principal: [user], resource: [file] }; } entity user;"
    )
    document = 'permit (principal, action == Files::Action::"look", resource);'
    known = facts(entities=[entity("user", "ana"), entity("user", "bob", region="US")])
    version = publish([user_policy(document, schema=schema)], known)
    file = Entity(ref=EntityRef("Files::file", "f"))
    for who in ("ana", "bob"):
        assert decision_on(asked(resource=file, subject=Entity(ref=EntityRef("user", who))), version).allowed


def test_nobody_but_an_agent_acts_for_somebody_in_another_application():
    version = published(looking('permit (principal, action == Action::"look", resource);'), entities=[entity(*ANA)])
    assert decision_on(asked(), version).allowed
    assert decision_on(asked(user=Entity(ref=ANA)), version).reason is Reason.SCHEMA_VIOLATION


def test_a_log_only_policy_of_another_application_says_what_it_would_do():
    open_, closed = (f'{word} (principal, action == Action::"look", resource);' for word in ("permit", "forbid"))
    trial = replace(looking(closed, name="trial"), mode="log_only")
    version = published(looking(open_), trial, entities=[entity(*ANA)])
    decision = decision_on(asked(), version)
    assert (decision.allowed, decision.sides[0].would_allow, decision.would_flip) == (True, False, True)


class Quarrel:
    """An engine whose two halves never agree."""

    name = "quarrel"

    def prepare(self, _policies):
        return lambda _query: Verdict((), (), (), missing=False, disagreed=True)

    def fuse(self, _policies, _evaluate):
        return lambda *_: Verdict((), (), (), missing=False, disagreed=True)


def test_engines_that_disagree_allow_nothing_in_other_applications_either():
    text = looking('permit (principal, action == Action::"look", resource) when { principal == user::"ana" };')
    version = published(text, engine=Quarrel(), entities=[entity(*ANA)])
    assert decision_on(asked(), version).reason is Reason.ENGINES_DISAGREE


def test_of_somebody_whom_nobody_knows_there_is_nothing_to_tell():
    text = agent_policy(f"permit (principal, {READ}, resource);", permits="beyond_grants")
    version = published(text)
    assert list(by_policy(EntityRef("agent", "nobody"), version)) == []


@pytest.mark.parametrize(
    ("condition", "shown"),
    [
        ('if principal.owner == "maya" then true else context.input has x', True),
        ('if principal.owner == "bob" then context.input has x else false', False),
        ("if principal.owner.x then true else context.input has x", False),
        ("if context has source_ip then false else false", False),
        ("context.source_ip.isLoopback() || true", True),
        ("context == {a: 1}", True),
        ('principal.owner == "maya" && context has source_ip', True),
        ('principal.owner == "bob" && context has source_ip', False),
        ('principal.owner == "maya" || context has source_ip', True),
        ("(principal.owner.x) || (context has source_ip)", False),
        ("!(context has source_ip)", True),
        ("9223372036854775807 + 1 == 1", False),
    ],
)
def test_a_list_shows_what_some_call_could_be_allowed(condition, shown):
    text = agent_policy(f"permit (principal, {READ}, resource) when {{ {condition} }};", "a")
    version = publish([text], facts(), living=frozenset({"a"}))  # some of these fail, and that counts too
    assert could_allow(call("docs/read", PLAN), "document:*", version) is shown


def test_entities_are_found_in_records_and_sets():
    found = refs_in({"a": {"b": ANA}, "s": CedarSet([TRIAGE, 7]), "n": 1})
    assert set(found) == {ANA, TRIAGE}


def test_a_thing_that_is_a_person_is_told_of_by_the_person(known_people):
    users, thing = known_people
    found = list(entities_of({}, {}, users, [thing], [Relation(subject="user:a", relation="member", object="group:g")]))
    (ana,) = [one for one in found if one.ref == EntityRef("user", "ana")]
    assert ana.attributes == {"level": 3}
    assert EntityRef("group", "g") in ana.parents
    assert directory_of(users).ref("user", "a") == EntityRef("user", "ana")


@pytest.fixture
def known_people():
    users = {"ana": User(type="user", ids=frozenset({"a"}), attributes={"level": 3})}
    return users, Resource(type="user", foreign_id="a", attributes={"level": 9})


def test_the_whole_context_is_shown_to_who_looks_at_the_whole():
    for engine in ("compiled", "cedarpy", "shadow"):
        text = agent_policy('forbid (principal, action == Action::"warehouse/query", resource) when { context == {} };')
        version = publish([text], facts(), engine_named(engine), living=frozenset({"agents"}))
        assert decision_on(call(resource=MAIN), version).reason is Reason.GRANTED
