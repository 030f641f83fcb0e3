"""A person between strangers: npm's openid-client asks, npm's oidc-provider logs in, and our page is consented to."""

import json

import jwt
import pytest
from tests.fakes.client_keys import ClientKey
from tests.fakes.exchange_world import TOOLS
from tests.fakes.oidc_provider import walked

BACK = "http://127.0.0.1:9/callback"
KEY = ClientKey()


@pytest.fixture
def asking(meeting):
    """What the agent's own software is told: its key, where people come back, what for."""
    meeting.change("agents", "triage", client_jwks=KEY.jwks, redirect_uris=[BACK])
    private = json.loads(jwt.get_algorithm_by_name("ES256").to_jwk(KEY.key.private))
    yield {"issuer": meeting.server, "client_key": private, "client_kid": KEY.key.kid, "redirect_uri": BACK}
    meeting.change("agents", "triage", client_jwks=None, redirect_uris=[])


def test_openid_client_and_oidc_provider_let_a_person_have_an_agent_act_for_them(meeting, asking):
    pushed = meeting.node("people.mjs", **asking, resource=TOOLS)
    callback, question = walked(pushed["url"], "bob", BACK)
    assert "read with <b>read_file</b>" in question
    assert "on <b>repo:web</b>" in question

    came_back = {"callback": callback, "verifier": pushed["verifier"], "state": pushed["state"]}
    stolen = meeting.node("people.mjs", **asking, **came_back)  # with a key of its own
    assert stolen == {"error": "invalid_grant"}

    token = meeting.node("people.mjs", **asking, **came_back, key=pushed["key"])
    claims = jwt.decode(token["access_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["act"], claims["aud"]) == ("user:people/bob", {"sub": "agent:triage"}, TOOLS)
    assert (claims["cnf"], claims["groups"]) == ({"jkt": pushed["jkt"]}, ["eng"])
