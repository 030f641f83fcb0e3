"""Clients that registered themselves, from the side of the platform: let in by role, seen by all, ended by role."""

import pytest
from tests.fakes.registry import AGENT, OWNER, RegistryClient
from tests.unit.web.test_authorization import CLIENT

from leasehold.model.leases import client_node
from leasehold.model.registrations import digest_of_token

PATH = "/v1/agents/scout:clients"
INITIAL = "/v1/agents/scout:registration-token"


@pytest.fixture
def registry():
    registry = RegistryClient()
    registry.must("owners", "alice", OWNER)
    registry.must("agents", "scout", {**AGENT, "dynamic_clients": 2})
    with registry.store.begin() as unit:
        unit.registrations.put(CLIENT)
        unit.nodes.ensure(client_node("dyn.1"))
    return registry


def test_strangers_and_other_roles_end_nothing(registry):
    assert registry.anonymous("DELETE", f"{PATH}/dyn.1").status_code == 401
    for caller in ("viewer", "auditor", "alice", "plan"):
        assert registry.send("DELETE", f"{PATH}/dyn.1", caller).status_code == 403
    assert len(registry.send("GET", PATH, "viewer").json()["items"]) == 1


def test_a_client_is_seen_without_its_token(registry):
    answer = registry.send("GET", PATH, "viewer")
    [item] = answer.json()["items"]
    assert (item["client_id"], item["redirect_uris"]) == ("dyn.1", ["https://a.example/cb"])
    assert CLIENT.token_sha256 not in answer.text


def test_a_client_that_is_ended_is_gone_and_so_is_what_it_was_issued(registry):
    before = registry.generation("client:dyn.1")
    assert registry.send("DELETE", f"{PATH}/dyn.1").status_code == 204
    assert registry.generation("client:dyn.1") == before + 1
    assert registry.send("GET", PATH).json() == {"items": []}
    assert registry.send("DELETE", f"{PATH}/dyn.1").status_code == 404
    assert registry.audit()[1]["action"] == "delete"


def test_a_client_of_another_agent_is_none_of_this_one(registry):
    registry.must("agents", "other", {**AGENT, "dynamic_clients": 2})
    assert registry.send("DELETE", "/v1/agents/other:clients/dyn.1").status_code == 404
    assert registry.send("GET", "/v1/agents/other:clients").json() == {"items": []}
    assert registry.send("GET", "/v1/agents/nobody:clients").status_code == 404


def test_an_initial_access_token_is_shown_once_and_kept_as_a_hash(registry):
    answer = registry.send("POST", INITIAL, json={"hours": 2})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()["initial_access_token"]
    with registry.store.read() as unit:
        kept = unit.registrations.offered(digest_of_token(token))
    assert kept.agent == "scout"
    assert token not in repr(kept)
    assert token not in str(registry.audit())


@pytest.mark.parametrize("body", [{"hours": 0}, {"hours": 169}, {"hours": "x"}, {"ever": True}])
def test_an_initial_access_token_lives_a_week_at_most(registry, body):
    assert registry.send("POST", INITIAL, json=body).status_code == 422


def test_an_agent_that_takes_no_clients_any_more_has_none(registry):
    token = registry.send("POST", INITIAL, json={}).json()["initial_access_token"]
    before = registry.generation("client:dyn.1")
    assert registry.change("agents", "scout", AGENT, 1).status_code == 200
    assert registry.generation("client:dyn.1") == before + 1
    assert registry.send("GET", PATH).json() == {"items": []}
    with registry.store.read() as unit:
        assert unit.registrations.offered(digest_of_token(token)) is None


def test_a_later_agent_of_the_name_inherits_no_client(registry):
    assert registry.delete("agents", "scout", 1).status_code == 204
    registry.must("agents", "scout", {**AGENT, "dynamic_clients": 2})
    assert registry.send("GET", PATH).json() == {"items": []}


def test_a_client_id_that_an_agent_gives_up_ends_what_its_clients_were_issued(registry):
    url = "https://app.example/client.json"
    registry.must("agents", "known", {**AGENT, "client_ids": [url]})
    before = registry.generation("client:known") or 0
    assert registry.change("agents", "known", {**AGENT, "client_ids": [url, url + "2"]}, 1).status_code == 200
    assert (registry.generation("client:known") or 0) == before
    assert registry.change("agents", "known", {**AGENT, "client_ids": [url + "2"]}, 2).status_code == 200
    assert registry.generation("client:known") == before + 1
