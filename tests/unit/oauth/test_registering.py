"""Dynamic registration (RFC 7591, RFC 7592): off, gated, and always for one agent that takes such clients."""

import asyncio
import json
from datetime import timedelta

import jwt
import pytest
from tests.fakes.client_keys import ASSERTION, ClientKey
from tests.fakes.exchange_world import ISSUER, TOOLS, request, world_on
from tests.fakes.people import BACK, Browser, push, query, redeem, with_people

from leasehold.model.errors import InvalidBody, NotFound
from leasehold.model.kinds import Kind
from leasehold.model.principal import Principal, Role
from leasehold.policy.platform import PlatformAction, decide_platform
from leasehold.registry.registrations import offer_registration
from leasehold.store.memory.store import MemoryStore

REGISTER = "/oauth2/register"
KEY, OTHER = ClientKey(), ClientKey()
ADMIN = Principal(id="oidc:admin", role=Role.SECURITY_ADMIN)
METADATA = {
    "client_name": "Triage on my machine",
    "redirect_uris": [BACK],
    "grant_types": ["authorization_code", "client_credentials"],
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": json.loads(KEY.jwks),
}


@pytest.fixture
def open_world(tmp_path):
    """A registry whose operator lets clients register, and an agent that takes two."""
    with world_on(MemoryStore(), tmp_path, registering=True) as world:
        with_people(world)
        world.change(Kind.AGENTS, "triage", dynamic_clients=2, client_jwks=None)
        yield world


def offer(world, agent="triage", **ttl):
    permit = decide_platform(ADMIN, PlatformAction.PUT, "registration-tokens")
    return offer_registration(world.store, permit, agent, timedelta(**(ttl or {"hours": 1})), world.now).token


def send(world, method, token, body=None, client_id=None, **headers):
    path = REGISTER if client_id is None else f"{REGISTER}?client_id={client_id}"
    sent = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {}), **headers}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    return world.call(method, path, raw, sent)


def register(world, token=None, **changes):
    said = {name: value for name, value in {**METADATA, **changes}.items() if value is not None}
    return send(world, "POST", token if token is not None else offer(world), said)


def ask(world, client_id, key=KEY, **fields):
    base = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "resource": TOOLS,
        "client_assertion_type": ASSERTION,
        "client_assertion": key.assertion(world.now, client=client_id),
    }
    return world.form("/oauth2/token", **{**base, **fields})


def said(reply):
    return jwt.decode(reply.json["access_token"], options={"verify_signature": False})


def test_a_stranger_registers_nothing(open_world):
    for token in (None, "lhi_guess", "", open_world.registry_token()):
        refused = send(open_world, "POST", token, METADATA)
        assert (refused.status, refused.json["error"]) == (401, "invalid_token")
        assert refused.headers["www-authenticate"].startswith("Bearer")


def test_where_it_is_off_nothing_is_there_and_nothing_is_said_to_be(world):
    world.change(Kind.AGENTS, "triage", dynamic_clients=2)

    assert send(world, "POST", offer(world), METADATA).status == 404
    metadata = world.call("GET", "/.well-known/oauth-authorization-server").json
    assert "registration_endpoint" not in metadata
    assert metadata["client_id_metadata_document_supported"] is False, "no agent lists a document"


def test_where_it_is_on_the_metadata_says_where(open_world):
    for path in ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"):
        assert open_world.call("GET", path).json["registration_endpoint"] == ISSUER + REGISTER


def test_an_agent_that_takes_no_such_clients_gets_none(open_world):
    open_world.change(Kind.AGENTS, "triage", dynamic_clients=0)

    with pytest.raises(InvalidBody):
        offer(open_world)
    with pytest.raises(NotFound):
        offer(open_world, "nobody")


def test_a_client_that_registered_is_its_agent_and_no_more(open_world):
    made = register(open_world)
    assert made.status == 201
    assert made.headers["cache-control"] == "no-store"
    client_id = made.json["client_id"]

    claims = said(ask(open_world, client_id))

    assert (claims["sub"], claims["client_id"]) == ("agent:triage", client_id)
    assert claims["scope"] == "mcp:tool:comment:write mcp:tool:read_file:read"
    refused = ask(open_world, client_id, scope="mcp:tool:delete_branch:delete")
    assert refused.json["error"] == "invalid_scope"


def test_the_answer_says_what_was_registered(open_world):
    made = register(open_world, unknown_member="x").json

    assert made["registration_client_uri"] == f"{ISSUER}{REGISTER}?client_id={made['client_id']}"
    assert made["client_id_issued_at"] == int(open_world.now.timestamp())
    assert {name: made[name] for name in METADATA} == METADATA
    assert "unknown_member" not in made
    assert "client_secret" not in made


def test_an_initial_access_token_works_once_however_many_try_at_once(open_world):
    token = offer(open_world)
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    body = json.dumps(METADATA).encode()

    async def storm():
        return await asyncio.gather(*(request(open_world.app, "POST", REGISTER, body, headers) for _ in range(20)))

    statuses = [reply.status for reply in asyncio.run(storm())]
    assert statuses.count(201) == 1
    assert set(statuses) == {201, 401}


def test_an_initial_access_token_expires(open_world):
    token = offer(open_world, hours=1)
    open_world.later(hours=1)

    assert register(open_world, token).status == 401


def test_an_agent_takes_so_many_and_no_more(open_world):
    tokens = [offer(open_world) for _ in range(3)]

    assert [register(open_world, token).status for token in tokens] == [201, 201, 403]
    with pytest.raises(InvalidBody):
        offer(open_world)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"jwks": None}, "invalid_client_metadata"),
        ({"jwks_uri": "https://app.example/jwks"}, "invalid_client_metadata"),
        ({"jwks": None, "jwks_uri": "http://app.example/jwks"}, "invalid_client_metadata"),
        ({"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}, "invalid_client_metadata"),
        ({"client_secret": "mine"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "client_secret_basic"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "none"}, "invalid_client_metadata"),
        ({"grant_types": ["password"]}, "invalid_client_metadata"),
        ({"grant_types": "authorization_code"}, "invalid_client_metadata"),
        ({"client_name": 7}, "invalid_client_metadata"),
        ({"redirect_uris": ["http://evil.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"{BACK}/{at}" for at in range(21)]}, "invalid_redirect_uri"),
        ({"software_statement": "e30.e30.e30"}, "unapproved_software_statement"),
        ({"padding": "x" * 11_000}, "invalid_client_metadata"),
    ],
)
def test_metadata_that_is_not_taken_uses_nothing_up(open_world, changes, error):
    token = offer(open_world)

    refused = register(open_world, token, **changes)

    assert (refused.status, refused.json["error"]) == (400, error)
    assert register(open_world, token).status == 201


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"jwks": 1, "jwks": 2}', b"[" * 9000])
def test_a_body_that_is_no_json_object_is_refused(open_world, body):
    assert send(open_world, "POST", offer(open_world), body).json["error"] == "invalid_client_metadata"


def test_a_form_is_no_registration(open_world):
    answer = send(open_world, "POST", offer(open_world), METADATA, **{"content-type": "text/plain"})
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


def test_a_client_sees_itself_with_its_own_token_alone(open_world):
    made, other = register(open_world).json, register(open_world).json

    seen = send(open_world, "GET", made["registration_access_token"], client_id=made["client_id"])
    assert seen.status == 200
    assert seen.json["client_id"] == made["client_id"]
    for token in (other["registration_access_token"], "lhr_guess", None):
        refused = send(open_world, "GET", token, client_id=made["client_id"])
        unknown = send(open_world, "GET", token, client_id="dyn.unknown")
        assert (refused.status, refused.body) == (unknown.status, unknown.body)
        assert refused.status == 401


def test_a_client_changes_its_keys_and_what_the_old_ones_got_ends(open_world):
    made = register(open_world).json
    client_id, token = made["client_id"], made["registration_access_token"]
    old = ask(open_world, client_id).json["access_token"]

    changed = send(
        open_world, "PUT", token, {**METADATA, "client_id": client_id, "jwks": json.loads(OTHER.jwks)}, client_id
    )

    assert changed.status == 200
    assert open_world.introspect(old) == {"active": False}
    assert ask(open_world, client_id).json["error"] == "invalid_client"
    assert open_world.introspect(ask(open_world, client_id, OTHER).json["access_token"])["active"]


@pytest.mark.parametrize(
    "changes",
    [{"client_id": "triage"}, {"client_id": None}, {"registration_access_token": "x"}, {"client_id_issued_at": 1}],
)
def test_a_change_that_says_whose_it_is_wrongly_is_refused(open_world, changes):
    made = register(open_world).json
    body = {**METADATA, "client_id": made["client_id"], **changes}

    refused = send(open_world, "PUT", made["registration_access_token"], body, made["client_id"])

    assert (refused.status, refused.json["error"]) == (400, "invalid_client_metadata")


def test_a_client_that_ends_itself_is_none_and_leaves_the_others(open_world):
    gone, stays = register(open_world).json, register(open_world).json
    tokens = [ask(open_world, one["client_id"]).json["access_token"] for one in (gone, stays)]

    ended = send(open_world, "DELETE", gone["registration_access_token"], client_id=gone["client_id"])

    assert (ended.status, ended.body) == (204, b"")
    assert [open_world.introspect(token)["active"] for token in tokens] == [False, True]
    assert ask(open_world, gone["client_id"]).json["error"] == "invalid_client"
    again = send(open_world, "DELETE", gone["registration_access_token"], client_id=gone["client_id"])
    assert again.status == 401


@pytest.mark.parametrize(
    "query_string", ["", "?client_id", "?client_id=a&client_id=b", "?x=y", f"?client_id={'a' * 2000}"]
)
def test_a_management_request_names_one_client(open_world, query_string):
    answer = open_world.call("GET", REGISTER + query_string, b"", {"authorization": "Bearer x"})
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


def test_an_agent_that_takes_none_any_more_has_none(open_world):
    client_id = register(open_world).json["client_id"]
    open_world.change(Kind.AGENTS, "triage", dynamic_clients=0)

    assert ask(open_world, client_id).json["error"] == "invalid_client"


def test_no_token_is_kept_or_told(open_world):
    initial = offer(open_world)
    made = register(open_world, initial).json

    with open_world.store.read() as unit:
        kept = repr(unit.registrations.find(made["client_id"])) + repr(unit.registrations.of_agent("triage"))
    told = repr(open_world.events())
    for secret in (initial, made["registration_access_token"]):
        assert secret not in kept
        assert secret not in told
    assert open_world.events()[0].action == "register"
    assert open_world.events()[0].detail["agent"] == "triage"


def test_a_person_lets_a_registered_client_act(open_world):
    client_id = register(open_world).json["client_id"]
    browser = Browser(open_world)
    page = browser.log_in(browser.start(push(open_world, KEY, client_id), client_id))
    code = query(browser.answer(page).headers["location"])["code"]

    claims = said(redeem(open_world, code, KEY, client_id))

    assert (claims["act"], claims["client_id"]) == ({"sub": "agent:triage"}, client_id)
