"""What a write takes away ends with the write; what it leaves alone lives on."""

import pytest
from tests.fakes.registry import (
    AGENT,
    AGENT_BINDING,
    DEPLOYMENT,
    GRANT,
    ISSUER,
    OWNER,
    READ,
    SCOPE,
    SERVER,
    WIDE,
    RegistryClient,
    furnished,
)


@pytest.fixture
def registry() -> RegistryClient:
    client = furnished()
    client.must("scopes", "reader", SCOPE)
    client.grant({"agent": "triage", "scope": "reader"})
    client.must("workload-bindings", "pod", AGENT_BINDING)
    client.must("deployments", "triage-prod", DEPLOYMENT)
    return client


def bumped(registry, node, write):
    before = registry.generation(node)
    answer = write()
    assert answer.is_success, answer.text
    return registry.generation(node) - before


ENDING = [
    ("owner:alice", "owners", "alice", {**OWNER, "state": "disabled"}),
    ("agent:triage", "agents", "triage", {**AGENT, "state": "suspended"}),
    ("agent:triage", "agents", "triage", {**AGENT, "max_ttl": 60}),
    ("agent:triage", "agents", "triage", {**AGENT, "max_delegation_depth": 1}),
    ("binding:pod", "workload-bindings", "pod", {**AGENT_BINDING, "oidc": {"subject": "other"}}),
    ("binding:pod", "trust-issuers", "idp", {**ISSUER, "audiences": ["other"]}),
    ("deployment:triage-prod", "deployments", "triage-prod", DEPLOYMENT),
    ("agent:triage", "scopes", "reader", {**SCOPE, "tools": ["read_file"]}),
    ("agent:triage", "scopes", "reader", {**SCOPE, "resources": ["repo:web"]}),
    ("agent:triage", "scopes", "everything", {**WIDE, "resources": ["repo:web*"]}),
    ("agent:triage", "tool-servers", "github", {**SERVER, "url": "https://elsewhere.example.com"}),
    (
        "agent:triage",
        "tool-servers",
        "github",
        {**SERVER, "tools": {**SERVER["tools"], "read_file": {"action": "execute"}}},
    ),
    (
        "agent:triage",
        "tool-servers",
        "github",
        {**SERVER, "tools": {n: t for n, t in SERVER["tools"].items() if n != "read_file"}},
    ),
    ("agent:triage", "ceilings", "org", {"principal": "organization", "scopes": []}),
    ("agent:triage", "ceilings", "org", {"principal": "organization", "scopes": ["everything"], "dpop": "required"}),
    ("agent:triage", "agents", "triage", {**AGENT, "dpop": "required"}),
    ("agent:triage", "tool-servers", "github", {**SERVER, "dpop": "required"}),
]
SPARING = [
    ("owner:alice", "owners", "alice", {**OWNER, "display_name": "Alice B"}),
    ("agent:triage", "agents", "triage", {**AGENT, "description": "sorts issues"}),
    ("binding:pod", "workload-bindings", "pod", AGENT_BINDING),
    ("agent:triage", "scopes", "reader", {**SCOPE, "resources": [*SCOPE["resources"], "repo:docs"]}),
    ("agent:triage", "scopes", "reader", {**SCOPE, "description": "reads"}),
    ("agent:triage", "tool-servers", "github", {**SERVER, "tools": {**SERVER["tools"], "new": {"action": "read"}}}),
    ("agent:triage", "ceilings", "org", {"principal": "organization", "scopes": ["everything", "reader"]}),
]


@pytest.mark.parametrize(("node", "kind", "name", "body"), ENDING)
def test_a_write_that_takes_away_ends_the_tokens_that_carry_it(registry, node, kind, name, body):
    assert bumped(registry, node, lambda: registry.change(kind, name, body, 1)) == 1


@pytest.mark.parametrize(("node", "kind", "name", "body"), SPARING)
def test_a_write_that_takes_nothing_away_ends_nothing(registry, node, kind, name, body):
    assert bumped(registry, node, lambda: registry.change(kind, name, body, 1)) == 0


def test_moving_an_agent_to_another_owner_ends_its_tokens(registry):
    registry.must("owners", "bob", OWNER)
    assert (
        bumped(registry, "agent:triage", lambda: registry.change("agents", "triage", {**AGENT, "owner": "bob"}, 1)) == 1
    )


def test_a_grant_that_is_deleted_or_ends_sooner_ends_the_agents_tokens(registry):
    registry.grant(GRANT)
    timed = {**GRANT, "expires_at": "2027-01-01T00:00:00Z"}
    later = {**GRANT, "expires_at": "2027-02-01T00:00:00+01:00"}
    assert bumped(registry, "agent:triage", lambda: registry.change("grants", READ, timed, 1)) == 1
    assert bumped(registry, "agent:triage", lambda: registry.change("grants", READ, later, 2)) == 0
    assert bumped(registry, "agent:triage", lambda: registry.change("grants", READ, GRANT, 3)) == 0
    assert bumped(registry, "agent:triage", lambda: registry.delete("grants", READ, 4)) == 1


def test_deleting_an_object_with_a_node_ends_what_hung_on_it(registry):
    assert bumped(registry, "deployment:triage-prod", lambda: registry.delete("deployments", "triage-prod", 1)) == 1
    assert bumped(registry, "binding:pod", lambda: registry.delete("workload-bindings", "pod", 1)) == 1
    registry.delete("grants", "triage/reader", 1)
    assert bumped(registry, "agent:triage", lambda: registry.delete("agents", "triage", 1)) == 1
    assert bumped(registry, "owner:alice", lambda: registry.delete("owners", "alice", 1)) == 1


def test_a_node_is_there_from_the_first_write_and_survives_delete_and_create(registry):
    assert registry.generation("owner:alice") == 1
    registry.delete("workload-bindings", "pod", 1)
    registry.must("workload-bindings", "pod", AGENT_BINDING)
    assert registry.generation("binding:pod") == 2


def test_a_refused_write_ends_nothing(registry):
    nodes = ("owner:alice", "agent:triage", "binding:pod", "deployment:triage-prod")
    before = [registry.generation(node) for node in nodes]
    assert registry.change("deployments", "triage-prod", DEPLOYMENT, 7).status_code == 412
    assert registry.change("owners", "alice", {**OWNER, "state": "disabled"}, 7).status_code == 412
    assert [registry.generation(node) for node in nodes] == before


def test_a_stack_that_adopts_a_binding_ends_no_token_of_it(registry):
    adopt = lambda: registry.change("workload-bindings", "pod", AGENT_BINDING, 1, "prod")  # noqa: E731
    assert bumped(registry, "binding:pod", adopt) == 0
    assert registry.get("workload-bindings", "pod").json()["managed_by"] == "prod"


def test_an_agent_taken_off_the_list_of_sub_agents_ends_what_it_was_handed(registry):
    registry.must("agents", "coder", AGENT)
    named = {**AGENT, "may_delegate_to": ["coder"]}
    node = "agent:triage"
    assert bumped(registry, node, lambda: registry.change("agents", "triage", named, 1)) == 0
    assert bumped(registry, node, lambda: registry.change("agents", "triage", AGENT, 2)) == 1


def test_an_agent_that_another_names_is_there_and_stays(registry):
    registry.must("agents", "coder", AGENT)
    assert registry.change("agents", "triage", {**AGENT, "may_delegate_to": ["nobody"]}, 1).status_code == 422
    assert registry.change("agents", "triage", {**AGENT, "may_delegate_to": ["coder"]}, 1).is_success
    assert registry.delete("agents", "coder", 1).json()["code"] == "in_use"


def test_what_public_clients_hold_ends_with_the_word_that_lets_them_in_and_with_an_address_of_theirs(registry):
    back = "https://app.example/cb"
    taking = {**AGENT, "public_clients": True, "redirect_uris": [back]}
    assert registry.change("agents", "triage", taking, 1).is_success
    wider = {**taking, "redirect_uris": [back, back + "2"]}
    assert bumped(registry, "client:triage", lambda: registry.change("agents", "triage", wider, 2)) == 0
    assert bumped(registry, "client:triage", lambda: registry.change("agents", "triage", taking, 3)) == 1
    assert bumped(registry, "client:triage", lambda: registry.change("agents", "triage", AGENT, 4)) == 1


LOGIN = {
    "authorization_endpoint": "https://idp.example.com/authorize",
    "token_endpoint": "https://idp.example.com/token",
    "client_id": "leasehold",
}


@pytest.mark.parametrize("people", [{"login": LOGIN}, {"id_jag": True}], ids=["login", "id_jag"])
def test_an_issuer_that_is_believed_otherwise_ends_what_people_hold_by_its_word(registry, people):
    registry.must("trust-issuers", "sso", {**ISSUER, "issuer": "https://sso.example.com", **people})
    spec = {**ISSUER, "issuer": "https://sso.example.com", "algorithms": ["ES256"], **people}
    assert bumped(registry, "issuer:sso", lambda: registry.change("trust-issuers", "sso", spec, 1)) == 1
    assert bumped(registry, "issuer:sso", lambda: registry.change("trust-issuers", "sso", spec, 2)) == 0
    assert bumped(registry, "issuer:sso", lambda: registry.delete("trust-issuers", "sso", 2)) == 1


def test_an_issuer_that_lets_no_people_in_ends_none_of_theirs(registry):
    changed = {**ISSUER, "audiences": ["other"]}
    assert bumped(registry, "issuer:idp", lambda: registry.change("trust-issuers", "idp", changed, 1)) == 0
