"""Agents as OAuth clients: each way to prove oneself, and each way to pretend."""

import asyncio
import base64
from datetime import timedelta

import jwt
import pytest
from tests.fakes.client_keys import ASSERTION, ClientKey
from tests.fakes.exchange_world import ISSUER, REGISTRY_AUDIENCE, TOOLS, request

from leasehold.authn.clients import hash_secret
from leasehold.model.clients import ClientSecret
from leasehold.model.kinds import Kind
from leasehold.model.leases import client_node
from leasehold.model.people import AgentState

SPIFFE = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"
KEY, OTHER = ClientKey(), ClientKey()


@pytest.fixture
def client(world):
    world.change(Kind.AGENTS, "triage", client_jwks=KEY.jwks)
    return world


def ask(world, assertion=None, **fields):
    base = {"grant_type": "client_credentials", "client_id": "triage", "resource": TOOLS}
    if assertion is not None:
        base |= {"client_assertion_type": ASSERTION, "client_assertion": assertion}
    return world.form("/oauth2/token", **{k: v for k, v in {**base, **fields}.items() if v is not None})


def said(reply):
    return jwt.decode(reply.json["access_token"], options={"verify_signature": False})


def test_an_agent_that_signs_with_its_own_key_gets_its_token(client):
    claims = said(ask(client, KEY.assertion(client.now)))

    assert (claims["sub"], claims["client_id"], claims["aud"]) == ("agent:triage", "triage", TOOLS)
    assert claims["urn:leasehold:lease"]["anc"][-1] == ["client:triage", 1]
    assert not any(node.startswith("binding:") for node, _ in claims["urn:leasehold:lease"]["anc"])


def test_an_assertion_alone_says_which_client_it_is(client):
    """RFC 7521 §4.2: client_id is unnecessary beside it."""
    assert said(ask(client, KEY.assertion(client.now), client_id=None))["client_id"] == "triage"

    assert ask(client, OTHER.assertion(client.now), client_id=None).json["error"] == "invalid_client"
    assert ask(client, KEY.assertion(client.now), client_id="rival").json["error"] == "invalid_client"


def test_a_client_without_credential_is_refused(client):
    reply = ask(client)

    assert (reply.status, reply.json["error"]) == (401, "invalid_client")
    assert reply.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": f"{ISSUER}/oauth2/token"},
        {"aud": [ISSUER, "https://other-as.example"]},
        {"aud": None},
        {"sub": "other"},
        {"iss": "other"},
        {"jti": None},
        {"exp": None},
        {"iat": None},
        {"client": "nobody"},
        {"header": {"typ": "at+jwt"}},
        {"header": {"typ": "dpop+jwt"}},
        {"header": {"jku": "https://evil.example/jwks"}},
    ],
)
def test_an_assertion_that_is_wrong_in_one_way_is_refused(client, changes):
    reply = ask(client, KEY.assertion(client.now, **changes))

    assert (reply.status, reply.json["error"]) == (401, "invalid_client")
    assert reply.json["error_description"] == "the client was not authenticated"


def test_an_assertion_that_lives_too_long_is_refused(client):
    assertion = KEY.assertion(client.now, exp=int(client.now.timestamp()) + 301)

    assert ask(client, assertion).json["error"] == "invalid_client"


def test_an_assertion_of_another_key_or_after_its_end_is_refused(client):
    assert ask(client, OTHER.assertion(client.now)).json["error"] == "invalid_client"
    assertion = KEY.assertion(client.now)
    client.later(seconds=61)
    assert ask(client, assertion).json["error"] == "invalid_client"


def test_an_assertion_is_used_once_however_many_try_at_once(client):
    assertion = KEY.assertion(client.now)
    body = (
        f"grant_type=client_credentials&client_id=triage&resource={TOOLS}"
        f"&client_assertion_type={ASSERTION}&client_assertion={assertion}"
    ).encode()
    form = {"content-type": "application/x-www-form-urlencoded"}

    async def storm():
        return await asyncio.gather(*(request(client.app, "POST", "/oauth2/token", body, form) for _ in range(50)))

    statuses = [reply.status for reply in asyncio.run(storm())]
    assert statuses.count(200) == 1
    assert set(statuses) == {200, 400}


def test_an_agent_without_keys_cannot_sign_itself_in(world):
    assert ask(world, KEY.assertion(world.now)).json["error"] == "invalid_client"


def test_an_unknown_client_is_answered_like_a_wrong_key(client):
    unknown = ask(client, KEY.assertion(client.now, client="nobody"), client_id="nobody")
    wrong = ask(client, OTHER.assertion(client.now))

    assert (unknown.status, unknown.body) == (wrong.status, wrong.body)


def test_other_keys_end_what_the_old_ones_got(client):
    token = ask(client, KEY.assertion(client.now)).json["access_token"]
    assert client.introspect(token)["active"]

    client.bump(client_node("triage"))

    assert client.introspect(token) == {"active": False}


def test_a_suspended_agent_gets_nothing_with_its_key(client):
    client.change(Kind.AGENTS, "triage", state=AgentState.SUSPENDED)

    assert ask(client, KEY.assertion(client.now)).json["error"] == "invalid_grant"


def test_a_client_cannot_take_a_platform_role(client):
    assert ask(client, KEY.assertion(client.now), resource=REGISTRY_AUDIENCE).json["error"] == "invalid_target"


def test_a_scope_beyond_what_is_granted_is_refused(client):
    reply = ask(client, KEY.assertion(client.now), scope="mcp:tool:delete_branch:delete")

    assert reply.json["error"] == "invalid_scope"


def test_a_workload_token_authenticates_the_agent_it_is_bound_to(world):
    claims = said(ask(world, world.pod_token()))

    assert claims["sub"] == "agent:triage"
    assert claims["urn:leasehold:lease"]["anc"][-1] == ["binding:triage-pods", 1]


def test_a_workload_token_authenticates_no_other_agent(world):
    assert ask(world, world.pod_token(), client_id="other").json["error"] == "invalid_client"


def test_a_token_of_a_pod_is_no_svid(world):
    reply = ask(world, world.pod_token(), client_assertion_type=SPIFFE)

    assert reply.json["error"] == "invalid_client"


def test_our_own_access_token_authenticates_nobody(client):
    token = ask(client, KEY.assertion(client.now)).json["access_token"]

    assert ask(client, token).json["error"] == "invalid_client"


def test_two_ways_at_once_are_refused(client):
    reply = ask(client, KEY.assertion(client.now), client_secret="x")

    assert (reply.status, reply.json["error"]) == (400, "invalid_request")


def secret(world, value="s3cret", *, days=1, allowed=True):
    world.change(Kind.AGENTS, "triage", client_secret_allowed=allowed)
    salt = b"\x01" * 16
    kept = ClientSecret(
        agent="triage",
        salt=salt.hex(),
        digest=hash_secret(value, salt),
        created_at=world.now,
        expires_at=world.now + timedelta(days=days),
    )
    with world.store.begin() as unit:
        unit.client_secrets.put(kept)


def basic(name, value):
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{value}".encode()).decode()}


def test_a_secret_is_taken_only_where_it_is_allowed_and_until_it_expires(world):
    secret(world)
    assert ask(world, client_secret="s3cret").status == 200
    form = {"grant_type": "client_credentials", "resource": TOOLS}
    assert world.form("/oauth2/token", basic("triage", "s3cret"), **form).status == 200
    assert world.form("/oauth2/token", basic("triage", "wrong"), **form).status == 401
    assert ask(world, client_secret="wrong").status == 401
    world.later(days=1)
    assert ask(world, client_secret="s3cret").status == 401


def test_a_secret_that_is_no_longer_allowed_is_worth_nothing(world):
    secret(world, allowed=False)

    assert ask(world, client_secret="s3cret").status == 401


def test_audit_tells_who_was_refused_and_why_and_keeps_no_credential(client):
    secret(client, "v3ry-s3cret")
    ask(client, client_secret="v3ry-s3cret-wrong")
    ask(client, OTHER.assertion(client.now))

    reasons = [event.reason for event in client.events() if event.action == "client-credentials"]
    assert reasons == ["unknown_key", "client_refused"]
    assert "s3cret" not in repr(client.events())
