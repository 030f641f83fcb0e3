"""Foreign identities and relations: found by what they are, on every store."""

from tests.contract.samples import EVERY_SPEC, stored

from leasehold.model.directory import ForeignId, Relation, Resource, User
from leasehold.model.kinds import Kind
from leasehold.model.objects import references
from leasehold.model.records import Filters


def put(unit, kind, name, spec, **envelope):
    unit.objects.put(stored(kind, name, spec, **envelope), references(name, spec))


def test_an_object_is_found_by_each_identity_that_it_bears_now(store):
    with store.begin() as unit:
        put(unit, Kind.USERS, "alice", User(ids=frozenset({"a", "Zoë"})))
        put(unit, Kind.RESOURCES, "minutes", Resource(type="user", foreign_id="a"))
    with store.read() as unit:
        assert unit.objects.bearer(Kind.USERS, ForeignId("user", "a")) == "alice"
        assert unit.objects.bearer(Kind.USERS, ForeignId("user", "Zoë")) == "alice"
        assert unit.objects.bearer(Kind.RESOURCES, ForeignId("user", "a")) == "minutes"
        for nobody in (ForeignId("user", "A"), ForeignId("User", "a"), ForeignId("user", "zoë")):
            assert unit.objects.bearer(Kind.USERS, nobody) is None
    with store.begin() as unit:
        put(unit, Kind.USERS, "alice", User(ids=frozenset({"b"})), revision=2)
        unit.objects.delete(Kind.RESOURCES, "minutes")
    with store.read() as unit:
        assert unit.objects.bearer(Kind.USERS, ForeignId("user", "a")) is None
        assert unit.objects.bearer(Kind.USERS, ForeignId("user", "b")) == "alice"
        assert unit.objects.bearer(Kind.RESOURCES, ForeignId("user", "a")) is None


RELATIONS = [
    Relation(subject=f"user:{who}", relation=what, object=f"document:{which}")
    for who in ("alice", "Böb")
    for what in ("owner", "viewer")
    for which in (1, 2)
]


def names(store, **asked):
    page = {key: asked.pop(key) for key in ("after", "limit") if key in asked}
    with store.read() as unit:
        return [one.name for one in unit.objects.list(Kind.RELATIONS, filters=Filters(**asked), **page)]


def test_relations_are_listed_by_either_end_and_by_word_a_page_at_a_time(store):
    with store.begin() as unit:
        for one in RELATIONS:
            put(unit, Kind.RELATIONS, one.id, one, stack="prod" if one.relation == "owner" else None)
        put(unit, Kind.USERS, "alice", EVERY_SPEC[Kind.USERS])
    every = sorted(one.id for one in RELATIONS)
    assert names(store) == every
    assert names(store, subject="user:Böb") == [name for name in every if "B%C3%B6b" in name]
    assert names(store, object="document:1", relation="owner") == [name for name in every if "document:1#owner" in name]
    assert names(store, subject="user:alice", stack="prod") == [name for name in every if "owner@user:alice" in name]
    assert names(store, subject="user:nobody") == []
    first = names(store, subject="user:alice", limit=3)
    assert names(store, subject="user:alice", after=first[-1]) == [n for n in every if "alice" in n][3:]
    with store.read() as unit:
        assert unit.objects.list(Kind.USERS, filters=Filters(subject="user:alice")) == []
        assert unit.objects.names(Kind.RELATIONS, Filters(subject="user:alice"))[:3] == first


def test_a_relation_that_is_gone_is_found_by_neither_end(store):
    one = RELATIONS[0]
    with store.begin() as unit:
        put(unit, Kind.RELATIONS, one.id, one)
        put(unit, Kind.RELATIONS, one.id, one, revision=2)
    assert names(store, subject=one.subject) == [one.id]
    with store.begin() as unit:
        unit.objects.delete(Kind.RELATIONS, one.id)
    assert names(store, subject=one.subject) == names(store, object=one.object) == []


def test_true_and_one_are_remembered_apart(store):
    with store.begin() as unit:
        for name, value in (("one", 1), ("true", True)):
            put(unit, Kind.USERS, name, User(ids=frozenset({name}), attributes={"x": value}))
    with store.read() as unit:
        found = {one.name: one.spec.attributes["x"] for one in unit.objects.list(Kind.USERS)}
    assert found["true"] is True
    assert type(found["one"]) is int
