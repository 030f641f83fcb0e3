"""Introspection, revocation, and what the server says of itself."""

from dataclasses import replace

import pytest
from tests.fakes.exchange_world import ISSUER

from leasehold.exchange.metadata import server_metadata
from leasehold.web.oauth.app import oauth_app


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_a_stranger_may_not_introspect(world):
    token = world.get(world.pod_token()).access_token
    for headers in ({}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer"}, {"authorization": "Bearer a b"}):
        reply = world.form("/oauth2/introspect", headers, token=token)
        assert (reply.status, reply.json["error"]) == (401, "invalid_token")
        bearer, _, dpop = reply.headers["www-authenticate"].partition(", DPoP ")
        assert bearer == ('Bearer realm="leasehold", error="invalid_token"' if headers else 'Bearer realm="leasehold"')
        assert dpop.startswith('algs="')


def test_an_agent_may_not_introspect(world):
    token = world.get(world.pod_token()).access_token
    reply = world.form("/oauth2/introspect", bearer(token), token=token)

    assert (reply.status, reply.json["error"]) == (401, "invalid_token")


def test_a_platform_principal_may_introspect(world):
    token = world.get(world.pod_token()).access_token
    reply = world.form("/oauth2/introspect", bearer(world.registry_token()), token=token)

    assert (reply.status, reply.json["active"], reply.json["sub"]) == (200, True, "agent:triage")
    assert reply.headers["cache-control"] == "no-store"


def test_an_inactive_token_says_nothing_else(world):
    reply = world.form("/oauth2/introspect", bearer(world.registry_token()), token="junk")

    assert (reply.status, reply.json) == (200, {"active": False})


@pytest.mark.parametrize("path", ["/oauth2/introspect", "/oauth2/revoke"])
def test_a_token_must_be_named(world, path):
    reply = world.form(path, bearer(world.registry_token()), token_type_hint="access_token")

    assert (reply.status, reply.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("token", ["junk", "a.b.c", "\u00e9"])
def test_revoking_an_unknown_token_is_no_error(world, token):
    assert world.form("/oauth2/revoke", token=token).status == 200


def test_a_revoked_token_is_inactive(world):
    token = world.get(world.pod_token()).access_token
    assert world.form("/oauth2/revoke", token=token).status == 200
    reply = world.form("/oauth2/introspect", bearer(world.registry_token()), token=token)

    assert reply.json == {"active": False}


def test_a_revocation_that_is_not_durable_is_not_answered_as_done(world):
    token = world.get(world.pod_token()).access_token
    world.store.away = True

    assert world.form("/oauth2/revoke", token=token).status == 503


def test_the_server_describes_itself(world):
    reply = world.call("GET", "/.well-known/oauth-authorization-server")

    assert reply.status == 200
    assert reply.json == server_metadata(ISSUER)
    assert reply.json["issuer"] == ISSUER
    assert reply.headers["cache-control"] == "public, max-age=300"


@pytest.mark.parametrize("path", ["/.well-known/oauth-authorization-server", "/.well-known/jwks.json"])
def test_what_is_published_answers_head_as_get(world, path):
    asked, looked = world.call("GET", path), world.call("HEAD", path)

    assert (looked.status, looked.headers) == (200, asked.headers)


@pytest.mark.parametrize("path", ["/oauth2/authorize?client_id=x", "/oauth2/login/callback", "/oauth2/token"])
def test_a_look_at_anything_else_does_nothing(world, path):
    """A scanner of links that looks with HEAD uses no request up."""
    assert world.call("HEAD", path).status == 405


def test_openid_discovery_says_the_same_and_how_we_sign(world):
    document = world.call("GET", "/.well-known/openid-configuration").json

    assert document.items() >= server_metadata(ISSUER).items()
    assert document["id_token_signing_alg_values_supported"] == ["ES256"]


def test_the_keys_are_published(world):
    keys = world.call("GET", "/.well-known/jwks.json").json["keys"]

    assert world.signer.key_id in {key["kid"] for key in keys}
    assert all("d" not in key for key in keys)


def test_an_issuer_below_a_path_has_its_metadata_between_host_and_path(world):
    issuer = "https://example.com/agents"
    app = oauth_app(replace(world.doors, issuer=issuer))
    world.app = app

    assert world.call("GET", "/.well-known/oauth-authorization-server/agents").json["issuer"] == issuer
    assert world.call("GET", "/.well-known/oauth-authorization-server").status == 404
