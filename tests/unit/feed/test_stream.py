"""`GET /revocations/stream`: who may follow, what they are told, and how it ends."""

import asyncio
from datetime import timedelta

import jwt
import pytest
from tests.fakes.exchange_world import ISSUER, request
from tests.fakes.feed_world import Stream

from leasehold.feed import feed as feeds
from leasehold.feed import subscription as subscriptions
from leasehold.keys.signing import to_jwk
from leasehold.model.leases import agent_node, owner_node
from leasehold.model.revocations import REVOCATIONS_KEPT
from leasehold.web.revocations import app as doors


def refusal(world, query, headers):
    async def ask():
        async with Stream(world.app, query, headers) as stream:
            return await stream.status(), await stream.text()

    return asyncio.run(ask())


@pytest.mark.parametrize("path", ["/revocations/stream", "/revocations"])
def test_the_anonymous_and_those_with_a_wrong_token_are_refused(world, path):
    agent = world.get(world.pod_token()).access_token
    for headers in ({}, {"authorization": "Bearer junk"}, {"authorization": f"Bearer {agent}"}):
        reply = asyncio.run(request(world.app, "GET", path, b"", headers))
        assert reply.status == 401
        assert reply.json["error"] == "invalid_token"
        assert reply.headers["www-authenticate"].startswith("Bearer")


def test_a_dead_token_opens_nothing(world, bearer):
    world.bump(agent_node("triage"))
    world.revoke(bearer["authorization"].removeprefix("Bearer "))
    assert refusal(world, b"since=0", bearer)[0] == 401
    assert asyncio.run(request(world.app, "GET", "/revocations", b"", bearer)).status == 401
    assert world.feed._subscriptions == set()


@pytest.mark.parametrize("query", [b"", b"since=", b"since=-1", b"since=x", b"since=1&since=1", b"since=" + b"9" * 30])
def test_a_follower_says_where_it_is(world, bearer, query):
    assert refusal(world, query, bearer)[0] == 400


def test_only_get_and_only_two_paths(world, bearer):
    assert asyncio.run(request(world.app, "POST", "/revocations", b"", bearer)).status == 405
    assert asyncio.run(request(world.app, "GET", "/revocations/x", b"", bearer)).status == 404


def test_a_new_follower_is_told_what_it_missed_then_what_happens(world, bearer):
    world.bump(agent_node("a"))

    async def follow():
        async with Stream(world.app, b"since=0", bearer) as stream:
            assert await stream.status() == 200
            missed, beat, *_ = await stream.statements()
            world.bump(owner_node("o"))
            return missed, beat, await stream.events(1)

    missed, beat, events = asyncio.run(follow())
    assert (missed["since"], missed["seq"], missed["events"]) == (0, 1, [["agent:a", 1]])
    assert (beat["since"], beat["seq"], beat["events"]) == (1, 1, [])
    assert events == [["owner:o", 1]]


def test_the_frames_carry_the_sequence_and_a_signature_of_their_own_type(world, bearer):
    async def follow():
        async with Stream(world.app, b"since=0", bearer) as stream:
            await stream.status()
            return await stream.text()

    identifier, signed = asyncio.run(follow()).splitlines()[:2]
    assert identifier == "id: 0"
    token = signed.removeprefix("data: ")
    header = jwt.get_unverified_header(token)
    key = jwt.PyJWK({**to_jwk(world.signer.published()[header["kid"]]), "alg": "ES256"})
    claims = jwt.decode(token, key, algorithms=["ES256"], audience=f"{ISSUER}/revocations", options={"verify_iat": 0})
    assert header["typ"] == "revocations+jwt"
    assert claims["at"] == int(world.now.timestamp() * 1000)
    assert not claims.keys() & {"sub", "exp", "client_id", "jti"}


def test_a_heartbeat_comes_four_times_a_second_and_carries_the_time(world, bearer):
    async def follow():
        async with Stream(world.app, b"since=0", bearer) as stream:
            await stream.status()
            await stream.statements()
            at = asyncio.get_running_loop().time()
            world.later(seconds=2)
            beats = [statement for _ in range(3) for statement in await stream.statements()]
            return beats, asyncio.get_running_loop().time() - at

    beats, took = asyncio.run(follow())
    assert all(beat["events"] == [] for beat in beats)
    assert beats[-1]["at"] == int(world.now.timestamp() * 1000)
    assert 0.2 < took < 2


def test_a_clock_that_was_ahead_for_a_while_leaves_no_heartbeat_from_the_future(world, bearer):
    async def follow():
        async with Stream(world.app, b"since=0", bearer) as stream:
            await stream.status()
            await stream.statements()
            world.later(minutes=2)
            while (await stream.statements())[-1]["at"] < world.now.timestamp() * 1000:
                pass
            world.later(minutes=-2)
            return [statement for _ in range(3) for statement in await stream.statements()]

    assert asyncio.run(follow())[-1]["at"] == int(world.now.timestamp() * 1000)


def test_last_event_id_knows_better_than_the_url(world, bearer):
    for node in ("a", "b"):
        world.bump(agent_node(node))

    async def follow():
        async with Stream(world.app, b"since=0", {**bearer, "last-event-id": "1"}) as stream:
            await stream.status()
            return await stream.events(1)

    assert asyncio.run(follow()) == [["agent:b", 1]]


def test_who_is_too_far_behind_or_ahead_is_sent_to_the_snapshot(world, bearer, monkeypatch):
    for node in ("a", "b", "c"):
        world.bump(agent_node(node))
    assert refusal(world, b"since=4", bearer)[0] == 410
    monkeypatch.setattr(feeds, "MAX_BEHIND", 2)
    assert refusal(world, b"since=0", bearer)[0] == 410
    assert refusal(world, b"since=1", bearer)[0] == 200
    with world.store.begin() as unit:
        unit.revocations.forget(world.now + timedelta(days=999))
    status, body = refusal(world, b"since=1", bearer)
    assert status == 410
    assert "snapshot" in body


def test_a_lease_that_its_holder_ends_is_told(world, bearer):
    issued = world.get(world.pod_token())

    async def follow():
        async with Stream(world.app, b"since=0", bearer) as stream:
            await stream.status()
            await world.revocation.revoke(issued.access_token, world.now)
            return await stream.events(1)

    assert asyncio.run(follow()) == [[f"lease:{issued.lease.id}", 1]]


async def told_until_the_end(stream):
    text = ""
    while "event: end" not in text:
        text += await stream.text()
    await stream.running
    return text


@pytest.mark.parametrize("end", ["lease", "binding", "expiry"])
def test_the_stream_ends_with_the_token_of_its_reader(world, bearer, end):
    token = bearer["authorization"].removeprefix("Bearer ")

    async def follow():
        async with Stream(world.app, b"since=0", bearer) as stream:
            await stream.status()
            await stream.statements()
            if end == "lease":
                await world.revocation.revoke(token, world.now)
            elif end == "binding":
                world.bump("binding:alice")
            else:
                world.later(seconds=301)
            return await told_until_the_end(stream)

    assert "data: token_ended" in asyncio.run(follow())
    assert world.feed._subscriptions == set()
    assert world.feed._pump is None


def test_the_end_of_somebody_else_ends_no_stream(world, bearer):
    async def follow():
        async with Stream(world.app, b"since=0", bearer) as stream:
            await stream.status()
            world.bump("binding:ci-shop")
            assert await stream.events(1) == [["binding:ci-shop", 2]]
            return await stream.statements()

    assert asyncio.run(follow())[0]["seq"] == 1


def test_a_reader_that_does_not_read_is_let_go_and_holds_nobody_up(world, bearer, monkeypatch):
    monkeypatch.setattr(subscriptions, "MAX_WAITING", 3)
    monkeypatch.setattr(doors, "TAKE_SECONDS", 0.3)

    async def follow():
        stuck, quick = (Stream(world.app, b"since=0", bearer) for _ in range(2))
        async with stuck, quick:
            for stream in (stuck, quick):
                await stream.status()
                await stream.statements()
            stuck.reading.clear()
            loop = asyncio.get_running_loop()
            for number in range(8):
                at = loop.time()
                world.bump(agent_node(f"a{number}"))
                assert await quick.events(1) == [[f"agent:a{number}", 1]]
                assert loop.time() - at < 0.25
            await asyncio.wait_for(stuck.running, 3)
            assert len(world.feed._subscriptions) == 1

    asyncio.run(follow())


def test_a_database_that_is_away_silences_the_heartbeat(world, bearer, monkeypatch):
    async def follow():
        async with Stream(world.app, b"since=0", bearer) as stream:
            await stream.status()
            await stream.statements()
            read = world.feed._store.read

            def away():
                raise doors.LeaseholdError

            monkeypatch.setattr(world.feed._store, "read", away)
            await asyncio.sleep(0.6)
            while not stream.sent.empty():  # one may have been on its way
                stream.sent.get_nowait()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(stream.sent.get(), 0.6)
            monkeypatch.setattr(world.feed._store, "read", read)
            return await stream.statements()

    assert asyncio.run(follow())


def test_what_another_process_commits_is_found_at_the_next_beat(world, bearer):
    async def follow():
        async with Stream(world.app, b"since=0", bearer) as stream:
            await stream.status()
            await stream.statements()
            world.feed._store.unlisten(world.feed._listener)  # as if it were another's commit
            world.bump(agent_node("a"))
            return await stream.events(1)

    assert asyncio.run(follow()) == [["agent:a", 1]]


def test_commits_that_arrive_out_of_order_are_told_in_order(world, bearer):
    async def follow():
        async with Stream(world.app, b"since=0", bearer) as stream:
            await stream.status()
            await stream.statements()
            arrived = []
            world.feed._store.unlisten(world.feed._listener)
            world.feed._store.listen(arrived.append)
            world.bump(agent_node("a"))
            world.bump(agent_node("b"))
            for events in reversed(arrived):
                world.feed._arrive(events)
            return await stream.events(2)

    assert asyncio.run(follow()) == [["agent:a", 1], ["agent:b", 1]]


def test_followers_of_a_database_put_back_to_an_old_copy_are_sent_away(world, bearer):
    world.bump(agent_node("a"))

    async def follow():
        async with Stream(world.app, b"since=1", bearer) as stream:
            await stream.status()
            await stream.statements()
            world.feed._store._state.revocations.clear()
            return await told_until_the_end(stream)

    assert "data: stream_lost" in asyncio.run(follow())


def test_the_snapshot_says_what_is_still_good_and_where_to_follow(world, bearer):
    for node in ("a", "a", "b"):
        world.bump(agent_node(node))
    reply = asyncio.run(request(world.app, "GET", "/revocations", b"", bearer))
    header = jwt.get_unverified_header(reply.body.decode())
    claims = jwt.decode(reply.body, options={"verify_signature": False})
    assert header["typ"] == "revocations-snapshot+jwt"
    assert (claims["iss"], claims["seq"], claims["nodes"]) == (ISSUER, 3, {"agent:a": 2, "agent:b": 1})


def test_the_snapshot_of_a_registry_in_which_nothing_ended_is_empty(world, bearer):
    claims = jwt.decode(
        asyncio.run(request(world.app, "GET", "/revocations", b"", bearer)).body, options={"verify_signature": False}
    )
    assert (claims["seq"], claims["nodes"]) == (0, {})
    assert timedelta(minutes=6) < REVOCATIONS_KEPT
