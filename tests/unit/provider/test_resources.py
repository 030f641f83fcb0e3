"""Every resource through the real handlers, against the registry's real door: create, read, change, delete, import."""

import pytest
from tests.fakes.provider_host import Terraform, WiredClient, answer_lost, request_lost, unavailable

from leasehold_provider.session import DevelopmentSession

GRANT = {"agent": "triage", "tool_server": "github", "tools": ["read_file"], "resources": ["repo:web"]}
FORBID = 'forbid(principal, action == Action::"github/delete_branch", resource);'
CALL = {"agent": "triage", "tool_server": "github", "tool": "delete_branch"}
ATTRIBUTES = {"eu": True, "one": 1, "text": "1", "labels": ["b", "a"], "limit": {"decimal": "50.25"}}
EXCEPTION = {
    "name": "noise",
    "fingerprint": f"sha256:{'a' * 64}",
    "reason": "known",
    "expires_at": "2026-11-29T00:00:00Z",
}
CASES = {
    "leasehold_owner": (
        {"name": "bob", "display_name": "Bob", "email": "bob@example.com", "team": "web"},
        {"state": "disabled"},
    ),
    "leasehold_agent": (
        {"name": "bot", "owner": "alice", "review_by": "2027-01-01"},
        {"max_ttl": 120, "description": "sorts", "state": "suspended", "may_delegate_to": ["triage"]},
    ),
    "leasehold_trust_issuer": (
        {"name": "k8s", "type": "kubernetes", "issuer": "https://k8s.example.com", "audiences": ["b", "a"]},
        {"algorithms": ["RS512", "PS256"], "single_use": True, "max_token_ttl": 600},
    ),
    "leasehold_workload_binding": (
        {
            "name": "ci",
            "trust_issuer": "idp",
            "role": "developer",
            "teams": ["web", "ops"],
            "stack": "prod",
            "oidc": {"subject": "x"},
        },
        {"teams": ["web"]},
    ),
    "leasehold_tool_server": (
        {"name": "mail", "url": "https://mail.example.com/mcp", "tools": {"send.v1": {"action": "write"}}},
        {
            "tools": {
                "send.v1": {"action": "write", "input_schema": '{"type": "object", "properties": {}}'},
                "list": {"action": "read", "annotations": {"title": "List", "read_only_hint": True}},
            }
        },
    ),
    "leasehold_tool_pin": (
        {"tool_server": "github", "surface": '{"result": {"tools": [{"name": "a"}]}}', "justification": "read over"},
        {"surface": '{"tools": {"a": {"title": "A"}}}', "justification": "title is fine"},
    ),
    "leasehold_scope": (
        {"name": "reader", "tool_server": "github", "tools": ["read_file"], "resources": ["repo:web"]},
        {"resources": ["repo:*"], "allow_wildcard": True, "justification": "every repository"},
    ),
    "leasehold_ceiling": (
        {"name": "prod", "principal": "environment:prod", "scopes": ["everything"]},
        {"scopes": [], "max_ttl": 60},
    ),
    "leasehold_grant": (GRANT, {"expires_at": "2027-01-01T01:00:00+01:00", "justification": "needed"}),
    "leasehold_agent_grants_exclusive": ({"agent": "triage", "grants": []}, None),
    "leasehold_deployment": (
        {"name": "triage-prod", "agent": "triage", "expires_at": "2027-01-01T00:00:00.000Z"},
        {"commit": "c0ffee", "workload": "Deployment/triage", "run_url": "https://ci.example.com/1"},
    ),
    "leasehold_credential_profile": (
        {"name": "orders", "agents": ["triage"], "postgresql": {"dsn": "orders", "roles": ["reader"]}},
        {
            "postgresql": None,
            "aws": {
                "role_arn": "arn:aws:iam::123456789012:role/deploy",
                "region": "eu-central-1",
                "session_policy": '{"Statement": [{}]}',
                "tags": {"team": "web"},
            },
        },
    ),
    "leasehold_policy": (
        {"name": "guards", "document": FORBID, "side": "agent"},
        {
            "document": f"// never\n{FORBID}\n",
            "mode": "log_only",
            "permits": "beyond_grants",
            "schema": 'entity User;\naction "read" appliesTo { principal: User, resource: User };',
            "assertions": {
                "allow": None,
                "deny": [
                    {**CALL, "arguments": '{"b": 1, "a": 2}'},
                    {"subject": "user:a b", "action": "read", "resource": "todo:1", "context": '{"ip": "10.0.0.1"}'},
                ],
            },
        },
    ),
    "leasehold_user": (
        {"name": "ada", "ids": ["idp|ada", "ada@example.com"], "roles": ["b", "a"], "attributes": ATTRIBUTES},
        {"email": "ada@example.com", "attributes": {**ATTRIBUTES, "one": True}},
    ),
    "leasehold_resource": (
        {"name": "minutes", "type": "document", "foreign_id": "42 / é", "attributes": {"labels": ["b", "a"]}},
        {"attributes": None, "parents": ["folder:b", "folder:a"]},
    ),
    "leasehold_drift_exception": (EXCEPTION, {"expires_at": "2026-11-30T01:00:00+01:00", "reason": "still"}),
    "leasehold_relation": ({"subject": "user:Zoë", "relation": "owner", "object": "document:42"}, None),
}


@pytest.mark.parametrize("type_name", CASES)
def test_a_life_from_creation_to_the_end(terraform, client, type_name):
    config, change = CASES[type_name]
    assert terraform.validate(type_name, config).diagnostics == []
    state = terraform.create(type_name, config)
    assert state["id"] == state[terraform.run.resources[type_name].key]
    assert terraform.read(type_name, state).ok() == state
    again = terraform.plan(type_name, config, state)
    assert (again.ok(), again.requires_replace) == (state, [])

    if change is not None:
        config = {**config, **change}
        changed = terraform.change(type_name, config, state).ok()
        assert changed["revision"] > state["revision"]
        assert terraform.plan(type_name, config, changed).ok() == changed
        state = changed

    imported = Terraform(client).import_by_name(type_name, state["id"])
    assert Terraform(client).plan(type_name, config, imported).ok() == {**imported, **_spelled(imported, state)}

    assert terraform.apply(type_name, None, None, state).ok() is None
    assert terraform.read(type_name, state).ok() is None


def _spelled(imported, state):
    """An import brings the registry's spelling of a time or a surface, which means the same as the configuration's."""
    return {name: imported[name] for name in ("expires_at", "surface") if name in state}


@pytest.mark.parametrize("type_name", CASES)
def test_deleting_what_is_gone_already_is_no_error(terraform, registry, type_name):
    state = terraform.create(type_name, CASES[type_name][0])
    kind = terraform.run.resources[type_name].kind
    assert registry.delete(kind, state["id"], state["revision"]).status_code == 204
    assert terraform.apply(type_name, None, None, state).ok() is None


def test_importing_what_does_not_exist_finds_nothing(terraform):
    assert terraform.import_by_name("leasehold_agent", "nobody") is None


def test_a_new_epoch_comes_with_every_change_of_a_deployment(terraform):
    config = CASES["leasehold_deployment"][0]
    first = terraform.create("leasehold_deployment", config)
    second = terraform.change("leasehold_deployment", {**config, "commit": "1"}, first).ok()
    assert second["epoch"] == first["epoch"] + 1
    respelled = {**config, "commit": "1", "expires_at": "2027-01-01T02:00:00+02:00"}
    assert terraform.plan("leasehold_deployment", respelled, second).ok() == second


@pytest.mark.parametrize("part", ["agent", "tools", "resources"])
def test_another_edge_is_another_grant(terraform, part):
    state = terraform.create("leasehold_grant", GRANT)
    other = {"agent": "other", "tools": ["create_issue"], "resources": ["repo:api"]}
    planned = terraform.plan("leasehold_grant", {**GRANT, part: other[part]}, state)
    assert planned.requires_replace == [{"steps": [{"attribute_name": part}]}]
    assert planned.state["name"] != state["name"]
    assert planned.state["id"] == planned.state["name"]


def test_a_plan_older_than_the_live_object_is_refused_with_what_changed(terraform, registry):
    config = CASES["leasehold_agent"][0]
    state = terraform.create("leasehold_agent", config)
    planned = terraform.plan("leasehold_agent", {**config, "max_ttl": 60}, state).ok()
    spec = {"owner": "alice", "review_by": "2027-01-01", "description": "changed by hand"}
    registry.change("agents", "bot", spec, state["revision"])

    outcome = terraform.apply("leasehold_agent", {**config, "max_ttl": 60}, planned, state)
    assert outcome.state == state
    (error,) = outcome.errors
    assert error.startswith("Live object changed since the plan: ")
    assert 'description: "" -> "changed by hand"' in error
    assert "by oidc:ada@example.com at 2026-11-23T12:00:00Z" in error

    (error,) = terraform.apply("leasehold_agent", None, None, state).errors
    assert error.startswith("Live object changed since the plan: ")


def test_a_creation_of_what_exists_says_how_to_import_it(terraform, registry):
    registry.must("owners", "bob", {"display_name": "Bob", "email": "b@example.com", "team": "web"})
    config = CASES["leasehold_owner"][0]
    planned = terraform.plan("leasehold_owner", config)
    (error,) = planned.errors
    assert error.startswith("Object exists already: owners/bob is live, not managed by any stack.")
    assert 'id = "bob"' in error
    assert planned.paths == ["name"]
    (error,) = terraform.apply("leasehold_owner", config, planned.state, None).errors
    assert "terraform import" in error


def test_the_registrys_complaint_points_at_the_attribute(terraform):
    subject = {"namespace": "n", "service_account": "s", "any_uid": True}
    config = {"name": "b", "trust_issuer": "idp", "agent": "triage", "kubernetes": subject}
    outcome = terraform.change("leasehold_workload_binding", config)
    assert outcome.paths == ["trust_issuer"]
    assert "is of type oidc" in outcome.errors[0]


def test_a_creation_whose_answer_was_lost_is_recognised(terraform, client):
    config = CASES["leasehold_owner"][0]
    planned = terraform.plan("leasehold_owner", config).ok()
    client.faults = [answer_lost]
    state = terraform.apply("leasehold_owner", config, planned, None).ok()
    assert state["revision"] == 1
    assert client.count("PUT") == 2


def test_an_update_whose_answer_was_lost_is_recognised(terraform, client):
    config, change = CASES["leasehold_owner"]
    state = terraform.create("leasehold_owner", config)
    planned = terraform.plan("leasehold_owner", {**config, **change}, state).ok()
    client.faults = [answer_lost]
    changed = terraform.apply("leasehold_owner", {**config, **change}, planned, state).ok()
    assert changed == {**state, **change, "revision": 2}


def test_a_deletion_whose_answer_was_lost_is_recognised(terraform, client):
    state = terraform.create("leasehold_owner", CASES["leasehold_owner"][0])
    client.faults = [answer_lost]
    assert terraform.apply("leasehold_owner", None, None, state).ok() is None


def test_a_lost_answer_does_not_hide_somebody_elses_write(terraform, client, registry):
    config, change = CASES["leasehold_owner"]
    state = terraform.create("leasehold_owner", config)
    planned = terraform.plan("leasehold_owner", {**config, **change}, state).ok()

    def overtaken(deliver):
        registry.change("owners", "bob", {**_owner("Robert")}, state["revision"])
        return request_lost(deliver)

    client.faults = [overtaken]
    outcome = terraform.apply("leasehold_owner", {**config, **change}, planned, state)
    assert outcome.errors[0].startswith("Live object changed since the plan: ")
    assert outcome.state == state


def _owner(name):
    return {"display_name": name, "email": "bob@example.com", "team": "web"}


def test_an_apply_cut_off_before_the_answer_converges_with_the_next(client):
    config = CASES["leasehold_owner"][0]
    cut_off = Terraform(client)
    planned = cut_off.plan("leasehold_owner", config).ok()
    client.faults = [answer_lost, *[request_lost] * 20]
    assert cut_off.apply("leasehold_owner", config, planned, None).errors == [
        "Registry unreachable: no answer from the registry: Connection refused"
    ]
    client.faults = []
    following = Terraform(client)
    state = following.create("leasehold_owner", config)
    assert following.plan("leasehold_owner", config, state).ok() == state


def test_an_identical_object_of_another_stack_is_not_taken(client, registry):
    registry.must("owners", "bob", _owner("Bob"), "staging")
    planned = Terraform(client).plan("leasehold_owner", CASES["leasehold_owner"][0])
    assert planned.errors == ["Managed by another stack: owners/bob is managed by stack `staging`."]
    outcome = Terraform(client).apply("leasehold_owner", CASES["leasehold_owner"][0], planned.state, None)
    assert len(outcome.errors) == 1


def test_a_registry_that_cannot_is_asked_again_and_then_told(terraform, client):
    config = CASES["leasehold_owner"][0]
    planned = terraform.plan("leasehold_owner", config).ok()
    client.faults = [unavailable, unavailable]
    assert terraform.apply("leasehold_owner", config, planned, None).ok()["revision"] == 1
    assert len(terraform.sleeps) == 2
    client.faults = [unavailable] * 20
    other = {**config, "name": "carol"}
    outcome = terraform.apply("leasehold_owner", other, {**planned, "name": "carol"}, None)
    assert outcome.errors[0].startswith("Registry unavailable: ")


def test_a_plan_only_identity_cannot_apply(client):
    walk = Terraform(client, DevelopmentSession("plan", stack="prod"))
    planned = walk.plan("leasehold_owner", CASES["leasehold_owner"][0]).ok()
    outcome = walk.apply("leasehold_owner", CASES["leasehold_owner"][0], planned, None)
    assert outcome.errors[0].startswith("Not allowed: ")
    assert outcome.state is None


def test_a_refused_token_is_exchanged_once_and_then_told(client):
    walk = Terraform(client, DevelopmentSession("nobody", stack="prod"))
    state = dict.fromkeys(walk.run.resources["leasehold_owner"].schema.attributes)
    with pytest.raises(Exception, match="Not authenticated"):
        walk.read("leasehold_owner", {**state, "name": "bob", "id": "bob"})


def test_wires_are_not_crossed_by_odd_names(registry):
    client = WiredClient(registry)
    walk = Terraform(client)
    config = {**GRANT, "resources": ["repo:web/../x%2F?#&;"]}
    state = walk.create("leasehold_grant", config)
    assert walk.read("leasehold_grant", state).ok() == state
    assert all(path.count("/") == 3 for _, path in client.requests if path.startswith("/v1/grants/"))
