"""No grant above a ceiling, no unbounded grant by a developer, and tightening is always possible."""

import pytest
from tests.fakes.registry import AGENT, DELETE, DELETE_GRANT, GRANT, OWNER, SCOPE, RegistryClient, furnished

WIDE_GRANT = {**GRANT, "tools": ["*"], "resources": ["repo:*"], "allow_wildcard": True, "justification": "all of it"}


@pytest.fixture
def registry() -> RegistryClient:
    client = furnished()
    client.must("scopes", "reader", SCOPE)
    return client


def test_a_grant_above_a_ceiling_is_refused_with_a_counterexample(registry):
    registry.must("ceilings", "payments", {"principal": "team:payments", "scopes": ["reader"]})
    answer = registry.create("grants", DELETE, DELETE_GRANT)
    assert (answer.status_code, answer.json()["code"]) == (422, "above_ceiling")
    assert answer.json().items() >= {"ceiling": "payments", "tool": "delete_branch", "resource": "repo:web"}.items()


@pytest.mark.parametrize("principal", ["organization", "team:payments", "environment:prod", "agent:bot"])
def test_a_ceiling_bounds_its_principal(registry, principal):
    registry.must("agents", "bot", {**AGENT, "environment": "prod"})
    registry.must("ceilings", "none", {"principal": principal, "scopes": []})
    grant = {**GRANT, "agent": "bot"}
    assert registry.create("grants", "bot/github.read_file@repo:web", grant).json()["ceiling"] == "none"


@pytest.mark.parametrize("principal", ["team:marketing", "environment:prod", "agent:bot"])
def test_a_ceiling_bounds_nobody_else(registry, principal):
    registry.must("agents", "bot", AGENT)
    registry.must("ceilings", "none", {"principal": principal, "scopes": []})
    registry.grant(GRANT)


def test_a_developer_grants_nothing_where_no_ceiling_bounds_it(registry):
    registry.delete("ceilings", "org", 1)
    answer = registry.create("grants", DELETE, DELETE_GRANT, "alice")
    assert (answer.json()["code"], answer.json()["ceiling"]) == ("above_ceiling", None)
    assert registry.audit()[0]["outcome"] == "denied"
    registry.grant(DELETE_GRANT, "admin")


def test_a_developer_grants_beneath_a_ceiling(registry):
    assert registry.grant(GRANT, "alice")["updated_by"] == "oidc:alice@example.com"


def test_tightening_a_ceiling_is_accepted_and_ends_the_tokens_that_stick_out(registry):
    registry.grant(DELETE_GRANT)
    before = registry.generation("agent:triage")
    registry.must("ceilings", "payments", {"principal": "team:payments", "scopes": ["reader"]})
    assert registry.generation("agent:triage") == before + 1
    withheld = registry.send("GET", "/v1/effective-access?agent=triage").json()["withheld"]
    assert [(w["tool"], w["reason"], w["ceiling"]) for w in withheld] == [
        ("delete_branch", "above_ceiling", "payments")
    ]


def test_a_ceiling_that_cuts_nothing_ends_nothing(registry):
    registry.grant(GRANT)
    before = registry.generation("agent:triage")
    registry.must("ceilings", "payments", {"principal": "team:payments", "scopes": ["reader"]})
    assert registry.generation("agent:triage") == before


def test_lowering_the_ttl_of_a_ceiling_ends_longer_tokens(registry):
    before = registry.generation("agent:triage")
    registry.must("ceilings", "short", {"principal": "team:payments", "scopes": ["everything"], "max_ttl": 60})
    assert registry.generation("agent:triage") == before + 1


def test_a_wildcard_above_a_ceiling_is_withheld_whole(registry):
    registry.grant(WIDE_GRANT)
    registry.must("ceilings", "payments", {"principal": "team:payments", "scopes": ["reader"]})
    report = registry.send("GET", "/v1/effective-access?agent=triage").json()
    assert report["access"] == []
    assert {w["reason"] for w in report["withheld"]} == {"above_ceiling"}


def test_a_grant_that_sticks_out_can_stay_as_it_is_but_not_be_renewed(registry):
    registry.grant(DELETE_GRANT)
    registry.must("ceilings", "payments", {"principal": "team:payments", "scopes": ["reader"]})
    assert registry.change("grants", DELETE, DELETE_GRANT, 1).status_code == 200
    renewed = {**DELETE_GRANT, "expires_at": "2027-01-01T00:00:00Z"}
    assert registry.change("grants", DELETE, renewed, 1).json()["code"] == "above_ceiling"


def test_ceilings_follow_the_owner_to_another_team(registry):
    registry.must("owners", "bob", {**OWNER, "team": "marketing"})
    registry.must("ceilings", "none", {"principal": "team:marketing", "scopes": []})
    registry.grant(GRANT)
    before = registry.generation("agent:triage")
    registry.change("owners", "alice", {**OWNER, "team": "marketing"}, 1)
    assert registry.generation("agent:triage") == before + 1


def test_a_developer_cannot_take_an_agent_out_from_under_the_ceilings_of_its_environment(registry):
    registry.must("agents", "bot", {**AGENT, "environment": "prod"})
    moved = {**AGENT, "environment": "dev"}
    answer = registry.change("agents", "bot", moved, 1, "alice")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert registry.change("agents", "bot", moved, 1, "admin").status_code == 200
