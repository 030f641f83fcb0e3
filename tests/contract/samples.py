"""One spec of every kind, and envelopes around them."""

from datetime import UTC, date, datetime

from leasehold.model.arguments import ArgumentConstraint
from leasehold.model.clients import DpopUse
from leasehold.model.credentials import AwsSession, CredentialProfile
from leasehold.model.deployments import Deployment
from leasehold.model.directory import Decimal, Relation, Resource, User
from leasehold.model.exceptions import DriftException
from leasehold.model.grants import Ceiling, Grant, GrantSet
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec, Stored
from leasehold.model.people import Agent, Owner
from leasehold.model.pins import ToolPin
from leasehold.model.policies import Assertion, Assertions, Policy, PolicyMode, PolicySide
from leasehold.model.principal import Role
from leasehold.model.tools import Action, Scope, Tool, ToolAnnotations, ToolServer
from leasehold.model.trust import GitHubActionsSubject, IssuerType, TrustIssuer, WorkloadBinding

NOW = datetime(2026, 11, 23, 12, 0, 0, 654321, tzinfo=UTC)
EVERY_SPEC: dict[Kind, Spec] = {
    Kind.OWNERS: Owner(display_name="Alice", email="alice@example.com", team="payments"),
    Kind.AGENTS: Agent(owner="alice", review_by=date(2027, 5, 1), environment="prod", max_ttl=120),
    Kind.TRUST_ISSUERS: TrustIssuer(
        type=IssuerType.GITHUB_ACTIONS,
        issuer="https://token.actions.githubusercontent.com",
        audiences=frozenset({"a", "b"}),
        jwks='{"keys": []}',
        single_use=True,
    ),
    Kind.WORKLOAD_BINDINGS: WorkloadBinding(
        trust_issuer="gh",
        role=Role.DEVELOPER,
        teams=frozenset({"payments"}),
        stack="prod",
        github_actions=GitHubActionsSubject(repository_id="1", repository_owner_id="2", environment="prod"),
    ),
    Kind.TOOL_SERVERS: ToolServer(
        url="https://mcp.example.com",
        tools={
            "b": Tool(action=Action.READ, annotations=ToolAnnotations(title="B", read_only_hint=True)),
            "a": Tool(action=Action.DELETE, input_schema='{"type": "object", "properties": {"x": {"maximum": 50.5}}}'),
        },
    ),
    Kind.TOOL_PINS: ToolPin(
        surface='{"tools": [{"name": "a", "description": "é\\u202e"}], "instructions": "Be brief."}',
        justification="read over",
    ),
    Kind.SCOPES: Scope(
        tool_server="s",
        tools=frozenset({"b", "a"}),
        resources=frozenset({"repo:*"}),
        allow_wildcard=True,
        justification="j",
        constraints={"é b": ArgumentConstraint(prefixes=frozenset({"y", "x"})), "a": ArgumentConstraint(boolean=False)},
    ),
    Kind.CEILINGS: Ceiling(principal="team:payments", scopes=frozenset({"x", "y"}), max_ttl=60, dpop=DpopUse.REQUIRED),
    Kind.GRANTS: Grant(
        agent="a",
        tool_server="s",
        tools=frozenset({"t"}),
        resources=frozenset({"repo:web"}),
        expires_at=NOW,
        constraints={
            "amount": ArgumentConstraint(min=-0.5, max=1e15),
            "n": ArgumentConstraint(numbers=frozenset({1, 2.5})),
        },
    ),
    Kind.GRANT_SETS: GrantSet(grants=frozenset({"a/s", "a/t"})),
    Kind.DEPLOYMENTS: Deployment(agent="a", commit="c0ffee", expires_at=NOW),
    Kind.CREDENTIAL_PROFILES: CredentialProfile(
        agents=frozenset({"a", "b"}),
        aws=AwsSession(role_arn="arn:aws:iam::123456789012:role/r", region="eu-central-1", tags={"k": "v"}),
    ),
    Kind.POLICIES: Policy(
        document='forbid(principal, action == Action::"s/t", resource)\n  when { context.x == "é" };\n',
        side=PolicySide.USER,
        mode=PolicyMode.LOG_ONLY,
        assertions=Assertions(
            deny=(Assertion(agent="a", tool_server="s", tool="t", arguments='{"b": 1.50, "a": [1]}'),)
        ),
    ),
    Kind.USERS: User(
        ids=frozenset({"a" * 80, "Ä b"}),
        roles=frozenset({"editor", "admin"}),
        attributes={"eu": True, "one": 1, "text": "1", "set": frozenset({"y", "x"}), "limit": Decimal("50.25")},
    ),
    Kind.RESOURCES: Resource(type="document", foreign_id="42/é", parents=frozenset({"folder:b", "folder:a"})),
    Kind.DRIFT_EXCEPTIONS: DriftException(fingerprint=f"sha256:{'a' * 64}", reason="known", expires_at=NOW),
    Kind.RELATIONS: Relation(subject="group:eng", relation="owner", object="document:42", through="member"),
}


def stored(kind: Kind, name: str, spec: Spec, *, revision: int = 1, stack: str | None = None) -> Stored[Spec]:
    """A spec in its envelope."""
    return Stored(
        kind=kind,
        name=name,
        revision=revision,
        spec=spec,
        stack=stack,
        created_at=NOW,
        updated_at=NOW,
        updated_by="oidc:alice@example.com",
    )
