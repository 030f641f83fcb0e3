"""Users, resources and relations through the door."""

import pytest
from tests.fakes.registry import OWNS, RELATION, THING, USER, RegistryClient, furnished


@pytest.fixture
def registry() -> RegistryClient:
    return furnished()


def names(registry, **asked):
    answer = registry.send("GET", "/v1/relations", params=asked)
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["items"]]


@pytest.mark.parametrize("caller", ["alice", "auditor", "plan"])
def test_nobody_but_a_security_admin_says_who_owns_what(registry, caller):
    for kind, name, body in (("users", "a", USER), ("resources", "b", THING), ("relations", OWNS, RELATION)):
        assert registry.create(kind, name, body, caller).status_code == 403


def test_a_foreign_identity_is_one_objects_alone(registry):
    registry.must("users", "alice", {"ids": ["a", "b"]})
    answer = registry.create("users", "bob", {"ids": ["c", "b"]})
    assert answer.json()["errors"] == [{"path": "ids", "message": "user `alice` is `user:b` already"}]
    registry.must("users", "route", {"type": "identity", "ids": ["b"]})
    registry.change("users", "alice", {"ids": ["a"]}, 1)
    registry.must("users", "bob", {"ids": ["c", "b"]})
    registry.must("resources", "minutes", THING)
    answer = registry.create("resources", "other", THING)
    assert answer.json()["errors"][0]["path"] == "foreign_id"


@pytest.mark.parametrize("value", [1.5, None, {"tier": "premium"}, [1], ["a", 1], [["a"]]])
def test_what_an_attribute_may_be_is_said_once(registry, value):
    answer = registry.create("resources", "minutes", {**THING, "attributes": {"x": value}})
    (error,) = answer.json()["errors"]
    assert error["path"] == "attributes.x"
    assert error["message"].startswith(
        "must be a string, a boolean, an integer, an array of strings, or an exact number"
    )


def test_a_decimal_that_is_none_says_how_one_reads(registry):
    answer = registry.create("users", "ada", {"ids": ["a"], "attributes": {"x": {"decimal": "1.23456"}}})
    assert [one["message"].partition(":")[0] for one in answer.json()["errors"]] == ["a decimal reads `50.25`"]


def test_attributes_keep_their_types(registry):
    attributes = {"eu": True, "one": 1, "text": "1", "labels": ["b", "a"], "limit": {"decimal": "50.25"}}
    made = registry.must("users", "alice", {**USER, "attributes": attributes})
    assert made["attributes"] == {**attributes, "labels": ["a", "b"]}
    changed = registry.change("users", "alice", {**USER, "attributes": {**attributes, "one": True}}, 1).json()
    assert (changed["revision"], changed["attributes"]["one"]) == (2, True)


@pytest.mark.parametrize(
    "value", [1.5, None, {"decimal": 50}, {"decimal": "x"}, {"__entity": {}}, [1], ["a", "a"], 2**63, 2**70]
)
def test_a_value_that_policies_have_no_type_for_is_refused(registry, value):
    answer = registry.create("users", "alice", {**USER, "attributes": {"x": value}})
    assert answer.status_code in {400, 422}, answer.text


def test_a_relation_goes_by_its_own_name(registry):
    answer = registry.create("relations", "mine", RELATION)
    assert answer.json()["errors"] == [{"path": "name", "message": f"this relation is named `{OWNS}`, not `mine`"}]


def test_relations_are_asked_for_by_either_end(registry):
    registry.must("relations", OWNS, RELATION)
    other = {"subject": "user:Zoë 王", "relation": "viewer", "object": "document:42"}
    there = "document:42#viewer@user:Zo%C3%AB%20%E7%8E%8B"
    registry.must("relations", there, other)
    assert names(registry, object="document:42") == [OWNS, there]
    assert names(registry, subject="user:Zoë 王") == [there]
    assert names(registry, object="document:42", relation="owner", managed="false") == [OWNS]
    first = registry.send("GET", "/v1/relations", params={"object": "document:42", "limit": 1}).json()
    assert names(registry, object="document:42", cursor=first["next_cursor"]) == [there]


@pytest.mark.parametrize(
    "query", ["subject=alice", "object=%00:x", "relation=Owner", "agent=triage", "subject=a:b&subject=a:c"]
)
def test_a_question_that_is_none_is_refused(registry, query):
    answer = registry.send("GET", f"/v1/relations?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_query")


def test_other_kinds_know_no_ends(registry):
    assert registry.send("GET", "/v1/users?subject=user:a").status_code == 400
