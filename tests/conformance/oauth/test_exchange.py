"""RFC 8693, RFC 8707, RFC 9396 and RFC 6749, as a client meets them at the token endpoint."""

import jwt
import pytest
from tests.conformance.requirements import proves
from tests.fakes.exchange_world import EXCHANGE, ISSUER, JWT, TOOLS

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
URN = "urn:ietf:params:oauth:grant-type:token-exchange"


def said(reply) -> dict:
    return jwt.decode(reply.json["access_token"], options={"verify_signature": False})


@proves("8693-grant")
def test_the_grant_type_is_the_urn_of_token_exchange(world):
    assert world.exchange_form(world.pod_token(), grant_type=URN).status == 200
    for other in ("token-exchange", URN.upper(), URN + " "):
        assert world.exchange_form(world.pod_token(), grant_type=other).json["error"] == "unsupported_grant_type"


@proves("8693-subject")
@pytest.mark.parametrize("missing", ["subject_token", "subject_token_type"])
def test_a_request_without_a_subject_is_refused(world, missing):
    reply = world.exchange_form(world.pod_token(), **{missing: None})

    assert (reply.status, reply.json["error"]) == (400, "invalid_request")


@proves("8693-actor-type")
def test_an_actor_type_without_an_actor_is_refused(world):
    assert world.exchange_form(world.pod_token(), actor_token_type=JWT).json["error"] == "invalid_request"


@proves("8693-requested")
def test_a_type_that_cannot_be_issued_is_refused(world):
    for kind in ("urn:ietf:params:oauth:token-type:saml2", "urn:ietf:params:oauth:token-type:refresh_token"):
        reply = world.exchange_form(world.pod_token(), requested_token_type=kind)
        assert reply.json["error"] == "invalid_request"
    assert world.exchange_form(world.pod_token(), requested_token_type=ACCESS_TOKEN).status == 200


@proves("8693-answer", "8693-scope", "8693-no-refresh")
def test_the_answer_is_complete_and_nothing_more(world):
    answer = world.exchange_form(world.pod_token()).json

    assert answer.keys() == {
        "access_token",
        "issued_token_type",
        "token_type",
        "expires_in",
        "scope",
        "lease",
        "authorization_details",
    }
    assert (answer["issued_token_type"], answer["token_type"]) == (ACCESS_TOKEN, "Bearer")
    assert 0 < answer["expires_in"] <= 300


@proves("8693-target", "8707-uri")
@pytest.mark.parametrize("resource", ["https://unknown.example", "mcp", "/mcp", TOOLS + "#x", "urn:x"])
def test_a_target_we_do_not_serve_is_invalid(world, resource):
    assert world.exchange_form(world.pod_token(), resource).json["error"] == "invalid_target"


@proves("8693-bad-subject")
def test_a_bad_subject_token_is_refused_with_one_error(world):
    for token in ("junk", world.people.token(), world.pod_token(exp=1), world.pod_token(aud="other")):
        assert world.exchange_form(token).json["error"] == "invalid_grant"


@proves("8707-one")
def test_two_resources_are_not_served_in_one_token(world):
    body = f"grant_type={EXCHANGE}&subject_token=x&subject_token_type={JWT}&resource=https://a&resource=https://b"
    form = {"content-type": "application/x-www-form-urlencoded"}

    assert world.call("POST", "/oauth2/token", body.encode(), form).json["error"] == "invalid_target"


@proves("8707-audience")
def test_the_audience_is_the_resource_asked_for(world):
    assert said(world.exchange_form(world.pod_token()))["aud"] == TOOLS


@proves("9396-type", "9396-granted")
def test_details_say_what_was_granted(world):
    claims = said(world.exchange_form(world.pod_token(), scope="mcp:tool:read_file:read"))

    assert [(d["type"], d["actions"]) for d in claims["authorization_details"]] == [("mcp_tool", ["read_file"])]


@proves("6749-repeated", "6749-empty", "6749-unknown", "6749-post")
def test_parameters_are_read_as_the_framework_says(world):
    assert world.exchange_form(world.pod_token(), scope="", whatever="x").status == 200
    body = f"grant_type={EXCHANGE}&grant_type={EXCHANGE}".encode()
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert world.call("POST", "/oauth2/token", body, form).json["error"] == "invalid_request"
    assert world.call("GET", "/oauth2/token").status == 405


@proves("6749-no-store")
def test_an_answer_with_a_token_is_not_cached(world):
    headers = world.exchange_form(world.pod_token()).headers

    assert (headers["cache-control"], headers["pragma"]) == ("no-store", "no-cache")


@proves("6749-errors")
def test_errors_are_json_in_plain_ascii(world):
    for reply in (world.exchange_form("junk"), world.form("/oauth2/token", a="\u00e9")):
        assert reply.status == 400
        assert reply.headers["content-type"] == "application/json"
        assert reply.body.isascii()
        assert reply.json.keys() == {"error", "error_description"}
        assert not set('"\\') & set(reply.json["error_description"])


@proves("9068-typ", "9068-claims", "9068-scope")
def test_the_access_token_is_a_jwt_of_its_profile(world):
    reply = world.exchange_form(world.pod_token())
    header, claims = jwt.get_unverified_header(reply.json["access_token"]), said(reply)

    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    assert {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} <= claims.keys()
    assert claims["scope"] == reply.json["scope"]
    assert claims["iss"] == ISSUER
