"""Policies through the door: who may, what is refused with its line, what a good one is safe from."""

import pytest
from tests.fakes.registry import GUARD, POLICY, SERVER, RegistryClient, furnished, path

from leasehold.model.leases import MANY_POLICIES

BROKEN = "forbid(principal, action, resource)\nwhen { context.x == };"


@pytest.fixture
def registry() -> RegistryClient:
    return furnished()


def check(registry, caller=None, **body):
    return registry.send("POST", "/v1/policies:check", caller, json=body)


def version(registry):
    return registry.send("GET", "/v1/snapshot").json()["policy_version"]


def test_an_anonymous_caller_neither_writes_nor_checks(registry):
    for method, where in (("PUT", path("policies", "guards")), ("POST", "/v1/policies:check")):
        answer = registry.anonymous(method, where, json=POLICY)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("caller", ["alice", "auditor", "plan"])
def test_nobody_but_a_security_admin_writes_policies(registry, caller):
    answer = registry.create("policies", "guards", POLICY, caller)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    registry.must("policies", "guards", POLICY)
    assert registry.change("policies", "guards", {**POLICY, "mode": "log_only"}, 1, caller).status_code == 403
    assert registry.delete("policies", "guards", 1, caller).status_code == 403


def test_a_document_that_cannot_be_read_is_refused_with_its_line_and_replaces_nothing(registry):
    registry.must("policies", "guards", POLICY)
    before, seen = version(registry), registry.changes()
    answer = registry.change("policies", "guards", {**POLICY, "document": BROKEN}, 1)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
    assert answer.json()["errors"] == [{"path": "document", "message": "unexpected token `}`", "line": 2}]
    assert answer.json()["detail"] == "document: line 2: unexpected token `}`"
    assert registry.get("policies", "guards").json()["document"] == GUARD
    assert (version(registry), registry.changes()) == (before, seen)


def test_a_document_about_a_tool_that_nobody_offers_is_refused(registry):
    document = 'forbid(\n  principal,\n  action == Action::"github/delete_brunch",\n  resource\n);'
    error = registry.create("policies", "guards", {**POLICY, "document": document}).json()["errors"][0]
    assert (error["path"], error["line"]) == ("document", 3)
    assert "did you mean `github/delete_branch`?" in error["message"]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"document": ""}, ""),
        ({"document": "x" * 70_000}, "document"),
        ({"side": "both"}, "side"),
        ({"mode": "off"}, "mode"),
        ({"assertions": {"allow": [{"agent": "a"}]}}, "assertions.allow.0"),
        ({"assertions": {"maybe": []}}, "assertions.maybe"),
        ({"enforced": True}, "enforced"),
        ({"schema": "entity"}, "schema"),
        ({"side": "user", "permits": "beyond_grants"}, ""),
    ],
)
def test_a_body_that_is_no_policy_is_refused_at_its_place(registry, changes, where):
    answer = registry.create("policies", "guards", {**POLICY, **changes})
    assert answer.status_code == 422
    assert where in [error["path"] for error in answer.json()["errors"]]


def test_the_version_of_all_policies_moves_with_what_decides_and_with_nothing_else(registry):
    seen = [version(registry)]
    registry.must("policies", "guards", POLICY)
    seen.append(version(registry))
    registry.change("policies", "guards", {**POLICY, "mode": "log_only"}, 1)
    seen.append(version(registry))
    tools = {**SERVER["tools"], "read_file": {"action": "read", "input_schema": '{"type": "object"}'}}
    registry.change("tool-servers", "github", {**SERVER, "tools": tools}, 1)
    seen.append(version(registry))
    assert len(set(seen)) == 4
    registry.change("policies", "guards", {**POLICY, "mode": "log_only", "description": "why"}, 2)
    assert registry.send("GET", "/v1/snapshot?stack=prod").json()["policy_version"] == seen[-1]
    registry.change("policies", "guards", {**POLICY, "mode": "enforce"}, 3)
    registry.change("tool-servers", "github", SERVER, 2)
    assert version(registry) == seen[1]


def test_only_a_change_that_may_deny_more_bumps_the_policys_node(registry):
    def generation_after(**changes):
        live = registry.get("policies", "guards").json()
        registry.change("policies", "guards", {**POLICY, **changes}, live["revision"])
        return registry.generation("policy:guards")

    registry.must("policies", "guards", POLICY)
    born = registry.generation("policy:guards")
    assert generation_after(description="why") == born
    assert generation_after(mode="log_only") == born + 1
    assert generation_after(mode="log_only", document=GUARD + "\n") == born + 1
    assert generation_after(mode="enforce", document=GUARD + "\n") == born + 1  # more ends than what is under it
    assert generation_after(document=GUARD) == born + 2
    registry.delete("policies", "guards", registry.get("policies", "guards").json()["revision"])
    assert registry.generation("policy:guards") == born + 3


READS = 'forbid(principal, action == Action::"github/read_file", resource);'


@pytest.mark.parametrize(
    ("before", "after", "ended"),
    [
        (None, {"document": READS}, {"policies:github"}),
        (None, {"document": "forbid(principal, action, resource);"}, {"policies"}),
        (None, {"document": READS.replace("==", "in").replace("github/read_file", "delete")}, {"policies"}),
        (None, {"document": READS, "mode": "log_only"}, set()),
        ({"document": READS, "mode": "log_only"}, {"document": READS}, {"policies:github"}),
        ({"document": READS}, {"document": READS, "mode": "log_only"}, {"policy:p"}),
        ({"document": READS}, {"document": READS + "\n"}, {"policy:p"}),
        ({"document": READS}, {"document": READS.replace(";", " when { context.depth > 1 };")}, {"policy:p"}),
        (
            {"document": READS},
            {"document": READS.replace("principal,", "principal is agent,")},
            ["policies:github", "policy:p"],
        ),
        (
            {"document": READS},
            {"document": READS.replace("action ==", "action in").replace("read_file", "*")},
            ["policies:github", "policy:p"],
        ),
        ({"document": READS}, {"document": READS, "side": "user"}, ["policies:github", "policy:p"]),
        ({"document": READS}, {"document": READS, "description": "why"}, set()),
        ({"document": READS}, None, {"policy:p"}),
        ({"document": READS, "mode": "log_only"}, None, set()),
    ],
    ids=repr,
)
def test_a_write_of_a_policy_ends_what_it_may_deny_by_one_row_and_one_event(registry, before, after, ended):
    """What hangs on its own node, as long as it speaks of nothing new; else every lease of the servers it names."""
    full = {"side": "agent", "mode": "enforce"}
    if before is not None:
        registry.must("policies", "p", {**full, **before})
    with registry.store.read() as unit:
        since, revision = unit.revocations.latest(), 1
    if before is None:
        assert registry.create("policies", "p", {**full, **after}).status_code == 201
    elif after is None:
        assert registry.delete("policies", "p", revision).status_code == 204
    else:
        assert registry.change("policies", "p", {**full, **after}, revision).status_code == 200
    with registry.store.read() as unit:
        events = unit.revocations.since(since, 100)
    assert [one.node for one in events] == sorted(ended)


def test_revoking_a_policy_is_one_row_and_one_event_unless_leases_rest_on_too_many_to_name(registry):
    registry.must("policies", "guards", POLICY)
    with registry.store.read() as unit:
        since = unit.revocations.latest()
    registry.send("POST", "/v1/revocations", json={"node": "policy:guards", "reason": "wrong"})
    with registry.store.begin() as unit:
        assert [one.node for one in unit.revocations.since(since, 100)] == ["policy:guards"]
        unit.nodes.ensure(MANY_POLICIES)  # as the first such lease does
        since = unit.revocations.latest()
    registry.send("POST", "/v1/revocations", json={"node": "policy:guards", "reason": "wrong"})
    with registry.store.read() as unit:
        assert {one.node for one in unit.revocations.since(since, 100)} == {"policy:guards", "policy:*"}


def test_a_policys_node_can_be_revoked(registry):
    registry.must("policies", "guards", POLICY)
    body = {"node": "policy:guards", "reason": "wrong"}
    before = registry.generation("policy:guards")
    assert registry.send("POST", "/v1/revocations", json=body).json()["generation"] == before + 1
    assert registry.send("POST", "/v1/revocations", "alice", json=body).status_code == 403


def test_proposals_are_checked_beside_the_tools_that_come_with_them_and_nothing_is_written(registry):
    document = 'permit(principal, action == Action::"jira/search", resource);'
    jira = {"name": "jira", "url": "https://mcp.example.com/jira", "tools": {"search": {"action": "read"}}}
    proposed = {"policies": [{"name": "p", "document": document, "side": "user"}]}
    seen, before = registry.changes(), version(registry)
    alone = check(registry, "plan", **proposed).json()
    assert [(p["line"], p["column"], p["unknown"]) for p in alone["policies"][0]["problems"]] == [(1, 37, True)]
    together = check(registry, "plan", **proposed, tool_servers=[jira]).json()
    assert together["policies"] == [{"name": "p", "problems": []}]
    assert len({alone["policy_version"], together["policy_version"], before}) == 3
    assert registry.changes() == seen


def test_a_checked_set_has_the_version_that_it_gets_when_published(registry):
    foretold = check(registry, policies=[{"name": "guards", **POLICY}]).json()["policy_version"]
    registry.must("policies", "guards", POLICY)
    assert version(registry) == foretold


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "policies"),
        ({"policies": []}, "policies"),
        ({"policies": {}}, "policies"),
        ({"policies": [1]}, "policies"),
        ({"policies": [{"name": f"p{n}", **POLICY} for n in range(17)]}, "policies"),
        ({"policies": [POLICY]}, "policies.0.name"),
        ({"policies": [{"name": "A", **POLICY}]}, "policies.0.name"),
        ({"policies": [{"name": "a", **POLICY}, {"name": "a", **POLICY}]}, "policies.1.name"),
        ({"policies": [{"name": "a", **POLICY, "side": 1}]}, "policies.0.side"),
        ({"policies": [{"name": "a", **POLICY}], "tool_servers": [{"name": "s"}]}, "tool_servers.0.url"),
        ({"policies": [{"name": "a", **POLICY}], "agents": []}, "agents"),
    ],
)
def test_a_proposal_that_is_none_is_refused_at_its_place(registry, body, where):
    answer = check(registry, **body)
    assert answer.status_code == 422
    assert where in [error["path"] for error in answer.json()["errors"]]
