"""An agent starts a sub-agent: what its token says, what it dies with, what it costs."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.fakes.delegation_world import BOTH, READ, details, said
from tests.fakes.exchange_world import ISSUER, TOOLS

from leasehold.exchange.refusals import ExchangeRefused
from leasehold.model.deployments import Deployment
from leasehold.model.kinds import Kind
from leasehold.model.leases import agent_node, deployment_node, lease_node, owner_node
from leasehold.model.people import AgentState


def test_the_token_of_a_sub_agent_names_everybody_in_the_chain(family):
    parent = family.world.get(family.pod("triage"))
    claims = said(family.spawn(parent.access_token, "coder"))

    assert (claims["iss"], claims["sub"], claims["client_id"]) == (ISSUER, "agent:triage", "coder")
    assert claims["act"] == {"sub": "agent:coder"}
    assert (claims["aud"], claims["scope"]) == (TOOLS, "mcp:tool:read_file:read")
    lease = claims["urn:leasehold:lease"]
    assert (lease["d"], lease["dmax"], lease["dep"]) == (1, 4, "coder-prod")
    assert [f"lease:{parent.lease.id}", 0] in lease["anc"]
    assert {node for node, _ in lease["anc"]} >= {"agent:triage", "agent:coder", "binding:triage-pods", "owner:alice"}


def test_actors_nest_with_the_current_one_outside(family):
    coder = family.spawn(
        family.own("triage"), "coder", scopes=BOTH, details=details(tools=("read_file", "comment"), x={"exact": 1})
    )
    tester = family.spawn(coder.access_token, "tester")

    assert said(tester)["act"] == {"sub": "agent:tester", "act": {"sub": "agent:coder"}}
    assert said(tester)["sub"] == "agent:triage"
    assert tester.lease.parent == coder.lease.id


def test_introspection_says_what_the_token_says(family):
    """Keycloak #53029, #51492: `act` was left out of introspection, or written otherwise there."""
    child = family.spawn(family.own("triage"), "coder")
    told = dict(family.world.introspect(child.access_token))

    assert told.pop("active") is True
    assert told.pop("token_type") == "Bearer"
    assert told == said(child)


def test_the_child_lies_within_its_parent_and_its_own_grants(family):
    family.world.change(Kind.AGENTS, "coder", description="reads widely")
    issued = family.spawn(family.own("triage"), "coder", scopes=None, details=details(path={"prefix": "docs/"}))

    assert said(issued)["authorization_details"] == [
        {
            "type": "mcp_tool",
            "locations": [TOOLS],
            "actions": ["read_file"],
            "resources": ["repo:web"],
            "constraints": {"path": {"prefix": "docs/"}},
        }
    ]


def test_a_grandchild_may_only_tighten_the_constraint(family):
    child = family.spawn(family.own("triage"), "coder", details=details(size={"range": {"max": 50}}))
    tighter = family.spawn(child.access_token, "tester", details=details(size={"range": {"max": 49.99}}))
    assert said(tighter)["authorization_details"][0]["constraints"] == {"size": {"range": {"max": 49.99}}}

    for wider in ({"range": {"max": 50.01}}, {"range": {"min": 0}}, {"one_of": [1, 51]}, {"glob": "*"}):
        with pytest.raises(ExchangeRefused) as refused:
            family.spawn(child.access_token, "tester", details=details(size=wider))
        assert refused.value.reason == "beyond_parent"
    with pytest.raises(ExchangeRefused) as refused:
        family.spawn(child.access_token, "tester", details=details())
    assert refused.value.reason == "beyond_parent"


def test_a_sub_agent_may_prove_itself_by_a_token_of_its_own(family):
    own = family.own("coder", scopes=READ)
    child = family.spawn(family.own("triage"), own, actor_is_ours=True)

    assert said(child)["act"] == {"sub": "agent:coder"}
    assert family.alive(child)
    family.world.revoke(own)
    assert not family.alive(child)


def test_a_token_of_its_own_bounds_the_sub_agent(family):
    own = family.own("coder", scopes=READ)
    with pytest.raises(ExchangeRefused) as refused:
        family.spawn(family.own("triage"), own, actor_is_ours=True, scopes=frozenset({"mcp:tool:comment:write"}))
    assert refused.value.code == "invalid_scope"


@pytest.mark.parametrize(
    "node", [agent_node("triage"), agent_node("coder"), owner_node("alice"), deployment_node("triage-prod")]
)
def test_whatever_ends_the_parent_ends_its_children(family, node):
    parent = family.own("triage")
    child = family.spawn(parent, "coder", scopes=BOTH, details=details(tools=("read_file", "comment"), x={"exact": 1}))
    grandchild = family.spawn(child.access_token, "tester")
    assert family.alive(grandchild)
    family.world.bump(node)

    assert not family.alive(child)
    assert not family.alive(grandchild)


def test_revoking_a_token_ends_what_was_delegated_from_it_and_nothing_else(family):
    parent, other = family.own("triage"), family.own("triage")
    child, cousin = family.spawn(parent, "coder"), family.spawn(other, "coder")
    family.world.revoke(parent)

    assert not family.alive(child)
    assert family.alive(cousin)
    with pytest.raises(ExchangeRefused) as refused:
        family.spawn(parent, "coder")
    assert refused.value.reason == "lease_ended"


def test_revoking_a_child_leaves_its_parent_and_siblings(family):
    parent = family.own("triage")
    child, sibling = family.spawn(parent, "coder"), family.spawn(parent, "coder")
    family.world.revoke(child.access_token)

    assert not family.alive(child)
    assert family.alive(sibling)
    assert family.alive(parent)


def test_a_child_never_outlives_its_parent(family):
    parent = family.world.get(family.pod("triage"))
    family.world.later(seconds=200)
    child = family.spawn(parent.access_token, "coder")

    assert child.lease.expires_at == parent.lease.expires_at


def test_a_child_never_outlives_its_own_deployment_or_workload(family):
    end = family.world.now.replace(microsecond=0) + timedelta(seconds=90)
    family.world.put(Kind.DEPLOYMENTS, "coder-prod", Deployment(agent="coder", expires_at=end))
    parent = family.own("triage")
    assert family.spawn(parent, "coder").lease.expires_at == end
    short = family.pod("coder", exp=int(family.world.now.timestamp()) + 60)
    assert family.spawn(parent, short).lease.expires_at == family.world.now.replace(microsecond=0) + timedelta(
        seconds=60
    )


def test_a_sub_agent_is_alive_itself(family):
    parent = family.own("triage")
    family.world.change(Kind.AGENTS, "coder", state=AgentState.SUSPENDED)
    with pytest.raises(ExchangeRefused) as refused:
        family.spawn(parent, "coder")
    assert (refused.value.code, refused.value.reason) == ("invalid_grant", "agent_suspended")


def test_audit_says_who_handed_what_to_whom(family):
    parent = family.world.get(family.pod("triage"))
    child = family.spawn(parent.access_token, "coder")
    event = family.world.events()[0]

    assert (event.action, event.outcome, event.name, event.principal) == (
        "delegate",
        "ok",
        child.lease.id,
        "agent:coder",
    )
    assert event.detail["delegated_by"] == "agent:triage"
    assert event.detail["parent"] == parent.lease.id
    assert event.detail["chain"] == ["agent:coder", "agent:triage"]
    assert event.detail["authorization_details"] == said(child)["authorization_details"]
    assert parent.access_token not in repr(event)


def test_a_spawn_writes_a_lease_and_an_audit_event_and_nothing_else(family):
    parent = family.own("triage")
    family.spawn(parent, "coder")
    before = _rows(family)
    family.spawn(parent, "coder")
    after = _rows(family)

    assert {table: after[table] - before[table] for table in after if after[table] != before[table]} == {
        "leases": 1,
        "audit": 1,
    }


def _rows(family) -> dict[str, int]:
    state = family.world.store._store._state
    return {name: len(getattr(state, name)) for name in state.__slots__ if name not in {"trail", "kept"}}


def test_a_parent_that_ends_while_the_child_is_signed_has_no_child(family):
    parent = family.world.get(family.pod("triage"))
    family.world.mint.meanwhile = lambda: family.world.bump(lease_node(parent.lease.id))
    with pytest.raises(ExchangeRefused) as refused:
        family.spawn(parent.access_token, "coder")
    assert refused.value.reason == "lease_ended"


def test_leases_without_a_parent_are_as_before(family):
    lease = family.world.get(family.pod("triage")).lease
    assert lease == replace(lease, parent=None, task=None)
