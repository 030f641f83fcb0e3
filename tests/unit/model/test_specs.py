"""What people, trust and tool nouns refuse to be, and what they refer to."""

from datetime import date

import pytest

from leasehold.model.errors import InvalidValue
from leasehold.model.grants import Ceiling, Grant, GrantSet
from leasehold.model.kinds import Kind
from leasehold.model.objects import SPECS, references
from leasehold.model.people import Agent, Owner
from leasehold.model.principal import Role
from leasehold.model.tools import Tool, ToolServer
from leasehold.model.trust import (
    GitHubActionsSubject,
    IssuerType,
    KubernetesSubject,
    OidcSubject,
    TrustIssuer,
    WorkloadBinding,
)

_POD = KubernetesSubject(namespace="payments", service_account="triage", any_uid=True)
_AUDIENCES = frozenset({"https://leasehold.example"})


@pytest.mark.parametrize("name", ["", "  ", "Al\x00ice", "Al\u202eice", "x" * 1025])
def test_an_owner_is_named_in_printable_text(name):
    with pytest.raises(InvalidValue):
        Owner(display_name=name, email="alice@example.com", team="payments")


@pytest.mark.parametrize("email", ["alice", "alice@", "@example.com", "a b@example.com", "alice@localhost", "x" * 255])
def test_an_owner_is_reached_by_an_email_address(email):
    with pytest.raises(InvalidValue):
        Owner(display_name="Alice", email=email, team="payments")


@pytest.mark.parametrize(
    "wrong", [{"max_delegation_depth": 5}, {"max_delegation_depth": -1}, {"may_delegate_to": {"*"}}]
)
def test_an_agent_delegates_to_named_agents_four_levels_down_at_most(wrong):
    with pytest.raises(InvalidValue):
        Agent(owner="alice", review_by=date(2027, 5, 1), **wrong)


@pytest.mark.parametrize("ttl", [0, 59, 301, 86_400])
def test_an_agent_token_lives_one_to_five_minutes(ttl):
    with pytest.raises(InvalidValue, match="60 to 300 seconds"):
        Agent(owner="alice", review_by=date(2027, 5, 1), max_ttl=ttl)


@pytest.mark.parametrize(
    "url",
    [
        "issuer.example",
        "ftp://issuer.example",
        "https://",
        "https://user@issuer.example",
        "https://issuer.example?x=1",
        "https://issuer.example#x",
        "https://issuer.example/\n",
        "https://iss\u0443er.example",
    ],
)
def test_an_issuer_is_an_absolute_url_without_tricks(url):
    with pytest.raises(InvalidValue):
        TrustIssuer(type=IssuerType.OIDC, issuer=url, audiences=_AUDIENCES)


@pytest.mark.parametrize(
    "wrong",
    [
        {"audiences": frozenset()},
        {"audiences": frozenset({""})},
        {"algorithms": frozenset()},
        {"algorithms": frozenset({"none"})},
        {"algorithms": frozenset({"HS256"})},
        {"algorithms": frozenset({"RS256", "ES256"})},
        {"max_token_ttl": 0},
        {"max_token_ttl": 31_536_000},
    ],
)
def test_an_issuer_names_audiences_and_one_family_of_asymmetric_algorithms(wrong):
    right = {"type": IssuerType.OIDC, "issuer": "https://issuer.example", "audiences": _AUDIENCES}

    with pytest.raises(InvalidValue):
        TrustIssuer(**(right | wrong))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kubernetes": _POD},
        {"agent": "triage"},
        {"agent": "triage", "role": Role.VIEWER, "kubernetes": _POD},
        {"agent": "triage", "stack": "prod", "kubernetes": _POD},
        {"agent": "triage", "teams": frozenset({"payments"}), "kubernetes": _POD},
        {"role": Role.DEVELOPER, "kubernetes": _POD},
        {"role": Role.VIEWER, "teams": frozenset({"payments"}), "kubernetes": _POD},
        {"role": Role.VIEWER, "deployment": "triage", "kubernetes": _POD},
        {"agent": "triage", "kubernetes": _POD, "oidc": OidcSubject(subject="alice")},
    ],
)
def test_a_binding_turns_one_subject_into_one_thing(wrong):
    with pytest.raises(InvalidValue):
        WorkloadBinding(trust_issuer="cluster", **wrong)


@pytest.mark.parametrize("value", ["", "*", "pay*", "pay\nments"])
def test_a_pin_is_exact(value):
    with pytest.raises(InvalidValue):
        KubernetesSubject(namespace=value, service_account="triage", any_uid=True)


def test_a_github_binding_pins_more_than_the_repository():
    with pytest.raises(InvalidValue, match="pin at least one"):
        GitHubActionsSubject(repository_id="1", repository_owner_id="2")
    with pytest.raises(InvalidValue, match="numeric ids"):
        GitHubActionsSubject(repository_id="acme/web", repository_owner_id="2", ref="refs/heads/main")


@pytest.mark.parametrize("tool", ["*", "", "a/b", "a b", "../x", "\u202ex"])
def test_a_tool_server_lists_tools_by_plain_names(tool):
    with pytest.raises(InvalidValue):
        ToolServer(url="https://mcp.example", tools={tool: Tool(action="read")})


def test_every_kind_has_a_spec():
    assert set(SPECS) == set(Kind)


def test_references_name_the_attribute_that_refers():
    grant = Grant(
        agent="triage", tool_server="github", tools=frozenset({"read_file"}), resources=frozenset({"repo:web"})
    )
    binding = WorkloadBinding(trust_issuer="cluster", agent="triage", deployment="triage", kubernetes=_POD)
    ceiling = Ceiling(principal="agent:triage", scopes=frozenset({"web"}))

    assert {(r.path, r.kind) for r in references(grant.id, grant)} == {
        ("agent", Kind.AGENTS),
        ("tool_server", Kind.TOOL_SERVERS),
    }
    assert {r.kind for r in references("b", binding)} == {Kind.TRUST_ISSUERS, Kind.AGENTS, Kind.DEPLOYMENTS}
    assert {r.kind for r in references("c", ceiling)} == {Kind.SCOPES, Kind.AGENTS}
    assert [r.name for r in references("triage", GrantSet(grants=frozenset()))] == ["triage"]
