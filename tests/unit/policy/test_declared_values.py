"""Values of other applications: registered and said without types, read as the application's schema declares them."""

from decimal import Decimal

import pytest
from tests.fakes.decision_world import MONDAY, entity, facts, user_policy

from leasehold.model.access_requests import AccessRequest
from leasehold.model.decisions import Reason
from leasehold.model.entities import Entity, EntityRef, Relationship
from leasehold.policy.cedar.engines import engine_named
from leasehold.policy.deciding import decision_on
from leasehold.policy.explaining import explain
from leasehold.policy.filtering import NoFilter, filter_of, predicate
from leasehold.policy.permitted import by_policy
from leasehold.policy.publishing import publish
from leasehold.policy.relating import StoredRelations

ENGINES = ["compiled", "cedarpy", "shadow"]
OFFICE = """
type Address = { city: String, zip?: Long };
entity Relation, group;
entity Kind enum ["draft", "final"];
entity user in [Relation, group] = { manager?: user, address?: Address, born?: datetime, blocked: Set<user> };
entity folder in [folder] = { owner: Relation, reviewer: Relation };
entity document in [folder] = {
  @doc("where it lies") folder: folder, author: user, kind: Kind, budget?: decimal, network?: ipaddr, keep?: duration,
  "places in": Set<Address>, viewer: Relation, price?: decimal, years?: Set<Long>
} tags Set<String>;
action read, sign appliesTo {
  principal: user, resource: document,
  context: { at?: datetime, from?: ipaddr, share?: { with: user, until: datetime } }
};
"""
OF_OFFICE = (
    entity("user", "ana", ("group", "staff"), blocked=[], born="1990-02-03", address='{"city": "Bern", "zip": 3000}'),
    entity("user", "bob", manager="ana@example.com", blocked=["eve"]),
    entity("user", "eve", blocked=[]),
    entity(
        *("document", "plan", ("folder", "f")),
        folder="f",
        author="bob",
        kind="final",
        budget=12,
        network="10.0.0.0/8",
        keep="90d",
        price=Decimal("1.5"),
        years="[2025, 2026]",
        **{"places in": ['{"city": "Bern", "zip": 3000}', '{"city": "Ulm"}'], "undeclared": [True, False]},
    ),
)
OF_FOLDER = (
    Relationship(EntityRef("folder", "f"), "owner", EntityRef("user", "eve")),
    Relationship(EntityRef("folder", "f"), "reviewer", EntityRef("group", "staff")),
    Relationship(EntityRef("document", "plan"), "viewer", EntityRef("folder", "f"), "owner"),
)


def ask(who, action, resource, **more):
    subject = more.pop("subject", None) or Entity(ref=EntityRef("user", who))
    return AccessRequest(subject=subject, action=action, resource=resource, at=MONDAY, **more)


def office(policy, engine="compiled", **more):
    given = {"entities": OF_OFFICE, "relations": StoredRelations(OF_FOLDER), **more}
    ids = {EntityRef("user", "ana@example.com"): "ana"}
    return publish([user_policy(policy, schema=OFFICE)], facts(**given, ids=ids), engine_named(engine))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("condition", "who"),
    [
        ("principal == resource.author", "bob"),
        ("resource.author has manager && resource.author.manager == principal", "ana"),
        ('resource in folder::"f" && principal in resource.folder.owner', "eve"),
        ("principal in resource.folder.reviewer", "ana"),
        ("principal in resource.viewer", "eve"),
        ('resource.kind == Kind::"final" && principal has born && principal.born < datetime("1990-02-04")', "ana"),
        (
            'principal has address && resource["places in"].contains(principal.address)',
            "ana",
        ),
        (
            'resource has budget && resource.budget.lessThanOrEqual(decimal("12.0")) && principal == resource.author',
            "bob",
        ),
        ('resource has network && ip("10.1.1.1").isInRange(resource.network) && principal == resource.author', "bob"),
        ('resource has keep && resource.keep == duration("2160h") && principal == resource.author', "bob"),
        ('resource has price && resource.price == decimal("1.5") && principal == resource.author', "bob"),
        ("resource has years && resource.years == [2026, 2025] && principal == resource.author", "bob"),
        ("principal.blocked.contains(resource.author) || !resource.author.blocked.contains(principal)", "ana bob"),
    ],
)
def test_what_is_registered_has_the_types_that_the_schema_declares(engine, condition, who):
    version = office(f'permit(principal, action == Action::"read", resource) when {{ {condition} }};', engine)
    asked = {
        one: decision_on(ask(one, "read", Entity(ref=EntityRef("document", "plan"))), version)
        for one in ("ana", "bob", "eve")
    }
    assert {one for one, decision in asked.items() if decision.allowed} == set(who.split())
    assert {decision.reason for decision in asked.values()} <= {Reason.PERMITTED, Reason.NOT_PERMITTED}


SAID = """
@id("read") permit(principal, action == Action::"read", resource)
when { resource.author == principal && resource.folder == folder::"new" }
when { context has at && context.at > datetime("2026-01-01") };
@id("sign") permit(principal, action == Action::"sign", resource)
when { context has share && context.share.with == resource.author && context has from && context.from.isLoopback() };
"""
NEW = {
    "folder": {"type": "folder", "id": "new"},
    "author": "ana@example.com",
    "kind": "draft",
    "places in": [{"city": "Rome"}],
}


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_caller_says_has_the_types_that_the_schema_declares(engine):
    version = office(SAID, engine)
    thing = entity("document", "new", **NEW, unheard_of=None)
    assert decision_on(ask("ana", "read", thing, context={"at": "2026-02-01", "trace": None}), version).allowed
    assert not decision_on(ask("ana", "read", thing, context={"at": "2025-12-31T23:59:59+00:00"}), version).allowed
    share = {"with": {"type": "user", "id": "ana"}, "until": "2026-02-01T00:00:00-0500"}
    assert decision_on(ask("bob", "sign", thing, context={"share": share, "from": "127.0.0.1"}), version).allowed


@pytest.mark.parametrize(
    ("properties", "context", "where"),
    [
        ({"author": 5}, {}, "document.author: not the id of a `user`"),
        ({"author": {"type": "group", "id": "ana"}}, {}, "document.author: not the id"),
        ({"author": {"__entity": {"type": "user", "id": "ana"}}}, {}, "document.author: not the id"),
        ({"author": None}, {}, "document.author"),
        ({"budget": 1.23456}, {}, "document.budget: a number has at most"),
        ({"places in": {"city": "Rome"}}, {}, "document.places in: not a list"),
        ({"places in": ["{"]}, {}, "document.places in: not an object"),
        ({"kind": "secret"}, {}, "the application's schema has no such question"),
        ({}, {"at": "soon"}, "context.at: not a date"),
        ({}, {"at": 5}, "context.at: not a date"),
        ({}, {"from": "localhost"}, "context.from: not an IP address"),
        ({}, {"share": {"with": "ana"}}, "the application's schema has no such question"),
        ({"keep": "long"}, {}, "document.keep: not a duration"),
        ({"keep": 5}, {}, "document.keep: not a duration"),
    ],
)
def test_a_value_that_is_not_what_the_schema_declares_is_refused_and_named(properties, context, where):
    thing = entity("document", "new", **{**NEW, **properties})
    decision = decision_on(ask("ana", "read", thing, context={"at": "2026-02-01", **context}), office(SAID))
    assert decision.reason is Reason.SCHEMA_VIOLATION
    assert decision.detail.startswith(where)


@pytest.mark.parametrize(
    ("question", "where"),
    [
        (
            {"subject": Entity(ref=EntityRef("folder", "f"), attributes={"x": 1})},
            "subject: a `folder` cannot ask for `go`",
        ),
        ({"resource": Entity(ref=EntityRef("user", "ana"))}, "resource: `go` is not done to a `user`"),
        ({"context": {}}, "context.why: is required"),
        ({"resource": entity("folder", "f", size=1)}, "folder.title: is required"),
        ({"context": {"why": {}}}, "the application's schema has no such question"),
    ],
)
def test_a_question_that_the_schema_does_not_know_is_told_by_what_is_wrong_with_it(question, where):
    schema = """entity user; entity folder = { title: String, size: Long };
    action go appliesTo { principal: user, resource: folder, context: { why: { text: String } } };"""
    policy = 'permit(principal, action == Action::"go", resource);'
    version = publish([user_policy(policy, schema=schema)], facts(entities=[entity("user", "ana")]))
    folder = entity("folder", "f", title="a", size=1)
    given = {"resource": folder, "context": {"why": {"text": "x"}}}
    assert decision_on(ask("ana", "go", **given), version).allowed
    decision = decision_on(ask("ana", "go", **{**given, **question}), version)
    assert (decision.reason, decision.detail) == (Reason.SCHEMA_VIOLATION, where)


def test_what_is_registered_otherwise_than_declared_denies_and_says_where():
    version = office(
        SAID, entities=(*OF_OFFICE[:3], entity("document", "plan", **{**OF_OFFICE[3].attributes, "author": 5}))
    )
    decision = decision_on(
        ask("ana", "read", Entity(ref=EntityRef("document", "plan")), context={"at": "2026-02-01"}), version
    )
    assert (decision.reason, decision.detail) == (Reason.SCHEMA_VIOLATION, "document.author: not the id of a `user`")


CROWD = """
entity Relation; entity user in [Relation]; entity document = { owner: Relation };
action read appliesTo { principal: user, resource: document, context: { who: Set<user>, about: Set<document> } };
"""


@pytest.mark.parametrize(
    ("many", "reason"), [(0, Reason.NOT_PERMITTED), (200, Reason.NOT_PERMITTED), (400, Reason.SCHEMA_VIOLATION)]
)
def test_a_crowd_that_nobody_could_relate_in_time_is_refused(many, reason):
    policy = 'permit(principal, action == Action::"read", resource) when { principal in resource.owner };'
    relations = StoredRelations([Relationship(EntityRef("document", "1"), "owner", EntityRef("user", "ana"))])
    people = facts(entities=[entity("user", "ana"), entity("user", "bob")], relations=relations)
    version = publish([user_policy(policy, schema=CROWD)], people)
    context = {"who": [str(one) for one in range(many)], "about": [str(one) for one in range(many)]}
    document = Entity(ref=EntityRef("document", "1"))
    assert decision_on(ask("bob", "read", document, context=context), version).reason is reason


def test_a_value_that_does_not_fit_is_explained_and_filtered_like_any_denial():
    crooked = entity("document", "plan", **{**OF_OFFICE[3].attributes, "author": 5})
    version, right = office(SAID, entities=(*OF_OFFICE[:3], crooked)), office(SAID)
    asked = ask("ana", "read", Entity(ref=EntityRef("document", "plan")), context={"at": "2026-02-01"})
    assert explain(asked, version).decision.reason is Reason.SCHEMA_VIOLATION
    with pytest.raises(NoFilter, match=Reason.SCHEMA_VIOLATION):
        filter_of(asked, version)
    passes = predicate(filter_of(asked, right), right)
    rows = {"ana": True, "ana@example.com": True, "bob": False, 5: False}
    assert {who: passes(entity("document", "new", **{**NEW, "author": who})) for who in rows} == rows


def test_what_somebody_can_do_leaves_out_what_their_kind_cannot_ask_for():
    version = office('permit(principal, action == Action::"read", resource) when { principal == resource.author };')
    assert [one.action for one in by_policy(EntityRef("user", "ana"), version)] == ["read"]
    assert list(by_policy(EntityRef("document", "plan"), version)) == []


def test_relations_are_nothing_that_a_caller_says():
    version = office('permit(principal, action == Action::"read", resource) when { principal in resource.viewer };')
    thing = entity("document", "new", **NEW, viewer={"type": "Relation", "id": "document:plan#viewer"})
    assert decision_on(ask("eve", "read", thing), version).reason is Reason.NOT_PERMITTED


@pytest.mark.parametrize("engine", ENGINES)
def test_types_in_namespaces_are_those_that_the_question_names(engine):
    schema = """
    type Name = { first: String };
    entity Person = { name: Name };
    namespace Shop {
      type Both = { first: Name, nick: String };
      entity Item, Entity = { seller: Person, "for": Shop::Both, entity?: Item };
      action buy appliesTo { principal: Person, resource: [Item, Entity], context: { item: Entity } };
    }
    """
    text = """permit(principal, action == Shop::Action::"buy", resource)
    when { principal == resource.seller && resource.for.nick == "bo" && context.item == Shop::Entity::"1" };"""
    version = publish([user_policy(text, schema=schema)], facts(), engine_named(engine))
    bob = Entity(ref=EntityRef("Person", "bob"), attributes={"name": {"first": "Bob"}})
    item = Entity(
        ref=EntityRef("Shop::Item", "1"), attributes={"seller": "bob", "for": {"first": {"first": "B"}, "nick": "bo"}}
    )
    assert decision_on(ask("", "buy", item, subject=bob, context={"item": "1"}), version).reason is Reason.PERMITTED
