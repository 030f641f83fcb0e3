"""Attacks on delegation, each by the name it was published under or the trick it plays."""

import asyncio

import pytest
from tests.fakes.delegation_world import ACCESS_TOKEN, BOTH, JWT, READ, details, said
from tests.fakes.exchange_world import EXCHANGE, OTHER_TOOLS, REGISTRY_AUDIENCE, TOOLS, together

from leasehold.exchange.refusals import ExchangeRefused
from leasehold.model.clients import DpopUse
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.possession import FirstUse, Possession


def refused(family, parent, actor, **options):
    """Why it was refused, to the caller and to audit."""
    with pytest.raises(ExchangeRefused) as caught:
        family.spawn(parent, actor, **options)
    event = family.world.events()[0]
    assert (event.action, event.outcome, event.reason) == ("delegate", "denied", caught.value.reason)
    return caught.value.code, caught.value.reason


def form(family, **fields):
    base = {"grant_type": EXCHANGE, "resource": TOOLS, "scope": "mcp:tool:read_file:read"}
    return family.world.form("/oauth2/token", **{**base, **fields})


def test_keycloak_52691_an_exchange_without_actor_token_never_drops_or_appends_act(family):
    child = family.spawn(family.own("triage"), "coder").access_token
    for kind in (ACCESS_TOKEN, JWT):
        reply = form(family, subject_token=child, subject_token_type=kind)
        assert reply.status == 400
        assert "access_token" not in reply.json


def test_keycloak_52691_an_actor_disabled_between_two_exchanges_gets_nothing(family):
    parent = family.own("triage")
    child = family.spawn(parent, "coder", details=details(size={"range": {"max": 5}}))
    family.world.change(Kind.AGENTS, "coder", state="suspended")

    assert not family.alive(child)
    assert refused(family, child.access_token, "tester") == ("invalid_grant", "lease_ended")
    assert refused(family, parent, "coder") == ("invalid_grant", "agent_suspended")


def test_zitadel_scope_escalation_a_scope_must_be_in_subject_and_actor(family):
    """A scope of the actor alone, or of the subject alone, is not handed on."""
    extra = Grant(
        agent="coder", tool_server="github", tools=frozenset({"delete_branch"}), resources=frozenset({"repo:web"})
    )
    family.world.put(Kind.GRANTS, extra.id, extra)
    only_actor = frozenset({"mcp:tool:delete_branch:delete"})
    assert refused(family, family.own("triage"), "coder", scopes=only_actor)[0] == "invalid_scope"

    more = Grant(
        agent="triage", tool_server="github", tools=frozenset({"delete_branch"}), resources=frozenset({"repo:app"})
    )
    family.world.put(Kind.GRANTS, more.id, more)
    parent = family.own("triage")
    assert refused(family, parent, "coder", scopes=only_actor)[0] == "invalid_scope"
    assert refused(family, parent, "coder", scopes=None, details=details("repo:app"))[1] == "beyond_parent"
    wide = details("repo:app", tools=("delete_branch",))
    assert refused(family, parent, "coder", scopes=None, details=wide)[1] == "beyond_actor"


def test_zitadel_12319_an_actor_without_scopes_contributes_its_grants(family):
    """A service account brings no scopes: it stands for what it is granted, neither for nothing nor for everything."""
    assert family.spawn(family.own("triage"), "coder").lease.scopes == READ


def test_a_wider_scope_beside_a_narrower_one_is_no_narrowing(family):
    parent = family.own("triage", scopes=READ)
    assert refused(family, parent, "coder", scopes=BOTH)[0] == "invalid_scope"


@pytest.mark.parametrize(
    "equal",
    [
        {"scopes": BOTH},
        {"scopes": None, "details": details(tools=("comment", "read_file"))},
        {"scopes": None, "details": details(tools=("comment",)) + details(tools=("read_file",))},
        {"scopes": BOTH, "details": details(tools=("comment", "read_file"))},
    ],
)
def test_a_child_equal_to_its_parent_is_refused(family, equal):
    assert refused(family, family.own("triage"), "coder", **equal) == ("invalid_scope", "not_narrower")


def test_a_child_equal_to_its_parent_in_other_words_is_refused(family):
    parent = family.spawn(
        family.own("triage"), "coder", details=details(size={"range": {"min": 0, "max": 9}})
    ).access_token
    halves = details(size={"range": {"min": 0, "max": 5}}) + details(size={"range": {"min": 5, "max": 9}})
    assert refused(family, parent, "tester", details=halves)[1] == "not_narrower"


def test_an_undecidable_comparison_is_refused(family):
    cut = {f"a{n}": {"one_of": list(range(64))} for n in range(3)}
    halves = [details(**{**cut, "a0": {"one_of": list(part)}})[0] for part in (range(32), range(32, 64))]
    parent = family.spawn(family.own("triage"), "coder", details=halves).access_token
    assert refused(family, parent, "tester", details=details(**cut)) == ("invalid_scope", "undecidable")


@pytest.mark.parametrize(
    "bad",
    [
        {"constraints": {"size": {"regex": "(a+)+$"}}},
        {"constraints": {"size": {"range": {"max": "9"}}}},
        {"type": "payment"},
        {"locations": [OTHER_TOOLS]},
        {"resources": []},
        {"actions": ["read_file"] * 300},
        {"privileges": ["admin"]},
    ],
)
def test_details_that_are_not_understood_are_refused_never_skipped(family, bad):
    wanted = [details()[0] | bad]
    assert refused(family, family.own("triage"), "coder", details=wanted)[0] == "invalid_authorization_details"


def test_sibling_splice_a_child_dies_with_its_own_parent_and_says_which_it_is(family):
    one, other = family.world.get(family.pod("triage")), family.world.get(family.pod("triage"))
    child = family.spawn(one.access_token, "coder")
    lease = said(child)["urn:leasehold:lease"]

    assert child.lease.parent == one.lease.id
    assert lease["par"] != said(family.spawn(other.access_token, "coder"))["urn:leasehold:lease"]["par"]
    family.world.revoke(one.access_token)
    assert not family.alive(child)


def test_sibling_splice_parts_of_two_tokens_make_no_token(family):
    one, other = family.own("triage"), family.spawn(family.own("triage"), "coder").access_token
    for spliced in (".".join((*one.split(".")[:2], other.split(".")[2])), one[:-8] + other[-8:]):
        assert refused(family, spliced, "coder")[0] == "invalid_grant"


def test_a_token_of_a_lease_that_is_not_its_own_is_refused(family):
    """Signed by us, unexpired, naming a live lease, yet not the token that the lease was written for."""
    issued = family.world.get(family.pod("triage"))
    forged = asyncio.run(
        family.world.mint.sign({**said(issued), "scope": "mcp:tool:read_file:read mcp:tool:comment:write x"})
    )
    assert refused(family, forged, "coder") == ("invalid_grant", "lease_ended")


def test_depth_overflow(family):
    token, size = family.own("triage"), 50
    for agent in ("coder", "tester", "checker", "linter"):
        token = family.spawn(token, agent, details=details(size={"range": {"max": size}})).access_token
        size -= 1
    assert said(token)["urn:leasehold:lease"]["d"] == 4
    assert refused(family, token, "runner", details=details(size={"range": {"max": 1}})) == (
        "invalid_grant",
        "depth_exceeded",
    )


def test_depth_overflow_the_least_of_all_settings_above_holds(family):
    family.world.change(Kind.AGENTS, "triage", max_delegation_depth=1)
    child = family.spawn(family.own("triage"), "coder", details=details(size={"range": {"max": 5}}))
    assert refused(family, child.access_token, "tester", details=details(size={"exact": 1}))[1] == "depth_exceeded"
    family.world.change(Kind.AGENTS, "triage", max_delegation_depth=0)
    assert refused(family, family.own("triage"), "coder")[1] == "depth_exceeded"


def test_by_default_nobody_may_delegate(family):
    family.world.change(Kind.AGENTS, "triage", may_delegate_to=frozenset())
    assert refused(family, family.own("triage"), "coder") == ("invalid_grant", "not_allowed_to_delegate")
    assert refused(family, family.own("triage"), "outsider")[1] == "not_allowed_to_delegate"


@pytest.mark.parametrize("loop", ["triage", "coder"])
def test_delegation_loops(family, loop):
    """An agent that is in the chain already never comes in again, by whatever name of the list."""
    family.world.change(Kind.AGENTS, "coder", may_delegate_to=frozenset({"triage", "coder"}))
    child = family.spawn(family.own("triage"), "coder", details=details(size={"range": {"max": 5}}))
    assert refused(family, child.access_token, loop, details=details(size={"exact": 1}))[1] == "delegation_loop"


def test_self_delegation_is_no_way_to_a_second_token(family):
    family.world.change(Kind.AGENTS, "triage", may_delegate_to=frozenset({"triage"}))
    token = family.own("triage")
    assert refused(family, token, "triage")[1] == "delegation_loop"
    assert refused(family, token, token, actor_is_ours=True)[1] == "delegation_loop"


def test_an_actor_token_as_subject_delegates_nothing_of_its_parent(family):
    """Turned round, the sub-agent's own token is the authority: it may not delegate to its parent unless allowed."""
    assert (
        refused(family, family.own("coder"), family.own("triage"), actor_is_ours=True)[1] == "not_allowed_to_delegate"
    )
    assert refused(family, family.pod("coder"), "coder")[0] == "invalid_grant"


def test_two_parents_an_actor_that_acts_for_somebody_already_is_refused(family):
    child = family.spawn(family.own("outsider"), "coder").access_token
    assert refused(family, family.own("triage"), child, actor_is_ours=True) == ("invalid_grant", "actor_delegated")


def test_two_parents_two_subject_tokens_are_refused(family):
    token = family.own("triage")
    body = f"grant_type={EXCHANGE}&subject_token={token}&subject_token={token}".encode()
    reply = family.world.call("POST", "/oauth2/token", body, {"content-type": "application/x-www-form-urlencoded"})
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")


def test_another_audience_is_refused(family):
    assert refused(family, family.own("triage"), "coder", resource=OTHER_TOOLS)[0] == "invalid_target"
    more = Grant(agent="coder", tool_server="jira", tools=frozenset({"search"}), resources=frozenset({"project:x"}))
    family.world.put(Kind.GRANTS, more.id, more)
    assert refused(family, family.own("triage"), "coder", resource=OTHER_TOOLS)[0] in {
        "invalid_target",
        "invalid_grant",
    }
    other = family.own("coder", resource=OTHER_TOOLS)
    assert refused(family, family.own("triage"), other, actor_is_ours=True) == ("invalid_target", "other_resource")


def test_a_registry_token_is_no_authority_over_tools(family):
    token = family.world.registry_token()
    assert refused(family, token, "coder") == ("invalid_grant", "bad_claim")
    assert refused(family, family.own("triage"), token, actor_is_ours=True) == ("invalid_grant", "bad_claim")
    assert refused(family, family.own("triage"), "coder", resource=REGISTRY_AUDIENCE)[0] == "invalid_target"


def test_a_parent_bound_to_a_key_needs_a_proof_with_that_key(family):
    mine, theirs = (Possession(key, FirstUse("dpop", key, family.world.now)) for key in ("mine", "theirs"))
    parent = family.own("triage", proof=mine)
    assert said(parent)["cnf"] == {"jkt": "mine"}

    assert refused(family, parent, "coder") == ("invalid_dpop_proof", "parent_unproven")
    assert refused(family, parent, "coder", proof=theirs) == ("invalid_dpop_proof", "parent_unproven")
    again = Possession("mine", FirstUse("dpop", "again", family.world.now))
    assert said(family.spawn(parent, "coder", proof=again))["cnf"] == {"jkt": "mine"}


def test_an_actor_bound_to_a_key_needs_a_proof_with_that_key(family):
    actor = family.own("coder", proof=Possession("mine", FirstUse("dpop", "1", family.world.now)))
    assert refused(family, family.own("triage"), actor, actor_is_ours=True)[0] == "invalid_grant"


def test_a_sub_agent_that_must_prove_a_key_gets_no_bearer_token(family):
    family.world.change(Kind.AGENTS, "coder", dpop=DpopUse.REQUIRED)
    assert refused(family, family.own("triage"), "coder") == ("invalid_dpop_proof", "proof_missing")


def test_a_workload_token_of_one_use_starts_one_sub_agent_of_fifty_at_once(family):
    world = family.world
    world.trust("cluster", world.cluster, "kubernetes", single_use=True)
    parent, actor = family.own("triage"), family.pod("coder", jti="once")
    results = together(*(family.spawning(parent, actor) for _ in range(50)))
    issued = [one for one in results if not isinstance(one, Exception)]

    assert len(issued) == 1
    assert {one.reason for one in results if isinstance(one, ExchangeRefused)} == {"replayed"}


def test_a_client_id_that_is_not_the_actor_is_refused(family):
    assert refused(family, family.own("triage"), "coder", agent="tester") == ("invalid_grant", "no_binding")
    assert (
        refused(family, family.own("triage"), family.own("coder"), actor_is_ours=True, agent="tester")[1]
        == "no_binding"
    )


@pytest.mark.parametrize("missing", ["actor_token", "actor_token_type", "subject_token", "resource", "scope"])
def test_a_request_that_leaves_something_out_is_refused(family, missing):
    fields = {
        "subject_token": family.own("triage"),
        "subject_token_type": ACCESS_TOKEN,
        "actor_token": family.pod("coder"),
        "actor_token_type": JWT,
        "client_id": "coder",
        "scope": "mcp:tool:read_file:read",
        "resource": TOOLS,
    }
    assert form(family, **fields).status == 200
    reply = form(family, **{**fields, missing: ""})
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "other", [{"actor_token_type": "saml2"}, {"requested_token_type": "saml2"}, {"authorization_details": "{"}]
)
def test_a_request_of_an_unknown_form_is_refused(family, other):
    fields = {
        "subject_token": family.own("triage"),
        "subject_token_type": ACCESS_TOKEN,
        "actor_token": family.pod("coder"),
        "actor_token_type": JWT,
    }
    reply = form(family, **{**fields, **other})
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")
