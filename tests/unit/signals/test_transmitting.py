"""Events reach their receivers: in order, at least once, through every break, and never too few."""

import asyncio
import hashlib

from tests.fakes.exchange_world import ISSUER
from tests.fakes.signal_world import ENDPOINT

from leasehold.model.leases import lease_node
from leasehold.model.signals import SESSION_REVOKED, VERIFICATION

OTHER = "https://other.example/events"


def agent(name="triage"):
    return {"format": "iss_sub", "iss": ISSUER, "sub": f"agent:{name}"}


def test_what_ends_is_told_to_every_stream_once_and_what_ended_before_is_not(world):
    world.end("agent:before")
    world.create()
    world.create(OTHER)
    world.end("agent:triage", "owner:alice", "user:people/00u1", "registry")
    world.push()
    world.push()

    told = [agent(), {"format": "opaque", "id": "owner:alice"}, agent() | {"sub": "user:people/00u1"}]
    for endpoint in (ENDPOINT, OTHER):
        assert world.receivers.subjects(endpoint) == [*told, {"format": "opaque", "id": "registry"}]
        assert {next(iter(claims["events"])) for claims in world.receivers.claims(endpoint)} == {SESSION_REVOKED}


def test_a_revoked_token_is_named_by_its_jti(world):
    world.create()
    issued = world.get(world.pod_token())
    world.revoke(issued.access_token)
    world.push()

    assert world.receivers.subjects() == [{"format": "jwt_id", "iss": ISSUER, "jti": issued.lease.id}]
    assert world.receivers.claims()[0]["events"][SESSION_REVOKED]["event_timestamp"] == int(world.now.timestamp())


def test_the_same_event_has_one_txn_on_every_stream_and_another_jti(world):
    world.create()
    world.create(OTHER)
    world.end("agent:triage")
    world.push()
    one, other = world.receivers.claims() + world.receivers.claims(OTHER)

    assert one["txn"] == other["txn"]
    assert one["jti"] != other["jti"]
    assert one["aud"] != other["aud"]


def test_a_receiver_that_is_away_gets_all_of_it_in_order_when_it_is_back(world):
    stream = world.create()
    world.receivers.refusing[ENDPOINT] = "status 503"
    for number in range(3):
        world.end(f"agent:a{number}")
        world.push()
        world.later(seconds=40)
    assert world.receivers.taken == []
    assert world.stream(stream).delivery.attempts == 3

    world.receivers.refusing.clear()
    world.push()
    assert world.receivers.subjects() == [agent(f"a{number}") for number in range(3)]
    assert (world.stream(stream).delivery.attempts, world.stream(stream).delivery.failing_since) == (0, None)


def test_attempts_come_at_growing_pauses(world):
    stream = world.create()
    world.receivers.refusing[ENDPOINT] = "status 503"
    world.end("agent:triage")
    pauses = []
    for _ in range(9):
        world.push()
        due = world.stream(stream).delivery.next_attempt_at
        pauses.append((due - world.now).total_seconds())
        world.push()  # too soon: nothing is tried
        world.now = due
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert world.stream(stream).delivery.attempts == 9


def test_of_a_batch_that_breaks_off_only_the_rest_is_told_again(world):
    world.create()
    world.end("agent:a0", "agent:a1", "agent:a2")
    seen = []

    def break_at_the_third(_endpoint, token):
        seen.append(token)
        world.receivers.refusing = {ENDPOINT: "status 500"} if len(seen) == 3 else {}

    world.receivers.before = break_at_the_third
    world.push()
    assert world.receivers.subjects() == [agent("a0"), agent("a1")]
    world.later(seconds=1)
    world.push()
    assert world.receivers.subjects() == [agent("a0"), agent("a1"), agent("a2")]


def test_a_server_killed_before_it_kept_its_place_tells_again_with_the_same_jti(world):
    world.create()
    world.end("agent:triage")
    world.receivers.before = lambda *_: setattr(world.store, "away", True)  # taken, and the place cannot be kept
    world.push()
    world.store.away, world.receivers.before = False, lambda *_: None
    world.push()
    assert len(world.receivers.taken) == 1  # claimed by who was killed
    world.later(seconds=31)
    world.transmitter = world.another_worker()
    world.push()

    first, second = world.receivers.claims()
    assert (first["jti"], first["txn"], first["sub_id"]) == (second["jti"], second["txn"], second["sub_id"])


def test_two_servers_never_serve_one_stream_at_a_time(world):
    world.create()
    world.end("agent:triage")
    other = world.another_worker()

    async def both():
        tasks = [*await world.transmitter.look(), *await other.look()]
        await asyncio.gather(*tasks)

    asyncio.run(both())
    assert len(world.receivers.taken) == 1


def test_a_slow_receiver_holds_up_no_other(world):
    world.create()
    world.create(OTHER)
    world.end("agent:triage")
    told = asyncio.Event()

    async def slow(endpoint, token, authorization):
        if endpoint == ENDPOINT:
            await asyncio.wait_for(told.wait(), 5)  # until the other has been told
        told.set()
        world.receivers.taken.append((endpoint, token, authorization))

    world.receivers.push = slow
    world.transmitter = world.another_worker()

    async def rounds():
        await asyncio.gather(*await world.transmitter.look())

    asyncio.run(rounds())
    assert (world.receivers.subjects(OTHER), world.receivers.subjects()) == ([agent()], [agent()])


def test_a_removed_subject_is_not_told_of_until_it_is_added_again(world):
    stream = world.create()
    assert world.ssf("POST", "/ssf/subjects:remove", {"stream_id": stream, "subject": agent()}).status == 204
    world.end("agent:triage", "agent:other")
    world.push()
    assert world.receivers.subjects() == [agent("other")]

    assert world.ssf("POST", "/ssf/subjects:add", {"stream_id": stream, "subject": agent()}).status == 200
    world.end("agent:triage")
    world.push()
    assert world.receivers.subjects() == [agent("other"), agent()]


def test_a_stream_of_other_events_hears_none_of_ours(world):
    stream = world.create(events_requested=["https://schemas.openid.net/secevent/risc/event-type/account-disabled"])
    world.end("agent:triage")
    world.push()

    assert world.receivers.taken == []
    assert world.stream(stream).delivery.position == 1


def test_a_verification_comes_back_with_its_state_and_once(world):
    stream = world.create(delivery={"authorization_header": "Bearer s3cret"})
    world.ssf("POST", "/ssf/verify", {"stream_id": stream, "state": "VGhpcyBpcw=="})
    world.push()
    world.push()

    (claims,) = world.receivers.claims()
    assert claims["events"] == {VERIFICATION: {"state": "VGhpcyBpcw=="}}
    assert claims["sub_id"] == {"format": "opaque", "id": stream}
    assert world.receivers.taken[0][2] == "Bearer s3cret"


def test_a_verification_that_is_not_taken_is_sent_again(world):
    stream = world.create()
    world.receivers.refusing[ENDPOINT] = "status 500"
    world.ssf("POST", "/ssf/verify", {"stream_id": stream})
    world.push()
    world.receivers.refusing.clear()
    world.later(seconds=1)
    world.push()

    assert [claims["events"] for claims in world.receivers.claims()] == [{VERIFICATION: {}}]


def test_what_a_receiver_changes_during_a_turn_stays_changed(world):
    stream = world.create()
    world.end("agent:triage")

    def change(_endpoint, _token):
        with world.store.begin() as unit:
            found = unit.streams.lock(stream)
            unit.streams.replace(
                type(found)(**{n: getattr(found, n) for n in found.__slots__} | {"description": "new"})
            )

    world.receivers.before = change
    world.push()
    assert world.stream(stream).description == "new"
    assert world.stream(stream).delivery.position == 1


def test_a_stream_removed_during_a_turn_is_gone(world):
    stream = world.create()
    world.end("agent:triage")

    def remove():
        with world.store.begin() as unit:
            unit.streams.remove(stream)

    world.receivers.before = lambda *_: remove()
    world.push()
    with world.store.read() as unit:
        assert list(unit.streams.list()) == []


def test_a_header_sealed_with_another_key_is_asked_for_again_and_nothing_is_sent_without(world, tmp_path):
    stream = world.create(delivery={"authorization_header": "Bearer s3cret"})
    (tmp_path / "sealing.key").write_bytes(hashlib.sha256(b"another").digest())
    world.sealer = type(world.sealer)(tmp_path / "sealing.key")
    world.transmitter = world.another_worker()
    world.end("agent:triage")
    world.push()

    assert world.receivers.taken == []
    assert world.stream(stream).delivery.attempts == 1


def test_a_long_silence_is_made_up_for_in_several_turns(world):
    world.create()
    world.end(*(f"agent:a{number}" for number in range(120)))
    for _ in range(3):
        world.push()

    assert world.receivers.subjects() == [agent(f"a{number}") for number in range(120)]


def test_a_lease_node_that_ended_by_itself_is_told_too(world):
    world.create()
    issued = world.get(world.pod_token())
    world.bump(lease_node(issued.lease.id))
    world.push()
    assert world.receivers.subjects()[0]["jti"] == issued.lease.id


def test_a_turn_that_breaks_is_another_servers_after_a_while(world, caplog):
    world.create()
    world.end("agent:triage")

    def bug(*_):
        raise RuntimeError("a bug")

    world.receivers.before = bug
    world.push()
    assert "RuntimeError" in caplog.text
    world.receivers.before = lambda *_: None
    world.later(seconds=31)
    world.push()
    assert world.receivers.subjects() == [agent()]


def test_a_turn_that_takes_too_long_goes_on_in_the_next(world):
    world.create()
    world.end("agent:a0", "agent:a1")
    world.receivers.before = lambda *_: world.later(seconds=16)
    world.push()
    assert world.receivers.subjects() == [agent("a0")]
    world.push()
    assert world.receivers.subjects() == [agent("a0"), agent("a1")]
