"""The one-time token: fifteen minutes or first use, the first issuer and role bindings, nothing else."""

from datetime import timedelta

import pytest
from tests.fakes.registry import AGENT, AGENT_BINDING, ISSUER, NOW, OWNER, ROLE_BINDING, RegistryClient

from leasehold.registry.bootstrap import offer_bootstrap

TOKEN = "lhb_once"
FIRST = {
    "trust_issuer": {"name": "idp", **ISSUER},
    "workload_bindings": [{"name": "victor", **ROLE_BINDING}],
}


@pytest.fixture
def registry() -> RegistryClient:
    client = RegistryClient()
    assert offer_bootstrap(client.store, TOKEN, NOW)
    client.caller = TOKEN
    return client


def bootstrap(registry, body=None, token=TOKEN):
    return registry.send("POST", "/v1/bootstrap", token, json=FIRST if body is None else body)


def test_the_anonymous_caller_is_refused(registry):
    assert registry.anonymous("POST", "/v1/bootstrap", json=FIRST).status_code == 401
    assert bootstrap(registry).status_code == 201


@pytest.mark.parametrize("token", ["admin", "lhb_other", "lhb_", "lhb_once="])
def test_the_wrong_token_is_refused_and_uses_nothing_up(registry, token):
    assert bootstrap(registry, token=token).status_code == 401
    assert bootstrap(registry).status_code == 201


def test_the_first_objects_are_written_together(registry):
    written = bootstrap(registry).json()
    assert written["trust_issuer"]["name"] == "idp"
    assert [b["role"] for b in written["workload_bindings"]] == ["viewer"]
    assert registry.get("workload-bindings", "victor", "admin").json() == written["workload_bindings"][0]
    assert {c.by for c in registry.changes()} == {"bootstrap"}


def test_the_token_works_once(registry):
    bootstrap(registry)
    assert bootstrap(registry).status_code == 401


def test_the_token_dies_after_fifteen_minutes(registry):
    registry.now = NOW + timedelta(minutes=15)
    assert bootstrap(registry).status_code == 401
    registry.now -= timedelta(microseconds=1)
    assert bootstrap(registry).status_code == 201


def test_the_token_opens_no_other_door(registry):
    for answer in (
        registry.send("GET", "/v1/whoami"),
        registry.create("owners", "bob", OWNER),
        registry.send("GET", "/v1/snapshot"),
    ):
        assert answer.status_code == 401


def test_a_body_that_is_not_valid_leaves_the_token_as_it_was(registry):
    answer = bootstrap(registry, {**FIRST, "workload_bindings": [{"name": "v", **ROLE_BINDING, "role": "boss"}]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "workload_bindings.0.role"
    assert bootstrap(registry).status_code == 201


@pytest.mark.parametrize(
    ("binding", "path"),
    [
        ({"name": "x", **AGENT_BINDING}, "workload_bindings.0.role"),
        ({**ROLE_BINDING, "name": "../x"}, "name"),
        ({**ROLE_BINDING, "name": "x", "trust_issuer": "other"}, "trust_issuer"),
    ],
)
def test_what_cannot_be_written_writes_nothing_and_uses_the_token_up(registry, binding, path):
    answer = bootstrap(registry, {**FIRST, "workload_bindings": [binding]})
    assert answer.status_code == 422
    problem = answer.json()
    assert problem.get("path", problem.get("errors", [{}])[0].get("path")) == path
    assert registry.get("trust-issuers", "idp", "admin").status_code == 404
    assert registry.changes() == []
    assert bootstrap(registry).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"trust_issuer": FIRST["trust_issuer"]},
        {**FIRST, "workload_bindings": []},
        {**FIRST, "agents": [AGENT]},
        {**FIRST, "trust_issuer": ISSUER},
        {**FIRST, "trust_issuer": {**FIRST["trust_issuer"], "owner": "me"}},
        {**FIRST, "workload_bindings": ["victor"]},
        {**FIRST, "workload_bindings": [{**FIRST["workload_bindings"][0], "name": 7}]},
    ],
)
def test_a_body_of_another_shape_is_refused(registry, body):
    assert bootstrap(registry, body).status_code == 422


def test_only_the_digest_of_the_token_is_kept(registry):
    with registry.store.read() as unit:
        kept = unit.bootstrap.find()
    assert TOKEN not in repr(kept)
    assert len(kept.sha256) == 64


def test_a_registry_that_trusts_somebody_offers_no_token(registry):
    bootstrap(registry)
    assert not offer_bootstrap(registry.store, "lhb_again", NOW)


def test_a_new_start_of_an_empty_registry_replaces_the_token(registry):
    assert offer_bootstrap(registry.store, "lhb_again", NOW, supersede=True)
    assert bootstrap(registry).status_code == 401
    assert bootstrap(registry, token="lhb_again").status_code == 201
