"""A node revoked is a generation more, durable, audited, and seen by whoever keeps a copy."""

from datetime import timedelta

import pytest
from tests.fakes.authenticator import PEOPLE
from tests.fakes.registry import AGENT, DEPLOYMENT, NOW, OWNER, ROLE_BINDING, RegistryClient, furnished

from leasehold.model.leases import Lease


@pytest.fixture
def registry() -> RegistryClient:
    client = furnished()
    client.must("deployments", "triage-prod", DEPLOYMENT)
    client.must("workload-bindings", "victor", ROLE_BINDING)
    with client.store.begin() as unit:
        unit.nodes.ensure("registry")
        for lease_id, agent in (("of-triage", "triage"), ("of-a-person", None), ("lease-plan", None)):
            unit.leases.add(lease(lease_id, agent))
    return client


def lease(lease_id, agent):
    return Lease(
        id=lease_id,
        subject="agent:triage",
        agent=agent,
        deployment=None,
        binding="pod",
        audience="https://mcp.example.com/github",
        scopes=frozenset(),
        ancestors=(),
        token_sha256=lease_id,
        issued_at=NOW,
        expires_at=NOW + timedelta(minutes=5),
    )


def revoke(registry, node, caller="admin"):
    return registry.send("POST", "/v1/revocations", caller, json={"node": node, "reason": "leaked"})


@pytest.mark.parametrize(
    "node", ["registry", "owner:alice", "agent:triage", "deployment:triage-prod", "binding:victor"]
)
def test_a_revoked_node_is_one_generation_further(registry, node):
    before = registry.generation(node)
    answer = revoke(registry, node)
    assert answer.json() == {"node": node, "generation": before + 1, "at": "2026-11-23T12:00:00Z"}
    assert registry.generation(node) == before + 1
    assert registry.changes()[-1].operation == "revoke"
    event = registry.audit()[0]
    assert (event["action"], event["name"], event["outcome"]) == ("revoke", node, "ok")
    assert event["detail"] == {"reason": "leaked"}


def test_a_lease_is_revoked_once_and_for_all(registry):
    assert revoke(registry, "lease:of-triage").json()["generation"] == 1
    registry.now = NOW + timedelta(seconds=30)
    assert revoke(registry, "lease:of-triage").json()["generation"] == 1
    with registry.store.read() as unit:
        assert unit.leases.find("of-triage").revoked_at == NOW


@pytest.mark.parametrize(
    ("node", "code"),
    [
        ("user:nobody/alice", "not_found"),
        ("user:okta", "invalid_body"),
        ("user:okta/", "invalid_body"),
        ("user:okta/CN=Alice, OU=shop", "invalid_body"),
        ("user:okta/a/b", "invalid_body"),
        ("client:nobody", "not_found"),
        ("client:https://claude.ai/oauth/client.json", "not_found"),
        ("client:pub.forged", "not_found"),
    ],
)
def test_nobody_is_told_that_somebody_was_revoked_who_cannot_be_there(registry, node, code):
    answer = revoke(registry, node)
    assert answer.json()["code"] == code
    assert registry.generation(node) == 0


def test_a_subject_as_its_issuer_has_it_is_told_how_tokens_have_it(registry):
    detail = revoke(registry, "user:okta/CN=Alice, OU=shop").json()["errors"][0]["message"]
    assert "`user:okta/CN%3DAlice%2C%20OU%3Dshop`" in detail
    assert "`user:okta/sha256-" in revoke(registry, "user:okta/" + "x" * 250).json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "node",
    [
        "user:idp/00u1alice",
        "user:idp/CN%3DAlice%2C%20OU%3Dshop",
        "user:idp/sha256-" + "a" * 64,
        "client:triage",
    ],
)
def test_somebody_of_whom_nothing_was_issued_yet_is_revoked(registry, node):
    assert revoke(registry, node).json()["generation"] == 1


def test_a_person_whose_issuer_is_gone_can_still_be_revoked(registry):
    with registry.store.begin() as unit:
        unit.nodes.ensure("user:gone/alice")
    assert revoke(registry, "user:gone/alice").json()["generation"] == 2


def test_an_unknown_lease_is_as_good_as_revoked(registry):
    answer = revoke(registry, "lease:nobodys")
    assert (answer.status_code, answer.json()["generation"]) == (200, 0)


@pytest.mark.parametrize("node", ["owner:nobody", "agent:nobody", "deployment:nobody", "binding:nobody"])
def test_an_unknown_node_is_not_found(registry, node):
    assert revoke(registry, node).status_code == 404


@pytest.mark.parametrize("node", ["", "agent", "agent:", "team:payments", "Registry", "registry:x", "agent:a\nb", 7])
def test_what_is_no_node_is_refused(registry, node):
    answer = revoke(registry, node)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "node")


@pytest.mark.parametrize("reason", ["", "  ", "a\u202eb", "x" * 1025])
def test_a_revocation_says_why(registry, reason):
    answer = registry.send("POST", "/v1/revocations", json={"node": "agent:triage", "reason": reason})
    assert answer.status_code == 422


def test_a_deleted_objects_node_can_still_be_revoked_by_an_admin_alone(registry):
    registry.delete("deployments", "triage-prod", 1)
    assert revoke(registry, "deployment:triage-prod", "alice").status_code == 403
    assert revoke(registry, "deployment:triage-prod").json()["generation"] == 3


@pytest.mark.parametrize("node", ["agent:triage", "deployment:triage-prod", "lease:of-triage"])
def test_ghsa_c36x_and_cve_2026_45808_a_developer_revokes_within_the_team_alone(registry, node):
    assert revoke(registry, node, "mallory").status_code == 403
    assert revoke(registry, node, "alice").status_code == 200


@pytest.mark.parametrize("node", ["registry", "owner:alice", "binding:victor", "lease:of-a-person"])
def test_a_developer_revokes_nothing_above_an_agent(registry, node):
    assert revoke(registry, node, "alice").status_code == 403


def test_anybody_who_may_revoke_leases_ends_their_own(registry, monkeypatch):
    monkeypatch.setitem(
        PEOPLE,
        "mallory",
        PEOPLE["mallory"].__class__(
            id="m", role=PEOPLE["mallory"].role, teams=PEOPLE["mallory"].teams, lease="of-a-person"
        ),
    )
    assert revoke(registry, "lease:of-a-person", "mallory").json()["generation"] == 1


def test_an_agent_of_another_team_stays_out_of_reach_when_moved(registry):
    registry.must("owners", "bob", {**OWNER, "team": "marketing"})
    registry.change("agents", "triage", {**AGENT, "owner": "bob"}, 1)
    assert revoke(registry, "agent:triage", "alice").status_code == 403
    assert revoke(registry, "agent:triage", "mallory").status_code == 200


@pytest.mark.parametrize("node", ["agent:triage", "lease:of-triage"])
def test_a_stack_revokes_nothing_of_another_stack(registry, node):
    assert registry.change("agents", "triage", AGENT, 1, "staging").status_code == 200
    answer = revoke(registry, node, "prod")
    assert (answer.status_code, answer.json()["stack"]) == (409, "staging")
    assert revoke(registry, node, "staging").status_code == 200


def test_a_stack_revokes_not_the_whole_registry(registry):
    assert revoke(registry, "registry", "prod").status_code == 403
    assert registry.generation("registry") == 1
