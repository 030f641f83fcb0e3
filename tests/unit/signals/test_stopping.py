"""Streams that stop: paused, disabled, dead, lost, orphaned; each says so, and tells what it may when it goes on."""

from datetime import timedelta

from tests.fakes.exchange_world import ISSUER
from tests.fakes.signal_world import ENDPOINT

from leasehold.model.leases import binding_node
from leasehold.model.revocations import REVOCATIONS_KEPT
from leasehold.model.signals import STREAM_UPDATED
from leasehold.signals import transmitting
from leasehold.signals.transmitting import DEAD_AFTER


def agent(name="triage"):
    return {"format": "iss_sub", "iss": ISSUER, "sub": f"agent:{name}"}


def test_a_dead_stream_is_disabled_where_everybody_can_see_it(world):
    stream = world.create()
    world.receivers.refusing[ENDPOINT] = "status 400, invalid_key"
    world.end("agent:triage")
    began = world.now
    while world.now - began < DEAD_AFTER + timedelta(minutes=1):
        world.push()
        world.later(seconds=31)

    said = world.status(stream)
    assert said == {"stream_id": stream, "status": "disabled", "reason": "the receiver does not answer: " + REFUSED}
    event = next(e for e in world.events() if e.action == "disabled")
    assert (event.principal, event.kind, event.name) == ("leasehold", "signal-streams", stream)
    world.receivers.refusing.clear()
    world.end("agent:later")
    world.push()
    assert world.receivers.taken == []


REFUSED = "status 400, invalid_key"


def test_a_stream_that_was_disabled_starts_anew(world):
    stream = world.create()
    world.ssf("POST", "/ssf/status", {"stream_id": stream, "status": "disabled"})
    world.end("agent:meanwhile")
    world.push()
    world.ssf("POST", "/ssf/status", {"stream_id": stream, "status": "enabled"})
    world.end("agent:later")
    world.push()

    assert world.receivers.subjects() == [agent("later")]


def test_a_paused_stream_keeps_what_ends_until_it_is_enabled(world):
    stream = world.create()
    world.ssf("POST", "/ssf/status", {"stream_id": stream, "status": "paused", "reason": "upgrade"})
    world.end("agent:meanwhile")
    world.ssf("POST", "/ssf/verify", {"stream_id": stream})
    world.push()
    assert world.receivers.taken == []
    assert world.status(stream) == {"stream_id": stream, "status": "paused", "reason": "upgrade"}

    world.ssf("POST", "/ssf/status", {"stream_id": stream, "status": "enabled"})
    world.push()
    assert world.receivers.subjects() == [{"format": "opaque", "id": stream}, agent("meanwhile")]


def test_a_stream_paused_for_longer_than_events_are_kept_says_that_it_lost_some(world):
    stream = world.create()
    world.ssf("POST", "/ssf/status", {"stream_id": stream, "status": "paused"})
    with world.store.begin() as unit:  # two ends, the first of which is old enough to be dropped by the second
        unit.nodes.bump("agent:lost")
        unit.nodes.bump("agent:lost-too")
    with world.store.begin() as unit:
        unit.nodes.bump("agent:kept")
        unit.revocations.forget(world.now + REVOCATIONS_KEPT * 1000)
    world.ssf("POST", "/ssf/status", {"stream_id": stream, "status": "enabled"})
    world.push()

    assert world.status(stream)["status"] == "disabled"
    assert world.receivers.claims()[-1]["events"] == {
        STREAM_UPDATED: {"status": "disabled", "reason": transmitting.LOST},
    }


def test_a_stream_dies_with_the_binding_that_its_receiver_came_through(world):
    stream = world.create()
    world.bump(binding_node("alice"))
    world.push()

    assert world.receivers.subjects() == [{"format": "opaque", "id": stream}]
    assert STREAM_UPDATED in world.receivers.claims()[0]["events"]
    world.end("agent:triage")
    world.push()
    assert len(world.receivers.taken) == 1
    assert world.ssf("POST", "/ssf/status", {"stream_id": stream, "status": "enabled"}).status == 200
    world.end("agent:later")
    world.push()
    assert world.receivers.subjects()[1:] == [agent("later")]


def test_a_stream_that_stops_while_its_receiver_is_away_says_so_in_its_status_alone(world):
    stream = world.create()
    world.receivers.refusing[ENDPOINT] = "status 503"
    world.bump(binding_node("alice"))
    world.push()

    assert world.receivers.taken == []
    assert world.status(stream)["reason"] == transmitting.ORPHANED
