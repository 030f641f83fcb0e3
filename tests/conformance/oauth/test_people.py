"""RFC 6749 §4.1, RFC 7636, RFC 9126, RFC 9207, RFC 9700 and OpenID Connect, where people are involved."""

import pytest
from tests.conformance.requirements import proves
from tests.fakes.client_keys import ClientKey
from tests.fakes.exchange_world import ISSUER
from tests.fakes.people import BACK, OTHER, Browser, code_for, push, query, redeem, rival, said, with_people


@pytest.fixture
def people(world):
    return with_people(world)


@proves("9126-auth", "9126-answer")
def test_only_authenticated_clients_push_and_get_a_reference_for_a_short_while(people):
    reply = push(people)

    assert reply.status == 201
    assert reply.json["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert 5 <= reply.json["expires_in"] <= 600
    assert push(people, key=OTHER).status == 401


@proves("9126-nested")
def test_a_request_uri_is_not_pushed(people):
    assert push(people, request_uri="urn:x").json["error"] == "invalid_request"


@proves("9126-client", "9126-once")
def test_a_reference_is_of_one_client_and_for_one_use(people):
    pushed = push(people)

    assert Browser(people).start(pushed, client="rival").status == 400
    assert Browser(people).start(pushed).status == 303
    assert Browser(people).start(pushed).status == 400


@proves("6749-redirect", "9700-exact")
def test_a_redirect_uri_is_compared_to_the_letter(people):
    for other in (BACK + "/", BACK.upper(), BACK + "?a=b", "https://app.example:444/callback"):
        assert push(people, redirect_uri=other).json["error"] == "invalid_request"


@proves("7636-s256", "7636-required")
def test_s256_is_the_only_method_and_there_is_no_way_without(people):
    for changes in ({"code_challenge_method": "plain"}, {"code_challenge": None}, {"code_challenge_method": None}):
        assert push(people, **changes).json["error"] == "invalid_request"


@proves("7636-verify")
def test_a_verifier_that_does_not_hash_to_the_challenge_is_invalid_grant(people):
    assert redeem(people, code_for(people), code_verifier="w" * 43).json["error"] == "invalid_grant"


@proves("6749-state", "9207-iss")
def test_the_answer_carries_state_and_iss(people):
    browser = Browser(people)
    for spoken in ("deny", "allow"):
        answer = query(browser.answer(browser.ask(push(people)), spoken).headers["location"])
        assert (answer["state"], answer["iss"]) == ("xyz", ISSUER)


@proves("6749-code-client", "6749-code-once", "6749-code-reuse")
def test_a_code_is_of_one_client_for_one_use_and_reuse_ends_its_token(people):
    rival(people)
    code = code_for(people)

    assert redeem(people, code, OTHER, "rival").json["error"] == "invalid_grant"
    token = redeem(people, code).json["access_token"]
    assert redeem(people, code).json["error"] == "invalid_grant"
    assert people.introspect(token) == {"active": False}


@proves("6749-code-ttl")
def test_a_code_lives_for_less_than_ten_minutes(people):
    code = code_for(people)
    people.later(minutes=10)

    assert redeem(people, code).json["error"] == "invalid_grant"


@proves("8693-act")
def test_the_person_is_the_subject_and_the_agent_acts(people):
    claims = said(redeem(people, code_for(people)))

    assert (claims["sub"], claims["act"]) == ("user:people/00u1alice", {"sub": "agent:triage"})


@proves("9700-frames")
def test_pages_are_framed_by_nobody(people):
    assert "frame-ancestors 'none'" in Browser(people).ask(push(people)).headers["content-security-policy"]


@proves("9449-code", "9449-par")
def test_a_code_is_bound_to_the_key_that_its_request_told(people):
    key, other = ClientKey(), ClientKey()

    def proof(of, endpoint):
        return {"dpop": of.proof(people.now, url=f"{ISSUER}/oauth2/{endpoint}")}

    told = {"dpop_jkt": key.thumbprint}
    for pushed in (told, {"headers": proof(key, "par")}, {**told, "headers": proof(key, "par")}):
        code = code_for(people, **pushed)
        assert redeem(people, code, headers=proof(other, "token")).json["error"] == "invalid_grant"
        assert redeem(people, code).json["error"] == "invalid_grant"
        assert redeem(people, code, headers=proof(key, "token")).json["token_type"] == "DPoP"
    assert push(people, **told, headers=proof(other, "par")).status == 400
