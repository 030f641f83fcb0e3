"""The whole live picture in one read, and what of it concerns one stack."""

from datetime import timedelta

import pytest
from tests.fakes.registry import (
    AGENT,
    AGENT_BINDING,
    DEPLOYMENT,
    GRANT,
    NOW,
    OWNER,
    READ,
    SCOPE,
    SERVER,
    RegistryClient,
    furnished,
)


@pytest.fixture
def registry() -> RegistryClient:
    return furnished()


def snapshot(registry, **asked):
    return registry.send("GET", "/v1/snapshot", "viewer", params=asked)


def names(answer):
    return {kind: [o["name"] for o in found] for kind, found in answer.json()["objects"].items() if found}


def test_a_snapshot_holds_every_object_as_it_is_read_singly(registry):
    registry.grant(GRANT)
    registry.must("grant-sets", "triage", {"grants": [READ]})
    registry.must("deployments", "triage-prod", DEPLOYMENT)
    picture = snapshot(registry).json()
    assert picture["complete"] is True
    assert picture["at"] == "2026-11-23T12:00:00Z"
    assert picture["revision"] == len(registry.changes()) == registry.changes()[-1].sequence
    for kind, found in picture["objects"].items():
        assert found == registry.send("GET", f"/v1/{kind}").json()["items"]


def test_an_empty_registry_has_a_snapshot_too():
    picture = snapshot(RegistryClient()).json()
    assert picture["revision"] == 0
    assert set(map(len, picture["objects"].values())) == {0}


def test_an_unchanged_picture_is_not_sent_twice(registry):
    tag = snapshot(registry).headers["etag"]
    again = registry.send("GET", "/v1/snapshot", headers={"If-None-Match": tag})
    assert (again.status_code, again.headers["etag"], again.content) == (304, tag, b"")


@pytest.mark.parametrize("tag", ['"0.0."', "*", 'W/"1.0."', '"x"', '"99999999999999999999.0."', '"8.0.prod"'])
def test_a_tag_of_another_picture_gets_the_picture(registry, tag):
    assert registry.send("GET", "/v1/snapshot", headers={"If-None-Match": tag}).status_code == 200


def test_a_tag_of_one_stack_is_no_tag_of_another(registry):
    tag = snapshot(registry, stack="prod").headers["etag"]
    same = {"If-None-Match": tag}
    assert registry.send("GET", "/v1/snapshot?stack=prod", headers=same).status_code == 304
    assert registry.send("GET", "/v1/snapshot?stack=staging", headers=same).status_code == 200
    assert registry.send("GET", "/v1/snapshot", headers=same).status_code == 200


def test_every_change_revocations_included_makes_a_new_tag(registry):
    registry.must("deployments", "triage-prod", DEPLOYMENT)
    before = snapshot(registry)
    registry.send("POST", "/v1/revocations", json={"node": "deployment:triage-prod", "reason": "leaked"})
    after = registry.send("GET", "/v1/snapshot", headers={"If-None-Match": before.headers["etag"]})
    epochs = [answer.json()["objects"]["deployments"][0]["epoch"] for answer in (before, after)]
    assert epochs == [1, 2]


def test_a_grant_that_expires_makes_a_new_tag_though_nothing_was_written(registry):
    registry.grant({**GRANT, "expires_at": "2026-11-23T12:00:10Z"})
    before = snapshot(registry)
    registry.now = NOW + timedelta(seconds=10)
    after = registry.send("GET", "/v1/snapshot", headers={"If-None-Match": before.headers["etag"]})
    assert [a.json()["objects"]["grants"][0]["expired"] for a in (before, after)] == [False, True]


def test_a_stacks_picture_is_what_it_manages_and_whatever_that_leads_to(registry):
    registry.must("owners", "unrelated", OWNER)
    registry.must("tool-servers", "jira", {**SERVER, "url": "https://mcp.example.com/jira"})
    registry.must("owners", "bob", OWNER, "staging")
    registry.must("agents", "scout", {**AGENT, "owner": "bob"}, "prod")
    registry.must("scopes", "reader", SCOPE, "staging")
    registry.must("grants", "scout/reader", {"agent": "scout", "scope": "reader"})
    registry.must("grant-sets", "scout", {"grants": ["scout/reader"]}, "staging")
    registry.must("workload-bindings", "pod", {**AGENT_BINDING, "agent": "scout"})
    registry.must("deployments", "scout-prod", {"agent": "scout"}, "staging")
    registry.must("ceilings", "foreign", {"principal": "team:marketing", "scopes": []})
    registry.grant(GRANT)
    assert names(snapshot(registry, stack="prod")) == {
        "owners": ["bob"],
        "agents": ["scout"],
        "trust-issuers": ["idp"],
        "workload-bindings": ["pod"],
        "tool-servers": ["github"],
        "scopes": ["everything", "reader"],
        "ceilings": ["org"],
        "grants": ["scout/reader"],
        "grant-sets": ["scout"],
        "deployments": ["scout-prod"],
    }


def test_a_stack_that_manages_nothing_has_an_empty_picture(registry):
    assert names(snapshot(registry, stack="nobodys")) == {}


def test_a_stack_sees_the_agent_that_its_grant_is_about(registry):
    registry.grant(GRANT, "prod")
    assert names(snapshot(registry, stack="prod")) == {
        "owners": ["alice"],
        "agents": ["triage"],
        "tool-servers": ["github"],
        "grants": [READ],
    }
