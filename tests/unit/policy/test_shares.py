"""What an agent's grants come to is worked out once, and is never more or less than if it were worked out anew."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from leasehold.model.deployments import Deployment
from leasehold.model.grants import Grant
from leasehold.model.people import Agent, Owner
from leasehold.model.tools import Action, Tool, ToolServer
from leasehold.policy.leasing import Hold, decide_lease
from leasehold.policy.shares import agent_facts
from leasehold.policy.wishes import LeaseDenied, LeaseReason, LeaseWish

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
GITHUB, JIRA = "https://github-mcp.example/mcp", "https://jira-mcp.example/mcp"
READ, WRITE = "mcp:tool:read_file:read", "mcp:tool:comment:write"
TOOLS = {"read_file": Tool(action=Action.READ), "comment": Tool(action=Action.WRITE)}
SERVERS = {"github": ToolServer(url=GITHUB, tools=TOOLS), "jira": ToolServer(url=JIRA, tools=TOOLS)}


def facts(*grants):
    return agent_facts(
        "triage",
        Agent(owner="alice", review_by=date(2027, 6, 1)),
        Owner(display_name="Alice", email="alice@example.com", team="shop"),
        deployments={"prod": Deployment(agent="triage")},
        grants=grants,
        ceilings={},
        scopes={},
        servers=SERVERS,
    )


def grant(tool="read_file", *, server="github", seconds=None):
    ends = None if seconds is None else NOW + timedelta(seconds=seconds)
    resources = frozenset({"repo:web"})
    return Grant(agent="triage", tool_server=server, tools=frozenset({tool}), resources=resources, expires_at=ends)


def wish(resource=GITHUB, scopes=None, at_most=None):
    return LeaseWish(
        resource=resource,
        scopes=scopes,
        subject_expires_at=NOW + timedelta(hours=1),
        proposes=False,
        at_most=at_most,
    )


def decide(of, wanted, seconds=0.0):
    return decide_lease(of, Hold(()), wanted, NOW + timedelta(seconds=seconds))


def test_a_grant_that_ended_is_leased_no_more_however_often_it_was_before():
    agent = facts(grant(), grant("comment", seconds=60))
    assert decide(agent, wish(), 59).scopes == {READ, WRITE}
    assert decide(agent, wish(), 60).scopes == {READ}
    assert decide(agent, wish(scopes=frozenset({WRITE})), 60) == LeaseDenied(LeaseReason.SCOPE_EXCEEDED)


def test_a_lease_ends_with_the_first_of_its_grants_also_when_it_was_worked_out_before():
    agent = facts(grant(seconds=60), grant("comment", seconds=90))
    decide(agent, wish())
    assert decide(agent, wish(), 10).expires_at == NOW + timedelta(seconds=60)


def test_what_was_asked_for_narrows_only_who_asked():
    agent = facts(grant(), grant("comment"))
    assert decide(agent, wish(at_most=frozenset({READ}))).scopes == {READ}
    assert decide(agent, wish(scopes=frozenset({WRITE}))).scopes == {WRITE}
    assert decide(agent, wish()).scopes == {READ, WRITE}
    assert decide(agent, wish(resource=JIRA)) == LeaseDenied(LeaseReason.NOTHING_GRANTED)


def test_whoever_asks_in_many_ways_does_not_fill_the_memory():
    agent = facts(grant())
    for at in range(1000):
        decide(agent, wish(at_most=frozenset({READ, f"mcp:tool:other_{at}:read"})))
    assert len(agent.shares) <= 256


def test_facts_that_are_changed_start_with_nothing_worked_out():
    agent = facts(grant())
    decide(agent, wish())
    assert replace(agent, grants=()).shares == {}
    assert decide(replace(agent, grants=()), wish()) == LeaseDenied(LeaseReason.NOTHING_GRANTED)


GRANTS = st.lists(
    st.builds(
        grant,
        st.sampled_from(["read_file", "comment"]),
        server=st.sampled_from(["github", "jira"]),
        seconds=st.sampled_from([None, 1, 30, 60, 90]),
    ),
    max_size=4,
)
SCOPES = st.one_of(st.none(), st.frozensets(st.sampled_from([READ, WRITE])))
ASKED = st.tuples(
    st.builds(wish, st.sampled_from([GITHUB, JIRA]), SCOPES, SCOPES),
    st.sampled_from([-1, 0, 1, 29.5, 30, 59, 60, 61, 90, 120]),  # in any order: clocks are set back
)


@given(GRANTS, st.lists(ASKED, max_size=12))
def test_what_is_kept_and_what_is_worked_out_anew_are_the_same(grants, asked):
    agent = facts(*grants)
    for wanted, seconds in asked:
        assert decide(agent, wanted, seconds) == decide(facts(*grants), wanted, seconds)
