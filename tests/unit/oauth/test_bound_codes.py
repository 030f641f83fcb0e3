"""Codes that are bound to a key from the pushed request on (RFC 9449 §10): stolen, they bring a thief nothing."""

import pytest
from tests.fakes.client_keys import ClientKey
from tests.fakes.exchange_world import ISSUER, World
from tests.fakes.people import Browser, code_for, push, query, redeem, said, with_people

from leasehold.keys.nonces import Nonces
from leasehold.model.clients import DpopUse
from leasehold.model.kinds import Kind
from leasehold.store.memory.store import MemoryStore

PAR_URL = f"{ISSUER}/oauth2/par"
KEY, THIEF = ClientKey(), ClientKey()


@pytest.fixture
def people(world):
    return with_people(world)


@pytest.fixture
def wanting(tmp_path):
    """A server that wants nonces."""
    world = World(MemoryStore(), tmp_path, Nonces(b"k" * 32))
    yield with_people(world.populate())
    world.close()


def pushed_with(people, key=KEY, **claims):
    """The headers of a pushed request with a proof."""
    return {"dpop": key.proof(people.now, url=PAR_URL, **claims)}


def redeemed(people, code, key, **claims):
    return redeem(people, code, headers={"dpop": key.proof(people.now, **claims)})


def told(people, how):
    """How the key is told: by its thumbprint, by a proof, or by both (RFC 9449 §10.1)."""
    return {
        "thumbprint": {"dpop_jkt": KEY.thumbprint},
        "proof": {"headers": pushed_with(people)},
        "both": {"dpop_jkt": KEY.thumbprint, "headers": pushed_with(people)},
    }[how]


HOW = ["thumbprint", "proof", "both"]


@pytest.mark.parametrize("how", HOW)
def test_a_code_brings_its_token_to_the_key_that_was_told(people, how):
    reply = redeemed(people, code_for(people, **told(people, how)), KEY)
    assert (reply.json["token_type"], said(reply)["cnf"]) == ("DPoP", {"jkt": KEY.thumbprint})


@pytest.mark.parametrize("how", HOW)
def test_a_stolen_code_brings_nothing_to_another_key_or_to_none(people, how):
    code = code_for(people, **told(people, how))

    assert redeemed(people, code, THIEF).json["error"] == "invalid_grant"
    assert redeem(people, code).json["error"] == "invalid_grant"
    assert redeemed(people, code, KEY).status == 200, "an attempt of the thief's uses nothing up"


def test_a_code_is_bound_where_the_consent_stood_before(people):
    code_for(people)
    code = code_for(people, dpop_jkt=KEY.thumbprint)
    assert redeemed(people, code, THIEF).json["error"] == "invalid_grant"
    assert redeemed(people, code, KEY).status == 200


def test_a_code_of_a_silent_request_is_bound_too(people):
    code_for(people)
    back = Browser(people).ask(push(people, prompt="none", dpop_jkt=KEY.thumbprint))
    assert redeemed(people, query(back.headers["location"])["code"], THIEF).json["error"] == "invalid_grant"


def test_a_code_of_no_key_takes_any_as_before(people):
    assert redeemed(people, code_for(people), THIEF).json["token_type"] == "DPoP"
    assert redeem(people, code_for(people)).json["token_type"] == "Bearer"


def test_the_browser_cannot_bind_the_code_to_another_key(people):
    browser = Browser(people)
    pushed = push(people, dpop_jkt=KEY.thumbprint)
    request_uri = pushed.json["request_uri"]
    started = browser.get(f"/oauth2/authorize?client_id=triage&request_uri={request_uri}&dpop_jkt={THIEF.thumbprint}")
    back = browser.answer(browser.log_in(started))
    code = query(back.headers["location"])["code"]
    assert redeemed(people, code, THIEF).json["error"] == "invalid_grant"


def test_a_proof_of_one_key_and_the_thumbprint_of_another_are_refused(people):
    reply = push(people, dpop_jkt=THIEF.thumbprint, headers=pushed_with(people))
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("jkt", ["x", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "+", "é" * 43, " " * 43])
def test_a_thumbprint_that_is_none_is_refused(people, jkt):
    assert push(people, dpop_jkt=jkt).json["error"] == "invalid_request"


def test_a_thumbprint_is_told_once(people):
    fields = [("dpop_jkt", KEY.thumbprint), ("dpop_jkt", THIEF.thumbprint)]
    body = "&".join(f"{name}={value}" for name, value in fields).encode()
    reply = people.call("POST", "/oauth2/par", body, {"content-type": "application/x-www-form-urlencoded"})
    assert reply.json["error"] == "invalid_request"


@pytest.mark.parametrize(
    "claims", [{"url": f"{ISSUER}/oauth2/token"}, {"method": "GET"}, {"iat": 1}, {"header": {"typ": "JWT"}}]
)
def test_a_proof_of_something_else_pushes_nothing(people, claims):
    given = {"url": PAR_URL, **claims}
    reply = push(people, headers={"dpop": KEY.proof(people.now, **given)})
    assert (reply.status, reply.json["error"]) == (400, "invalid_dpop_proof")


def test_a_proof_pushes_once_and_redeems_nothing_afterwards(people):
    headers = pushed_with(people, jti="one")
    assert push(people, headers=headers).status == 201
    assert push(people, headers=headers).json["error"] == "invalid_grant"
    assert redeem(people, code_for(people), headers=headers).json["error"] == "invalid_dpop_proof"


def test_an_agent_that_must_prove_may_push_without_and_redeems_with(people):
    people.change(Kind.AGENTS, "triage", dpop=DpopUse.REQUIRED)
    assert redeem(people, code_for(people, dpop_jkt=KEY.thumbprint)).json["error"] == "invalid_grant"
    assert redeemed(people, code_for(people, dpop_jkt=KEY.thumbprint), KEY).status == 200


def test_where_nonces_are_wanted_a_pushed_proof_needs_one(wanting):
    refused = push(wanting, headers=pushed_with(wanting))
    assert (refused.status, refused.json["error"]) == (400, "use_dpop_nonce")
    nonce = refused.headers["dpop-nonce"]

    wanting.later(seconds=60)
    taken = push(wanting, headers=pushed_with(wanting, nonce=nonce))
    assert taken.status == 201
    assert taken.headers["dpop-nonce"] not in {"", nonce}  # the next one, RFC 9449 §8.2
