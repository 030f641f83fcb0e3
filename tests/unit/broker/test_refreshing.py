"""Access tokens that end soon: refreshed once, whoever asks, and never with a token that was used."""

import asyncio
from dataclasses import replace

import pytest
from tests.fakes.broker_world import ALICE
from tests.fakes.exchange_world import ISSUER

from leasehold.broker.brokering import Broker
from leasehold.broker.refreshing import CLAIM, Refreshing
from leasehold.external.sigv4 import sign
from leasehold.model.connection_secrets import OAuthSecret, written
from leasehold.model.connections import Authorized, ConnectionKind, NotConnected, NotConnectedReason, Personal
from leasehold.model.upstream import OAuthUpstream, UpstreamAuth
from leasehold.policy.connecting import decide_own

RECONNECT = NotConnected(reason=NotConnectedReason.RECONNECT, connect_url=f"{ISSUER}/connect/github")


def token_requests(world):
    return [request for request in world.upstream.log if request.url.path == "/token"]


def another_replica(world):
    """A broker of its own on the same database."""
    refreshing = Refreshing(store=world.store, vault=world.vault, servers=world.servers, clients=world.clients)
    broker = Broker(
        issuer=ISSUER, store=world.store, vault=world.vault, refreshing=refreshing, drawing=world.drawing, sign=sign
    )
    world.store.listen(broker.forget)
    return broker


def test_a_token_that_ends_soon_is_refreshed_and_its_refresh_token_rotates(world):
    world.connect()
    first = world.bearer()
    assert world.bearer() == first
    world.later(seconds=3600 - 29)
    second = world.bearer()
    assert second != first
    assert world.bearer() == second
    world.later(hours=1)
    assert world.bearer() not in {first, second}
    assert world.upstream.families_ended == []


def refused(world, **changes):
    return asyncio.run(world.broker.refused(world.call(**changes)))


def test_a_token_that_ended_before_its_time_is_refreshed_once_and_then_the_person_connects_anew(world):
    world.connect()
    first = world.bearer()
    assert refused(world) is None
    second = world.bearer()
    assert second != first
    assert refused(world) == RECONNECT, "a server that takes no token of ours is not asked for one again and again"
    assert len(token_requests(world)) == 2
    assert world.bearer() == second, "nothing is lost: it may not have meant it"
    world.later(seconds=61)
    assert refused(world) is None
    assert world.bearer() not in {first, second}


def test_a_family_that_was_ended_there_asks_the_person_to_connect_anew(world):
    world.connect()
    world.upstream.refreshes.clear()
    assert refused(world) == RECONNECT
    assert world.authorize() == RECONNECT


def test_of_what_is_not_a_persons_own_nobody_hears(world):
    assert world.promote(world.share()).status == 200
    world.upstream.refreshes.clear()
    assert refused(world, user=None) is None
    assert refused(world, user=None, agent="nobody") is None


def test_many_who_ask_at_once_refresh_once(world):
    world.connect()
    world.later(hours=2)
    calls = [world.call(body=str(number).encode()) for number in range(25)]

    async def ask():
        return await asyncio.gather(*(world.broker.authorize(call) for call in calls))

    answers = asyncio.run(ask())
    assert len({answer.headers for answer in answers}) == 1
    assert len(token_requests(world)) == 2, "the code, and one refresh"
    assert world.upstream.families_ended == []


def test_replicas_refresh_once_between_them(world):
    world.connect()
    world.later(hours=2)
    other, call = another_replica(world), world.call()

    async def pause():
        await asyncio.sleep(0)

    world.upstream.pause = pause

    async def ask():
        return await asyncio.gather(world.broker.authorize(call), other.authorize(call))

    first, second = asyncio.run(ask())
    assert isinstance(first, Authorized)
    assert first.headers == second.headers
    assert len(token_requests(world)) == 2
    assert world.upstream.families_ended == []


def test_who_gives_up_waiting_ends_it_for_nobody_else(world):
    world.connect()
    world.later(hours=2)
    call = world.call()

    async def ask():
        impatient = asyncio.create_task(world.broker.authorize(call))
        patient = asyncio.create_task(world.broker.authorize(call))
        await asyncio.sleep(0.01)
        impatient.cancel()
        return await patient

    assert isinstance(asyncio.run(ask()), Authorized)


def test_a_refresh_that_broke_off_is_tried_again_when_its_claim_is_over(world):
    world.connect()
    world.later(hours=2)
    with world.store.begin() as unit:
        one = unit.connections.find(Personal(ALICE), "github").connection
        assert unit.connections.claim(one, world.world.now, world.world.now + CLAIM)
    world.later(seconds=15)
    assert world.authorize().kind is ConnectionKind.PERSONAL


@pytest.mark.parametrize("path", ["/token", "/.well-known/oauth-authorization-server"])
def test_a_silent_server_breaks_nothing_and_the_old_token_is_used_while_it_lives(world, path):
    world.connect()
    first = world.bearer()
    world.upstream.silent.add(path)
    world.later(seconds=3600 - 20)
    assert world.bearer() == first
    world.later(seconds=30)
    assert world.authorize() == NotConnected(
        reason=NotConnectedReason.UPSTREAM_UNAVAILABLE, connect_url=f"{ISSUER}/connect/github"
    )
    world.upstream.silent.clear()
    world.later(seconds=15)
    assert world.bearer() != first


def test_a_refresh_token_that_is_refused_asks_to_connect_anew_and_is_not_tried_again(world):
    world.connect()
    world.upstream.refreshes.clear()
    world.later(hours=2)
    assert world.authorize() == RECONNECT
    asked = len(token_requests(world))
    assert world.authorize() == RECONNECT
    assert len(token_requests(world)) == asked
    event = next(event for event in world.events() if event.action == "refresh")
    assert (event.outcome.value, event.reason) == ("error", "invalid_grant")
    shown = world.administer("GET", "/v1/connections").json["items"][0]
    assert shown["state"] == "reconnect"


def test_what_a_server_says_of_a_refusal_is_never_logged(world, caplog):
    world.connect()
    refresh = next(iter(world.upstream.refreshes))
    world.upstream.refreshes.clear()
    world.upstream.used.add(refresh)
    world.later(hours=2)
    with caplog.at_level("DEBUG"):
        world.authorize()
    assert "was not refreshed" in caplog.text
    assert refresh not in caplog.text


def test_without_a_refresh_token_the_person_connects_anew(world):
    world.connect()
    with world.store.read() as unit:
        sealed = unit.connections.find(Personal(ALICE), "github")
    secret = written(OAuthSecret(access_token="at", refresh_token=None, client_id="client-1"))
    one = replace(sealed.connection, revision=2)
    with world.store.begin() as unit:
        unit.connections.replace(replace(sealed, connection=one, envelope=world.vault.seal(secret, one.binding)), 1)
    assert world.bearer() == "at"
    world.later(hours=2)
    assert world.authorize() == RECONNECT


def test_a_token_that_does_not_say_when_it_ends_is_used_as_it_is(world):
    world.upstream.expires_in = None
    world.connect()
    world.later(days=400)
    assert world.authorize().kind is ConnectionKind.PERSONAL


def test_a_refresh_goes_to_the_issuer_that_it_came_from_whatever_the_tool_server_says_now(world):
    """SEP-2352: a refresh token is shown to no other authorization server."""
    world.connect()
    world.upstream.resource_metadata["authorization_servers"] = ["https://evil.example"]
    world.later(hours=2)
    world.authorize()
    assert {request.headers["host"].partition(":")[0] for request in token_requests(world)} == {"as.example"}


def test_tokens_that_came_for_a_connection_that_was_removed_meanwhile_are_revoked(world):
    world.connect()
    one = world.administer("GET", "/v1/connections").json["items"][0]["id"]
    world.later(hours=2)

    async def remove():
        world.upstream.pause = None
        await asyncio.to_thread(world.keeping.remove, decide_own(ALICE), one, world.world.now)

    world.upstream.pause = remove
    assert isinstance(world.authorize(), NotConnected)
    fresh = set(world.upstream.refreshes)
    world.look()
    assert fresh
    assert fresh <= set(world.upstream.revoked)


def test_a_declaration_that_changed_our_client_does_not_send_tokens_of_the_one_before(world):
    world.connect()
    world.upstream.clients["ours"] = None
    oauth = OAuthUpstream(issuer="https://as.example", client_id="ours")
    world.declare("github", UpstreamAuth(oauth=oauth))
    asked = len(token_requests(world))
    world.later(hours=2)
    assert world.authorize() == RECONNECT
    assert len(token_requests(world)) == asked
