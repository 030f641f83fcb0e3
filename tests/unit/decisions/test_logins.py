"""What can be known of groups that come with a login: not whom they bring, but what they open and close."""

import pytest
from tests.fakes.decision_point import call

RICK, MORTY = "okta/00u1rick", "ldap/morty"
READ = 'action == Action::"github/read_file"'
USERS = f"""
@id("eng") permit (principal in group::"okta/eng", {READ}, resource);
@id("support") permit (principal in group::"support", {READ}, resource) when {{ context has via_agent }};
@id("everyone") permit (principal, action == Action::"github/create_issue", resource);
@id("contractors") forbid (principal in group::"okta/contractors", action == Action::"github/create_issue", resource);
@id("asked") permit (principal, {READ}, resource) when {{ principal in group::"okta/asked" }};
"""


@pytest.fixture
def logins(world):
    world.registry.change("users", "rick", {"ids": [RICK]}, 1)
    world.registry.must("users", "morty", {"ids": [MORTY]})
    world.must("policies", "people", {"side": "user", "document": USERS})
    for group in ("okta/support", "ldap/helpdesk", "nowhere/eng"):
        tie = {"subject": f"group:{group}", "relation": "member", "object": "group:support"}
        world.registry.must("relations", f"group:support#member@group:{group}", tie)
    return world


def ways(world, question):
    items = world.call("GET", f"/v1/access:{question}").json()["items"]
    return {one["policy"]: one for one in items if one["policy"]}


def test_who_can_says_with_which_group_anyone_who_logs_in_is_spoken_of(logins):
    found = ways(logins, "who-can?action=github/read_file")
    assert {name: one["logins"] for name, one in found.items()} == {
        "people/eng": ["okta/eng"],
        "people/support": ["ldap/helpdesk", "okta/support"],  # nobody's id is of the issuer `nowhere`
        "people/asked": [],  # its condition says so by itself
    }
    assert "okta/asked" in found["people/asked"]["when"][0]
    issues = ways(logins, "who-can?action=github/create_issue")["people/everyone"]
    assert issues["unless"] == ['principal in group::"okta/contractors"']


def test_what_can_says_what_a_login_would_open_and_close(logins):
    found = ways(logins, f"what-can?user={RICK}")
    assert {name: one["logins"] for name, one in found.items()} == {
        "people/eng": ["okta/eng"],
        "people/support": ["okta/support"],
        "people/asked": [],
        "people/everyone": [],
    }
    assert found["people/everyone"]["unless"] == ['principal in group::"okta/contractors"']


def test_no_group_of_another_issuer_is_told_of_somebody(logins):
    found = ways(logins, f"what-can?user={MORTY}")
    assert {name: one["logins"] for name, one in found.items()} == {
        "people/support": ["ldap/helpdesk"],
        "people/asked": [],
        "people/everyone": [],
    }
    assert found["people/everyone"]["unless"] == []


def test_what_is_told_is_what_is_decided(logins):
    """A way by a login is open to who brings the group, and to nobody who does not."""
    for groups, expected in ((["eng"], True), (["support"], True), ([], False), (["contractors"], False)):
        user = {"type": "user", "id": RICK, "groups": groups}
        assert logins.decide(**call("read_file", context={"user": user}))["decision"] is expected


def test_a_search_for_people_says_with_which_groups_others_may_be_allowed(logins):
    """Results are subjects for whom the answer is yes (AuthZEN 1.0): of whom nobody knows, the context tells."""
    body = {"action": {"name": "github/read_file"}, "resource": {"type": "repo", "id": "web"}}
    people = logins.ask("search/subject", {**body, "subject": {"type": "user"}, "context": {"agent": "triage"}}).json()
    assert people["results"] == []
    assert people["context"] == {"logins_with": ["ldap/helpdesk", "okta/eng", "okta/support"]}
    agents = logins.ask("search/subject", {**body, "subject": {"type": "agent"}}).json()
    assert "context" not in agents
    other = {**body, "action": {"name": "github/create_issue"}, "subject": {"type": "user"}}
    assert "context" not in logins.ask("search/subject", other).json()


def test_what_is_forbidden_whatever_is_asked_is_no_way(logins):
    nothing = 'forbid (principal == user::"rick", action in Action::"github/*", resource);'
    logins.must("policies", "shut", {"side": "user", "document": nothing})
    assert ways(logins, f"what-can?user={RICK}") == {}
    assert ways(logins, f"what-can?user={MORTY}").keys() == {"people/support", "people/asked", "people/everyone"}
