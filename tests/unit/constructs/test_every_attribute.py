"""Whatever Terraform can say of a resource, a construct can say too: field by field against the published schema."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from leasehold_cdktf import (
    Agent,
    ApiKey,
    Aws,
    AwsSession,
    AwsSigV4,
    AwsSts,
    Azure,
    Basic,
    Buildkite,
    Call,
    Ceiling,
    Claim,
    Credential,
    CredentialProfile,
    Deployment,
    DriftException,
    Federation,
    GitHubActions,
    GitHubInstallation,
    GitLab,
    Google,
    HcpTerraform,
    Kubernetes,
    Login,
    Mtls,
    OAuth,
    OAuthClient,
    Oidc,
    Owner,
    Policy,
    PostgresqlLogin,
    Question,
    Relation,
    Resource,
    Scope,
    Spiffe,
    Tool,
    ToolServer,
    TrustIssuer,
    Upstream,
    UpstreamAuth,
    User,
    WorkloadBinding,
    between,
    exactly,
    one_like,
    one_of,
    one_of_prefixes,
)
from leasehold_cdktf.collector import collector_of

PUBLISHED = Path(__file__).parents[3] / "schemas" / "provider.json"
SUBJECTS = {
    "kubernetes": [
        Kubernetes(namespace="web", service_account="a", service_account_uid="u-1"),
        Kubernetes(namespace="web", service_account="a", any_uid=True),
    ],
    "github-actions": [
        GitHubActions(
            repository_id="1", repository_owner_id="2", job_workflow_ref="o/r/w.yml@refs/heads/main", environment="e",
            ref="refs/heads/main",
        )
    ],
    "gitlab": [
        GitLab(
            project_id="1", namespace_id="2", ci_config_ref_uri="gitlab.example/x", environment="e",
            ref_path="refs/heads/main", unprotected_ref=True,
        )
    ],
    "aws": [
        Aws(
            aws_account="123456789012",
            role_arn="arn:aws:iam::123456789012:role/x",
            unique_id="AROAEXAMPLEROLEID1234",
        )
    ],
    "aws-sts": [AwsSts(aws_account="123456789012", unique_id="AROAEXAMPLE", arn="arn:aws:sts::1:assumed-role/x/y")],
    "google": [Google(subject="117", project_number="9", instance_id="3")],
    "azure": [Azure(tenant_id="t", object_id="o", client_id="c")],
    "spiffe": [Spiffe(spiffe_id="spiffe://example.org/a")],
    "hcp-terraform": [HcpTerraform(organization_id="org-1", workspace_id="ws-1", project_id="prj-1")],
    "buildkite": [
        Buildkite(organization_id="o", pipeline_id="p", build_branch="main", build_tag="v1", step_key="deploy")
    ],
    "oidc": [Oidc(subject="s")],
}  # fmt: skip
CLAIMS = {
    "a": Claim(exact="x"),
    "b": Claim(one_of=["x"]),
    "c": Claim(glob="x*"),
    "d": Claim(number=1),
    "e": Claim(boolean=True),
}


LIMITS = {
    "a": between(1, 2),
    "b": one_of("x"),
    "c": one_of(1, 2),
    "d": one_of_prefixes("x"),
    "e": one_like("x*y"),
    "f": exactly(value=True),
}


def furnish(stack):
    """Everything that the constructs have a word for, said at least once."""
    owner = Owner(stack, "alice", display_name="Alice", email="a@example.com", team="web", state="disabled")
    hints = {
        "title": "Read",
        "readOnlyHint": True,
        "destructiveHint": False,
        "idempotentHint": True,
        "openWorldHint": False,
    }
    read = Tool("read", "Reads.", input_schema={"type": "object"}, annotations=hints, resource="repo:{repository}")
    bounds = {"max_staleness": 5, "calls_per_minute": 60, "scan_arguments": {"tag": "log"}}
    upstream = Upstream(url="https://mcp.example", **bounds, scan_results={"secret": "block"})
    told = {"description": "d", "pinning": "observe", "dpop": "required", "upstream": upstream}
    server = ToolServer(stack, "github", url="https://t.example", tools={"read": read}, **told)
    program = Upstream(command=("/usr/bin/mcp",), transport="stdio")
    ToolServer(stack, "local", url="https://l.example", tools={"read": "read"}, upstream=program)
    older = Upstream(url="https://old.example/sse", transport="legacy_sse")
    ToolServer(stack, "older", url="https://o.example", tools={"read": "read"}, upstream=older)
    server.pin({"tools": [{"name": "read"}]}, justification="j")
    upstreams(stack)
    wide = {"allow_wildcard": True, "justification": "all of it"}
    scope = Scope(
        stack, "all", tool_server=server, tools=["*"], resources=["repo:*"], description="d", where=LIMITS, **wide
    )
    Ceiling(stack, "top", principal="organization", scopes=[scope], max_ttl=120, dpop="required")
    agents = [
        agent(stack, owner, server, scope, name, client)
        for name, client in (
            ("triage", OAuthClient(jwks={"keys": []}, redirect_uris=["https://a.example/cb"], dpop="required")),
            ("scout", OAuthClient(jwks_uri="https://a.example/jwks", client_ids=["https://a.example/c"])),
            ("third", OAuthClient(dynamic_clients=2, public_clients=True, secret_allowed=True)),
        )
    ]
    issuers(stack)
    run = {"commit": "c", "run_url": "u", "expires_at": "2027-05-01T00:00:00Z"}
    watched = {"trust_issuer": "cluster", "workload": "w", "workload_uid": "u-1", "heartbeat_ttl": 60}
    Deployment(stack, "prod", agent=agents[0], **run, **watched)
    for number, subject in enumerate(subject for subjects in SUBJECTS.values() for subject in subjects):
        agents[0].bind_subject(f"way-{number}", "idp", subject, claims=CLAIMS, deployment=agents[0].deployment)
    WorkloadBinding(
        stack, "ci", trust_issuer="idp", subject=Oidc(subject="ci"), role="developer", teams=["web"], stack="web"
    )
    WorkloadBinding(
        stack, "pf", trust_issuer="idp", subject=Oidc(subject="p"), role="security-admin", stack="pf", may_admit=True
    )
    profiles(stack, agents)
    policies(stack, server)


def upstreams(stack):
    oauth = OAuth(
        issuer="https://as.example",
        client_id="c",
        client_secret="s",
        scopes=["repo"],
        resource="https://t.example/other",
        dynamic_registration=False,
        allow_private=True,
    )
    ways = [
        UpstreamAuth(oauth, personal=False),
        UpstreamAuth(ApiKey(header="X-Key", prefix=""), shared=False),
        UpstreamAuth(Basic()),
        UpstreamAuth(Mtls()),
        UpstreamAuth(AwsSigV4(region="eu-central-1", service="execute-api")),
        UpstreamAuth(Credential(profile="deploy", service="bedrock-agentcore")),
    ]
    for number, way in enumerate(ways):
        ToolServer(stack, f"t-{number}", url="https://t.example", tools={"read": "read"}, upstream_auth=way)


def policies(stack, server):
    user = User(
        stack,
        "ada",
        ids=["ada@example.com"],
        type="member",
        email="ada@example.com",
        roles=["editor"],
        attributes={"a": "x", "b": 1, "c": True, "d": ["x"], "e": Decimal("0.5")},
    )
    board = Resource(stack, "board", type="folder", foreign_id="b", parents=["folder:all"], attributes={"a": "x"})
    DriftException(stack, "noise", fingerprint=f"sha256:{'a' * 64}", reason="known", expires_at="2027-01-01T00:00:00Z")
    Relation(stack, "reads", subject="group:eng", through="member", relation="reader", object=board)
    call = Call(
        agent="triage",
        user=user,
        tool_server=server,
        tool="read",
        resource="repo:web",
        properties={"a": "x"},
        arguments={"a": "x"},
        context={"a": "x"},
    )
    question = Question(subject="user:ada", action="read", resource="todo:1", properties={"a": 1}, context={"a": 1})
    Policy(
        stack,
        "guards",
        document="forbid(principal, action, resource);",
        side="agent",
        mode="log_only",
        permits="beyond_grants",
        schema="namespace X {}",
        description="d",
        allow=[call, question],
        deny=[call, question],
    )


def agent(stack, owner, server, scope, name, client):
    return Agent(
        stack,
        name,
        owner=owner,
        review_by="2027-05-01",
        grants=[
            server.tools("*").on("repo:*", expires_at="2027-05-01T00:00:00Z", allow_wildcard=True, justification="j"),
            scope.on("repo:web").where(LIMITS),
        ],
        description="d",
        environment="prod",
        state="suspended",
        max_ttl=120,
        may_delegate_to=["other"],
        max_delegation_depth=1,
        client=client,
    )


def issuers(stack):
    login = Login(client_id="c", authorization_endpoint="https://i/a", token_endpoint="https://i/t", scopes=["openid"])
    common = {"audiences": ["a"], "algorithms": ["ES256"], "allow_private": True, "single_use": True}
    TrustIssuer(
        stack,
        "people",
        type="oidc",
        issuer="https://i",
        jwks_uri="https://i/j",
        login=login,
        id_jag=True,
        groups_claim="groups",
        software_statements=True,
        **common,
    )
    TrustIssuer(
        stack,
        "cluster",
        type="kubernetes",
        issuer="https://k",
        jwks='{"keys": []}',
        max_token_ttl=3600,
        verify="token-review",
        watch=["pods", "deployments"],
        api_server="https://k",
        credential="k",
        **common,
    )
    TrustIssuer(
        stack, "account", type="aws", issuer="https://a", reader_role_arn="arn:aws:iam::123456789012:role/r", **common
    )


def profiles(stack, agents):
    targets = [
        AwsSession(
            role_arn="arn:aws:iam::123456789012:role/x",
            region="r",
            mode="assume-role",
            session_policy={"Statement": []},
            duration=900,
            tags={"a": "b"},
            on_revoke="expire",
            endpoint_url="https://sts",
        ),
        PostgresqlLogin(dsn="orders", roles=["r"], schema="s", privileges=["select"]),
        GitHubInstallation(
            app_id="1",
            installation_id="2",
            repositories=["r"],
            permissions={"contents": "read"},
            private_key="k",
            api_url="https://api",
        ),
        Federation(audience="https://vault", token_ttl=60),
    ]
    for number, target in enumerate(targets):
        CredentialProfile(stack, f"p-{number}", agents=agents, target=target, max_ttl=900, description="d")


def settable(attributes, path=()):
    """Every path that a configuration may set."""
    for name, attribute in attributes.items():
        if attribute.get("required") or attribute.get("optional"):
            yield (*path, name)
            yield from settable(attribute.get("nested_type", {}).get("attributes", {}), (*path, name))


def said(value, nested, path=()):
    """Every path that an emitted resource sets."""
    for name, attribute in nested.items():
        if isinstance(value, dict) and value.get(name) is not None:
            yield (*path, name)
            inner = attribute.get("nested_type", {})
            for one in members(value[name], inner.get("nesting_mode")):
                yield from said(one, inner.get("attributes", {}), (*path, name))


def members(value, mode):
    if mode == "map":
        return list(value.values())
    return value if mode in {"set", "list"} else [value]


def schemas():
    (provider,) = json.loads(PUBLISHED.read_text())["provider_schemas"].values()
    return {kind: schema["block"]["attributes"] for kind, schema in provider["resource_schemas"].items()}


@pytest.mark.parametrize("kind", sorted(schemas()))
def test_a_construct_can_say_all_that_the_resource_can(stack, kind):
    furnish(stack)
    emitted = collector_of(stack).resources.get(kind, {})
    attributes = schemas()[kind]

    sayable = {path for resource in emitted.values() for path in said(resource, attributes)}

    assert set(settable(attributes)) - sayable == set()


def test_the_comparison_sees_an_attribute_that_no_construct_says(stack):
    furnish(stack)
    attributes = {**schemas()["leasehold_owner"], "pager": {"optional": True, "type": "string"}}
    emitted = collector_of(stack).resources["leasehold_owner"].values()

    sayable = {path for resource in emitted for path in said(resource, attributes)}

    assert set(settable(attributes)) - sayable == {("pager",)}


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"jwks": "{}", "jwks_uri": "https://a"}, "one place"),
        ({"jwks_uri": "http://a"}, "https"),
        ({"client_ids": ["http://a.example/c"]}, "https"),
        ({"dynamic_clients": 21}, "0 to 20"),
    ],
)
def test_a_client_that_cannot_be_is_caught_at_synth(values, complaint):
    with pytest.raises(ValueError, match=complaint):
        OAuthClient(**values)


def test_people_come_from_an_oidc_issuer_alone(stack):
    with pytest.raises(ValueError, match="oidc"):
        TrustIssuer(stack, "gh", type="gitlab", issuer="https://g", audiences=["a"], id_jag=True)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: OAuth(client_secret="s"), "client_id"),
        (lambda: OAuth(client_id="c"), "issuer"),
        (lambda: OAuth(issuer="https://as.example", client_id="c", client_secret="Not A Name"), "client_secret"),
        (lambda: UpstreamAuth(Basic(), personal=False, shared=False), "both be off"),
    ],
)
def test_a_way_to_prove_oneself_that_cannot_be_is_caught_at_synth(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()
