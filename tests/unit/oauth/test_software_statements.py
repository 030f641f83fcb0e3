"""Software statements (RFC 7591 §2.3): a client registers by an issuer's word, and is the agent of its binding."""

import json

import jwt
import pytest
from tests.fakes.client_keys import ASSERTION, ClientKey
from tests.fakes.exchange_world import ISSUER, REGISTRY_AUDIENCE, TOOLS, world_on
from tests.fakes.people import BACK

from leasehold.model.kinds import Kind
from leasehold.model.subjects import IssuerType, OidcSubject
from leasehold.store.memory.store import MemoryStore

KEY, OTHER = ClientKey(), ClientKey()
TYP = "software-statement+jwt"
METADATA = {
    "client_name": "Whatever I like",
    "redirect_uris": [BACK],
    "grant_types": ["client_credentials"],
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": json.loads(KEY.jwks),
}


@pytest.fixture
def vouching(tmp_path):
    """An issuer that vouches for software, a binding of its software to an agent, and an agent that takes a client."""
    with world_on(MemoryStore(), tmp_path, registering=True) as world:
        world.trust("people", world.people, IssuerType.OIDC, algorithms=frozenset({"ES256"}), software_statements=True)
        world.change(Kind.AGENTS, "triage", dynamic_clients=2)
        world.bind("triage-app", trust_issuer="people", agent="triage", oidc=OidcSubject(subject="triage-app"))
        yield world


def statement(world, typ=TYP, **changes):
    said = {"sub": "triage-app", "aud": ISSUER, "software_id": "4NRB1-0XZABZI9E6-5SM3R", **changes}
    return world.people.token(header={"typ": typ}, **said)


def register(world, statement, headers=None, **changes):
    said = {name: value for name, value in {**METADATA, **changes}.items() if value is not None}
    body = json.dumps({**said, "software_statement": statement}).encode()
    return world.call("POST", "/oauth2/register", body, {"content-type": "application/json", **(headers or {})})


def ask(world, client_id, key=KEY):
    return world.form(
        "/oauth2/token",
        grant_type="client_credentials",
        client_id=client_id,
        resource=TOOLS,
        client_assertion_type=ASSERTION,
        client_assertion=key.assertion(world.now, client=client_id),
    )


def refused(reply):
    assert (reply.status, reply.json["error"]) == (400, "unapproved_software_statement"), reply.body
    return True


def test_a_statement_of_nobody_we_trust_is_refused(vouching):
    assert refused(register(vouching, "e30.e30.e30"))
    assert refused(register(vouching, statement(vouching, iss="https://stranger.example")))
    assert refused(register(vouching, statement(vouching)[:-4] + "AAAA"))
    assert register(vouching, None).status == 401


def test_an_issuer_that_was_not_asked_to_vouch_is_refused(vouching):
    vouching.trust("people", vouching.people, IssuerType.OIDC, algorithms=frozenset({"ES256"}))
    assert refused(register(vouching, statement(vouching)))


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://other.example"},
        {"aud": [ISSUER, "https://other.example"]},
        {"sub": "other-app"},
        {"sub": None},
        {"exp": 1},
        {"exp": None},
        {"exp": 4_000_000_000},
        {"typ": "JWT"},
        {"typ": "at+jwt"},
        {"typ": "oauth-id-jag+jwt"},
    ],
)
def test_a_statement_that_is_wrong_in_one_way_is_refused(vouching, changes):
    assert refused(register(vouching, statement(vouching, **changes)))


def test_a_client_that_is_vouched_for_is_the_agent_of_the_binding(vouching):
    sent = statement(vouching)
    made = register(vouching, sent)

    assert (made.status, made.json["software_statement"]) == (201, sent)
    token = ask(vouching, made.json["client_id"]).json["access_token"]
    assert jwt.decode(token, options={"verify_signature": False})["sub"] == "agent:triage"
    event = next(event for event in vouching.events() if event.action == "register")
    assert event.detail["vouched_by"] == "triage-app"


def test_what_the_statement_says_stands_above_what_the_client_says(vouching):
    sent = statement(
        vouching, client_name="Triage", redirect_uris=["https://vouched.example/cb"], jwks=json.loads(OTHER.jwks)
    )
    made = register(vouching, sent).json

    assert (made["client_name"], made["redirect_uris"]) == ("Triage", ["https://vouched.example/cb"])
    assert ask(vouching, made["client_id"]).json["error"] == "invalid_client"
    assert ask(vouching, made["client_id"], OTHER).status == 200


def test_a_statement_vouches_for_no_more_clients_than_the_agent_takes(vouching):
    sent = statement(vouching)
    assert [register(vouching, sent).status for _ in range(3)] == [201, 201, 403]
    vouching.change(Kind.AGENTS, "triage", dynamic_clients=0)
    assert register(vouching, sent).status == 403


def test_a_statement_is_no_token_and_a_token_no_statement(vouching):
    """A statement lies in an application for everybody to find: nobody becomes the agent by it."""
    for resource in (TOOLS, REGISTRY_AUDIENCE):
        reply = vouching.exchange_form(statement(vouching, aud=vouching.people.audience), resource)
        assert (reply.status, reply.json["error"]) == (400, "invalid_grant")
    assert refused(register(vouching, vouching.people.token(sub="triage-app", aud=ISSUER)))


def test_a_binding_to_a_role_vouches_for_no_client(vouching):
    assert refused(register(vouching, statement(vouching, sub="00u1alice")))


def test_a_binding_that_was_taken_away_just_now_vouches_for_nobody(vouching):
    assert register(vouching, statement(vouching)).status == 201
    vouching.delete(Kind.WORKLOAD_BINDINGS, "triage-app")
    assert refused(register(vouching, statement(vouching)))


def test_a_statement_beside_a_token_is_not_chosen_between(vouching):
    reply = register(vouching, statement(vouching), {"authorization": "Bearer lhi_x"})
    assert (reply.status, reply.json["error"]) == (401, "invalid_token")


def test_a_client_that_is_vouched_for_says_what_it_is_only_within_the_rules(vouching):
    assert register(vouching, statement(vouching), jwks=None).json["error"] == "invalid_client_metadata"
    bad = register(vouching, statement(vouching, redirect_uris=["http://evil.example"]))
    assert bad.json["error"] == "invalid_redirect_uri"
