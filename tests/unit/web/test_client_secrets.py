"""Client secrets: for agents that may have one, shown once, gone with the permission."""

import json
from datetime import timedelta

import pytest
from tests.fakes.registry import AGENT, ISSUER, OWNER, RegistryClient

from leasehold.authn.clients import is_secret

PATH = "/v1/agents/triage:client-secret"


@pytest.fixture
def registry():
    registry = RegistryClient()
    registry.must("owners", "alice", OWNER)
    registry.must("agents", "triage", {**AGENT, "client_secret_allowed": True})
    return registry


def kept(registry):
    with registry.store.read() as unit:
        return unit.client_secrets.find("triage")


def test_strangers_and_other_roles_get_none(registry):
    assert registry.anonymous("POST", PATH, json={}).status_code == 401
    for caller in ("viewer", "auditor"):
        assert registry.send("POST", PATH, caller, json={}).status_code == 403
    assert kept(registry) is None


def test_a_secret_is_shown_once_and_kept_as_a_hash(registry):
    answer = registry.send("POST", PATH, json={"days": 30})

    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    secret = answer.json()["client_secret"]
    assert is_secret(kept(registry), secret, registry.now)
    assert not is_secret(kept(registry), secret + "x", registry.now)
    assert not is_secret(kept(registry), secret, registry.now + timedelta(days=30))
    assert secret not in repr(kept(registry))
    assert secret not in registry.get("agents", "triage").text
    assert secret not in json.dumps(registry.audit())


@pytest.mark.parametrize("body", [{"days": 0}, {"days": 91}, {"days": "x"}, {"ever": True}])
def test_a_secret_lives_ninety_days_at_most(registry, body):
    assert registry.send("POST", PATH, json=body).status_code == 422


def test_an_agent_that_may_have_none_gets_none(registry):
    registry.must("agents", "other", AGENT)

    assert registry.send("POST", "/v1/agents/other:client-secret", json={}).status_code == 422
    assert registry.send("POST", "/v1/agents/nobody:client-secret", json={}).status_code == 404


def test_a_new_secret_ends_the_one_before_and_its_tokens(registry):
    first = registry.send("POST", PATH, json={}).json()["client_secret"]
    before = registry.generation("client:triage")
    registry.send("POST", PATH, json={})

    assert not is_secret(kept(registry), first, registry.now)
    assert registry.generation("client:triage") > before


def test_a_secret_can_be_ended(registry):
    registry.send("POST", PATH, json={})

    assert registry.send("DELETE", PATH).status_code == 204
    assert kept(registry) is None
    assert registry.send("DELETE", PATH).status_code == 404


def test_a_secret_goes_with_the_permission_and_with_the_agent(registry):
    registry.send("POST", PATH, json={})
    registry.change("agents", "triage", AGENT, 1)
    assert kept(registry) is None

    registry.change("agents", "triage", {**AGENT, "client_secret_allowed": True}, 2)
    registry.send("POST", PATH, json={})
    assert registry.delete("agents", "triage", 3).status_code == 204
    assert kept(registry) is None


def test_the_security_role_revokes_people_and_clients_and_nobody_else_does(registry):
    registry.must("trust-issuers", "idp", ISSUER)
    for node in ("user:idp/00u1alice", "client:triage"):
        body = {"node": node, "reason": "left"}
        assert registry.send("POST", "/v1/revocations", "viewer", json=body).status_code == 403
        before = registry.generation(node)
        assert registry.send("POST", "/v1/revocations", json=body).status_code == 200
        assert registry.generation(node) > before
