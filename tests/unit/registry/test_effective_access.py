"""What an agent can really do, and what is withheld from it and why."""

from datetime import timedelta

import pytest
from tests.fakes.registry import AGENT, GRANT, NOW, OWNER, READ, SERVER, RegistryClient, furnished

WIDE_GRANT = {**GRANT, "tools": ["*"], "resources": ["repo:*"], "allow_wildcard": True, "justification": "all"}


@pytest.fixture
def registry() -> RegistryClient:
    return furnished()


def ask(registry, agent="triage"):
    return registry.send("GET", "/v1/effective-access", "viewer", params={"agent": agent})


def reasons(registry):
    return {(w["tool"], w["reason"]) for w in ask(registry).json()["withheld"]}


def test_an_agent_without_grants_can_do_nothing(registry):
    assert ask(registry).json() == {
        "agent": "triage",
        "revision": registry.changes()[-1].sequence,
        "access": [],
        "withheld": [],
    }


def test_each_tool_on_each_resource_is_told_with_its_grant(registry):
    registry.grant({**GRANT, "expires_at": "2027-01-01T00:00:00Z"})
    assert ask(registry).json()["access"] == [
        {
            "tool_server": "github",
            "tool": "read_file",
            "action": "read",
            "resource": "repo:web",
            "grant": READ,
            "expires_at": "2027-01-01T00:00:00Z",
            "constraints": {},
        }
    ]


def test_a_wildcard_is_every_tool_that_the_server_lists(registry):
    registry.grant(WIDE_GRANT)
    assert [(a["tool"], a["action"]) for a in ask(registry).json()["access"]] == [
        ("create_issue", "write"),
        ("delete_branch", "delete"),
        ("read_file", "read"),
    ]


def test_an_expired_grant_is_withheld_from_its_expiry_on(registry):
    registry.grant({**GRANT, "expires_at": "2026-11-23T12:00:10Z"})
    registry.now = NOW + timedelta(seconds=9)
    assert len(ask(registry).json()["access"]) == 1
    registry.now = NOW + timedelta(seconds=10)
    assert ask(registry).json()["access"] == []
    assert reasons(registry) == {("read_file", "expired")}


def test_a_tool_that_its_server_lists_no_more_is_withheld(registry):
    registry.grant(GRANT)
    registry.change("tool-servers", "github", {**SERVER, "tools": {"other": {"action": "read"}}}, 1)
    assert reasons(registry) == {("read_file", "unknown_tool")}


def test_a_suspended_agent_can_do_nothing(registry):
    registry.grant(GRANT)
    registry.change("agents", "triage", {**AGENT, "state": "suspended"}, 1)
    assert ask(registry).json()["access"] == []
    assert reasons(registry) == {("read_file", "agent_suspended")}


def test_an_agent_of_a_disabled_owner_can_do_nothing(registry):
    registry.grant(GRANT)
    registry.change("owners", "alice", {**OWNER, "state": "disabled"}, 1)
    assert reasons(registry) == {("read_file", "owner_disabled")}


def test_an_unknown_agent_is_not_found(registry):
    assert ask(registry, "nobody").status_code == 404


@pytest.mark.parametrize("agent", ["", "../x", "é", "a" * 64])
def test_what_can_be_no_agent_is_no_question(registry, agent):
    assert ask(registry, agent).status_code == 400
