"""The exclusive claim: what was granted beside Terraform shows, goes, or stops the apply, and never silently."""

from tests.fakes.provider_host import Terraform
from tests.fakes.registry import DELETE, DELETE_GRANT, READ

TYPE = "leasehold_agent_grants_exclusive"
GRANT = {"agent": "triage", "tool_server": "github", "tools": ["read_file"], "resources": ["repo:web"]}
CLAIM = {"agent": "triage", "grants": [READ]}


def _claimed(client):
    walk = Terraform(client)
    walk.create("leasehold_grant", GRANT)
    return walk.create(TYPE, CLAIM)


def test_a_claim_over_nothing_unmanaged_revokes_nothing(client):
    state = _claimed(client)
    assert (state["grants"], state["revokes"]) == ([READ], [])
    assert Terraform(client).plan(TYPE, CLAIM, state).ok() == state


def test_a_new_claim_shows_what_it_removes_and_removes_it(client, registry):
    registry.grant(DELETE_GRANT)
    walk = Terraform(client)
    walk.create("leasehold_grant", GRANT)
    planned = walk.plan(TYPE, CLAIM).ok()
    assert planned["revokes"] == [DELETE]
    state = walk.apply(TYPE, CLAIM, planned, None).ok()
    assert state == {**planned, "revision": 1, "id": "triage"}
    assert registry.get("grants", DELETE).status_code == 404
    assert Terraform(client).read(TYPE, state).ok() == state


def test_a_grant_made_elsewhere_shows_as_drift_and_is_removed(client, registry):
    state = _claimed(client)
    registry.grant(DELETE_GRANT)
    walk = Terraform(client)
    seen = walk.read(TYPE, state).ok()
    assert seen["grants"] == [DELETE, READ]
    planned = walk.plan(TYPE, CLAIM, seen).ok()
    assert planned["grants"] == [READ]
    after = Terraform(client).apply(TYPE, CLAIM, planned, seen).ok()
    assert after["grants"] == [READ]
    assert registry.get("grants", DELETE).status_code == 404


def test_a_grant_that_appears_between_plan_and_apply_refuses_the_apply(client, registry):
    state = _claimed(client)
    config = {**CLAIM, "grants": []}
    walk = Terraform(client)
    planned = walk.plan(TYPE, config, state).ok()
    registry.grant(DELETE_GRANT)
    outcome = Terraform(client).apply(TYPE, config, planned, state)
    assert outcome.state == state
    assert outcome.errors[0].startswith("Live object changed since the plan: ")
    assert f"`{DELETE}` added by oidc:ada@example.com" in outcome.errors[0]
    assert registry.get("grants", DELETE).status_code == 200


def test_a_grant_that_appears_before_a_new_claim_is_applied_refuses_it(client, registry):
    walk = Terraform(client)
    walk.create("leasehold_grant", GRANT)
    planned = walk.plan(TYPE, CLAIM).ok()
    registry.grant(DELETE_GRANT)
    outcome = walk.apply(TYPE, CLAIM, planned, None)
    assert f"`{DELETE}` added by" in outcome.errors[0]
    assert registry.get("grants", DELETE).status_code == 200


def test_a_claim_goes_through_when_its_grants_are_destroyed_in_the_same_run(client):
    walk = Terraform(client)
    walk.create("leasehold_grant", GRANT)
    extra = walk.create("leasehold_grant", DELETE_GRANT)
    following = Terraform(client)
    planned = following.plan(TYPE, CLAIM).ok()
    assert planned["revokes"] == []
    assert following.apply(TYPE, CLAIM, planned, None).ok()["grants"] == [READ]
    assert following.apply("leasehold_grant", None, None, extra).ok() is None


def test_a_second_claim_is_an_error_that_names_the_other_stack(client, registry):
    registry.must("grant-sets", "triage", {"grants": []}, "staging")
    outcome = Terraform(client).plan(TYPE, {"agent": "triage", "grants": []})
    assert outcome.errors == [
        "Second exclusive claim: Stack `staging` claims all grants of agent `triage` already; an agent has one claim."
    ]
    assert outcome.paths == ["agent"]


def test_two_claims_in_one_configuration_are_an_error(client):
    walk = Terraform(client)
    walk.plan(TYPE, {"agent": "triage", "grants": []}).ok()
    assert walk.plan(TYPE, {"agent": "triage", "grants": []}).errors[0].startswith("Declared twice: ")


def test_a_claim_does_not_remove_what_another_stack_manages(client, registry):
    registry.grant(DELETE_GRANT, "staging")
    outcome = Terraform(client).plan(TYPE, {"agent": "triage", "grants": []})
    assert outcome.errors == [
        f"Grant managed by another stack: Grant `{DELETE}` is managed by stack `staging`: a claim cannot remove it."
    ]


def test_destroying_a_claim_leaves_the_grants(client, registry):
    state = _claimed(client)
    Terraform(client).apply(TYPE, None, None, state).ok()
    assert registry.get("grants", READ).status_code == 200
    assert registry.get("grant-sets", "triage").status_code == 404


def test_an_import_brings_what_lives(client, registry):
    _claimed(client)
    registry.grant(DELETE_GRANT)
    assert Terraform(client).import_by_name(TYPE, "triage")["grants"] == [DELETE, READ]
