"""Owners, issuers, servers, scopes, ceilings and role bindings: what they emit and what they refuse."""

import cdktf
import pytest

from leasehold_cdktf import (
    Agent,
    Ceiling,
    Deployment,
    GitHubActions,
    Kubernetes,
    LeaseholdProvider,
    Oidc,
    Owner,
    Scope,
    Tool,
    ToolServer,
    TrustIssuer,
    WorkloadBinding,
)


@pytest.fixture
def github(stack):
    return ToolServer(stack, "github", url="https://github.example/mcp", tools={"read_file": "read", "merge": "write"})


def test_the_provider_block_names_source_version_and_stack_and_never_a_token(stack, synthesised):
    block = synthesised(stack)
    assert block["provider"] == {"leasehold": [{"endpoint": "https://leasehold.example.com", "stack": "triage"}]}
    assert block["terraform"]["required_providers"] == {
        "leasehold": {"source": "leasehold/leasehold", "version": "~> 0.1"}
    }


def test_a_stack_without_a_provider_is_refused_before_terraform_looks_for_another_one(app):
    stack = cdktf.TerraformStack(app, "bare")
    Owner(stack, "alice", display_name="Alice", email="alice@example.com", team="web")
    with pytest.raises(RuntimeError, match=r"stack `bare` has no provider: declare LeaseholdProvider"):
        cdktf.Testing.synth(stack)


def test_a_provider_refuses_a_stack_name_that_the_registry_would_refuse(app):
    with pytest.raises(ValueError, match="stack `Prod!`"):
        LeaseholdProvider(cdktf.TerraformStack(app, "s"), "leasehold", stack="Prod!")


def test_an_owner_is_named_by_its_construct_unless_told_otherwise(stack, resources):
    Owner(stack, "alice", display_name="Alice", email="alice@example.com", team="web")
    Owner(stack, "bob", display_name="Bob", email="bob@example.com", team="web", state="disabled", name="2-bob")
    assert resources()["leasehold_owner"] == {
        "alice": {"name": "alice", "display_name": "Alice", "email": "alice@example.com", "team": "web"},
        "_2-bob": {
            "name": "2-bob",
            "display_name": "Bob",
            "email": "bob@example.com",
            "team": "web",
            "state": "disabled",
        },
    }


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"display_name": " "}, "a person with a name"),
        ({"email": "alice"}, "email `alice`"),
        ({"team": "Web Team"}, "team `Web Team`"),
        ({"name": "../alice"}, "name `../alice`"),
        ({"name": "${var.owner}"}, "Terraform expression"),
    ],
)
def test_an_owner_that_the_registry_would_refuse_fails_at_synth(stack, wrong, said):
    with pytest.raises(ValueError, match=said):
        Owner(stack, "o", **{"display_name": "Alice", "email": "a@example.com", "team": "web"} | wrong)


def test_a_name_is_declared_once_per_kind_and_stack(stack):
    Owner(stack, "one", display_name="Alice", email="a@example.com", team="web", name="alice")
    with pytest.raises(ValueError, match=r"`leasehold_owner\.alice` is declared twice"):
        Owner(stack, "two", display_name="Alice", email="a@example.com", team="web", name="alice")


def test_a_trust_issuer_says_only_what_was_said(stack, resources):
    TrustIssuer(
        stack, "cluster", type="kubernetes", issuer="https://k8s.example", audiences={"b", "a"}, algorithms=["RS256"]
    )
    assert resources()["leasehold_trust_issuer"]["cluster"] == {
        "name": "cluster",
        "type": "kubernetes",
        "issuer": "https://k8s.example",
        "audiences": ["a", "b"],
        "algorithms": ["RS256"],
    }


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"audiences": []}, "at least one audience"),
        ({"audiences": "leasehold"}, "at least one audience"),
        ({"jwks": "{}", "jwks_uri": "https://k8s.example/keys"}, "jwks or jwks_uri, not both"),
    ],
)
def test_a_trust_issuer_that_the_registry_would_refuse_fails_at_synth(stack, wrong, said):
    good = {"type": "oidc", "issuer": "https://login.example", "audiences": ["a"]}
    with pytest.raises(ValueError, match=said):
        TrustIssuer(stack, "issuer", **good | wrong)


def test_a_role_binding_pins_its_subject(stack, resources):
    ci = TrustIssuer(stack, "ci", type="github-actions", issuer="https://gh.example", audiences=["leasehold"])
    subject = GitHubActions(repository_id="1", repository_owner_id="2", environment="prod")
    WorkloadBinding(stack, "web-ci", trust_issuer=ci, subject=subject, role="developer", teams=["web"], stack="web")
    assert resources()["leasehold_workload_binding"]["web-ci"] == {
        "name": "web-ci",
        "trust_issuer": "${leasehold_trust_issuer.ci.name}",
        "role": "developer",
        "teams": ["web"],
        "stack": "web",
        "github_actions": {"repository_id": "1", "repository_owner_id": "2", "environment": "prod"},
    }


@pytest.mark.parametrize(("role", "teams"), [("developer", []), ("viewer", ["web"])])
def test_a_developer_and_only_a_developer_is_limited_to_teams(stack, role, teams):
    with pytest.raises(ValueError, match="role `developer` names the teams"):
        WorkloadBinding(stack, "b", trust_issuer="login", subject=Oidc(subject="alice"), role=role, teams=teams)


def test_a_binding_refuses_a_subject_of_another_shape_than_its_issuer_signs(stack):
    ci = TrustIssuer(stack, "ci", type="github-actions", issuer="https://gh.example", audiences=["leasehold"])
    with pytest.raises(ValueError, match=r"`github-actions`, and Oidc\(…\) describes one of type `oidc`"):
        WorkloadBinding(stack, "b", trust_issuer=ci, subject=Oidc(subject="alice"), role="viewer")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Kubernetes(namespace="*", service_account="a", any_uid=True), "takes no wildcard"),
        (lambda: Kubernetes(namespace="n", service_account="", any_uid=True), "non-empty"),
        (lambda: Oidc(subject="*"), "takes no wildcard"),
        (lambda: GitHubActions(repository_id="acme/web", repository_owner_id="1", ref="r"), "numeric id"),
        (lambda: GitHubActions(repository_id="1", repository_owner_id="2"), "any workflow would do"),
        (lambda: GitHubActions(repository_id="1", repository_owner_id="2", ref="refs/*"), "takes no wildcard"),
    ],
)
def test_a_pin_is_exact(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_a_tool_server_lists_its_tools_in_order_with_their_actions(stack, resources):
    tools = {"merge": Tool("write", "Merges a pull request."), "a.read": "read"}
    ToolServer(stack, "github", url="https://github.example/mcp", tools=tools, description="Source code")
    declared = resources()["leasehold_tool_server"]["github"]
    assert declared["tools"] == {
        "a.read": {"action": "read"},
        "merge": {"action": "write", "description": "Merges a pull request."},
    }
    assert list(declared["tools"]) == ["a.read", "merge"]


@pytest.mark.parametrize("tools", [{}, {"*": "read"}, {"a b": "read"}, {"a/b": "read"}])
def test_a_tool_server_refuses_tools_that_cannot_be_named(stack, tools):
    with pytest.raises(ValueError, match="tool"):
        ToolServer(stack, "github", url="https://github.example/mcp", tools=tools)


def test_a_scope_refers_to_its_server(stack, github, resources):
    Scope(stack, "reading", tool_server=github, tools=["read_file"], resources=["repo:web", "repo:api"])
    assert resources()["leasehold_scope"]["reading"] == {
        "name": "reading",
        "tool_server": "${leasehold_tool_server.github.name}",
        "tools": ["read_file"],
        "resources": ["repo:api", "repo:web"],
    }


def test_a_scope_on_a_tool_that_the_server_lacks_is_refused_with_the_one_meant(stack, github):
    with pytest.raises(ValueError, match="no tool `read_files`: did you mean `read_file`"):
        Scope(stack, "reading", tool_server=github, tools=["read_files"], resources=["repo:web"])


def test_a_scope_of_everything_needs_a_justification(stack, github, resources):
    with pytest.raises(ValueError, match="allow_wildcard=True"):
        Scope(stack, "all", tool_server=github, tools=["*"], resources=["repo:web"], allow_wildcard=True)
    Scope(
        stack, "all", tool_server=github, tools=["*"], resources=["repo:*"], allow_wildcard=True, justification="admin"
    )
    declared = resources()["leasehold_scope"]["all"]
    assert (declared["allow_wildcard"], declared["justification"]) == (True, "admin")


@pytest.mark.parametrize(("tools", "on"), [([], ["repo:web"]), (["merge"], []), (["merge"], ["web"])])
def test_a_scope_of_nothing_is_refused(stack, github, tools, on):
    with pytest.raises(ValueError, match=r"at least one|type:identifier"):
        Scope(stack, "none", tool_server=github, tools=tools, resources=on)


def test_a_ceiling_takes_scopes_declared_here_and_elsewhere(stack, github, resources):
    here = Scope(stack, "reading", tool_server=github, tools=["read_file"], resources=["repo:web"])
    Ceiling(
        stack,
        "web",
        principal="team:web",
        scopes=["by-name", Scope.named("elsewhere"), here],
        max_ttl=120,
        dpop="required",
    )
    assert resources()["leasehold_ceiling"]["web"] == {
        "name": "web",
        "principal": "team:web",
        "scopes": ["${leasehold_scope.reading.name}", "by-name", "elsewhere"],
        "max_ttl": 120,
        "dpop": "required",
    }


@pytest.mark.parametrize(
    ("principal", "max_ttl", "said"),
    [("web", None, "must read"), ("team:Web", None, "team `Web`"), ("organization", 30, "60 to 300 seconds")],
)
def test_a_ceiling_that_the_registry_would_refuse_fails_at_synth(stack, principal, max_ttl, said):
    with pytest.raises(ValueError, match=said):
        Ceiling(stack, "c", principal=principal, scopes=[], max_ttl=max_ttl)


def test_a_ceiling_stands_before_the_grants_it_judges(stack, github, resources):
    scope = Scope(stack, "reading", tool_server=github, tools=["read_file"], resources=["repo:web"])
    Ceiling(stack, "web", principal="team:web", scopes=[scope])
    Agent(stack, "triage", owner="alice", review_by="2027-05-01", grants=[scope.grant()])
    (grant,) = resources()["leasehold_grant"].values()
    assert grant["depends_on"] == ["leasehold_ceiling.web"]


def test_a_deployment_of_its_own_ends_before_what_settles_its_agent(stack, github, resources):
    grants = [github.tool("read_file").on("repo:web")]
    agent = Agent(stack, "triage", owner="alice", review_by="2027-05-01", grants=grants, deployment=False)
    Deployment(
        stack, "blue", agent=agent, commit="c0ffee", workload="Deployment/triage", expires_at="2027-01-01T00:00Z"
    )
    Deployment(stack, "green", agent="declared-elsewhere")
    assert resources()["leasehold_deployment"] == {
        "blue": {
            "name": "blue",
            "agent": "${leasehold_agent.triage.name}",
            "commit": "c0ffee",
            "workload": "Deployment/triage",
            "expires_at": "2027-01-01T00:00Z",
            "depends_on": ["leasehold_agent_grants_exclusive.triage"],
        },
        "green": {"name": "green", "agent": "declared-elsewhere"},
    }


def watched_cluster(stack, **changes):
    given = {"watch": ["pods", "deployments"], "api_server": "https://10.0.0.1:6443", "credential": "prod", **changes}
    audiences = ["https://leasehold.example.com"]
    return TrustIssuer(stack, "cluster", type="kubernetes", issuer="https://x.example", audiences=audiences, **given)


def test_a_deployment_ends_with_a_workload_of_a_watched_cluster_and_owes_heartbeats(stack, resources):
    cluster = watched_cluster(stack)
    uid = "${kubernetes_deployment.triage.metadata[0].uid}"
    Deployment(stack, "green", agent="triage", trust_issuer=cluster, workload_uid=uid, heartbeat_ttl=30)
    assert resources()["leasehold_trust_issuer"]["cluster"]["watch"] == ["deployments", "pods"]
    assert resources()["leasehold_deployment"]["green"] == {
        "name": "green",
        "agent": "triage",
        "trust_issuer": "${leasehold_trust_issuer.cluster.name}",
        "workload_uid": uid,
        "heartbeat_ttl": 30,
    }


@pytest.mark.parametrize("missing", ["api_server", "credential", "watch"])
def test_a_cluster_that_is_watched_says_where_and_as_whom(stack, missing):
    with pytest.raises(ValueError, match="api_server and credential are for"):
        watched_cluster(stack, **{missing: () if missing == "watch" else None})


@pytest.mark.parametrize("given", [{"trust_issuer": "prod"}, {"workload_uid": "6f1c"}])
def test_a_workload_without_its_cluster_is_refused(stack, given):
    with pytest.raises(ValueError, match="belong together"):
        Deployment(stack, "green", agent="triage", **given)


def test_what_another_stack_declares_is_named_plainly_and_deployed_first(app, stack, github, resources):
    platform = cdktf.TerraformStack(app, "platform")
    LeaseholdProvider(platform, "leasehold", stack="platform")
    alice = Owner(platform, "alice", display_name="Alice", email="alice@example.com", team="web")
    slack = ToolServer(platform, "slack", url="https://slack.example/mcp", tools={"post": "write"})
    Agent(stack, "triage", owner=alice, review_by="2027-05-01", grants=[slack.tool("post").on("channel:web")])
    assert resources()["leasehold_agent"]["triage"]["owner"] == "alice"
    (grant,) = resources()["leasehold_grant"].values()
    assert grant["tool_server"] == "slack"
    assert [other.node.id for other in stack.dependencies] == ["platform"]
    assert "leasehold_owner" not in resources()


def test_a_noun_may_stand_anywhere_below_the_stack(stack, resources):
    inside = cdktf.TerraformElement(stack, "team")
    owner = Owner(inside, "alice", display_name="Alice", email="alice@example.com", team="web")
    assert list(resources()["leasehold_owner"]) == ["alice"]
    assert owner.node.path == "stack/team/alice"
    assert owner.fqn == "leasehold_owner.alice"


def test_rendering_as_hcl_is_refused_with_the_way_out(stack):
    Owner(stack, "alice", display_name="Alice", email="alice@example.com", team="web")
    with pytest.raises(RuntimeError, match="Run `cdktf synth` without `--hcl`"):
        stack.to_hcl_terraform()
