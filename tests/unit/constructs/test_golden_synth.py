"""A stack of every noun, synthesised: what Terraform is given changes only on purpose.

LEASEHOLD_TEST_UPDATE_GOLDEN=1 writes the files anew; the difference is then read in review.
"""

import json
import os
from decimal import Decimal
from pathlib import Path

import cdktf

from leasehold_cdktf import (
    Agent,
    AwsSession,
    Call,
    Ceiling,
    CredentialProfile,
    Deployment,
    DriftException,
    GitHubActions,
    LeaseholdProvider,
    Login,
    OAuthClient,
    Oidc,
    Owner,
    Policy,
    PostgresqlLogin,
    Question,
    Relation,
    Resource,
    Scope,
    Tool,
    ToolServer,
    TrustIssuer,
    User,
    WorkloadBinding,
    at_most,
    between,
    exactly,
    one_like,
    one_of_prefixes,
)

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "synth"
ENDPOINT = "https://leasehold.example.com"
APP = """
kind: Deployment
apiVersion: apps/v1
metadata: {name: triage, namespace: web}
spec: {template: {spec: {containers: [{name: triage, image: "registry.example/triage:1"}]}}}
"""


def _platform(app: cdktf.App) -> cdktf.TerraformStack:
    stack = cdktf.TerraformStack(app, "platform")
    LeaseholdProvider(stack, "leasehold", endpoint=ENDPOINT, stack="platform")
    Owner(stack, "alice", display_name="Alice Moreau", email="alice@example.com", team="web")
    TrustIssuer(stack, "cluster", type="kubernetes", issuer="https://k8s.example", audiences=[ENDPOINT])
    TrustIssuer(
        stack, "login", type="oidc", issuer="https://login.example", audiences=["leasehold"], jwks='{"keys":[]}'
    )
    ci = TrustIssuer(
        stack, "ci", type="github-actions", issuer="https://gh.example", audiences=[ENDPOINT], single_use=True
    )
    subject = GitHubActions(repository_id="1", repository_owner_id="2", environment="prod")
    WorkloadBinding(stack, "web-ci", trust_issuer=ci, subject=subject, role="developer", teams=["web"], stack="web")
    WorkloadBinding(stack, "auditors", trust_issuer="login", subject=Oidc(subject="auditor"), role="auditor")
    schema = {"type": "object", "properties": {"path": {"type": "string", "default": "${HOME}"}}, "required": ["path"]}
    tools = {
        "read_file": Tool("read", input_schema=schema, annotations={"title": "Read", "readOnlyHint": True}),
        "delete_branch": Tool("delete", "Deletes a branch for good."),
    }
    github = ToolServer(stack, "github", url="https://github.example/mcp", tools=tools)
    reading = Scope(stack, "reading", tool_server=github, tools=["read_file"], resources=["repo:web", "repo:api"])
    docs = Scope(
        stack,
        "docs",
        tool_server=github,
        tools=["read_file"],
        resources=["repo:docs"],
        where={"path": one_like("docs/*", "site/*"), "draft or so": exactly(value=False), "lines": between(1, 0.5e3)},
    )
    assert docs.name == "docs"
    Ceiling(stack, "web", principal="team:web", scopes=[reading], max_ttl=300)
    ada = User(
        stack,
        "ada",
        ids={"idp|ada", "ada@example.com"},
        roles={"editor"},
        attributes={"region": "EU", "limit": Decimal(50), "level": 3, "active": True, "labels": {"b", "a"}},
    )
    board = Resource(stack, "board", type="folder", foreign_id="board")
    minutes = Resource(stack, "minutes", type="document", foreign_id="42", parents=[board, "folder:all"])
    DriftException(
        stack, "noise", fingerprint=f"sha256:{'a' * 64}", reason="known noise", expires_at="2027-05-01T00:00:00Z"
    )
    Relation(stack, "owns", subject=ada, relation="owner", object=minutes)
    Relation(stack, "reads", subject="group:eng", through="member", relation="reader", object=minutes)
    Policy(
        stack,
        "guards",
        document='forbid(principal, action == Action::"github/delete_branch", resource);\n',
        side="agent",
        permits="beyond_grants",
        deny=[Call(agent="triage", tool_server=github, tool="delete_branch", arguments={"b": 1, "a": "x"})],
        allow=[Question(subject="user:ada", action="can_read", resource="todo:1", context={"ip": "10.0.0.1"})],
    )
    return stack


def _web(app: cdktf.App) -> tuple[cdktf.TerraformStack, str]:
    stack = cdktf.TerraformStack(app, "web")
    LeaseholdProvider(stack, "leasehold", endpoint=ENDPOINT, stack="web")
    github = ToolServer.named("github", tools=["read_file"], url="https://github.example/mcp")
    grants = [
        github.tool("read_file").on("repo:web", expires_at="2027-05-01T00:00:00Z", justification="the spring sprint"),
        Scope.named("reading").on("repo:api"),
        github.tool("read_file").on("repo:docs").where(path=one_of_prefixes("docs/", "site/"), size=at_most(5e6)),
    ]
    agent = Agent(stack, "triage", owner="alice", review_by="2027-05-01", environment="prod", grants=grants)
    Deployment(stack, "triage-canary", agent=agent, commit="c0ffee")
    agent.bind_ci("ci", repository_id="1", repository_owner_id="2", ref="refs/heads/main")
    bound = agent.bind_workload(APP, trust_issuer="cluster", audience=ENDPOINT, resource="https://github.example/mcp")
    return stack, bound.render()


def _clients(app: cdktf.App) -> cdktf.TerraformStack:
    """An agent for people, known by a metadata document, and what of other systems it may draw."""
    stack = cdktf.TerraformStack(app, "clients")
    LeaseholdProvider(stack, "leasehold", endpoint=ENDPOINT, stack="clients")
    login = Login(
        client_id="leasehold", authorization_endpoint="https://i.example/a", token_endpoint="https://i.example/t"
    )
    TrustIssuer(
        stack, "people", type="oidc", issuer="https://i.example", audiences=["leasehold"], login=login, id_jag=True
    )
    client = OAuthClient(
        jwks_uri="https://app.example/jwks",
        redirect_uris=["https://app.example/callback"],
        client_ids=["https://app.example/client.json"],
        dynamic_clients=2,
        dpop="required",
    )
    agent = Agent(stack, "assistant", owner="alice", review_by="2027-05-01", grants=[], client=client)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
    role = "arn:aws:iam::123456789012:role/deploy"
    session = AwsSession(role_arn=role, region="eu-central-1", session_policy=policy, on_revoke="deny-session")
    CredentialProfile(stack, "deploy", agents=[agent], target=session, description="Reads the orders.")
    login_of_its_own = PostgresqlLogin(dsn="orders-admin", schema="orders", privileges=["select", "insert"])
    CredentialProfile(stack, "orders", agents=[agent, "triage"], target=login_of_its_own, max_ttl=120)
    return stack


def _check(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("LEASEHOLD_TEST_UPDATE_GOLDEN") == "1":
        path.write_text(text)
    assert path.read_text() == text


def _synthesised(stack: cdktf.TerraformStack) -> str:
    return json.dumps(json.loads(cdktf.Testing.synth(stack)), indent=2, sort_keys=True) + "\n"


def test_a_platforms_stack_is_synthesised_as_agreed(app):
    _check("platform.json", _synthesised(_platform(app)))


def test_a_teams_stack_is_synthesised_as_agreed(app):
    stack, manifest = _web(app)
    _check("web.json", _synthesised(stack))
    _check("web.app.yaml", manifest)


def test_a_stack_of_clients_and_profiles_is_synthesised_as_agreed(app):
    _check("clients.json", _synthesised(_clients(app)))
