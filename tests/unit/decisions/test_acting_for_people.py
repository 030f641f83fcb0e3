"""Whom an agent acts for, as the registry keeps it: searches, lists and doors see it, and it lets nobody in."""

import pytest
from tests.fakes.decision_point import call
from tests.fakes.registry import AGENT, GRANT

TIE = {"subject": "agent:triage", "relation": "acts_on_behalf_of", "object": "user:rick"}
NAME = "user:rick#acts_on_behalf_of@agent:triage"
GUARD = {
    "side": "user",
    "document": 'permit (principal, action in Action::"github/*", resource);'
    'forbid (principal, action in Action::"github/*", resource) when { context has via_agent } '
    "unless { context.via_agent in principal.acts_on_behalf_of };",
}
RICK, MORTY = "rick@example.com", "morty@example.com"


@pytest.fixture
def tied(world):
    world.registry.change("users", "rick", {"ids": [RICK]}, 1)
    world.registry.must("users", "morty", {"ids": [MORTY]})
    world.registry.must("policies", "guard", GUARD)
    world.registry.must("relations", NAME, TIE)
    return world


def decided(world, user, agent="triage"):
    subject = {"type": "agent", "id": agent}
    return world.decide(**{**call("read_file", context={"user": user}), "subject": subject})


def test_a_decision_demands_it_and_explains_itself(tied):
    assert decided(tied, RICK)["decision"] is True
    denied = decided(tied, MORTY)
    assert (denied["decision"], denied["context"]["reason"]) == (False, "forbidden")


def test_it_grants_nothing_without_a_grant(tied):
    tied.registry.must("agents", "idle", AGENT)
    tied.registry.must("relations", "user:rick#acts_on_behalf_of@agent:idle", {**TIE, "subject": "agent:idle"})
    assert decided(tied, RICK, "idle")["context"]["reason"] == "nothing_granted"


def test_the_write_that_takes_it_back_ends_it(tied):
    assert decided(tied, RICK)["decision"] is True
    assert tied.registry.delete("relations", NAME, 1).status_code == 204
    assert decided(tied, RICK)["decision"] is False


def test_searches_find_whom_it_holds_of(tied):
    body = {"action": {"name": "github/read_file"}, "resource": {"type": "repo", "id": "web"}}
    people = tied.ask("search/subject", {**body, "subject": {"type": "user"}, "context": {"agent": "triage"}}).json()
    assert people["results"] == [{"type": "user", "id": RICK}]
    tied.registry.must("agents", "other", AGENT)
    tied.registry.grant({**GRANT, "agent": "other"})
    agents = tied.ask("search/subject", {**body, "subject": {"type": "agent"}, "context": {"user": RICK}}).json()
    assert agents["results"] == [{"type": "agent", "id": "triage"}]
    asked = {"subject": {"type": "agent", "id": "triage"}, "resource": body["resource"]}
    for user, some in ((RICK, True), (MORTY, False)):
        actions = tied.ask("search/action", {**asked, "context": {"user": user}}).json()["results"]
        assert bool(actions) is some


def test_what_can_tells_whom_an_agent_acts_for(tied):
    tied.registry.must(
        "relations",
        "group:board#acts_on_behalf_of@agent:triage",
        {**TIE, "object": "group:board"},
    )
    found = tied.call("GET", "/v1/access:what-can?agent=triage").json()
    assert found["acts_on_behalf_of"] == ["group:board", f"user:{RICK}"]
    ways = tied.call("GET", "/v1/access:who-can?action=github/read_file").json()
    assert any("acts_on_behalf_of" in text for one in ways["items"] for text in one["when"] + one["unless"])
    assert tied.call("GET", "/v1/access:what-can?agent=nobody").json()["acts_on_behalf_of"] == []


def test_an_agent_is_there_as_long_as_it_acts_for_somebody(tied):
    """Else the next agent of that name would act for whom this one acted for."""
    tied.registry.must("agents", "gone", AGENT)
    tie = {**TIE, "subject": "agent:gone"}
    tied.registry.must("relations", "user:rick#acts_on_behalf_of@agent:gone", tie)
    assert tied.registry.delete("agents", "gone", 1).status_code == 409
    tied.registry.delete("relations", "user:rick#acts_on_behalf_of@agent:gone", 1)
    assert tied.registry.delete("agents", "gone", 1).status_code == 204
    answer = tied.registry.create("relations", "user:rick#acts_on_behalf_of@agent:gone", tie)
    assert answer.status_code == 422
    assert "gone" in answer.text


@pytest.mark.parametrize(
    ("subject", "object_", "said"),
    [
        ("user:rick", "user:morty", "subject"),
        ("document:1", "user:rick", "subject"),
        ("agent:triage", "agent:triage", "object"),
        ("agent:triage", "document:1", "object"),
    ],
)
def test_only_agents_act_and_only_for_people(tied, subject, object_, said):
    name = f"{object_}#acts_on_behalf_of@{subject}"
    answer = tied.registry.create("relations", name, {**TIE, "subject": subject, "object": object_})
    assert answer.status_code == 422
    assert said in answer.text


def test_no_person_has_an_attribute_of_that_name(tied):
    answer = tied.call(
        "PUT",
        "/v1/users/eve",
        json={"ids": ["eve"], "attributes": {"acts_on_behalf_of": "all"}},
        headers={"If-None-Match": "*"},
    )
    assert answer.status_code == 422
    assert "relation" in answer.text
