"""RFC 7662, RFC 7009, RFC 8414, RFC 7517 and RFC 6750."""

from urllib.parse import urlsplit

import jwt
from tests.conformance.requirements import proves
from tests.fakes.exchange_world import ISSUER


def bearer(token) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@proves("7662-auth", "7662-401", "6750-challenge")
def test_introspection_requires_authorization(world):
    token = world.get(world.pod_token()).access_token
    for headers in ({}, bearer("junk"), bearer(token)):
        reply = world.form("/oauth2/introspect", headers, token=token)
        assert reply.status == 401
        assert reply.headers["www-authenticate"].startswith("Bearer ")


@proves("6750-anonymous")
def test_whoever_brings_nothing_is_told_what_to_bring_and_of_no_error(world):
    challenges = [world.form("/oauth2/introspect", h, token="x").headers["www-authenticate"] for h in ({}, bearer("x"))]
    assert ["error=" in challenge for challenge in challenges] == [False, True]


@proves("7662-active", "7662-same")
def test_a_live_token_is_active_and_says_what_it_says(world):
    token = world.get(world.pod_token()).access_token
    answer = world.form("/oauth2/introspect", bearer(world.registry_token()), token=token).json

    assert answer.pop("active") is True
    assert answer.pop("token_type") == "Bearer"
    assert answer == jwt.decode(token, options={"verify_signature": False})


@proves("7662-inactive", "7009-immediate")
def test_a_revoked_token_is_inactive_at_once_and_says_nothing(world):
    token = world.get(world.pod_token()).access_token
    assert world.form("/oauth2/revoke", token=token).status == 200

    answer = world.form("/oauth2/introspect", bearer(world.registry_token()), token=token)
    assert answer.json == {"active": False}


@proves("7009-unknown", "7009-hint")
def test_revoking_what_is_unknown_is_fine(world):
    for hint in ("access_token", "refresh_token", "whatever"):
        assert world.form("/oauth2/revoke", token="junk", token_type_hint=hint).status == 200


@proves("8414-issuer", "8414-required", "8414-path")
def test_the_metadata_is_where_and_what_it_should_be(world):
    reply = world.call("GET", "/.well-known/oauth-authorization-server")
    parts = urlsplit(reply.json["issuer"])

    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.json["issuer"] == ISSUER
    assert (parts.query, parts.fragment) == ("", "")
    assert reply.json["response_types_supported"] == ["code"]
    for endpoint in ("token_endpoint", "introspection_endpoint", "revocation_endpoint", "jwks_uri"):
        assert reply.json[endpoint].startswith(ISSUER + "/")


@proves("8414-true", "idjag-metadata")
def test_the_metadata_tells_the_truth(world):
    said = world.call("GET", "/.well-known/openid-configuration").json

    assert "urn:ietf:params:oauth:grant-profile:id-jag" in said["authorization_grant_profiles_supported"]
    assert said["introspection_endpoint_auth_methods_supported"] == ["Bearer", "DPoP"]
    assert said["revocation_endpoint_auth_methods_supported"] == ["none"]
    assert said["request_uri_parameter_supported"] is False
    for grant in said["grant_types_supported"]:
        assert world.form("/oauth2/token", grant_type=grant).json["error"] in {"invalid_request", "invalid_client"}
    for grant in ("password", "implicit", "refresh_token"):
        assert grant not in said["grant_types_supported"]


@proves("7517-public")
def test_published_keys_are_public(world):
    for key in world.call("GET", "/.well-known/jwks.json").json["keys"]:
        assert {"kty", "use", "kid", "alg"} <= key.keys()
        assert not {"d", "p", "q", "k"} & key.keys()
