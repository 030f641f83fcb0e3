"""Live objects: found as they were put, in one order everywhere."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.contract.samples import EVERY_SPEC, NOW, stored

from leasehold.model.errors import NotFound
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.objects import references
from leasehold.model.people import Owner
from leasehold.model.records import Filters


def put(unit, one):
    unit.objects.put(one, references(one.name, one.spec))


@pytest.mark.parametrize("kind", Kind)
def test_an_object_of_every_kind_is_found_as_it_was_put(store, kind):
    one = stored(kind, "x", EVERY_SPEC[kind], revision=3, stack="prod")
    with store.begin() as unit:
        put(unit, one)
    with store.read() as unit:
        assert unit.objects.get(kind, "x") == unit.objects.find(kind, "x") == one
        assert unit.objects.list(kind) == [one]
        assert unit.objects.named(kind, ["x", "y"]) == {"x": one}
        assert unit.objects.names(kind) == ["x"]


def test_what_was_never_put_is_not_found(store):
    with store.read() as unit:
        assert unit.objects.find(Kind.OWNERS, "x") is None
        assert unit.objects.list(Kind.OWNERS) == []
        assert unit.objects.named(Kind.OWNERS, []) == {}
        with pytest.raises(NotFound):
            unit.objects.get(Kind.OWNERS, "x")


def test_putting_again_overwrites_and_names_of_other_kinds_are_other_objects(store):
    first, second = (stored(Kind.OWNERS, "x", EVERY_SPEC[Kind.OWNERS], revision=n) for n in (1, 2))
    other = stored(Kind.SCOPES, "x", EVERY_SPEC[Kind.SCOPES])
    with store.begin() as unit:
        put(unit, first)
        put(unit, other)
        put(unit, second)
    with store.begin() as unit:
        unit.objects.delete(Kind.SCOPES, "x")
    with store.read() as unit:
        assert unit.objects.get(Kind.OWNERS, "x") == second
        assert unit.objects.find(Kind.SCOPES, "x") is None


def test_a_time_comes_back_as_the_same_instant_in_utc(store):
    spec = Grant(agent="a", scope="s", expires_at=datetime.fromisoformat("2027-01-01T01:30:00.123456+05:30"))
    with store.begin() as unit:
        put(unit, stored(Kind.GRANTS, "a/s", spec))
    with store.read() as unit:
        found = unit.objects.get(Kind.GRANTS, "a/s")
    assert found.spec == spec
    assert found.spec.expires_at.astimezone(UTC) == spec.expires_at
    assert found.updated_at == NOW
    assert found.updated_at.tzinfo is not None


# Every collation but the code point's would put these in another order.
SORTED = ["a-b/x", "a/x", "a0/x", "a_b/x", "aa/x", "ab/X", "ab/x", "b/x"]


def test_names_sort_by_code_point_and_pages_follow_them(store):
    spec = EVERY_SPEC[Kind.GRANTS]
    with store.begin() as unit:
        for name in reversed(SORTED):
            put(unit, stored(Kind.GRANTS, name, spec))
    with store.read() as unit:
        assert unit.objects.names(Kind.GRANTS) == sorted(SORTED)
        for at, after in enumerate(sorted(SORTED)):
            page = unit.objects.list(Kind.GRANTS, after=after, limit=2)
            assert [o.name for o in page] == sorted(SORTED)[at + 1 : at + 3]


def test_a_list_takes_filters_together(store):
    def grant(agent, stack):
        return stored(Kind.GRANTS, f"{agent}/s", Grant(agent=agent, scope="s"), stack=stack)

    with store.begin() as unit:
        for agent, stack in (("a", "prod"), ("b", None), ("c", "prod"), ("d", "dev")):
            put(unit, grant(agent, stack))
    asked = [
        (Filters(stack="prod"), ["a/s", "c/s"]),
        (Filters(managed=True), ["a/s", "c/s", "d/s"]),
        (Filters(managed=False), ["b/s"]),
        (Filters(agents=frozenset({"a", "b", "x"})), ["a/s", "b/s"]),
        (Filters(agents=frozenset({"a", "d"}), stack="prod"), ["a/s"]),
        (Filters(agents=frozenset()), []),
        (Filters(), ["a/s", "b/s", "c/s", "d/s"]),
    ]
    with store.read() as unit:
        for filters, names in asked:
            assert unit.objects.names(Kind.GRANTS, filters) == names
            assert [o.name for o in unit.objects.list(Kind.GRANTS, filters=filters)] == names
        assert [
            o.name for o in unit.objects.list(Kind.GRANTS, after="a/s", limit=1, filters=Filters(managed=True))
        ] == ["c/s"]


def test_many_names_are_asked_for_at_once(store):
    names = [f"owner-{number:05}" for number in range(12_000)]
    with store.begin() as unit:
        put(unit, stored(Kind.OWNERS, names[11_999], EVERY_SPEC[Kind.OWNERS]))
    with store.read() as unit:
        assert list(unit.objects.named(Kind.OWNERS, names)) == [names[11_999]]
        assert unit.objects.names(Kind.GRANTS, Filters(agents=frozenset(names))) == []


def test_referrers_follow_what_the_objects_say_now(store):
    grant = stored(Kind.GRANTS, "a/s", Grant(agent="a", scope="s"))
    with store.begin() as unit:
        put(unit, grant)
        put(unit, stored(Kind.GRANT_SETS, "a", EVERY_SPEC[Kind.GRANT_SETS]))
    with store.read() as unit:
        assert unit.objects.referrers(Kind.AGENTS, "a") == [(Kind.GRANT_SETS, "a"), (Kind.GRANTS, "a/s")]
        assert unit.objects.referrers(Kind.SCOPES, "s") == [(Kind.GRANTS, "a/s")]
        assert unit.objects.referrers(Kind.OWNERS, "a") == []
    with store.begin() as unit:
        put(unit, stored(Kind.GRANTS, "a/s", Grant(agent="b", scope="s")))
        unit.objects.delete(Kind.GRANT_SETS, "a")
    with store.read() as unit:
        assert unit.objects.referrers(Kind.AGENTS, "a") == []
        assert unit.objects.referrers(Kind.AGENTS, "b") == [(Kind.GRANTS, "a/s")]


def test_expired_objects_are_counted_from_their_expiry_on(store):
    at = NOW + timedelta(microseconds=1)
    with store.begin() as unit:
        put(unit, stored(Kind.GRANTS, "a/s", Grant(agent="a", scope="s", expires_at=at)))
        put(unit, stored(Kind.GRANTS, "b/s", Grant(agent="b", scope="s")))
    with store.read() as unit:
        assert [unit.objects.expired(Kind.GRANTS, when) for when in (NOW, at, at + timedelta(days=1))] == [0, 1, 1]
        assert unit.objects.expired(Kind.DEPLOYMENTS, at) == 0


def test_text_of_every_script_survives(store):
    spec = Owner(display_name="Zoë 山田 'quoted\" \\ % _", email="z@example.com", team="t")
    with store.begin() as unit:
        put(unit, stored(Kind.OWNERS, "zoe", spec))
    with store.read() as unit:
        assert unit.objects.get(Kind.OWNERS, "zoe").spec == spec
