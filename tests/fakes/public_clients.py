"""What a program on a person's computer does: registers itself, sends the browser, redeems what comes back."""

import json
from urllib.parse import urlencode

import jwt
from tests.fakes.exchange_world import TOOLS
from tests.fakes.people import VERIFIER, Browser, query, with_people

from leasehold.exchange.on_behalf import challenge_of
from leasehold.model.kinds import Kind

LOOP = "http://localhost:3118/callback"
METADATA = {
    "client_name": "Editor",
    "redirect_uris": [LOOP],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
    "application_type": "native",
}
URL = "https://editor.example/oauth/client.json"


def register(world, **changes):
    said = {name: value for name, value in {**METADATA, **changes}.items() if value is not None}
    return world.call("POST", "/oauth2/register", json.dumps(said).encode(), {"content-type": "application/json"})


def asked(client, **changes):
    said = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": LOOP,
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
        "state": "xyz",
        "resource": TOOLS,
        **changes,
    }
    return "/oauth2/authorize?" + urlencode({name: value for name, value in said.items() if value is not None})


def question(world, client, browser=None, **changes):
    browser = browser or Browser(world)
    return browser, browser.log_in(browser.get(asked(client, **changes)))


def code_of(world, client, **changes):
    browser, page = question(world, client, **changes)
    return query(browser.answer(page).headers["location"])["code"]


def taken(world, client, code, headers=None, **changes):
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": LOOP,
        "code_verifier": VERIFIER,
        "client_id": client,
        **changes,
    }
    return world.form("/oauth2/token", headers or {}, **{k: v for k, v in fields.items() if v is not None})


def claims_of(reply):
    return jwt.decode(reply.json["access_token"], options={"verify_signature": False})


def nobody_goes(reply):
    assert (reply.status, "location" in reply.headers) == (400, False)


def with_public_clients(world):
    """A world whose agent `triage` takes them, one with a document among them."""
    with_people(world)
    world.change(Kind.AGENTS, "triage", public_clients=True, client_ids=frozenset({URL}))
    world.documents.bodies[URL] = json.dumps({**METADATA, "client_id": URL}).encode()
    return world
