"""Sub-agents of agents whose grants limit arguments: within every limit, and strictly within the parent's."""

from datetime import timedelta

import pytest
from tests.fakes.delegation_world import READ, details, said
from tests.fakes.exchange_world import GRANT
from tests.unit.exchange.test_constraints import verified

from leasehold.exchange.refusals import ExchangeRefused
from leasehold.model.arguments import ArgumentConstraint
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind


def regrant(family, agent, **constraints) -> None:
    """Replace the agent's grant by one on reading files under limits."""
    family.world.delete(Kind.GRANTS, GRANT.id.replace("triage", agent, 1))
    grant = Grant(
        agent=agent,
        tool_server="github",
        tools=frozenset({"read_file"}),
        resources=GRANT.resources,
        constraints={name: ArgumentConstraint(max=most) for name, most in constraints.items()},
    )
    family.world.put(Kind.GRANTS, grant.id, grant)


def limits(issued) -> list[dict]:
    return [one.get("constraints", {}) for one in said(issued)["authorization_details"]]


def refusal(family, *arguments, **options) -> str:
    with pytest.raises(ExchangeRefused) as refused:
        family.spawn(*arguments, **options)
    return refused.value.reason.value


def test_by_scope_a_sub_agent_gets_what_both_may(family):
    regrant(family, "triage", size=100)
    regrant(family, "coder", size=50, depth=3)
    child = family.spawn(family.own("triage"), "coder", scopes=READ)
    assert limits(child) == [{"depth": {"range": {"max": 3}}, "size": {"range": {"max": 50}}}]
    assert "scope" not in said(child)
    assert verified(said(child)).allows("read_file", "repo:web", {"size": 50, "depth": 1})
    assert not verified(said(child)).allows("read_file", "repo:web", {"size": 51, "depth": 1})


def test_the_same_limit_is_not_narrower(family):
    regrant(family, "triage", size=50)
    regrant(family, "coder", size=50)
    assert refusal(family, family.own("triage"), "coder") == "not_narrower"
    regrant(family, "coder", size=100)
    assert refusal(family, family.own("triage"), "coder") == "not_narrower"


def test_details_stay_within_both_grants(family):
    regrant(family, "triage", size=100)
    regrant(family, "coder", size=50)
    parent = family.own("triage")
    assert refusal(family, parent, "coder", scopes=None, details=details(size={"range": {"max": 60}})) == "beyond_actor"
    assert refusal(family, parent, "coder", scopes=None, details=details(size={"range": {"max": 101}})) in {
        "beyond_parent",
        "beyond_actor",
    }
    child = family.spawn(parent, "coder", scopes=None, details=details(size={"range": {"min": 1, "max": 50}}))
    assert limits(child) == [{"size": {"range": {"min": 1, "max": 50}}}]


def test_an_unlimited_parent_hands_on_what_is_limited(family):
    regrant(family, "coder", size=50)
    child = family.spawn(family.own("triage"), "coder", scopes=READ)
    assert limits(child) == [{"size": {"range": {"max": 50}}}]
    assert child.lease.expires_at - child.lease.issued_at <= timedelta(seconds=300)


def test_two_patterns_that_overlap_have_no_common_limit_and_are_refused(family):
    for agent, pattern in (("triage", "docs/*"), ("coder", "*.md")):
        family.world.delete(Kind.GRANTS, GRANT.id.replace("triage", agent, 1))
        grant = Grant(
            agent=agent,
            tool_server="github",
            tools=frozenset({"read_file"}),
            resources=GRANT.resources,
            constraints={"path": ArgumentConstraint(globs=frozenset({pattern}))},
        )
        family.world.put(Kind.GRANTS, grant.id, grant)
    assert refusal(family, family.own("triage"), "coder") == "undecidable"
    narrower = details(path={"glob": "docs/*.md"})
    assert limits(family.spawn(family.own("triage"), "coder", scopes=None, details=narrower)) == [
        {"path": {"glob": "docs/*.md"}}
    ]
