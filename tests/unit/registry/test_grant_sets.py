"""The exclusive claim: what the plan saw and no longer wants goes, what it never saw stops the apply."""

import pytest
from tests.fakes.registry import AGENT, DELETE, DELETE_GRANT, GRANT, READ, RegistryClient, furnished, name_of_grant

WRITE_GRANT = {**GRANT, "tools": ["create_issue"]}
WRITE = name_of_grant(WRITE_GRANT)


@pytest.fixture
def registry() -> RegistryClient:
    client = furnished()
    client.grant(GRANT)
    return client


def test_a_claim_shows_the_grants_that_live(registry):
    assert registry.must("grant-sets", "triage", {"grants": [READ]})["live_grants"] == [READ]
    registry.grant(DELETE_GRANT)
    assert registry.get("grant-sets", "triage").json()["live_grants"] == [DELETE, READ]


def test_a_live_grant_that_the_plan_saw_and_no_longer_wants_is_deleted(registry):
    registry.grant(DELETE_GRANT)
    before = registry.generation("agent:triage")
    claim = registry.must("grant-sets", "triage", {"grants": [READ], "seen": [READ, DELETE]})
    assert claim["live_grants"] == [READ]
    assert "seen" not in claim
    assert registry.get("grants", DELETE).status_code == 404
    assert registry.generation("agent:triage") == before + 1
    assert [(c.operation, c.name) for c in registry.changes()[-2:]] == [("delete", DELETE), ("create", "triage")]


def test_a_grant_that_the_plan_never_saw_stops_the_claim_and_names_who_added_it(registry):
    registry.must("grant-sets", "triage", {"grants": [READ]})
    registry.grant(DELETE_GRANT, "alice")
    answer = registry.change("grant-sets", "triage", {"grants": [READ], "seen": [READ]}, 1)
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    assert answer.json()["detail"] == (
        f"grants of agent `triage` changed since the plan: `{DELETE}` added by oidc:alice@example.com "
        "at 2026-11-23T12:00:00Z"
    )
    assert registry.get("grants", DELETE).status_code == 200


def test_a_wanted_grant_that_was_removed_since_stops_the_claim_and_names_who_removed_it(registry):
    registry.delete("grants", READ, 1, "alice")
    answer = registry.create("grant-sets", "triage", {"grants": [READ], "seen": [READ]})
    assert answer.status_code == 412
    assert f"`{READ}` removed by oidc:alice@example.com" in answer.json()["detail"]
    assert answer.json()["changed_since"][0]["operation"] == "delete"


def test_a_grant_of_another_agent_belongs_in_no_claim_of_this_one(registry):
    registry.must("agents", "scout", AGENT)
    foreign = registry.grant({**GRANT, "agent": "scout"})["name"]
    answer = registry.create("grant-sets", "triage", {"grants": [foreign], "seen": [READ]})
    assert answer.json()["errors"][0]["path"] == "grants"


def test_an_empty_claim_means_no_grants_at_all(registry):
    assert registry.must("grant-sets", "triage", {"grants": [], "seen": [READ]})["live_grants"] == []


def test_a_grant_of_another_stack_is_never_deleted(registry):
    registry.grant(DELETE_GRANT, "staging")
    answer = registry.create("grant-sets", "triage", {"grants": [READ], "seen": [READ, DELETE]}, "prod")
    assert (answer.status_code, answer.json()["code"], answer.json()["stack"]) == (409, "managed_elsewhere", "staging")
    assert registry.get("grants", DELETE).status_code == 200
    assert registry.get("grant-sets", "triage").status_code == 404


def test_a_second_claim_is_refused_and_names_the_stack_of_the_first(registry):
    registry.must("grant-sets", "triage", {"grants": [READ], "seen": [READ]}, "staging")
    answer = registry.create("grant-sets", "triage", {"grants": [READ], "seen": [READ]}, "prod")
    assert (answer.status_code, answer.json()["stack"]) == (409, "staging")


def test_the_same_claim_again_still_ends_what_was_seen_and_is_not_wanted(registry):
    registry.must("grant-sets", "triage", {"grants": [READ]})
    registry.grant(WRITE_GRANT)
    answer = registry.change("grant-sets", "triage", {"grants": [READ], "seen": [READ, WRITE]}, 1)
    assert (answer.json()["revision"], answer.json()["live_grants"]) == (1, [READ])
    assert registry.get("grants", WRITE).status_code == 404


def test_deleting_a_claim_only_releases_it(registry):
    registry.must("grant-sets", "triage", {"grants": [READ]})
    assert registry.delete("grant-sets", "triage", 1).status_code == 204
    assert registry.get("grants", READ).status_code == 200


def test_ten_thousand_grants_fit_in_a_claim(registry):
    names = [f"triage/github.read_file@repo:{number:05}-of-a-large-organisation" for number in range(10_000)]
    answer = registry.create("grant-sets", "triage", {"grants": names, "seen": [*names, READ]})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_reference")


@pytest.mark.parametrize("seen", ["all", [1], {"a": 1}, [READ, READ], None])
def test_what_the_plan_saw_is_a_set_of_names(registry, seen):
    answer = registry.create("grant-sets", "triage", {"grants": [READ], "seen": seen})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "seen"
