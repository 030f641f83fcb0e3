"""What a plan refuses, before anything is written, and what it leaves to the registry because it cannot know yet."""

import pytest
from tests.fakes.provider_host import Terraform

from leasehold_provider.protocol import UNKNOWN
from leasehold_provider.session import DevelopmentSession

GRANT = {"agent": "triage", "tool_server": "github", "tools": ["read_file"], "resources": ["repo:web"]}
AGENT = {"name": "bot", "owner": "alice", "review_by": "2027-01-01"}


def test_an_unknown_owner_that_looks_like_a_live_one_is_an_error(terraform):
    outcome = terraform.plan("leasehold_agent", {**AGENT, "owner": "alic"})
    assert outcome.paths == ["owner"]
    assert "Did you mean `alice`?" in outcome.errors[0]


def test_an_unknown_owner_like_no_other_may_still_be_created_in_this_run(terraform):
    outcome = terraform.plan("leasehold_agent", {**AGENT, "owner": "zoe"})
    assert outcome.errors == []
    assert outcome.paths == ["owner"]
    assert outcome.warnings[0].startswith("Unknown owner `zoe`: ")


def test_names_that_differ_in_digits_alone_are_meant_to_differ(terraform, registry):
    registry.must("owners", "team-1", {"display_name": "One", "email": "one@example.com", "team": "web"})
    outcome = terraform.plan("leasehold_agent", {**AGENT, "owner": "team-2"})
    assert outcome.errors == []
    assert len(outcome.warnings) == 1


def test_an_owner_planned_before_in_the_same_run_counts(terraform):
    owner = {"name": "alicia", "display_name": "Alicia", "email": "a@example.com", "team": "web"}
    terraform.plan("leasehold_owner", owner).ok()
    assert terraform.plan("leasehold_agent", {**AGENT, "owner": "alicia"}).diagnostics == []


def test_a_reference_that_is_not_known_yet_is_not_checked(terraform):
    assert terraform.plan("leasehold_agent", {**AGENT, "owner": UNKNOWN}).diagnostics == []


@pytest.mark.parametrize(
    ("type_name", "config", "path"),
    [
        (
            "leasehold_scope",
            {"name": "s", "tool_server": "githup", "tools": ["a"], "resources": ["r:1"]},
            "tool_server",
        ),
        ("leasehold_ceiling", {"name": "c", "principal": "organization", "scopes": ["everythin"]}, "scopes"),
        ("leasehold_ceiling", {"name": "c", "principal": "agent:triagee", "scopes": []}, "principal"),
        ("leasehold_grant", {"agent": "triage", "scope": "everythings"}, "scope"),
        ("leasehold_grant", {**GRANT, "agent": "triag"}, "agent"),
        ("leasehold_agent_grants_exclusive", {"agent": "triagee", "grants": []}, "agent"),
        ("leasehold_deployment", {"name": "d", "agent": "triagee"}, "agent"),
        (
            "leasehold_deployment",
            {"name": "d", "agent": "triage", "trust_issuer": "idpp", "workload_uid": "6f1c"},
            "trust_issuer",
        ),
        (
            "leasehold_workload_binding",
            {"name": "b", "trust_issuer": "idpp", "role": "viewer", "oidc": {"subject": "x"}},
            "trust_issuer",
        ),
    ],
)
def test_every_reference_is_checked_at_its_attribute(terraform, type_name, config, path):
    if config.get("trust_issuer") == "idpp":
        config = {**config, "trust_issuer": "idpp"}
        terraform.plan(
            "leasehold_trust_issuer",
            {"name": "idps", "type": "oidc", "issuer": "https://x.example.com", "audiences": ["a"]},
        ).ok()
    outcome = terraform.plan(type_name, config)
    assert path in outcome.paths
    assert any("Did you mean" in error for error in outcome.errors)


@pytest.mark.parametrize("type_name", ["leasehold_grant", "leasehold_scope"])
def test_a_tool_that_the_server_does_not_list_is_an_error(terraform, type_name):
    extra = {} if type_name == "leasehold_grant" else {"name": "s"}
    config = {**GRANT, **extra, "tools": ["readfile"]}
    if type_name == "leasehold_scope":
        del config["agent"]
    outcome = terraform.plan(type_name, config)
    assert outcome.errors == ["Unknown tool: Tool server `github` lists no tool `readfile`. Did you mean `read_file`?"]
    assert outcome.paths == ["tools"]


def test_tools_of_a_server_planned_in_the_same_run_are_known(terraform):
    server = {"name": "mail", "url": "https://mail.example.com", "tools": {"send": {"action": "write"}}}
    terraform.plan("leasehold_tool_server", server).ok()
    outcome = terraform.plan("leasehold_grant", {**GRANT, "tool_server": "mail", "tools": ["sent"]})
    assert outcome.errors[0].endswith("Did you mean `send`?")


def test_a_grant_above_a_ceiling_is_an_error_with_a_counterexample(terraform, registry):
    scope = {"tool_server": "github", "tools": ["read_file"], "resources": ["repo:web"]}
    registry.must("scopes", "small", scope)
    registry.must("ceilings", "team", {"principal": "team:payments", "scopes": ["small"]})
    assert terraform.plan("leasehold_grant", GRANT).diagnostics == []
    outcome = terraform.plan("leasehold_grant", {**GRANT, "resources": ["repo:web", "repo:api"]})
    assert outcome.errors == [
        "Grant above a ceiling: The ceiling `team` does not allow `read_file` of `github` on `repo:api`."
    ]
    assert outcome.paths == ["tools"]


def test_ceiling_and_scope_planned_in_the_same_run_bind_it(terraform):
    scope = {"name": "tiny", "tool_server": "github", "tools": ["create_issue"], "resources": ["repo:web"]}
    terraform.plan("leasehold_scope", scope).ok()
    terraform.plan("leasehold_ceiling", {"name": "a", "principal": "agent:triage", "scopes": ["tiny"]}).ok()
    assert "ceiling `a`" in terraform.plan("leasehold_grant", GRANT).errors[0]


def test_an_agent_planned_in_the_same_run_is_bounded_by_its_planned_environment(terraform, registry):
    registry.must("ceilings", "prod", {"principal": "environment:prod", "scopes": []})
    terraform.plan("leasehold_agent", {**AGENT, "environment": "prod"}).ok()
    assert "ceiling `prod`" in terraform.plan("leasehold_grant", {**GRANT, "agent": "bot"}).errors[0]


@pytest.mark.parametrize("part", ["agent", "tool_server", "tools", "resources"])
def test_what_is_unknown_is_neither_proven_nor_refused(terraform, registry, part):
    registry.must("ceilings", "none", {"principal": "organization", "scopes": []})
    outcome = terraform.plan("leasehold_grant", {**GRANT, part: UNKNOWN})
    assert outcome.diagnostics == []
    assert outcome.state["name"] == UNKNOWN


def test_a_developer_without_a_ceiling_may_not_grant(client, registry):
    assert registry.delete("ceilings", "org", 1).status_code == 204
    walk = Terraform(client, stack=None)
    assert walk.plan("leasehold_grant", GRANT).diagnostics == []
    developer = Terraform(client, _session("alice"))
    assert developer.plan("leasehold_grant", GRANT).errors[0].startswith("Grant above a ceiling: No ceiling applies")


def _session(name):
    return DevelopmentSession(name, stack=None)


def test_a_resource_outside_the_granted_scope_is_an_error(terraform):
    outcome = terraform.plan("leasehold_grant", {"agent": "triage", "scope": "everything", "resources": ["org:acme"]})
    assert outcome.errors == ["Resource outside the scope: Scope `everything` does not cover `org:acme`."]


def test_an_object_of_another_stack_is_refused_by_name(client, registry):
    registry.must("owners", "bob", {"display_name": "Bob", "email": "b@example.com", "team": "web"}, "staging")
    config = {"name": "bob", "display_name": "Bob", "email": "b@example.com", "team": "ops"}
    created = Terraform(client).plan("leasehold_owner", config)
    assert created.errors == ["Managed by another stack: owners/bob is managed by stack `staging`."]
    prior = Terraform(client).import_by_name("leasehold_owner", "bob")
    changed = Terraform(client).plan("leasehold_owner", config, prior)
    assert changed.errors == created.errors


def test_the_same_object_declared_twice_is_an_error(terraform):
    assert terraform.plan("leasehold_agent", AGENT).diagnostics == []
    assert terraform.plan("leasehold_agent", AGENT).errors == [
        "Declared twice: Two resources of this configuration create agents/bot."
    ]


def test_a_replacement_is_no_second_creation(terraform):
    state = terraform.create("leasehold_agent", AGENT)
    walk = Terraform(terraform.provider.run.registry._client)
    walk.read("leasehold_agent", state).ok()
    assert walk.plan("leasehold_agent", AGENT).diagnostics == []


def test_a_plan_without_change_asks_no_questions(terraform, client):
    state = terraform.create("leasehold_agent", AGENT)
    client.requests.clear()
    terraform.plan("leasehold_agent", AGENT, state).ok()
    assert client.requests == []


BINDING = {"name": "b", "trust_issuer": "i"}
SUBJECT = {"oidc": {"subject": "x"}}
GITHUB = {"repository_id": "1", "repository_owner_id": "2"}
ISSUER = {"name": "t", "type": "oidc", "issuer": "https://x", "audiences": ["a"]}
CLUSTER = {**ISSUER, "type": "kubernetes"}
WRONG = {
    "leasehold_agent": [
        ({**AGENT, "name": "Bot"}, "name"),
        ({**AGENT, "review_by": "soon"}, "review_by"),
        ({**AGENT, "max_ttl": 301}, "max_ttl"),
        ({**AGENT, "max_ttl": 60.5}, "max_ttl"),
        ({**AGENT, "max_delegation_depth": 5}, "max_delegation_depth"),
        ({**AGENT, "may_delegate_to": ["*"]}, "may_delegate_to"),
        ({**AGENT, "state": "retired"}, "state"),
        ({**AGENT, "description": "a\u202eb"}, "description"),
    ],
    "leasehold_grant": [
        ({**GRANT, "scope": "everything"}, "scope"),
        ({"agent": "triage"}, "scope"),
        ({**GRANT, "tools": []}, "tools"),
        ({**GRANT, "resources": ["repo:*"]}, "resources"),
        ({**GRANT, "tools": ["*"], "allow_wildcard": True, "justification": " "}, "tools"),
        ({**GRANT, "resources": ["a@b"]}, "resources"),
        ({"agent": "triage", "scope": "everything", "tools": ["read_file"]}, "tools"),
    ],
    "leasehold_scope": [({"name": "s", "tool_server": "github", "tools": [], "resources": ["a:b"]}, "tools")],
    "leasehold_tool_server": [
        ({"name": "s", "url": "https://u@x", "tools": {}}, "url"),
        ({"name": "s", "url": "https://x", "tools": {"a/b": {"action": "read"}}}, "tools.a/b"),
        ({"name": "s", "url": "https://x", "tools": {"*": {"action": "read"}}}, "tools.*"),
        ({"name": "s", "url": "https://x", "tools": {"a": {"action": "eat"}}}, "tools.a.action"),
        ({"name": "s", "url": "https://x", "tools": {}, "upstream_auth": {}}, "upstream_auth"),
        (
            {"name": "s", "url": "https://x", "tools": {}, "upstream_auth": {"basic": True, "mtls": True}},
            "upstream_auth",
        ),
        (
            {
                "name": "s",
                "url": "https://x",
                "tools": {},
                "upstream_auth": {"basic": True, "personal": False, "shared": False},
            },
            "upstream_auth",
        ),
        (
            {"name": "s", "url": "https://x", "tools": {}, "upstream_auth": {"oauth": {"client_id": "c"}}},
            "upstream_auth",
        ),
        (
            {"name": "s", "url": "https://x", "tools": {}, "upstream_auth": {"oauth": {"client_secret": "Not One"}}},
            "",  # at the resource: Terraform prints the line of an attribute that is complained about
        ),
    ],
    "leasehold_ceiling": [({"name": "c", "principal": "everybody", "scopes": []}, "principal")],
    "leasehold_deployment": [
        ({"name": "d", "agent": "a", "expires_at": "2027-01-01T00:00:00"}, "expires_at"),
        ({"name": "d", "agent": "a", "heartbeat_ttl": 4}, "heartbeat_ttl"),
        ({"name": "d", "agent": "a", "heartbeat_ttl": 86_401}, "heartbeat_ttl"),
        ({"name": "d", "agent": "a", "trust_issuer": "i"}, "workload_uid"),
        ({"name": "d", "agent": "a", "workload_uid": "6f1c"}, "trust_issuer"),
        ({"name": "d", "agent": "a", "trust_issuer": "i", "workload_uid": "a/b"}, "workload_uid"),
    ],
    "leasehold_trust_issuer": [
        ({**ISSUER, "jwks": '{"keys":[{"kty":"EC","d":"s"}]}'}, "jwks"),
        ({**ISSUER, "jwks": "not json"}, "jwks"),
        ({**ISSUER, "audiences": []}, "audiences"),
        ({**ISSUER, "algorithms": ["none"]}, "algorithms"),
        ({**ISSUER, "watch": ["nodes"]}, "watch"),
        ({**CLUSTER, "reader_role_arn": "arn:aws:iam::123456789012:role/r"}, "reader_role_arn"),
        ({**CLUSTER, "watch": ["pods"]}, "api_server"),
        ({**CLUSTER, "watch": ["pods"], "api_server": "https://k8s.example"}, "credential"),
        ({**CLUSTER, "api_server": "https://k8s.example", "credential": "prod"}, "api_server"),
        ({**ISSUER, "watch": ["pods"], "api_server": "https://k8s.example", "credential": "prod"}, "watch"),
    ],
    "leasehold_workload_binding": [
        ({**BINDING, **SUBJECT, "agent": "a", "role": "viewer"}, "role"),
        ({**BINDING, "agent": "a"}, ""),
        ({**BINDING, "agent": "a", "oidc": {"subject": "*"}}, "oidc.subject"),
        ({**BINDING, **SUBJECT, "role": "developer"}, "role"),
        ({**BINDING, **SUBJECT, "role": "viewer", "teams": ["web"]}, "teams"),
        ({**BINDING, **SUBJECT, "role": "viewer", "deployment": "d"}, "deployment"),
        ({**BINDING, **SUBJECT, "agent": "a", "stack": "prod"}, "stack"),
        ({**BINDING, "agent": "a", "github_actions": GITHUB}, "github_actions"),
        (
            {**BINDING, "agent": "a", "github_actions": {**GITHUB, "repository_id": "web"}},
            "github_actions.repository_id",
        ),
    ],
}


@pytest.mark.parametrize(
    ("type_name", "config", "path"),
    [(type_name, config, path) for type_name, cases in WRONG.items() for config, path in cases],
)
def test_a_wrong_value_is_refused_before_anything_is_asked(terraform, client, type_name, config, path):
    outcome = terraform.validate(type_name, config)
    assert outcome.errors
    assert path in outcome.paths
    assert client.requests == []


def test_nothing_else_is_said_of_an_attribute_that_may_hold_a_secret(terraform):
    """Terraform would print the line, and with it what was written where a secret's name belongs."""
    auth = {"oauth": {"client_secret": "Not One"}}
    outcome = terraform.validate(
        "leasehold_tool_server", {"name": "s", "url": "https://x", "tools": {}, "upstream_auth": auth}
    )
    assert outcome.paths == [""]
    assert "Not One" not in str(outcome)


def test_an_error_never_repeats_a_private_key(terraform):
    config = {"name": "t", "type": "oidc", "issuer": "https://x", "audiences": ["a"]}
    outcome = terraform.validate("leasehold_trust_issuer", {**config, "jwks": '{"keys":[{"d":"s3cr3t"}]}'})
    assert "s3cr3t" not in str(outcome)


LIMITED = {**GRANT, "constraints": {"amount": {"max": 50}}}


def of_scope(registry, **constraints):
    scope = {"tool_server": "github", "tools": ["read_file"], "resources": ["repo:web"], "constraints": constraints}
    registry.must("scopes", "small", scope)


def test_a_limit_names_the_grant_while_planning(terraform):
    planned = terraform.plan("leasehold_grant", LIMITED).ok()
    assert planned["name"] == "triage/github.read_file@repo:web,amount:..50"


@pytest.mark.parametrize("amount", [UNKNOWN, {"max": UNKNOWN}, {"one_of": [UNKNOWN]}, {"one_of": UNKNOWN}])
def test_a_limit_that_is_not_known_yet_leaves_the_name_open(terraform, registry, amount):
    of_scope(registry, amount={"max": 50})
    registry.must("ceilings", "team", {"principal": "team:payments", "scopes": ["small"]})
    outcome = terraform.plan("leasehold_grant", {**GRANT, "constraints": {"amount": amount}})
    assert outcome.errors == []
    assert outcome.state["name"] is UNKNOWN


def test_a_grant_above_the_limit_of_a_ceiling_is_an_error(terraform, registry):
    of_scope(registry, amount={"max": 50})
    registry.must("ceilings", "team", {"principal": "team:payments", "scopes": ["small"]})
    assert terraform.plan("leasehold_grant", LIMITED).diagnostics == []
    outcome = terraform.plan("leasehold_grant", {**GRANT, "constraints": {"amount": {"max": 50.5}}})
    (error,) = outcome.errors
    assert error.startswith("Grant above a ceiling: The ceiling `team` does not allow `read_file` of `github`")
    assert error.endswith("on `repo:web` with these values of `amount`.")
    assert "does not allow `read_file`" in terraform.plan("leasehold_grant", GRANT).errors[0]


def test_what_nobody_can_decide_is_an_error(terraform, registry):
    names = "abcdefg"
    for at in range(6):
        bounds = {name: {"min": at, "max": at + 2} for name in names}
        scope = {"tool_server": "github", "tools": ["read_file"], "resources": ["repo:web"], "constraints": bounds}
        registry.must("scopes", f"part{at}", scope)
    registry.must("ceilings", "team", {"principal": "team:payments", "scopes": [f"part{at}" for at in range(6)]})
    wanted = {**GRANT, "constraints": {name: {"min": 1, "max": 7} for name in names}}
    assert "cannot be shown to allow" in terraform.plan("leasehold_grant", wanted).errors[0]


def test_a_limit_beyond_that_of_the_scope_is_an_error(terraform, registry):
    of_scope(registry, amount={"max": 50})
    grant = {"agent": "triage", "scope": "small"}
    assert terraform.plan("leasehold_grant", {**grant, "constraints": {"amount": {"max": 50}}}).errors == []
    outcome = terraform.plan("leasehold_grant", {**grant, "constraints": {"amount": {"max": 60}}})
    assert outcome.errors == ["Constraint outside the scope: Scope `small` does not cover these values of `amount`."]
    assert outcome.paths == ["constraints"]


@pytest.mark.parametrize(
    "constraint",
    [
        {},
        {"max": 1, "boolean": True},
        {"min": 2, "max": 1},
        {"max": 10**16},
        {"one_of": ["a\nb"]},
        {"prefixes": [""]},
        {"globs": [f"{at}*" for at in range(17)]},
        None,
    ],
)
@pytest.mark.parametrize("type_name", ["leasehold_grant", "leasehold_scope"])
def test_a_constraint_that_cannot_be_is_an_error_at_its_argument(terraform, type_name, constraint):
    named = {"name": "s", **{key: value for key, value in GRANT.items() if key != "agent"}}
    config = {**(GRANT if type_name == "leasehold_grant" else named), "constraints": {"amount": constraint}}
    outcome = terraform.validate(type_name, config)
    assert outcome.errors
    assert outcome.paths[0].startswith("constraints")


def test_a_limit_that_turns_out_impossible_while_planning_is_an_error(terraform):
    assert terraform.plan("leasehold_grant", {**GRANT, "constraints": {"amount": {"max": 10**16}}}).errors
