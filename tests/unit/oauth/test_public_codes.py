"""Codes and tokens of public clients: bound, used once, and ended (RFC 7636, RFC 9700, RFC 9449)."""

import json

import pytest
from tests.fakes.exchange_world import OTHER_TOOLS, TOOLS, world_on
from tests.fakes.people import BACK, KEY, USER, VERIFIER, Browser, push, query, redeem
from tests.fakes.public_clients import (
    LOOP,
    METADATA,
    URL,
    asked,
    claims_of,
    code_of,
    nobody_goes,
    question,
    register,
    taken,
    with_public_clients,
)

from leasehold.exchange.on_behalf import challenge_of
from leasehold.model.clients import DpopUse
from leasehold.model.kinds import Kind
from leasehold.model.leases import client_node, consent_node, owner_node, user_node
from leasehold.model.people import AgentState
from leasehold.store.memory.store import MemoryStore


@pytest.fixture
def world(tmp_path):
    """An operator who serves public clients, and whose agent `triage` takes them."""
    with world_on(MemoryStore(), tmp_path, public="triage") as world:
        yield with_public_clients(world)


@pytest.fixture
def client(world):
    return register(world).json["client_id"]


# RFC 7636, RFC 9700 §4.5: codes.


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": challenge_of(VERIFIER)}, "invalid_grant"),
        ({"redirect_uri": LOOP + "/"}, "invalid_grant"),
        ({"redirect_uri": "http://localhost:3119/callback"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"client_id": URL}, "invalid_grant"),
        ({"client_id": "triage"}, "invalid_client"),
        ({"client_id": None}, "invalid_client"),
        ({"code": "guess"}, "invalid_grant"),
        ({"resource": OTHER_TOOLS}, "invalid_target"),
        ({"task": "task-0001"}, "invalid_request"),
    ],
)
def test_a_code_needs_all_that_it_was_bound_to(world, client, changes, error):
    code = code_of(world, client)
    refused = taken(world, client, **{"code": code, **changes})
    assert (refused.json["error"], "access_token" in refused.json) == (error, False)


def test_a_code_of_one_client_is_nothing_to_another(world, client):
    other = register(world, client_name="Other").json["client_id"]
    code = code_of(world, client)
    assert taken(world, other, code).json["error"] == "invalid_grant"
    assert redeem(world, code, redirect_uri=LOOP).json["error"] == "invalid_grant"
    assert taken(world, client, code).status == 200


def test_a_code_of_a_client_with_a_key_is_nothing_to_who_has_none(world, client):
    browser = Browser(world)
    code = query(browser.answer(browser.ask(push(world))).headers["location"])["code"]
    assert taken(world, client, code, redirect_uri=BACK).json["error"] == "invalid_grant"
    assert taken(world, "triage", code, redirect_uri=BACK).json["error"] == "invalid_client"


def test_a_code_that_comes_twice_ends_what_it_brought(world, client):
    code = code_of(world, client)
    token = taken(world, client, code).json["access_token"]
    assert world.introspect(token)["active"]

    assert taken(world, client, code).json["error"] == "invalid_grant"
    assert world.introspect(token) == {"active": False}


def test_a_code_lives_for_a_minute(world, client):
    code = code_of(world, client)
    world.later(seconds=60)
    assert taken(world, client, code).json["error"] == "invalid_grant"


# RFC 9449: keys.


def test_a_code_that_is_bound_to_a_key_is_redeemed_with_it_alone(world, client):
    code = code_of(world, client, dpop_jkt=KEY.thumbprint)
    assert taken(world, client, code).json["error"] == "invalid_grant"
    reply = taken(world, client, code, {"dpop": KEY.proof(world.now)})
    assert (claims_of(reply)["cnf"], reply.json["token_type"]) == ({"jkt": KEY.thumbprint}, "DPoP")


def test_an_agent_that_must_prove_has_no_client_that_does_not(world, client):
    world.change(Kind.AGENTS, "triage", dpop=DpopUse.REQUIRED)
    code = code_of(world, client)
    assert taken(world, client, code).json["error"] == "invalid_dpop_proof"
    assert taken(world, client, code, {"dpop": KEY.proof(world.now)}).status == 200


# Ends.


def test_whatever_ends_ends_what_the_client_holds(world, client):
    own = client_node(".".join(client.split(".")[:2]))
    for node in (user_node(USER), consent_node(USER, "triage", TOOLS), client_node("triage"), own, owner_node("alice")):
        token = taken(world, client, code_of(world, client)).json["access_token"]
        assert world.introspect(token)["active"]
        world.bump(node)
        assert world.introspect(token) == {"active": False}, node


def test_a_suspended_agent_asks_nobody(world, client):
    browser, page = question(world, client)
    world.change(Kind.AGENTS, "triage", state=AgentState.SUSPENDED)
    assert browser.answer(page).status == 400
    nobody_goes(Browser(world).get(asked(client)))


def test_a_document_that_is_gone_is_a_client_that_is_gone(world):
    del world.documents.bodies[URL]
    nobody_goes(Browser(world).get(asked(URL)))


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": URL + "/"},
        {"client_secret": "x"},
        {"jwks": json.loads(KEY.jwks)},
        {"redirect_uris": []},
        {"redirect_uris": ["editor://cb"]},
        {"grant_types": ["client_credentials"]},
        {"response_types": ["token"]},
    ],
)
def test_a_document_without_keys_that_is_wrong_in_one_way_is_no_client(world, changes):
    world.documents.bodies[URL] = json.dumps({**METADATA, "client_id": URL, **changes}).encode()
    nobody_goes(Browser(world).get(asked(URL)))


def test_what_was_asked_and_allowed_is_on_record_with_the_client(world, client):
    taken(world, client, code_of(world, client))
    said = {event.action: event for event in world.events()}
    assert said["consent"].detail["client_id"] == client
    assert (said["on-behalf"].detail["client_id"], said["on-behalf"].detail["method"]) == (client, "none")
    assert said["log-in"].principal == USER
    taken(world, client, "guess")
    assert "code_gone" in {event.reason for event in world.events() if event.principal == "agent:triage"}
