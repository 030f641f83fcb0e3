"""`PUT|GET|DELETE /v1/{kind}/{name}` and lists, through the door."""

import pytest
from tests.fakes.registry import (
    AGENT,
    AGENT_BINDING,
    CEILING,
    DEPLOYMENT,
    EXCEPTION,
    GRANT,
    ISSUER,
    OWNER,
    OWNS,
    PIN,
    POLICY,
    READ,
    RELATION,
    SCOPE,
    SERVER,
    THING,
    USER,
    RegistryClient,
    furnished,
    path,
)

ENVELOPE = {"kind", "name", "revision", "created_at", "updated_at", "updated_by", "stack", "managed_by"}
BODIES = {
    "owners": ("bob", OWNER),
    "agents": ("scout", AGENT),
    "trust-issuers": ("other", {**ISSUER, "issuer": "https://other.example.com"}),
    "workload-bindings": ("pod", AGENT_BINDING),
    "tool-servers": ("jira", {**SERVER, "url": "https://mcp.example.com/jira"}),
    "tool-pins": ("github", PIN),
    "scopes": ("reader", SCOPE),
    "ceilings": ("triage", {**CEILING, "principal": "agent:triage"}),
    "grants": (READ, GRANT),
    "grant-sets": ("triage", {"grants": []}),
    "deployments": ("triage-prod", DEPLOYMENT),
    "credential-profiles": ("vault", {"agents": ["triage"], "federation": {"audience": "https://vault.example"}}),
    "policies": ("guards", POLICY),
    "users": ("alice", USER),
    "resources": ("minutes", THING),
    "relations": (OWNS, RELATION),
    "drift-exceptions": ("noise", EXCEPTION),
}


@pytest.fixture
def registry() -> RegistryClient:
    return furnished()


@pytest.mark.parametrize("kind", sorted(BODIES))
def test_an_object_of_every_kind_is_created_read_changed_listed_and_deleted(registry, kind):
    name, body = BODIES[kind]
    created = registry.create(kind, name, body)
    assert created.status_code == 201, created.text
    assert created.headers["etag"] == '"1"'
    assert created.json().items() >= {"kind": kind, "name": name, "revision": 1}.items()
    assert created.json().keys() >= ENVELOPE | body.keys()
    assert registry.get(kind, name).json() == created.json()
    assert created.json() in registry.send("GET", f"/v1/{kind}").json()["items"]
    again = registry.change(kind, name, body, 1)
    assert again.status_code == 200
    assert again.json()["revision"] == (2 if kind == "deployments" else 1)
    assert registry.delete(kind, name, again.json()["revision"]).status_code == 204
    assert registry.get(kind, name).status_code == 404


def test_defaults_are_filled_in_and_sets_are_sorted(registry):
    created = registry.must("scopes", "reader", {**SCOPE, "tools": ["read_file", "create_issue"]})
    assert created["tools"] == ["create_issue", "read_file"]
    assert created["description"] == ""
    assert created["allow_wildcard"] is False


def test_a_revision_never_comes_back_over_delete_and_create(registry):
    registry.must("owners", "bob", OWNER)
    registry.change("owners", "bob", {**OWNER, "team": "platform"}, 1)
    assert registry.delete("owners", "bob", 2).status_code == 204
    assert registry.must("owners", "bob", OWNER)["revision"] == 4


def test_creating_what_exists_is_refused_with_its_revision(registry):
    answer = registry.create("owners", "alice", OWNER)
    assert answer.status_code == 412
    assert answer.json()["code"] == "precondition_failed"
    assert answer.json()["current_revision"] == 1


def test_a_write_without_precondition_is_refused(registry):
    for method in ("PUT", "DELETE"):
        answer = registry.send(method, path("owners", "alice"), **({"json": OWNER} if method == "PUT" else {}))
        assert (answer.status_code, answer.json()["code"]) == (428, "precondition_required")


@pytest.mark.parametrize("tag", ["1", 'W/"1"', '"1", "2"', "*", '"0"', '"x"', ""])
def test_a_tag_that_is_no_revision_is_refused(registry, tag):
    answer = registry.send("PUT", path("owners", "alice"), json=OWNER, headers={"If-Match": tag})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_header")


def test_a_stale_revision_is_refused_with_what_changed_since(registry):
    registry.change("owners", "alice", {**OWNER, "team": "platform"}, 1)
    registry.change("owners", "alice", {**OWNER, "team": "platform", "state": "disabled"}, 2, caller="prod")
    answer = registry.change("owners", "alice", OWNER, 1)
    assert answer.status_code == 412
    problem = answer.json()
    assert problem["current_revision"] == 3
    assert [r["changes"] for r in problem["changed_since"]] == [
        [{"path": "team", "before": "payments", "after": "platform"}],
        [
            {"path": "state", "before": "active", "after": "disabled"},
            {"path": "managed_by", "before": None, "after": "prod"},
        ],
    ]
    assert [r["by"] for r in problem["changed_since"]] == ["oidc:ada@example.com", "github-actions:acme/web#1"]


def test_a_revision_of_an_object_that_is_gone_is_refused_with_its_deletion(registry):
    registry.must("owners", "bob", OWNER)
    registry.delete("owners", "bob", 1)
    answer = registry.change("owners", "bob", OWNER, 1)
    assert answer.status_code == 412
    assert answer.json()["current_revision"] is None
    assert answer.json()["changed_since"][-1]["operation"] == "delete"
    assert registry.delete("owners", "bob", 1).status_code == 404


def test_the_same_object_again_changes_nothing(registry):
    before = registry.changes()
    answer = registry.change("owners", "alice", OWNER, 1)
    assert answer.json()["revision"] == 1
    assert registry.changes() == before


def test_every_put_of_a_deployment_is_a_new_epoch(registry):
    assert registry.must("deployments", "triage-prod", DEPLOYMENT)["epoch"] == 1
    assert registry.change("deployments", "triage-prod", DEPLOYMENT, 1).json()["epoch"] == 2
    registry.delete("deployments", "triage-prod", 2)
    assert registry.must("deployments", "triage-prod", DEPLOYMENT)["epoch"] == 4


def test_a_page_ends_where_the_next_one_starts_also_under_inserts(registry):
    for name in ("bob", "dora", "frida"):
        registry.must("owners", name, OWNER)
    first = registry.send("GET", "/v1/owners", params={"limit": 2}).json()
    assert [o["name"] for o in first["items"]] == ["alice", "bob"]
    registry.must("owners", "aaron", OWNER)
    registry.must("owners", "carl", OWNER)
    second = registry.send("GET", "/v1/owners", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [o["name"] for o in second["items"]] == ["carl", "dora"]
    last = registry.send("GET", "/v1/owners", params={"limit": 2, "cursor": second["next_cursor"]}).json()
    assert [o["name"] for o in last["items"]] == ["frida"]
    assert last["next_cursor"] is None


def test_a_list_is_filtered_by_agent_stack_and_management(registry):
    registry.must("agents", "scout", AGENT, "prod")
    registry.grant(GRANT)
    registry.grant({**GRANT, "agent": "scout"}, "prod")
    names = lambda **asked: [o["name"] for o in registry.send("GET", "/v1/grants", params=asked).json()["items"]]  # noqa: E731
    assert names(agent="triage") == [READ]
    assert names(stack="prod") == [READ.replace("triage", "scout")]
    assert names(managed="true") == names(stack="prod")
    assert names(managed="false") == [READ]
    assert names(agent="nobody") == []


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=1001", "limit=x", "limit=1&limit=2", "managed=maybe", "stak=prod"),
        *("cursor=%00", "cursor=é", "cursor=AA", "cursor=" + "A" * 2000),
        *("agent=../x", "stack=A", "stack=%F0%9F%98%80"),
    ],
)
def test_a_query_that_is_not_understood_is_refused(registry, query):
    answer = registry.send("GET", f"/v1/grants?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_query")


def test_unknown_paths_and_methods_answer_with_problem_documents(registry):
    for method, where, code in (("GET", "/v1/nothing", 404), ("GET", "/", 404), ("POST", "/v1/owners", 405)):
        answer = registry.send(method, where)
        assert answer.status_code == code
        assert answer.headers["content-type"] == "application/problem+json"
