"""Reach, and the law that a ceiling never widens it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leasehold.model.access import (
    Reach,
    action_of,
    applies,
    is_live,
    reach_of_grant,
    wire_scopes,
)
from leasehold.model.authority.order import Verdict
from leasehold.model.ceilings import Excess, first_excess, within_ceilings
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.people import Agent, Owner
from leasehold.model.tools import Action, Scope, Tool, ToolServer

_GITHUB = ToolServer(
    url="https://mcp.example/github",
    tools={"read_file": Tool(action=Action.READ), "delete_branch": Tool(action=Action.DELETE)},
)
_WEB = Scope(tool_server="github", tools=frozenset({"read_file"}), resources=frozenset({"repo:web", "repo:api"}))
_OWNER = Owner(display_name="Alice", email="alice@example.com", team="payments")
_AGENT = Agent(owner="alice", review_by=date(2027, 5, 1), environment="prod")

_reaches = st.builds(
    Reach,
    st.sampled_from(["github", "crm"]),
    st.sampled_from(["*", "read_file", "read_*"]),
    st.sampled_from(["repo:*", "repo:web", "repo:web/*"]),
)


def test_a_grant_on_a_scope_reaches_what_the_scope_allows():
    reach = set(reach_of_grant(Grant(agent="triage", scope="web"), {"web": _WEB}))

    assert reach == {Reach("github", "read_file", "repo:api"), Reach("github", "read_file", "repo:web")}


def test_a_resource_outside_its_scope_yields_nothing():
    grant = Grant(agent="triage", scope="web", resources=frozenset({"repo:web", "repo:secret"}))

    assert list(reach_of_grant(grant, {"web": _WEB})) == [Reach("github", "read_file", "repo:web")]


def test_a_grant_on_an_unknown_scope_reaches_nothing():
    assert list(reach_of_grant(Grant(agent="triage", scope="gone"), {"web": _WEB})) == []


def test_the_first_excess_names_the_ceiling_and_what_sticks_out():
    ceilings = {"payments": Ceiling(principal="team:payments", scopes=frozenset({"web"}))}
    wanted = Reach("github", "delete_branch", "repo:web")

    assert first_excess([wanted], ceilings, {"web": _WEB}) == Excess("payments", wanted, Verdict.NO)


def test_a_ceiling_without_scopes_allows_nothing():
    ceilings = {"none": Ceiling(principal="organization", scopes=frozenset())}

    assert list(within_ceilings([Reach("github", "read_file", "repo:web")], ceilings, {"web": _WEB})) == []


@given(reach=st.lists(_reaches, max_size=6), upper=st.lists(_reaches, max_size=3))
def test_what_remains_under_a_ceiling_was_there_before_and_is_covered(reach, upper):
    scopes = {
        f"s{i}": Scope(
            tool_server=u.tool_server,
            tools=frozenset({"*" if u.tool == "read_*" else u.tool}),
            resources=frozenset({u.resource}),
            allow_wildcard=True,
            justification="test",
        )
        for i, u in enumerate(upper)
    }
    ceilings = {"c": Ceiling(principal="organization", scopes=frozenset(scopes))}

    kept = list(within_ceilings(reach, ceilings, scopes))

    assert set(kept) <= set(reach)
    assert first_excess(kept, ceilings, scopes) is None


@pytest.mark.parametrize(
    ("principal", "bounds"),
    [
        ("organization", True),
        ("agent:triage", True),
        ("agent:other", False),
        ("team:payments", True),
        ("team:other", False),
        ("environment:prod", True),
        ("environment:dev", False),
    ],
)
def test_a_ceiling_applies_through_agent_team_environment_and_organisation(principal, bounds):
    ceiling = Ceiling(principal=principal, scopes=frozenset())

    assert bounds == applies(ceiling, agent_name="triage", agent=_AGENT, owner=_OWNER)


def test_a_grant_dies_at_its_expiry_not_after_it():
    at = datetime(2027, 1, 1, tzinfo=UTC)
    grant = Grant(agent="triage", scope="web", expires_at=at)

    assert is_live(grant, at - timedelta(microseconds=1))
    assert not is_live(grant, at)


def test_wire_scopes_list_only_tools_that_the_server_has():
    reach = [Reach("github", "*", "repo:web"), Reach("github", "gone", "repo:web"), Reach("crm", "*", "x:y")]

    assert wire_scopes(reach, {"github": _GITHUB}) == {"mcp:tool:read_file:read", "mcp:tool:delete_branch:delete"}


def test_the_action_of_a_star_or_an_unknown_tool_is_unknown():
    servers = {"github": _GITHUB}

    assert action_of(Reach("github", "delete_branch", "repo:web"), servers) is Action.DELETE
    assert action_of(Reach("github", "*", "repo:web"), servers) is None
    assert action_of(Reach("crm", "read_file", "repo:web"), servers) is None
