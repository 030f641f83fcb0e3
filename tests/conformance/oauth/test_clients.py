"""RFC 7523, RFC 7521 and RFC 9449, where agents authenticate and prove that they hold a key."""

import pytest
from tests.conformance.requirements import proves
from tests.fakes.client_keys import ASSERTION, ClientKey
from tests.fakes.exchange_world import ISSUER, TOOLS
from tests.fakes.people import KEY, with_people
from tests.fakes.people import said as claims_of

OTHER = ClientKey()
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def client(world):
    return with_people(world)


def ask(world, assertion, proof=None, **fields):
    base = {"grant_type": "client_credentials", "client_id": "triage", "resource": TOOLS}
    sent = {**base, "client_assertion_type": ASSERTION, "client_assertion": assertion, **fields}
    return world.form("/oauth2/token", {"dpop": proof} if proof else {}, **sent)


@proves("7523-claims")
@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "exp", "jti"])
def test_an_assertion_has_every_claim(client, claim):
    assert ask(client, KEY.assertion(client.now, **{claim: None})).json["error"] == "invalid_client"


@proves("7521-client-id")
def test_an_assertion_names_the_client_by_itself(client):
    fields = {"client_assertion_type": ASSERTION, "client_assertion": KEY.assertion(client.now)}
    reply = client.form("/oauth2/token", grant_type="client_credentials", resource=TOOLS, **fields)
    assert reply.status == 200


@proves("7523-subject")
def test_issuer_and_subject_are_the_client(client):
    for changes in ({"sub": "other"}, {"iss": "other"}):
        assert ask(client, KEY.assertion(client.now, **changes)).json["error"] == "invalid_client"


@proves("7523bis-audience")
def test_the_one_audience_is_the_issuer(client):
    for audience in (f"{ISSUER}/oauth2/token", [ISSUER, "https://b.example"], f"{ISSUER}/"):
        assert ask(client, KEY.assertion(client.now, aud=audience)).json["error"] == "invalid_client"


@proves("7523-once")
def test_an_assertion_is_taken_once(client):
    assertion = KEY.assertion(client.now)

    assert [ask(client, assertion).status for _ in range(2)] == [200, 400]


@proves("7523-signature", "6749-invalid-client")
def test_another_key_is_invalid_client_with_401(client):
    reply = ask(client, OTHER.assertion(client.now))

    assert (reply.status, reply.json["error"]) == (401, "invalid_client")
    assert "www-authenticate" in reply.headers


@proves("6749-one-method")
def test_a_client_authenticates_in_one_way(client):
    assert ask(client, KEY.assertion(client.now), client_secret="x").json["error"] == "invalid_request"


@proves("9449-bound", "9449-type")
def test_a_proof_binds_the_token(client):
    reply = ask(client, KEY.assertion(client.now), KEY.proof(client.now))

    assert reply.json["token_type"] == "DPoP"
    assert claims_of(reply)["cnf"] == {"jkt": KEY.thumbprint}


@proves("9449-proof", "9449-private", "9449-window", "9449-error")
@pytest.mark.parametrize(
    "changes",
    [
        {"method": "GET"},
        {"url": "https://other.example/oauth2/token"},
        {"header": {"typ": "JWT"}},
        {"header": {"jwk": OTHER.jwk}},
        {"header": {"jwk": {**KEY.jwk, "d": "AAAA"}}},
        {"iat": 1},
        {"iat": None},
        {"exp": 1},
        {"exp": "never"},
        {"nbf": 2**33},
        {"nbf": True},
        {"jti": None},
    ],
)
def test_a_proof_that_is_wrong_in_one_way_is_refused(client, changes):
    reply = ask(client, KEY.assertion(client.now), KEY.proof(client.now, **changes))

    assert (reply.status, reply.json["error"]) == (400, "invalid_dpop_proof")


@proves("9449-proof")
def test_more_than_one_proof_is_none(client):
    headers = {"DPoP": KEY.proof(client.now), "dpop": KEY.proof(client.now), "content-type": FORM}
    reply = client.call("POST", "/oauth2/token", b"grant_type=client_credentials", headers)

    assert (reply.status, reply.json["error"]) == (400, "invalid_dpop_proof")


@proves("9449-once")
def test_a_proof_is_taken_once(client):
    proof = KEY.proof(client.now)

    assert [ask(client, KEY.assertion(client.now), proof).status for _ in range(2)] == [200, 400]


@proves("9449-confirmation")
def test_introspection_tells_the_key(client):
    token = ask(client, KEY.assertion(client.now), KEY.proof(client.now)).json["access_token"]

    assert client.introspect(token)["cnf"] == {"jkt": KEY.thumbprint}
