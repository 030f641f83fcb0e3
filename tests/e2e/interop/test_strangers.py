"""Software that nobody here wrote: npm's oidc-provider in front of us, Authlib's and npm's clients behind."""

import json
import time

import httpx
import jwt
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey
from tests.fakes.client_keys import ClientKey
from tests.fakes.exchange_world import EXCHANGE, JWT, TOOLS
from tests.fakes.oidc_provider import access_token

ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
TOKEN = "/oauth2/token"


def authlib(agent="triage"):
    return OAuth2Session(agent, token_endpoint_auth_method="none")


def exchange(meeting, client, resource=TOOLS, subject_token=None, **more):
    subject = {"subject_token": subject_token or meeting.id_token, "subject_token_type": ID_TOKEN}
    return client.fetch_token(meeting.server + TOKEN, grant_type=EXCHANGE, resource=resource, **{**subject, **more})


def private_jwk(key):
    """The private key of a client, as Authlib takes it."""
    return json.loads(jwt.get_algorithm_by_name("ES256").to_jwk(key.key.private))


def bearing(token):
    """Authlib's door for a client authentication of one's own."""

    def authenticate(request):
        request.headers["authorization"] = f"Bearer {token}"
        return request

    return authenticate


def test_an_id_token_of_oidc_provider_becomes_a_lease_through_its_real_discovery_and_keys(meeting):
    with authlib() as client:
        token = exchange(meeting, client)

    keys = jwt.PyJWKClient(f"{meeting.server}/.well-known/jwks.json")
    key = keys.get_signing_key_from_jwt(token["access_token"])
    claims = jwt.decode(
        token["access_token"], key, algorithms=["ES256"], audience=TOOLS, issuer=meeting.server, leeway=5
    )
    assert (claims["sub"], claims["client_id"]) == ("agent:triage", "triage")
    assert token["scope"] == claims["scope"] == "mcp:tool:read_file:read"
    assert claims["exp"] - claims["iat"] <= 300


def test_an_access_token_of_the_same_provider_is_no_identity(meeting):
    token = access_token(meeting.provider)
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"

    with authlib() as client, pytest.raises(OAuthError) as refused:
        exchange(meeting, client, subject_token=token, subject_token_type=JWT)
    assert refused.value.error == "invalid_grant"


def test_a_token_changed_in_one_character_is_refused(meeting):
    head, payload, signature = meeting.id_token.split(".")
    changed = ".".join((head, payload, ("B" if signature[0] != "B" else "C") + signature[1:]))

    with authlib() as client, pytest.raises(OAuthError) as refused:
        exchange(meeting, client, subject_token=changed)
    assert refused.value.error == "invalid_grant"


def test_authlib_exchanges_introspects_and_revokes(meeting):
    with authlib() as client:
        metadata = client.get(f"{meeting.server}/.well-known/oauth-authorization-server", withhold_token=True).json()
        token = exchange(meeting, client)["access_token"]
        reader = bearing(meeting.registry_token)
        before = client.introspect_token(metadata["introspection_endpoint"], token, auth=reader).json()
        assert client.revoke_token(metadata["revocation_endpoint"], token).status_code == 200
        after = client.introspect_token(metadata["introspection_endpoint"], token, auth=reader).json()

    assert before["active"]
    assert before["sub"] == "agent:triage"
    assert after == {"active": False}


def test_authlib_is_told_what_was_wrong_in_the_words_of_the_standard(meeting):
    with authlib() as client:
        with pytest.raises(OAuthError) as target:
            exchange(meeting, client, resource="https://nobody.example/mcp")
        with pytest.raises(OAuthError) as scope:
            exchange(meeting, client, scope="mcp:tool:delete_branch:delete")
        with pytest.raises(OAuthError) as grant:
            client.fetch_token(meeting.server + TOKEN, grant_type="password", username="a", password="b")
    assert [target.value.error, scope.value.error] == ["invalid_target", "invalid_scope"]
    assert grant.value.error == "unsupported_grant_type"


def test_openid_client_discovers_exchanges_introspects_and_revokes(meeting):
    answer = meeting.node(
        "client.mjs",
        issuer=meeting.server,
        agent="triage",
        grant_type=EXCHANGE,
        subject_token=meeting.id_token,
        subject_token_type=ID_TOKEN,
        resource=TOOLS,
        reader=meeting.registry_token,
    )

    assert answer["server"]["issuer"] == meeting.server
    assert answer["token"]["token_type"] == "bearer"
    assert 0 < answer["token"]["expires_in"] <= 300
    assert answer["refused"] == {"error": "invalid_target", "status": 400}
    assert answer["before"]["active"]
    assert answer["before"]["client_id"] == "triage"
    assert answer["after"] == {"active": False}


def test_openid_client_registers_itself_and_is_the_agent_that_its_token_was_for(meeting):
    answer = meeting.node(
        "register.mjs", issuer=meeting.server, resource=TOOLS, initial_access_token=meeting.initial_access_token()
    )

    client_id = answer["client"]["client_id"]
    claims = jwt.decode(answer["token"]["access_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["client_id"]) == ("agent:triage", client_id)
    assert answer["client"]["registration_client_uri"] == f"{meeting.server}/oauth2/register?client_id={client_id}"
    assert answer["again"]["status"] == 401


def test_authlib_signs_with_the_key_that_it_registered(meeting):
    key = ClientKey()
    metadata = {
        "client_name": "Authlib",
        "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": json.loads(key.jwks),
    }
    made = httpx.post(
        f"{meeting.server}/oauth2/register",
        json=metadata,
        headers={"authorization": f"Bearer {meeting.initial_access_token()}"},
    ).json()
    # Its assertions live an hour by default, and name the token endpoint: told otherwise, as rfc7523bis asks.
    lives = {"exp": int(time.time()) + 60}
    signs = PrivateKeyJWT(meeting.server, claims=lives, headers={"kid": key.key.kid}, alg="ES256")
    with OAuth2Session(
        made["client_id"], ECKey.import_key(private_jwk(key)), token_endpoint_auth_method="private_key_jwt", scope=None
    ) as client:
        client.register_client_auth_method(signs)
        token = client.fetch_token(
            meeting.server + TOKEN, grant_type="client_credentials", resource=TOOLS, client_id=made["client_id"]
        )
        managed = httpx.get(
            made["registration_client_uri"], headers={"authorization": f"Bearer {made['registration_access_token']}"}
        ).json()
    assert token["scope"] == "mcp:tool:read_file:read"
    assert managed["jwks"] == metadata["jwks"]


def test_the_provider_published_what_we_read(meeting):
    published = httpx.get(f"{meeting.provider}/.well-known/openid-configuration").json()
    assert published["issuer"] == meeting.provider
    assert httpx.get(published["jwks_uri"]).json()["keys"]
    assert jwt.get_unverified_header(meeting.id_token)["alg"] == "ES256"
