"""RFC 7591, RFC 7592 and client ID metadata documents."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from tests.conformance.requirements import proves
from tests.fakes.client_keys import ASSERTION, ClientKey
from tests.fakes.exchange_world import ISSUER, TOOLS, World, world_on

from leasehold.keys.client_documents import ClientDocuments
from leasehold.keys.network import Network
from leasehold.model.errors import InvalidValue
from leasehold.model.kinds import Kind
from leasehold.model.principal import Principal, Role
from leasehold.model.registrations import (
    MAX_DOCUMENT_BYTES,
    REGISTRATION_TTL_MAX,
    check_client_id,
    metadata_of_document,
)
from leasehold.model.tokens import TokenRefused
from leasehold.policy.platform import PlatformAction, decide_platform
from leasehold.registry.registrations import offer_registration
from leasehold.store.memory.store import MemoryStore

KEY = ClientKey()
URL = "https://app.example/client.json"
METADATA = {
    "client_name": "A client",
    "redirect_uris": ["https://app.example/cb"],
    "grant_types": ["authorization_code", "client_credentials"],
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": json.loads(KEY.jwks),
}
DOCUMENT = {**METADATA, "client_id": URL}


@pytest.fixture
def open_world(tmp_path) -> Iterator[World]:
    """A registry where clients may register themselves, and an agent that takes them."""
    with world_on(MemoryStore(), tmp_path, registering=True) as world:
        world.change(Kind.AGENTS, "triage", dynamic_clients=5)
        yield world


def send(world, method, token, body=None, client_id=None):
    path = "/oauth2/register" + (f"?client_id={client_id}" if client_id else "")
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    return world.call(method, path, json.dumps(body).encode() if body is not None else b"", headers)


def register(world, **changes):
    permit = decide_platform(Principal(id="admin", role=Role.SECURITY_ADMIN), PlatformAction.PUT, "registration-tokens")
    token = offer_registration(world.store, permit, "triage", REGISTRATION_TTL_MAX, world.now).token
    return send(world, "POST", token, {**METADATA, **changes})


@proves("7591-gated")
def test_nobody_registers_without_an_initial_access_token(open_world):
    refused = send(open_world, "POST", "made-up", METADATA)
    assert (refused.status, refused.json["error"]) == (401, "invalid_token")


@proves("7591-answer", "7591-secret", "7592-uri")
def test_the_answer_says_everything_and_holds_no_secret(open_world):
    made = register(open_world)
    assert (made.status, made.headers["content-type"], made.headers["cache-control"]) == (
        201,
        "application/json",
        "no-store",
    )
    assert {name: made.json[name] for name in METADATA} == METADATA
    assert "client_secret" not in made.json
    assert made.json["registration_client_uri"].startswith(f"{ISSUER}/oauth2/register?client_id=")
    assert made.json["registration_access_token"]


@proves("7591-unknown")
def test_what_is_not_understood_is_ignored(open_world):
    assert register(open_world, tos_uri="https://app.example/tos", x={"y": 1}).status == 201


@proves("7591-redirect", "7591-metadata", "7591-statement")
def test_what_is_not_taken_is_said_in_the_words_of_the_standard(open_world):
    wrong = {
        "invalid_redirect_uri": {"redirect_uris": ["http://app.example/cb"]},
        "invalid_client_metadata": {"token_endpoint_auth_method": "client_secret_basic"},
        "unapproved_software_statement": {"software_statement": "e30.e30.e30"},
    }
    answers = {error: register(open_world, **changes) for error, changes in wrong.items()}
    assert {error: (answer.status, answer.json["error"]) for error, answer in answers.items()} == {
        error: (400, error) for error in wrong
    }


@proves("7592-access")
def test_a_client_is_managed_with_its_own_token_alone(open_world):
    mine, other = register(open_world).json, register(open_world).json
    assert send(open_world, "GET", mine["registration_access_token"], client_id=mine["client_id"]).status == 200
    for method in ("GET", "DELETE"):
        answer = send(open_world, method, other["registration_access_token"], client_id=mine["client_id"])
        assert answer.status == 401


@proves("7592-update")
def test_an_update_replaces_what_was_said(open_world):
    made = register(open_world).json
    token, client_id = made["registration_access_token"], made["client_id"]
    body = {**METADATA, "client_id": client_id, "redirect_uris": ["https://app.example/other"]}
    assert send(open_world, "PUT", token, body, client_id).json["redirect_uris"] == ["https://app.example/other"]
    assert send(open_world, "PUT", token, METADATA, client_id).status == 400


@proves("7592-delete")
def test_a_deleted_client_is_nobody(open_world):
    made = register(open_world).json
    token, client_id = made["registration_access_token"], made["client_id"]
    assert [send(open_world, "DELETE", token, client_id=client_id).status for _ in range(2)] == [204, 401]
    asked = open_world.form(
        "/oauth2/token",
        grant_type="client_credentials",
        client_id=client_id,
        resource=TOOLS,
        client_assertion_type=ASSERTION,
        client_assertion=KEY.assertion(open_world.now, client=client_id),
    )
    assert (asked.status, asked.json["error"]) == (401, "invalid_client")


@proves("cimd-equal", "cimd-secret", "cimd-size")
@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": URL + "/"},
        {"client_id": "https://APP.example/client.json"},
        {"client_secret": "x"},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"token_endpoint_auth_method": "client_secret_jwt"},
        {"padding": "x" * MAX_DOCUMENT_BYTES},
    ],
)
def test_a_document_that_is_wrong_in_one_way_is_refused(changes):
    assert metadata_of_document(URL, json.dumps(DOCUMENT).encode()).client_id == URL
    with pytest.raises(InvalidValue):
        metadata_of_document(URL, json.dumps({**DOCUMENT, **changes}).encode())


@proves("cimd-url")
@pytest.mark.parametrize(
    "url",
    ["http://a.example/c", "https://a.example", "https://a.example/./c", "https://u:p@a.example/c", URL + "#x"],
)
def test_an_address_of_another_form_is_no_client_id(url):
    check_client_id(URL)
    with pytest.raises(InvalidValue):
        check_client_id(url)


@proves("cimd-private")
@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1"])
def test_an_address_of_a_private_network_is_not_asked(address):
    async def resolve(_host, _port):
        return [address]

    with pytest.raises(TokenRefused):
        asyncio.run(ClientDocuments(Network(resolve=resolve)).read(URL))


@proves("cimd-metadata")
def test_the_metadata_says_that_documents_are_taken(open_world):
    open_world.change(Kind.AGENTS, "triage", client_ids=frozenset({URL}))
    metadata = open_world.call("GET", "/.well-known/oauth-authorization-server").json
    assert metadata["client_id_metadata_document_supported"] is True
