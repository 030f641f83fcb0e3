"""Clients without authentication: off unless said, registered by anybody, and what they are not."""

import base64
import html
import json

import pytest
from tests.fakes.client_keys import ASSERTION
from tests.fakes.credential_world import LOGIN
from tests.fakes.exchange_world import CREDENTIALS, EXCHANGE, ISSUER, JWT, TOOLS, world_on
from tests.fakes.people import (
    BACK,
    COMMENT,
    KEY,
    READ,
    USER,
    Browser,
    push,
    query,
    redeem,
    with_people,
)
from tests.fakes.public_clients import (
    LOOP,
    METADATA,
    URL,
    asked,
    claims_of,
    code_of,
    nobody_goes,
    question,
    register,
    taken,
)

from leasehold.model.deployments import Deployment
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.leases import consent_node
from leasehold.model.people import Agent
from leasehold.model.trust import OidcSubject
from leasehold.store.memory.store import MemoryStore

# The way through.


def test_a_program_that_registered_itself_acts_for_a_person_who_was_asked(world, client):
    browser, page = question(world, client)
    back = browser.answer(page)

    answer = query(back.headers["location"])
    assert (back.headers["location"].partition("?")[0], answer["state"], answer["iss"]) == (LOOP, "xyz", ISSUER)
    claims = claims_of(taken(world, client, answer["code"], resource=TOOLS))
    assert (claims["sub"], claims["act"], claims["client_id"]) == (USER, {"sub": "agent:triage"}, client)
    assert (claims["aud"], claims["scope"]) == (TOOLS, f"{COMMENT} {READ}")
    nodes = [node for node, _ in claims["urn:leasehold:lease"]["anc"]]
    own = f"client:{'.'.join(client.split('.')[:2])}"
    assert {USER, "client:triage", own, consent_node(USER, "triage", TOOLS)} <= set(nodes)


def test_a_client_with_a_document_acts_at_any_port_of_loopback(world):
    there = "http://localhost:50123/callback"
    browser, page = question(world, URL, redirect_uri=there)
    assert "editor.example" in page.body.decode()
    code = query(browser.answer(page).headers["location"])["code"]

    claims = claims_of(taken(world, URL, code, redirect_uri=there))
    assert (claims["act"], claims["client_id"]) == ({"sub": "agent:triage"}, URL)


def test_the_question_says_where_the_answer_goes_and_that_a_name_proves_nothing(world):
    client = register(world, client_name="<b>Payroll</b>").json["client_id"]
    browser, page = question(world, client, scope=READ)
    text = html.unescape(page.body.decode())

    for word in ("a program on this computer", "nobody has checked", "Alice (alice@example.com", "read_file", TOOLS):
        assert word in text
    assert "&lt;b&gt;Payroll" in page.body.decode()
    assert "comment" not in text
    assert browser.cookie.startswith("__Host-")
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' http://localhost:3118" in policy


def test_clients_with_a_document_bring_it_only_where_some_agent_lists_one(world):
    """Claude Code has one, and registers itself where documents are not taken: whoever lists none serves it too."""
    world.change(Kind.AGENTS, "triage", client_ids=frozenset())
    metadata = world.call("GET", "/.well-known/oauth-authorization-server").json
    assert metadata["client_id_metadata_document_supported"] is False
    assert metadata["registration_endpoint"] == f"{ISSUER}/oauth2/register"


def test_the_metadata_says_what_is_served(world, tmp_path):
    metadata = world.call("GET", "/.well-known/oauth-authorization-server").json
    assert metadata["registration_endpoint"] == f"{ISSUER}/oauth2/register"
    assert metadata["require_pushed_authorization_requests"] is False
    assert "refresh_token" in metadata["grant_types_supported"]
    assert "none" in metadata["token_endpoint_auth_methods_supported"]
    assert metadata["client_id_metadata_document_supported"] is True
    with world_on(MemoryStore(), tmp_path / "closed") as closed:
        metadata = closed.call("GET", "/.well-known/oauth-authorization-server").json
    assert metadata["require_pushed_authorization_requests"] is True
    assert "refresh_token" not in metadata["grant_types_supported"]
    assert "registration_endpoint" not in metadata


# What makers of such programs publish (autumn of 2026): ports that are left out or fixed, grant types of all kinds.
PUBLISHED = [
    (["http://localhost/callback", "http://127.0.0.1/callback"], [], "http://localhost:52001/callback"),
    (["http://localhost/callback", "http://127.0.0.1/callback"], [], "http://127.0.0.1:3118/callback"),
    (
        ["http://127.0.0.1:33418/", "https://vscode.dev/redirect"],
        ["urn:ietf:params:oauth:grant-type:device_code"],
        "http://127.0.0.1:59656/",
    ),
    (
        ["http://127.0.0.1:33418/", "https://vscode.dev/redirect"],
        ["urn:ietf:params:oauth:grant-type:device_code"],
        "https://vscode.dev/redirect",
    ),
    (["https://claude.ai/api/mcp/auth_callback"], [], "https://claude.ai/api/mcp/auth_callback"),
    (
        ["cursor://anysphere.cursor-mcp/oauth/callback", "http://localhost:8787/callback"],
        [],
        "http://localhost:8787/callback",
    ),
]


@pytest.mark.parametrize(("redirect_uris", "more_grants", "back"), PUBLISHED)
def test_documents_as_they_are_published_are_taken(world, redirect_uris, more_grants, back):
    grants = ["authorization_code", "refresh_token", *more_grants]
    said = {**METADATA, "client_id": URL, "redirect_uris": redirect_uris, "grant_types": grants}
    world.documents.bodies[URL] = json.dumps(
        {**said, "client_uri": "https://editor.example", "logo_uri": None}
    ).encode()

    browser, page = question(world, URL, redirect_uri=back)
    code = query(browser.answer(page).headers["location"])["code"]
    assert "refresh_token" in taken(world, URL, code, redirect_uri=back).json


# Off unless operator and agent say so.


def test_where_the_operator_serves_none_a_document_without_keys_is_no_client(tmp_path):
    with world_on(MemoryStore(), tmp_path) as world:
        with_people(world)
        world.change(Kind.AGENTS, "triage", public_clients=True, client_ids=frozenset({URL}))
        world.documents.bodies[URL] = json.dumps({**METADATA, "client_id": URL}).encode()

        nobody_goes(Browser(world).get(asked(URL)))
        assert taken(world, URL, "guess").json["error"] == "invalid_client"


def test_an_agent_that_takes_none_has_none_and_what_they_hold_ends(world, client):
    code = code_of(world, client)
    token = taken(world, client, code).json["access_token"]
    pending = code_of(world, URL)
    world.change(Kind.AGENTS, "triage", public_clients=False)

    for one in (client, URL):
        nobody_goes(Browser(world).get(asked(one)))
    assert register(world).status == 401
    assert taken(world, URL, pending).json["error"] == "invalid_client"
    assert world.introspect(token) == {"active": False}


def test_where_no_agent_is_open_nobody_registers(tmp_path):
    with world_on(MemoryStore(), tmp_path, registering=True) as world:
        world.change(Kind.AGENTS, "triage", public_clients=True)
        assert register(world).status == 401
    with world_on(MemoryStore(), tmp_path / "another", public="nobody") as world:
        assert register(world).status == 401


# RFC 7591: registration by anybody.


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": None}, "invalid_redirect_uri"),
        ({"redirect_uris": LOOP}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"{LOOP}/{at}" for at in range(21)]}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"{LOOP}/{'x' * 450}"]}, "invalid_client_metadata"),
        ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
        ({"grant_types": ["refresh_token"]}, "invalid_client_metadata"),
        ({"grant_types": "authorization_code"}, "invalid_client_metadata"),
        ({"response_types": ["token"]}, "invalid_client_metadata"),
        ({"client_name": "a\u202eb"}, "invalid_client_metadata"),
        ({"client_name": 7}, "invalid_client_metadata"),
        ({"client_secret": "mine"}, "invalid_client_metadata"),
        ({"padding": "x" * 11_000}, "invalid_client_metadata"),
    ],
)
def test_metadata_of_a_public_client_that_is_not_taken(world, changes, error):
    refused = register(world, **changes)
    assert (refused.status, refused.json["error"]) == (400, error)


def test_a_client_that_names_a_key_needs_a_token_as_ever(world):
    keys = {"jwks": json.loads(KEY.jwks), "token_endpoint_auth_method": "private_key_jwt"}
    assert register(world, **keys).status == 401
    assert register(world, jwks=json.loads(KEY.jwks)).status == 401


@pytest.mark.parametrize("method", [None, "none", "client_secret_basic", "client_secret_post"])
def test_what_a_client_gets_is_no_secret_whatever_it_asks_for(world, method):
    made = register(world, token_endpoint_auth_method=method)
    assert (made.status, made.json["token_endpoint_auth_method"]) == (201, "none")
    assert "client_secret" not in made.json
    assert made.json["grant_types"] == ["authorization_code", "refresh_token"]


def test_a_flood_of_registrations_and_of_requests_writes_nothing(world):
    before = len(world.events())
    ids = {register(world, client_name=f"client {at}").json["client_id"] for at in range(300)}
    assert len(ids) == 300
    for one in sorted(ids)[:50]:
        assert Browser(world).get(asked(one)).status == 303

    with world.store.read() as unit:
        assert list(unit.registrations.of_agent("triage")) == []
    assert len(world.events()) == before


def test_a_client_id_cannot_be_made_up_or_changed(world, client):
    prefix, mac, payload = client.split(".")
    raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    other = base64.urlsafe_b64encode(raw.replace(b"localhost", b"127.0.0.1")).rstrip(b"=").decode()
    for forged in (
        f"{prefix}.{mac}.{other}",
        f"{prefix}..{payload}",
        f"{prefix}.{mac}.",
        f"{prefix}.{mac}.{payload}=",
        f"{prefix}.{mac}.{payload}.x",
        f"{prefix}.{mac[:-1]}.{payload}",
        f"{prefix}.{mac}.***",
        f"{prefix}.{payload}",
        "pub.",
        "pub",
        "x" * 600,
    ):
        nobody_goes(Browser(world).get(asked(forged)))
        assert taken(world, forged, "guess").json["error"] == "invalid_client"


def test_who_registered_for_an_agent_is_a_client_of_no_other(world, client):
    world.public.agent = "rival"  # the operator names another
    nobody_goes(Browser(world).get(asked(client)))


# RFC 6749 §2.1, §4.4.2, RFC 9700 §2.5: what a client without authentication is not.


def test_whoever_has_a_key_or_a_secret_is_nobody_without_it(world):
    world.change(Kind.AGENTS, "triage", client_secret_allowed=True)
    nobody_goes(Browser(world).get(asked("triage", redirect_uri=BACK)))
    assert taken(world, "triage", "guess").json["error"] == "invalid_client"
    keyed = URL + "2"
    held = {"client_id": keyed, "redirect_uris": [BACK], "token_endpoint_auth_method": "private_key_jwt"}
    world.documents.bodies[keyed] = json.dumps({**METADATA, **held, "jwks": json.loads(KEY.jwks)}).encode()
    world.change(Kind.AGENTS, "triage", client_ids=frozenset({URL, keyed}))
    nobody_goes(Browser(world).get(asked(keyed, redirect_uri=BACK)))
    browser = Browser(world)
    page = browser.log_in(browser.start(push(world, KEY, keyed), keyed))
    code = query(browser.answer(page).headers["location"])["code"]
    assert taken(world, keyed, code, redirect_uri=BACK).json["error"] == "invalid_client"
    assert redeem(world, code, KEY, keyed).status == 200


def test_a_public_client_proves_itself_with_nothing_that_it_brings(world, client):
    code = code_of(world, URL)
    assertion = KEY.assertion(world.now, client=URL)
    for proof in (
        {"client_assertion_type": ASSERTION, "client_assertion": assertion},
        {"client_secret": "guess"},
        {"client_assertion_type": ASSERTION},
    ):
        assert taken(world, URL, code, **proof).json["error"] in {"invalid_client", "invalid_request"}


@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "client_credentials", "resource": TOOLS},
        {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "x.y.z", "resource": TOOLS},
        {"grant_type": "password", "username": "alice", "password": "x"},
    ],
)
def test_a_public_client_has_one_grant_type_that_begins_anything(world, client, form):
    refused = world.form("/oauth2/token", client_id=client, **form)
    assert refused.json["error"] in {
        "invalid_client",
        "unauthorized_client",
        "invalid_request",
        "unsupported_grant_type",
    }
    assert refused.status in {400, 401}


def test_no_public_client_draws_credentials_of_other_systems_whatever_its_agent_may(world, client):
    world.put(Kind.CREDENTIAL_PROFILES, "orders", LOGIN)
    assert push(world, resource=CREDENTIALS).status == 201
    back = Browser(world).get(asked(client, resource=CREDENTIALS)).headers["location"]
    assert query(back)["error"] == "invalid_target"


def test_a_public_client_pushes_nothing(world, client):
    fields = {"client_id": client, "redirect_uri": LOOP, "client_assertion": None, "client_assertion_type": None}
    assert push(world, **fields).json["error"] == "invalid_client"


def test_a_token_of_a_public_client_is_no_subject_token_and_nobody_delegates_from_it(world, client):
    helper = Agent(owner="alice", review_by="2027-06-01")
    world.put(Kind.AGENTS, "helper", helper)
    world.put(Kind.DEPLOYMENTS, "helper-prod", Deployment(agent="helper"))
    grant = Grant(
        agent="helper", tool_server="github", tools=frozenset({"read_file"}), resources=frozenset({"repo:web"})
    )
    world.put(Kind.GRANTS, grant.id, grant)
    world.bind("helper-pods", trust_issuer="people", agent="helper", oidc=OidcSubject(subject="helper"))
    world.change(Kind.AGENTS, "triage", may_delegate_to=frozenset({"helper"}))
    token = taken(world, client, code_of(world, client)).json["access_token"]
    assert world.exchange_form(token).json["error"] == "invalid_grant"

    access = "urn:ietf:params:oauth:token-type:access_token"
    form = {
        "grant_type": EXCHANGE,
        "subject_token": token,
        "subject_token_type": access,
        "resource": TOOLS,
        "scope": READ,
        "client_id": "helper",
        "actor_token": world.people.token(sub="helper"),
        "actor_token_type": JWT,
    }
    refused = world.form("/oauth2/token", **form)
    assert refused.json["error"] == "invalid_grant"
    assert world.events()[0].reason == "depth_exceeded"
    # Nor does the agent itself trade it for more, here or elsewhere.
    again = world.form("/oauth2/token", **{**form, "client_id": "triage", "actor_token": world.pod_token()})
    assert again.json["error"] == "invalid_grant"
    assert world.events()[0].reason == "depth_exceeded"
    # The same from a client that proves itself is delegated: it is the client that makes the difference.
    proper = redeem(world, _proper_code(world)).json["access_token"]
    assert world.form("/oauth2/token", **{**form, "subject_token": proper}).status == 200


def _proper_code(world):
    browser = Browser(world)
    page = browser.ask(push(world))
    return query((page if page.status == 303 else browser.answer(page)).headers["location"])["code"]
