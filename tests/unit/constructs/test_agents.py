"""An agent's four resources, their order, and the slips that never reach Terraform."""

from datetime import UTC, date, datetime

import cdktf
import pytest

from leasehold_cdktf import Agent, LeaseholdProvider, Owner, Scope, ToolServer, TrustIssuer

READ = "leasehold_grant.triage_github_read_file_repo_web_711a9a52"


@pytest.fixture
def github():
    return ToolServer.named("github", tools=["read_file", "create_comment", "delete_branch"])


def declare(stack, **changes):
    return Agent(stack, "triage", **{"owner": "alice", "review_by": "2027-05-01", "grants": []} | changes)


def test_an_agent_emits_itself_its_grants_the_claim_on_them_and_a_deployment(stack, github, resources):
    declare(stack, grants=[github.tool("read_file").on("repo:web")], commit="c0ffee", run_url="https://ci.example/1")
    assert resources() == {
        "leasehold_agent": {"triage": {"name": "triage", "owner": "alice", "review_by": "2027-05-01"}},
        "leasehold_grant": {
            READ.partition(".")[2]: {
                "agent": "${leasehold_agent.triage.name}",
                "tool_server": "github",
                "tools": ["read_file"],
                "resources": ["repo:web"],
            }
        },
        "leasehold_agent_grants_exclusive": {
            "triage": {"agent": "${leasehold_agent.triage.name}", "grants": [f"${{{READ}.id}}"]}
        },
        "leasehold_deployment": {
            "triage": {
                "name": "triage",
                "agent": "${leasehold_agent.triage.name}",
                "commit": "c0ffee",
                "run_url": "https://ci.example/1",
                "depends_on": ["leasehold_agent_grants_exclusive.triage"],
            }
        },
    }


def test_no_grants_are_claimed_as_no_grants(stack, resources):
    declare(stack)
    assert resources()["leasehold_agent_grants_exclusive"]["triage"]["grants"] == []
    assert "leasehold_grant" not in resources()


def test_an_owner_of_the_same_stack_is_referred_to_so_that_it_comes_first(stack, resources):
    owner = Owner(stack, "alice", display_name="Alice", email="alice@example.com", team="web")
    declare(stack, owner=owner)
    assert resources()["leasehold_agent"]["triage"]["owner"] == "${leasehold_owner.alice.name}"


def test_without_the_claim_a_deployment_waits_for_each_grant(stack, github, resources):
    declare(stack, grants=[github.tool("read_file").on("repo:web")], exclusive=False)
    assert "leasehold_agent_grants_exclusive" not in resources()
    assert resources()["leasehold_deployment"]["triage"]["depends_on"] == [READ]


def test_a_deployment_can_be_left_out(stack, resources):
    assert declare(stack, deployment=False).deployment is None
    assert "leasehold_deployment" not in resources()


def test_everything_an_agent_may_say_is_passed_on(stack, resources):
    declare(
        stack,
        name="triage-2",
        review_by=date(2027, 5, 1),
        description="Sorts issues",
        environment="prod",
        state="suspended",
        max_ttl=120,
        may_delegate_to=["tester", "coder"],
        max_delegation_depth=2,
    )
    assert resources()["leasehold_agent"]["triage-2"] == {
        "name": "triage-2",
        "owner": "alice",
        "review_by": "2027-05-01",
        "description": "Sorts issues",
        "environment": "prod",
        "state": "suspended",
        "max_ttl": 120,
        "may_delegate_to": ["coder", "tester"],
        "max_delegation_depth": 2,
    }


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"owner": "Alice B"}, "name `Alice B`"),
        ({"review_by": "spring"}, "such as `2027-05-01`"),
        ({"max_ttl": 900}, "60 to 300 seconds"),
        ({"max_delegation_depth": 5}, "0 to 4 levels"),
        ({"may_delegate_to": ["Coder"]}, "name `Coder`"),
        ({"environment": "Prod"}, "environment `Prod`"),
        ({"name": "triage!"}, "name `triage!`"),
    ],
)
def test_an_agent_that_the_registry_would_refuse_fails_at_synth(stack, wrong, said):
    with pytest.raises(ValueError, match=said):
        declare(stack, **wrong)


def test_the_order_of_grants_changes_nothing(app, github, synthesised):
    texts = []
    for number, order in enumerate([1, -1]):
        stack = cdktf.TerraformStack(app, f"s{number}")
        LeaseholdProvider(stack, "leasehold")
        grants = [github.tool("read_file").on("repo:web"), github.tools("delete_branch", "create_comment").on("repo:a")]
        declare(stack, grants=grants[::order])
        texts.append(synthesised(stack)["resource"])
    assert texts[0] == texts[1]
    assert (
        texts[0]["leasehold_agent_grants_exclusive"]["triage"]["grants"]
        == texts[1]["leasehold_agent_grants_exclusive"]["triage"]["grants"]
    )


def test_a_grant_may_have_tools_resources_an_end_and_a_reason(stack, github, resources):
    until = datetime(2027, 1, 1, tzinfo=UTC)
    grant = github.tools("read_file", "create_comment").on("repo:web", "repo:api", expires_at=until, justification="Q4")
    declare(stack, grants=[grant])
    (declared,) = resources()["leasehold_grant"].values()
    assert declared == {
        "agent": "${leasehold_agent.triage.name}",
        "tool_server": "github",
        "tools": ["create_comment", "read_file"],
        "resources": ["repo:api", "repo:web"],
        "expires_at": "2027-01-01T00:00:00Z",
        "justification": "Q4",
    }


def test_a_scope_is_granted_whole_or_on_some_of_its_resources(stack, resources):
    declare(stack, grants=[Scope.named("reading").grant(), Scope.named("writing").on("repo:web")])
    grants = sorted(resources()["leasehold_grant"].values(), key=lambda grant: grant["scope"])
    assert grants == [
        {"agent": "${leasehold_agent.triage.name}", "scope": "reading"},
        {"agent": "${leasehold_agent.triage.name}", "scope": "writing", "resources": ["repo:web"]},
    ]


def test_the_same_edge_is_granted_once(stack, github):
    twice = [github.tool("read_file").on("repo:web"), github.tool("read_file").on("repo:web", justification="again")]
    with pytest.raises(ValueError, match="is declared twice"):
        declare(stack, grants=twice)


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        (lambda github: github.tool("delete_brunch"), "did you mean `delete_branch`"),
        (lambda github: github.tool("zzz"), "known are `create_comment`, `delete_branch`, `read_file`"),
        (lambda github: github.tools(), "at least one tool"),
        (lambda github: github.tool("read_file").on(), "at least one resource"),
        (lambda github: github.tool("read_file").on("web"), "type:identifier"),
        (lambda github: github.tool("read_file").on("repo:*"), "allow_wildcard=True"),
        (lambda github: github.tool("*").on("repo:web", allow_wildcard=True), "justification"),
        (lambda github: github.tool("read_file").on("repo:web", expires_at="2027-01-01"), "a time with a zone"),
        (lambda _: Scope.named("reading").on(), r"\.grant\(\)"),
        (lambda _: ToolServer.named("Git Hub"), "tool server `Git Hub`"),
        (lambda _: Scope.named("a/b"), "scope `a/b`"),
    ],
)
def test_a_slip_in_a_grant_is_said_where_it_was_made(github, slip, said):
    with pytest.raises(ValueError, match=said):
        slip(github)


def test_a_server_of_unknown_tools_takes_any(stack, resources):
    declare(stack, grants=[ToolServer.named("github").tool("anything").on("repo:web")])
    (grant,) = resources()["leasehold_grant"].values()
    assert grant["tools"] == ["anything"]


def test_a_workflow_becomes_the_agent_by_ids_that_a_rename_cannot_move(stack, resources):
    ci = TrustIssuer(stack, "ci", type="github-actions", issuer="https://gh.example", audiences=["leasehold"])
    agent = declare(stack)
    agent.bind_ci(ci, repository_id="123", repository_owner_id="45", environment="prod")
    agent.bind_ci(ci, repository_id="123", repository_owner_id="45", environment="prod")
    assert resources()["leasehold_workload_binding"] == {
        "triage-123-prod": {
            "name": "triage-123-prod",
            "agent": "${leasehold_agent.triage.name}",
            "deployment": "${leasehold_deployment.triage.name}",
            "trust_issuer": "${leasehold_trust_issuer.ci.name}",
            "github_actions": {"repository_id": "123", "repository_owner_id": "45", "environment": "prod"},
        }
    }


def test_bindings_of_one_agent_never_share_a_name(stack, resources):
    agent = declare(stack, deployment=False)
    for ref in ("refs/heads/main", "refs-heads-main", f"refs/heads/{'x' * 80}"):
        agent.bind_ci("ci", repository_id="123", repository_owner_id="45", ref=ref)
    bindings = resources()["leasehold_workload_binding"]
    assert len(bindings) == 3
    assert all(len(binding["name"]) <= 63 and "deployment" not in binding for binding in bindings.values())
