"""What is named must exist, and what is named cannot go."""

import pytest
from tests.fakes.registry import (
    AGENT,
    AGENT_BINDING,
    DEPLOYMENT,
    GRANT,
    READ,
    SCOPE,
    RegistryClient,
    furnished,
    name_of_grant,
)


@pytest.fixture
def registry() -> RegistryClient:
    return furnished()


@pytest.mark.parametrize(
    ("kind", "name", "body", "where", "suggestion"),
    [
        ("agents", "scout", {**AGENT, "owner": "alcie"}, "owner", "alice"),
        ("scopes", "reader", {**SCOPE, "tool_server": "gihub"}, "tool_server", "github"),
        ("scopes", "reader", {**SCOPE, "tools": ["read_fil"]}, "tools", "read_file"),
        ("ceilings", "c", {"principal": "organization", "scopes": ["everythin"]}, "scopes", "everything"),
        ("ceilings", "c", {"principal": "agent:traige", "scopes": []}, "principal", "triage"),
        ("grants", "traige/github.read_file@repo:web", {**GRANT, "agent": "traige"}, "agent", "triage"),
        ("grants", "triage/everythin", {"agent": "triage", "scope": "everythin"}, "scope", "everything"),
        ("grants", "triage/github.read_fil@repo:web", {**GRANT, "tools": ["read_fil"]}, "tools", "read_file"),
        ("grant-sets", "traige", {"grants": []}, "name", "triage"),
        ("grant-sets", "triage", {"grants": ["triage/github.read_file@repo:wbe"]}, "grants", READ),
        ("deployments", "d", {"agent": "traige"}, "agent", "triage"),
        ("workload-bindings", "b", {**AGENT_BINDING, "trust_issuer": "ipd"}, "trust_issuer", "idp"),
        ("workload-bindings", "b", {**AGENT_BINDING, "deployment": "triage-pord"}, "deployment", "triage-prod"),
    ],
)
def test_an_unknown_name_is_refused_with_one_that_looks_alike(registry, kind, name, body, where, suggestion):
    registry.grant(GRANT)
    registry.must("deployments", "triage-prod", DEPLOYMENT)
    answer = registry.create(kind, name, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_reference"), answer.text
    assert answer.json()["path"] == where
    assert answer.json()["suggestions"] == [suggestion]
    assert f"did you mean `{suggestion}`?" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("kind", "name", "referrer"),
    [
        ("owners", "alice", "agents/triage"),
        ("agents", "triage", "deployments/triage-prod"),
        ("tool-servers", "github", "grants/triage/github.read_file@repo:web"),
        ("scopes", "everything", "ceilings/org"),
        ("trust-issuers", "idp", "workload-bindings/pod"),
        ("deployments", "triage-prod", "workload-bindings/pod"),
    ],
)
def test_an_object_that_others_name_cannot_go(registry, kind, name, referrer):
    registry.grant(GRANT)
    registry.must("deployments", "triage-prod", DEPLOYMENT)
    registry.must("workload-bindings", "pod", {**AGENT_BINDING, "deployment": "triage-prod"})
    answer = registry.delete(kind, name, 1)
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert referrer in answer.json()["referrers"]
    assert registry.get(kind, name).status_code == 200


def test_an_agent_stays_while_its_grant_set_or_a_ceiling_of_its_own_names_it(registry):
    registry.must("grant-sets", "triage", {"grants": []})
    registry.must("ceilings", "tight", {"principal": "agent:triage", "scopes": []})
    referrers = registry.delete("agents", "triage", 1).json()["referrers"]
    assert referrers == ["ceilings/tight", "grant-sets/triage"]
    registry.delete("grant-sets", "triage", 1)
    registry.delete("ceilings", "tight", 1)
    assert registry.delete("agents", "triage", 1).status_code == 204


def test_a_reference_that_was_dropped_holds_nothing_back(registry):
    registry.must("owners", "bob", {"display_name": "Bob", "email": "bob@example.com", "team": "payments"})
    registry.change("agents", "triage", {**AGENT, "owner": "bob"}, 1)
    assert registry.delete("owners", "alice", 1).status_code == 204
    assert registry.delete("owners", "bob", 1).status_code == 409


def test_a_grant_goes_under_the_name_of_its_edge_only(registry):
    answer = registry.create("grants", "triage/anything", GRANT)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"path": "name", "message": f"this grant is named `{READ}`, not `triage/anything`"}
    ]


def test_a_grant_on_a_scope_takes_resources_that_the_scope_covers(registry):
    registry.must("scopes", "reader", SCOPE)
    inside = {"agent": "triage", "scope": "reader", "resources": ["repo:web"]}
    outside = {"agent": "triage", "scope": "reader", "resources": ["repo:secrets"]}
    registry.grant(inside)
    answer = registry.create("grants", name_of_grant(outside), outside)
    assert answer.json()["errors"] == [{"path": "resources", "message": "scope `reader` does not cover `repo:secrets`"}]


def test_a_binding_takes_the_kind_of_subject_that_its_issuer_speaks_of(registry):
    kubernetes = {"namespace": "payments", "service_account": "triage", "any_uid": True}
    answer = registry.create(
        "workload-bindings", "pod", {"trust_issuer": "idp", "agent": "triage", "kubernetes": kubernetes}
    )
    assert answer.json()["errors"][0]["path"] == "trust_issuer"


def test_a_binding_takes_a_deployment_of_its_own_agent(registry):
    registry.must("agents", "scout", AGENT)
    registry.must("deployments", "scout-prod", {"agent": "scout"})
    answer = registry.create("workload-bindings", "pod", {**AGENT_BINDING, "deployment": "scout-prod"})
    assert answer.json()["errors"][0]["path"] == "deployment"
