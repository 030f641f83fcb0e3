"""Users, resources and relations: foreign ids are free text, names are derived without a clash."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leasehold.model.directory import Decimal, ForeignId, Relation, Resource, User, identities, relation_id
from leasehold.model.errors import InvalidValue
from leasehold.model.kinds import Kind
from leasehold.model.objects import references

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "relation_ids.json").read_text())
printable = st.text(st.characters(codec="utf-8").filter(str.isprintable), min_size=1, max_size=60)
refs = st.builds("{}:{}".format, st.sampled_from(["user", "document", "a.b"]), printable)
verbs = st.sampled_from(["owner", "viewer", "shared-with"])


@pytest.mark.parametrize("vector", VECTORS["cases"], ids=lambda vector: vector["id"][:60])
def test_the_name_of_a_relation_is_as_agreed(vector):
    assert relation_id(vector["subject"], vector["relation"], vector["object"], vector["through"]) == vector["id"]


@given(st.tuples(refs, verbs, refs, st.none() | verbs), st.tuples(refs, verbs, refs, st.none() | verbs))
def test_two_relations_never_share_a_name(one, other):
    assert (relation_id(*one) == relation_id(*other)) == (one == other)


@given(refs, verbs, refs)
def test_a_name_fits_an_url_and_the_longest_name(subject, relation, target):
    name = relation_id(subject, relation, target)
    assert name.isascii()
    assert name.isprintable()
    assert len(name) <= 400


@pytest.mark.parametrize(
    "values",
    [
        {"ids": frozenset()},
        {"ids": frozenset({""})},
        {"ids": frozenset({"a\nb"})},
        {"ids": frozenset({"a\u202eb"})},
        {"ids": frozenset({"x" * 257})},
        {"ids": frozenset(map(str, range(65)))},
        {"type": "1user"},
        {"type": "a:b"},
        {"email": "nobody"},
        {"roles": frozenset({"a\tb"})},
        {"roles": frozenset(map(str, range(65)))},
        {"attributes": {"a": frozenset(map(str, range(1025)))}},
        {"attributes": {"__entity": "x"}},
        {"attributes": {"": "x"}},
        {"attributes": {"a": "x\x00"}},
        {"attributes": {"a": 2**63}},
        {"attributes": {"a": frozenset({"x" * 1025})}},
        {"attributes": {str(n): n for n in range(65)}},
    ],
)
def test_a_user_that_policies_could_not_tell_is_refused(values):
    with pytest.raises(InvalidValue):
        User(**{"ids": frozenset({"a"}), **values})


@pytest.mark.parametrize("text", ["1", "1.", ".5", "1.12345", "1e3", "1.0\n", "+1.0", "1" * 15 + ".0", "١.٠"])
def test_a_decimal_is_exact(text):
    with pytest.raises(InvalidValue):
        Decimal(text)


def test_true_is_not_one():
    one, true = (User(ids=frozenset({"a"}), attributes={"x": value}) for value in (1, True))
    assert one != true
    assert hash(one) != hash(true)
    assert one == User(ids=frozenset({"a"}), attributes={"x": 1})


def test_ids_may_be_long_and_of_any_script():
    user = User(ids=frozenset({"CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs" * 4, "Zoë / 王"}))
    assert ForeignId("user", "Zoë / 王") in identities(user)


@pytest.mark.parametrize(
    "values",
    [
        {"foreign_id": ""},
        {"parents": frozenset({"folder"})},
        {"parents": frozenset(f"f:{n}" for n in range(65))},
        {"parents": frozenset({"d:1"})},
    ],
)
def test_a_resource_is_a_thing_in_others(values):
    with pytest.raises(InvalidValue):
        Resource(**{"type": "d", "foreign_id": "1", **values})


@pytest.mark.parametrize(
    "values",
    [
        {"subject": "alice"},
        {"object": ":1"},
        {"relation": "Owner"},
        {"relation": ""},
        {"through": "a b"},
        {"subject": "user:"},
        {"relation": "acts_on_behalf_of", "subject": "user:a", "object": "user:b"},
        {"relation": "acts_on_behalf_of", "subject": "agent:a", "object": "document:b"},
        {"relation": "acts_on_behalf_of", "subject": "agent:a", "object": "agent:b"},
        {"relation": "acts_on_behalf_of", "subject": "Agent:a", "object": "user:b"},
    ],
)
def test_a_relation_joins_two_things_by_a_word(values):
    with pytest.raises(InvalidValue):
        Relation(**{"subject": "user:a", "relation": "owner", "object": "d:1", **values})


@pytest.mark.parametrize("subject", ["agent:triage", "team:payments", "group:bots", "role:helper"])
@pytest.mark.parametrize("target", ["user:ana", "user:okta/00u1", "group:okta/eng", "role:editor", "team:sales"])
def test_agents_and_groups_of_them_act_for_people_and_groups_of_them(subject, target):
    one = Relation(subject=subject, relation="acts_on_behalf_of", object=target)
    assert one.id == f"{target}#acts_on_behalf_of@{subject}"
    named = [(ref.kind, ref.name) for ref in references(one.id, one)]
    assert named == ([(Kind.AGENTS, "triage")] if subject == "agent:triage" else [])
