"""A workload becomes its agent: what the token says, and how long."""

from datetime import date, timedelta

import jwt
import pytest
from tests.fakes.exchange_world import GRANT, ISSUER, KUBERNETES_PINS, OTHER_TOOLS, TOOLS, together

from leasehold.exchange.refusals import ExchangeRefused
from leasehold.model.deployments import Deployment
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.kinds import Kind
from leasehold.model.people import Agent
from leasehold.model.tools import Scope

BOTH = "mcp:tool:comment:write mcp:tool:read_file:read"


def said(issued) -> dict:
    return jwt.decode(issued.access_token, options={"verify_signature": False})


def test_a_pod_becomes_its_agent(world):
    claims = said(world.get(world.pod_token()))
    lease = claims.pop("urn:leasehold:lease")
    jti = claims.pop("jti")
    status = claims.pop("status")["status_list"]

    assert status["uri"].startswith(f"{ISSUER}/status-lists/")
    assert claims == {
        "iss": ISSUER,
        "sub": "agent:triage",
        "aud": TOOLS,
        "client_id": "triage",
        "iat": int(world.now.timestamp()),
        "exp": int(world.now.timestamp()) + 300,
        "scope": BOTH,
        "authorization_details": [
            {"type": "mcp_tool", "locations": [TOOLS], "actions": ["comment", "read_file"], "resources": ["repo:web"]}
        ],
    }
    assert lease == {
        "id": jti,
        "dep": "triage-prod",
        "epoch": 1,
        "anc": [
            ["registry", 1],
            ["policies", 1],
            ["policies:github", 1],
            ["owner:alice", 1],
            ["agent:triage", 1],
            ["deployment:triage-prod", 1],
            ["binding:triage-pods", 1],
        ],
    }


def test_the_header_names_an_access_token_and_a_published_key(world):
    header = jwt.get_unverified_header(world.get(world.pod_token()).access_token)

    assert header == {"alg": "ES256", "typ": "at+jwt", "kid": world.signer.key_id}
    assert header["kid"] in world.signer.published()


def test_the_lease_and_its_audit_event_are_written_together(world):
    issued = world.get(world.pod_token())
    with world.store.read() as unit:
        assert unit.leases.find(issued.lease.id) == issued.lease
    event = world.events()[0]

    assert (event.action, event.outcome, event.name) == ("exchange", "ok", issued.lease.id)
    assert event.principal == "agent:triage"
    assert event.detail["trust_issuer"] == "cluster"
    assert event.detail["subject"] == "system:serviceaccount:shop:triage"


def test_no_token_reaches_repr_or_audit(world):
    token = world.pod_token()
    issued = world.get(token)

    assert issued.access_token not in repr(issued)
    assert all(part not in repr(world.events()) for part in (token, issued.access_token))


def test_a_scope_narrows_the_token_to_what_was_asked(world):
    issued = world.get(world.pod_token(), scopes=frozenset({"mcp:tool:read_file:read"}))
    claims = said(issued)

    assert claims["scope"] == "mcp:tool:read_file:read"
    assert [detail["actions"] for detail in claims["authorization_details"]] == [["read_file"]]


@pytest.mark.parametrize(
    "wish",
    [
        {"mcp:tool:delete_branch:delete"},
        {"mcp:tool:read_file:write"},
        {"mcp:tool:read_file:read", "mcp:tool:delete_branch:delete"},
        {"mcp:tool:*:read"},
        {"registry:write"},
        {""},
    ],
)
def test_a_scope_beyond_what_is_granted_is_refused(world, wish):
    with pytest.raises(ExchangeRefused) as refused:
        world.get(world.pod_token(), scopes=frozenset(wish))

    assert (refused.value.code, refused.value.reason) == ("invalid_scope", "scope_exceeded")


@pytest.mark.parametrize("resource", ["https://unknown.example/mcp", OTHER_TOOLS, TOOLS + "/", TOOLS.upper()])
def test_an_unknown_and_an_ungranted_resource_are_refused_alike(world, resource):
    with pytest.raises(ExchangeRefused) as refused:
        world.get(world.pod_token(), resource)

    assert (refused.value.code, refused.value.reason) == ("invalid_target", "nothing_granted")


def test_tools_on_different_resources_are_told_apart(world):
    more = Grant(
        agent="triage",
        tool_server="github",
        tools=frozenset({"read_file"}),
        resources=frozenset({"repo:*"}),
        allow_wildcard=True,
        justification="reads everything",
    )
    world.put(Kind.GRANTS, more.id, more)

    assert said(world.get(world.pod_token()))["authorization_details"] == [
        {"type": "mcp_tool", "locations": [TOOLS], "actions": ["read_file"], "resources": ["repo:*", "repo:web"]},
        {"type": "mcp_tool", "locations": [TOOLS], "actions": ["comment"], "resources": ["repo:web"]},
    ]


def test_a_grant_made_a_moment_ago_counts(world):
    world.get(world.pod_token())
    more = Grant(agent="triage", tool_server="jira", tools=frozenset({"search"}), resources=frozenset({"project:x"}))
    world.put(Kind.GRANTS, more.id, more)

    assert world.get(world.pod_token(), OTHER_TOOLS).lease.scopes == {"mcp:tool:search:read"}
    wider = Grant(
        agent="triage", tool_server="github", tools=frozenset({"delete_branch"}), resources=frozenset({"repo:web"})
    )
    world.put(Kind.GRANTS, wider.id, wider)
    assert "mcp:tool:delete_branch:delete" in world.get(world.pod_token()).lease.scopes


def test_a_grant_through_a_scope_brings_the_scopes_tools(world):
    world.delete(Kind.GRANTS, GRANT.id)
    scope = Scope(tool_server="github", tools=frozenset({"comment"}), resources=frozenset({"repo:web"}))
    world.put(Kind.SCOPES, "commenter", scope)
    grant = Grant(agent="triage", scope="commenter")
    world.put(Kind.GRANTS, grant.id, grant)

    assert world.get(world.pod_token()).lease.scopes == {"mcp:tool:comment:write"}


def test_what_sticks_out_of_a_ceiling_is_withheld(world):
    scope = Scope(tool_server="github", tools=frozenset({"read_file"}), resources=frozenset({"repo:web"}))
    world.put(Kind.SCOPES, "readers", scope)
    world.put(Kind.CEILINGS, "org", Ceiling(principal="organization", scopes=frozenset({"readers"}), max_ttl=120))
    issued = world.get(world.pod_token())

    assert issued.lease.scopes == {"mcp:tool:read_file:read"}
    assert issued.lease.expires_at - issued.lease.issued_at == timedelta(seconds=120)


def test_a_ceiling_over_others_does_not_apply(world):
    world.put(Kind.CEILINGS, "ops", Ceiling(principal="team:ops", scopes=frozenset()))

    assert " ".join(sorted(world.get(world.pod_token()).lease.scopes)) == BOTH


def lifetime(world) -> float:
    lease = world.get(world.pod_token()).lease
    return (lease.expires_at - lease.issued_at).total_seconds()


def test_the_agents_own_limit_caps_the_token(world):
    world.change(Kind.AGENTS, "triage", max_ttl=60)

    assert lifetime(world) == 60


def test_a_token_does_not_outlive_the_deployment(world):
    world.put(Kind.DEPLOYMENTS, "triage-prod", Deployment(agent="triage", expires_at=world.now + timedelta(seconds=90)))

    assert lifetime(world) == 90


def test_a_token_does_not_outlive_a_grant_it_rests_on(world):
    world.delete(Kind.GRANTS, GRANT.id)
    brief = Grant(
        agent="triage",
        tool_server="github",
        tools=frozenset({"comment"}),
        resources=frozenset({"repo:web"}),
        expires_at=world.now + timedelta(seconds=45),
    )
    world.put(Kind.GRANTS, brief.id, brief)
    assert lifetime(world) == 45

    world.later(seconds=45)
    with pytest.raises(ExchangeRefused, match="nothing on it is granted"):
        world.get(world.pod_token())


def test_a_token_does_not_outlive_its_subject_token(world):
    token = world.pod_token(exp=int(world.now.timestamp()) + 40)

    assert world.get(token).lease.expires_at == world.now.replace(microsecond=0) + timedelta(seconds=40)


def test_a_subject_token_in_its_last_second_gets_nothing(world):
    token = world.pod_token(exp=int(world.now.timestamp()) + 1)

    with pytest.raises(ExchangeRefused) as refused:
        world.get(token)
    assert refused.value.reason == "subject_expiring"


def test_a_token_too_large_for_anybody_is_not_issued(world):
    many = frozenset(f"repo:{'x' * 200}{n}" for n in range(100))
    grant = Grant(agent="triage", tool_server="github", tools=frozenset({"read_file"}), resources=many)
    world.put(Kind.GRANTS, grant.id, grant)

    with pytest.raises(ExchangeRefused, match="ask for fewer scopes"):
        world.get(world.pod_token())
    assert world.get(world.pod_token(), scopes=frozenset({"mcp:tool:comment:write"}))


def test_every_exchange_is_a_lease_of_its_own(world):
    issued = together(*(world.ask(world.pod_token()) for _ in range(20)))

    assert len({one.lease.id for one in issued}) == 20


def test_two_agents_of_one_account_need_a_client_id(world):
    world.put(Kind.AGENTS, "digest", Agent(owner="alice", review_by=date(2027, 6, 1)))
    world.put(Kind.DEPLOYMENTS, "digest-prod", Deployment(agent="digest"))
    world.bind("digest-pods", trust_issuer="cluster", agent="digest", kubernetes=KUBERNETES_PINS)

    with pytest.raises(ExchangeRefused) as refused:
        world.get(world.pod_token())
    assert refused.value.reason == "ambiguous_binding"
    assert world.get(world.pod_token(), agent="triage").lease.agent == "triage"


def test_two_bindings_that_come_to_the_same_are_no_choice(world):
    world.bind("also-triage", trust_issuer="cluster", agent="triage", kubernetes=KUBERNETES_PINS)

    assert world.get(world.pod_token()).lease.binding == "also-triage"
