"""Groups that an enforcement point read in a token: of the issuer that the person's id names, and no other."""

import pytest
from tests.fakes.decision_point import call

PERSON = "okta/00u1rick"
POLICY = {
    "side": "user",
    "document": 'permit (principal in group::"okta/eng", action in Action::"github/*", resource);',
}


@pytest.fixture
def rick(world):
    world.registry.change("users", "rick", {"ids": [PERSON], "roles": ["editor"]}, 1)
    world.registry.must("policies", "eng", POLICY)
    return world


def decided(world, *groups, id_=PERSON):
    user = {"type": "user", "id": id_, "groups": list(groups)}
    return world.decide(**call("read_file", context={"user": user}))["decision"]


def test_a_group_counts_in_the_question_that_brings_it(rick):
    assert [decided(rick, "eng"), decided(rick), decided(rick, "ops"), decided(rick, "eng", "ops")] == [
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("name", ["okta/eng", "../okta/eng", "eng\u200b", "ENG"])
def test_no_name_reaches_another_group(rick, name):
    assert not decided(rick, name)


def test_an_id_of_another_issuer_brings_that_ones_groups(rick):
    rick.registry.change("users", "rick", {"ids": [PERSON, "contractors/rick"], "roles": ["editor"]}, 2)
    assert decided(rick, "eng")
    assert not decided(rick, "eng", id_="contractors/rick")


@pytest.mark.parametrize("groups", ["eng", ["eng", 7], {"eng": True}])
def test_groups_are_texts(rick, groups):
    user = {"type": "user", "id": PERSON, "groups": groups}
    assert not rick.decide(**call("read_file", context={"user": user})).get("decision")


def test_groups_without_an_issuer_are_no_question(rick):
    user = {"type": "user", "id": "rick", "groups": ["eng"]}
    assert not rick.decide(**call("read_file", context={"user": user})).get("decision")
