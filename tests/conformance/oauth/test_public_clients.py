"""Public clients: RFC 8252, RFC 6749 and RFC 9700, as far as they bind an authorization server."""

from collections.abc import Iterator

import pytest
from tests.conformance.requirements import proves
from tests.fakes.exchange_world import ISSUER, OTHER_TOOLS, World, world_on
from tests.fakes.people import Browser, query
from tests.fakes.public_clients import LOOP, asked, code_of, nobody_goes, question, register, taken, with_public_clients

from leasehold.store.memory.store import MemoryStore


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    """An operator who serves public clients, and whose agent takes them."""
    with world_on(MemoryStore(), tmp_path, public="triage") as world:
        yield with_public_clients(world)


@pytest.fixture
def client(world) -> str:
    return register(world).json["client_id"]


def refreshed(world, client, token, **changes):
    return world.form("/oauth2/token", grant_type="refresh_token", refresh_token=token, client_id=client, **changes)


@proves("8252-port")
def test_any_port_of_loopback_is_the_registered_address(world, client):
    assert question(world, client, redirect_uri="http://localhost:1/callback")[1].status == 200
    nobody_goes(Browser(world).get(asked(client, redirect_uri="http://localhost:1/other")))


@proves("8252-consent")
def test_no_public_client_is_answered_without_asking(world, client):
    code_of(world, client)
    assert question(world, client)[1].status == 200
    silent = Browser(world).get(asked(client, prompt="none"))
    assert query(silent.headers["location"])["error"] == "consent_required"


@proves("6749-no-redirect")
def test_nothing_goes_to_an_address_that_is_not_known_to_be_the_clients(world, client):
    nobody_goes(Browser(world).get(asked(client, redirect_uri="https://evil.example/cb")))
    nobody_goes(Browser(world).get(asked("pub.x.y")))


@proves("6749-told-errors", "9207-error")
def test_other_errors_go_back_with_state_and_issuer(world, client):
    answer = query(Browser(world).get(asked(client, response_type="token")).headers["location"])
    assert (answer["error"], answer["state"], answer["iss"]) == ("unsupported_response_type", "xyz", ISSUER)


@proves("7591-substituted")
def test_what_is_registered_instead_of_what_was_asked_is_said(world):
    made = register(
        world, token_endpoint_auth_method="client_secret_post", redirect_uris=[LOOP, "https://evil.example/"]
    )
    assert (made.json["token_endpoint_auth_method"], made.json["redirect_uris"]) == ("none", [LOOP])


@proves("8707-code")
def test_a_code_is_redeemed_for_the_resource_that_was_shown(world, client):
    refused = taken(world, client, code_of(world, client), resource=OTHER_TOOLS)
    assert refused.json["error"] == "invalid_target"


@proves("6749-refresh", "9700-rotation")
def test_a_refresh_token_is_for_its_client_and_good_once(world, client):
    held = taken(world, client, code_of(world, client)).json
    other = register(world, client_name="Other").json["client_id"]
    assert refreshed(world, other, held["refresh_token"]).json["error"] == "invalid_grant"
    again = refreshed(world, client, held["refresh_token"]).json
    assert again["refresh_token"] != held["refresh_token"]
    assert refreshed(world, client, held["refresh_token"]).json["error"] == "invalid_grant"
    assert world.introspect(again["access_token"]) == {"active": False}


@proves("7009-refresh")
def test_a_refresh_token_that_is_revoked_takes_its_access_tokens_along(world, client):
    held = taken(world, client, code_of(world, client)).json
    assert world.form("/oauth2/revoke", token=held["refresh_token"]).status == 200
    assert world.introspect(held["access_token"]) == {"active": False}
