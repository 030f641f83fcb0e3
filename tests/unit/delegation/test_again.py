"""A token for a person, exchanged by the agent that acts in it: for less, or where the person consented; `act` stays.

Keycloak #52691, #53029 and #51492, Zitadel 4.15.3 and #12319, tried on tokens for people.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.fakes.delegation_world import ACCESS_TOKEN, BOTH, READ, details, said
from tests.fakes.exchange_world import EXCHANGE, GRANT, OTHER_TOOLS, TOOLS, together
from tests.fakes.people import KEY, USER, code_for, redeem, with_people

from leasehold.exchange.refusals import ExchangeRefused
from leasehold.model.consents import Consent
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.leases import consent_node, user_node
from leasehold.model.tools import Action, Tool, ToolServer

SEARCH = frozenset({"mcp:tool:search:read"})
JIRA = Grant(agent="triage", tool_server="jira", tools=frozenset({"search"}), resources=frozenset({"project:x"}))


@pytest.fixture
def people(family):
    """`triage` may read and comment for Alice, and has grants on another tool server besides."""
    with_people(family.world)
    family.world.put(Kind.GRANTS, JIRA.id, JIRA)
    return family


def for_alice(family):
    return redeem(family.world, code_for(family.world)).json["access_token"]


def consent(family, resource=OTHER_TOOLS, scopes=SEARCH, agent="triage", **changes):
    given = Consent(user=USER, agent=agent, resource=resource, scopes=scopes, at=family.world.now, **changes)
    with family.world.store.begin() as unit:
        unit.consents.put(given)
        unit.nodes.ensure(consent_node(USER, agent, resource))


def refused(family, token, actor="triage", **options):
    with pytest.raises(ExchangeRefused) as caught:
        family.spawn(token, actor, **options)
    event = family.world.events()[0]
    assert (event.outcome, event.reason) == ("denied", caught.value.reason)
    return caught.value.code, str(caught.value.reason)


def test_keycloak_52691_a_token_for_a_person_is_never_exchanged_without_who_acts(people):
    token = for_alice(people)
    for more in ({}, {"actor_token": token}, {"actor_token_type": ACCESS_TOKEN}):
        reply = people.world.form(
            "/oauth2/token",
            grant_type=EXCHANGE,
            subject_token=token,
            subject_token_type=ACCESS_TOKEN,
            resource=TOOLS,
            scope="mcp:tool:read_file:read",
            **more,
        )
        assert (reply.status, reply.json["error"]) == (400, "invalid_request")


def test_keycloak_52691_the_same_agent_with_less_keeps_act_as_it_was(people):
    token = for_alice(people)
    less = people.spawn(token, "triage", scopes=READ)

    before, after = said(token), said(less)
    assert after["act"] == before["act"] == {"sub": "agent:triage"}
    assert (after["sub"], after["aud"], after["scope"]) == (USER, TOOLS, "mcp:tool:read_file:read")
    assert after["exp"] <= before["exp"]
    assert less.lease.parent == before["jti"]
    assert people.world.events()[0].action == "re-exchange"


def test_keycloak_53029_and_51492_introspection_says_what_the_token_says(people):
    less = people.spawn(for_alice(people), "triage")
    shown, claims = people.world.introspect(less.access_token), said(less)

    assert {name: shown[name] for name in ("act", "sub", "scope", "client_id")} == {
        name: claims[name] for name in ("act", "sub", "scope", "client_id")
    }


def test_keycloak_52691_an_agent_that_was_stopped_meanwhile_gets_nothing(people):
    token = for_alice(people)
    people.world.change(Kind.AGENTS, "triage", state="suspended")

    assert refused(people, token)[0] == "invalid_grant"


def test_an_owner_who_was_disabled_meanwhile_stops_it(people):
    token = for_alice(people)
    people.world.change(Kind.OWNERS, "alice", state="disabled")

    assert refused(people, token)[0] == "invalid_grant"


def test_zitadel_4_15_3_a_scope_that_only_one_side_has_is_refused(people):
    extra = Grant(
        agent="triage", tool_server="github", tools=frozenset({"delete_branch"}), resources=frozenset({"repo:web"})
    )
    token = for_alice(people)
    people.world.put(Kind.GRANTS, extra.id, extra)  # the agent's alone: Alice was not asked
    delete = frozenset({"mcp:tool:delete_branch:delete"})

    assert refused(people, token, scopes=delete)[0] == "invalid_scope"
    assert refused(people, token, scopes=READ | delete)[0] == "invalid_scope"


def test_zitadel_4_15_3_a_scope_that_the_agent_lost_meanwhile_is_refused(people):
    token = for_alice(people)
    people.world.delete(Kind.GRANTS, GRANT.id)
    reads = replace(GRANT, tools=frozenset({"read_file"}))
    people.world.put(Kind.GRANTS, reads.id, reads)  # Alice consented to comments, the agent has them no more

    assert refused(people, token, scopes=frozenset({"mcp:tool:comment:write"}))[0] == "invalid_scope"


def test_zitadel_12319_a_workload_without_scopes_stands_for_what_its_agent_is_granted(people):
    assert people.spawn(for_alice(people), "triage").lease.scopes == READ


def test_as_much_as_before_is_no_narrowing(people):
    assert refused(people, for_alice(people), scopes=BOTH) == ("invalid_scope", "not_narrower")


def test_a_constraint_narrows_too(people):
    narrowed = people.spawn(for_alice(people), "triage", scopes=None, details=details(size={"range": {"max": 5}}))
    assert said(narrowed)["authorization_details"][0]["constraints"] == {"size": {"range": {"max": 5}}}


def test_another_agent_is_no_such_exchange(people):
    assert refused(people, for_alice(people), "outsider")[1] == "not_allowed_to_delegate"


def test_an_agent_for_itself_has_its_workload_to_ask_with(people):
    assert refused(people, people.own("triage"))[1] == "delegation_loop"


def test_another_resource_needs_a_consent_there(people):
    assert refused(people, for_alice(people), resource=OTHER_TOOLS, scopes=SEARCH) == (
        "invalid_target",
        "other_resource",
    )
    consent(people, agent="coder")
    assert refused(people, for_alice(people), resource=OTHER_TOOLS, scopes=SEARCH)[1] == "other_resource"
    consent(people, revoked_at=people.world.now)
    assert refused(people, for_alice(people), resource=OTHER_TOOLS, scopes=SEARCH)[1] == "other_resource"


def test_a_person_who_consented_there_is_acted_for_there_by_the_same_agent(people):
    consent(people)
    token = for_alice(people)
    there = people.spawn(token, "triage", resource=OTHER_TOOLS, scopes=SEARCH)

    claims = said(there)
    assert (claims["sub"], claims["act"], claims["aud"]) == (USER, {"sub": "agent:triage"}, OTHER_TOOLS)
    assert claims["exp"] <= said(token)["exp"]
    nodes = [node for node, _ in claims["urn:leasehold:lease"]["anc"]]
    assert consent_node(USER, "triage", OTHER_TOOLS) in nodes
    assert f"lease:{said(token)['jti']}" in nodes


def test_neither_consent_nor_grant_alone_is_enough_there(people):
    consent(people, scopes=frozenset({"mcp:tool:other:read"}))
    token = for_alice(people)
    assert refused(people, token, resource=OTHER_TOOLS, scopes=SEARCH)[0] == "invalid_target"
    consent(people, scopes=SEARCH | {"mcp:tool:delete:delete"})
    wide = frozenset({"mcp:tool:delete:delete"})
    assert refused(people, token, resource=OTHER_TOOLS, scopes=wide)[0] == "invalid_scope"
    people.world.delete(Kind.GRANTS, JIRA.id)
    assert refused(people, token, resource=OTHER_TOOLS, scopes=SEARCH)[0] == "invalid_target"


@pytest.mark.parametrize(
    "node", [user_node(USER), consent_node(USER, "triage", TOOLS), consent_node(USER, "triage", OTHER_TOOLS)]
)
def test_whatever_ends_either_consent_or_the_person_ends_the_second_token(people, node):
    consent(people)
    there = people.spawn(for_alice(people), "triage", resource=OTHER_TOOLS, scopes=SEARCH)
    assert people.alive(there)
    people.world.bump(node)
    assert not people.alive(there)


def test_the_end_of_the_first_token_ends_the_second(people):
    token = for_alice(people)
    less = people.spawn(token, "triage")
    people.world.revoke(token)
    assert not people.alive(less)
    assert refused(people, token)[1] == "lease_ended"


def test_a_second_token_makes_no_third_however_it_is_turned(people):
    consent(people)
    there = people.spawn(for_alice(people), "triage", resource=OTHER_TOOLS, scopes=SEARCH).access_token

    assert refused(people, there, resource=TOOLS) == ("invalid_grant", "re_exchanged")
    assert refused(people, there, scopes=SEARCH, resource=OTHER_TOOLS)[1] == "re_exchanged"


def test_a_sub_agent_narrows_what_it_was_handed_and_goes_nowhere_else(people):
    consent(people)
    token = for_alice(people)
    child = people.spawn(token, "coder", scopes=READ).access_token
    narrower = people.spawn(child, "coder", scopes=None, details=details(size={"range": {"max": 5}}))

    assert said(narrower)["act"] == said(child)["act"] == {"sub": "agent:coder", "act": {"sub": "agent:triage"}}
    about, before = said(narrower)["urn:leasehold:lease"], said(child)["urn:leasehold:lease"]
    assert (about["d"], about["dmax"]) == (before["d"], before["dmax"])
    more = replace(JIRA, agent="coder")
    people.world.put(Kind.GRANTS, more.id, more)
    consent(people, agent="coder")
    assert refused(people, child, "coder", resource=OTHER_TOOLS, scopes=SEARCH)[1] == "other_resource"


def test_a_second_token_is_handed_on_like_the_first(people):
    less = people.spawn(for_alice(people), "triage", scopes=READ).access_token
    tighter = details(size={"range": {"max": 5}})
    child = people.spawn(less, "coder", scopes=None, details=tighter)

    assert said(child)["act"] == {"sub": "agent:coder", "act": {"sub": "agent:triage"}}


def test_a_token_bound_to_a_key_is_exchanged_with_a_proof_of_that_key_alone(people):
    proof = KEY.proof(people.world.now)
    bound = redeem(people.world, code_for(people.world), headers={"dpop": proof}).json["access_token"]
    assert said(bound)["cnf"]["jkt"] == KEY.thumbprint

    assert refused(people, bound) == ("invalid_dpop_proof", "parent_unproven")


def test_a_consent_that_ends_while_the_token_is_signed_leaves_none(people):
    consent(people)
    token = for_alice(people)
    world = people.world
    world.mint.meanwhile = lambda: _end_once(people)

    assert refused(people, token, resource=OTHER_TOOLS, scopes=SEARCH)[1] == "other_resource"


def test_many_at_once_are_each_within_the_first(people):
    token = for_alice(people)
    made = together(*(people.spawning(token, "triage") for _ in range(20)))
    assert all(said(one)["act"] == {"sub": "agent:triage"} for one in made)
    people.world.revoke(token)
    assert not any(people.alive(one) for one in made)


def _end_once(people):
    people.world.mint.meanwhile = lambda: None
    consent(people, revoked_at=people.world.now)
    people.world.bump(consent_node(USER, "triage", OTHER_TOOLS))


def test_a_token_of_its_own_proves_the_agent_and_bounds_it(people):
    more = replace(JIRA, tools=frozenset({"search", "close"}))
    jira = ToolServer(url=OTHER_TOOLS, tools={"search": Tool(action=Action.READ), "close": Tool(action=Action.WRITE)})
    people.world.put(Kind.TOOL_SERVERS, "jira", jira)
    people.world.put(Kind.GRANTS, more.id, more)
    close = frozenset({"mcp:tool:close:write"})
    consent(people, scopes=SEARCH | close)
    token, own = for_alice(people), people.own("triage", resource=OTHER_TOOLS, scopes=SEARCH)

    there = people.spawn(token, own, actor_is_ours=True, resource=OTHER_TOOLS, scopes=SEARCH)
    assert said(there)["act"] == {"sub": "agent:triage"}
    asked = {"actor_is_ours": True, "resource": OTHER_TOOLS}
    assert refused(people, token, own, scopes=close, **asked) == ("invalid_scope", "beyond_actor")
    assert refused(people, token, people.own("triage"), scopes=SEARCH, **asked)[1] == "other_resource"
    people.world.revoke(own)
    assert not people.alive(there)


def test_a_token_that_is_about_to_end_makes_no_other(people):
    token = for_alice(people)
    people.world.now = datetime.fromtimestamp(said(token)["exp"], UTC) - timedelta(milliseconds=500)
    assert refused(people, token) == ("invalid_grant", "parent_expiring")
