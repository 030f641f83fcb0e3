"""What is granted under constraints is what the token admits, and what a resource server admits of it."""

import json

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fakes.exchange_world import GRANT, TOOLS
from tests.unit.model.test_arguments import DECLARED

from leasehold.exchange.refusals import ExchangeRefused
from leasehold.model.access import reach_of_grant
from leasehold.model.arguments import ArgumentConstraint
from leasehold.model.authority.order import Call, allows
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.kinds import Kind
from leasehold.model.tools import Scope
from leasehold.verify.access import AccessToken

AT_MOST_50 = {"amount": ArgumentConstraint(max=50)}
COMMENTS = '{"type":"mcp_tool","actions":["comment"],"resources":["repo:web"]'
COMMENT = frozenset({"mcp:tool:comment:write"})


def limited(*tools: str, **constraints: ArgumentConstraint) -> Grant:
    return Grant(
        agent="triage",
        tool_server="github",
        tools=frozenset(tools or {"comment"}),
        resources=frozenset({"repo:web"}),
        constraints=constraints or AT_MOST_50,
    )


def only(world, *grants: Grant) -> None:
    world.delete(Kind.GRANTS, GRANT.id)
    for grant in grants:
        world.put(Kind.GRANTS, grant.id, grant)


def said(issued) -> dict:
    return jwt.decode(issued.access_token, options={"verify_signature": False})


def verified(claims: dict) -> AccessToken:
    """The token as a resource server has it."""
    return AccessToken(
        subject="", client_id="", audience=TOOLS, token_id="", lease="", issued_at=0, expires_at=0, ancestors=(),
        key_thumbprint=None, claims=claims,
    )  # fmt: skip


def test_a_token_carries_the_constraints_of_its_grants(world):
    only(world, limited())
    claims = said(world.get(world.pod_token()))
    assert claims["authorization_details"] == [
        {
            "type": "mcp_tool",
            "locations": [TOOLS],
            "actions": ["comment"],
            "resources": ["repo:web"],
            "constraints": {"amount": {"range": {"max": 50}}},
        }
    ]


def test_a_scope_promises_no_tool_that_is_bound_to_certain_arguments(world):
    only(world, limited())
    claims = said(world.get(world.pod_token()))
    assert "scope" not in claims
    world.put(Kind.GRANTS, GRANT.id, GRANT)
    assert said(world.get(world.pod_token()))["scope"] == "mcp:tool:comment:write mcp:tool:read_file:read"


def test_the_answer_says_what_was_given_in_details_and_in_scope(world):
    only(world, limited(), limited("read_file", path=ArgumentConstraint(prefixes=frozenset({"docs/", "src/"}))))
    answer = world.exchange_form(world.pod_token(), scope="mcp:tool:comment:write").json
    assert answer["scope"] == ""
    assert [one["actions"] for one in answer["authorization_details"]] == [["comment"]]


def test_introspection_says_the_same(world):
    only(world, limited())
    issued = world.get(world.pod_token())
    told = dict(world.introspect(issued.access_token))
    assert (told.pop("active"), told.pop("token_type")) == (True, "Bearer")
    assert told == said(issued)


def test_audit_names_the_tools_that_no_scope_names(world):
    only(world, limited())
    world.get(world.pod_token())
    (event, *_) = world.events()
    assert (event.detail["scopes"], event.detail["constrained"]) == ([], ["comment"])


def test_a_constrained_tool_is_asked_for_by_the_scope_that_it_would_have(world):
    only(world, limited(), limited("read_file", path=ArgumentConstraint(prefixes=frozenset({"docs/"}))))
    assert [one["actions"] for one in said(world.get(world.pod_token(), scopes=COMMENT))["authorization_details"]] == [
        ["comment"]
    ]


def test_a_resource_server_admits_these_arguments_and_no_others(world):
    only(world, limited())
    token = verified(said(world.get(world.pod_token())))
    assert token.allows("comment", "repo:web", {"amount": 50, "text": "free"})
    for arguments in (None, {}, {"amount": 50.01}, {"amount": "50"}, {"amount": True}, {"Amount": 1}, {"amount": [1]}):
        assert not token.allows("comment", "repo:web", arguments)
    assert not token.allows("comment", "repo:api", {"amount": 1})


@pytest.mark.parametrize("wanted", [{"max": 49.5}, {"min": 1, "max": 2}])
def test_details_narrow_a_token_further(world, wanted):
    only(world, limited())
    detail = {"type": "mcp_tool", "actions": ["comment"], "resources": ["repo:web"]}
    details = json.dumps([{**detail, "constraints": {"amount": {"range": wanted}}}])
    answer = world.exchange_form(world.pod_token(), authorization_details=details)
    assert answer.json["authorization_details"][0]["constraints"] == {"amount": {"range": wanted}}


@pytest.mark.parametrize(
    ("detail", "error"),
    [
        ({"constraints": {"amount": {"range": {"max": 51}}}}, "invalid_authorization_details"),
        ({"constraints": {"amount": {"range": {"min": 0}}}}, "invalid_authorization_details"),
        ({"constraints": {"note": {"exact": "x"}}}, "invalid_authorization_details"),
        ({}, "invalid_authorization_details"),
        ({"resources": ["repo:*"], "constraints": {"amount": {"exact": 1}}}, "invalid_authorization_details"),
        ({"actions": ["delete_branch"], "constraints": {"amount": {"exact": 1}}}, "invalid_scope"),
        ({"actions": ["*"], "constraints": {"amount": {"exact": 1}}}, "invalid_scope"),
        ({"constraints": {"amount": {"atmost": 1}}}, "invalid_authorization_details"),
        ({"locations": ["https://evil.example"]}, "invalid_authorization_details"),
        ({"constraints": {f"a{at}": {"exact": 1} for at in range(10_000 // 8)}}, "invalid_authorization_details"),
        ({"actions": ["comment", "x"], "resources": [f"r:{at}" for at in range(200)]}, "invalid_authorization_details"),
    ],
)
def test_details_never_widen(world, detail, error):
    only(world, limited())
    base = {"type": "mcp_tool", "actions": ["comment"], "resources": ["repo:web"]}
    reply = world.exchange_form(world.pod_token(), authorization_details=json.dumps([{**base, **detail}]))
    assert (reply.status, reply.json["error"]) == (400, error)


@pytest.mark.parametrize(
    "details",
    [
        f'[{COMMENTS},"constraints":{{"amount":{{"exact":1}},"amount":{{"range":{{"max":50}}}}}}}}]',
        f'[{COMMENTS},"constraints":{{"amount":{{"range":{{"min":0,"max":1e400}}}}}}}}]',
        "[" * 5000,
        "[NaN]",
        "{",
    ],
)
def test_details_that_readers_could_read_differently_are_refused(world, details):
    only(world, limited())
    reply = world.exchange_form(world.pod_token(), authorization_details=details)
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")


def test_scope_and_details_that_do_not_fit_are_refused(world):
    only(world, limited(), limited("read_file", path=ArgumentConstraint(prefixes=frozenset({"docs/"}))))
    detail = {"type": "mcp_tool", "actions": ["comment"], "resources": ["repo:web"]}
    details = json.dumps([{**detail, "constraints": {"amount": {"exact": 1}}}])
    fitting = world.exchange_form(world.pod_token(), authorization_details=details, scope="mcp:tool:comment:write")
    other = world.exchange_form(world.pod_token(), authorization_details=details, scope="mcp:tool:read_file:read")
    assert (fitting.status, other.json.get("error")) == (200, "invalid_scope")


def test_a_ceiling_with_a_limit_holds_back_what_has_none(world):
    scope = Scope(
        tool_server="github",
        tools=frozenset({"comment", "read_file"}),
        resources=frozenset({"repo:web"}),
        constraints={"amount": ArgumentConstraint(max=60)},
    )
    world.put(Kind.SCOPES, "small", scope)
    world.put(Kind.CEILINGS, "c", Ceiling(principal="agent:triage", scopes=frozenset({"small"})))
    with pytest.raises(ExchangeRefused):
        world.get(world.pod_token())
    world.put(Kind.GRANTS, limited().id, limited())
    assert [one["constraints"] for one in said(world.get(world.pod_token()))["authorization_details"]] == [
        {"amount": {"range": {"max": 50}}}
    ]


def test_details_that_no_token_holds_are_refused_and_nothing_is_issued(world):
    words = [f"{at:03}" + "x" * 250 for at in range(64)]
    wide = {name: ArgumentConstraint(one_of=frozenset(words)) for name in ("a", "b")}
    only(world, limited(**wide))
    with pytest.raises(ExchangeRefused, match="too large") as refused:
        world.get(world.pod_token())
    assert refused.value.reason == "token_too_large"
    assert [event.outcome for event in world.events()[:1]] == ["denied"]


VALUES = st.one_of(
    st.integers(-99, 99), st.sampled_from([0.5, 1e15, True, False, None, [], "", "a", "*", "a*", "ab", "b%", 1e300])
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.dictionaries(st.sampled_from(["x", "y"]), DECLARED, max_size=2), min_size=1, max_size=3),
    st.lists(st.dictionaries(st.sampled_from(["x", "y"]), VALUES, max_size=2), max_size=20),
)
def test_granted_is_admitted_by_the_token_and_by_the_resource_server(world, declared, calls):
    grants = {
        grant.id: grant
        for constraints in declared
        for grant in [
            Grant(
                agent="triage",
                tool_server="github",
                tools=frozenset({"comment"}),
                resources=frozenset({"repo:web"}),
                constraints=constraints,
            )
        ]
    }
    for name in world_grants(world):
        world.delete(Kind.GRANTS, name)
    for name, grant in grants.items():
        world.put(Kind.GRANTS, name, grant)
    token = verified(said(world.get(world.pod_token())))
    granted = [one for grant in grants.values() for one in reach_of_grant(grant, {})]
    for arguments in calls:
        call = Call("github", "comment", "repo:web", arguments)
        assert token.allows("comment", "repo:web", arguments) == allows(granted, call)
    assert ("scope" in token.claims) == any(not one.constraints for one in granted)


def world_grants(world) -> list[str]:
    with world.store.read() as unit:
        return [stored.name for stored in unit.objects.list(Kind.GRANTS)]
