"""Exports looked after: told again, tested, seen; whoever receives tells what it had by place and hash."""

import json

import pytest
from tests.fakes.registry import furnished
from tests.fakes.trail_world import NAME
from tests.unit.trail.test_doors import leasehold
from tests.unit.trail.test_telling import Receiver

from leasehold.trail.telling import DEAD_AFTER, Teller


@pytest.fixture
def registry():
    made = furnished()
    made.caller = "admin"
    return made


@pytest.fixture
def siem():
    return Receiver()


def tell(registry, siem, attempts=1):
    teller = Teller(registry.store, siem, NAME, lambda: registry.now)
    for _ in range(attempts):
        while teller.tell():
            continue


def state(registry):
    (found,) = registry.send("GET", "/v1/audit/exports").json()["items"]
    return found


def admin(registry, *arguments):
    return leasehold(registry, *arguments, token="admin")


def test_an_export_that_was_never_told_says_so(registry):
    found = state(registry)
    assert (found["name"], found["position"], found["told_at"]) == ("siem", 0, None)
    assert "siem  0 behind  last told never" in admin(registry, "exports")[1]


def test_what_is_replayed_comes_again_with_the_same_places_and_hashes_and_that_is_an_event(registry, siem):
    registry.send("GET", "/v1/audit/export")
    tell(registry, siem)
    first = list(siem.taken)
    assert state(registry)["position"] == len(first)
    code, out, _ = admin(registry, "replay", "siem", "--from", "3")
    assert (code, out) == (0, "siem is told again from 3 on\n")
    event = registry.audit()[0]
    assert (event["action"], event["name"], event["detail"]) == ("replay", "siem", {"from": 3, "before": len(first)})
    tell(registry, siem)
    again = siem.taken[len(first) :]
    assert [(one.position, one.seal.leaf, one.previous) for one in again] == [
        (one.position, one.seal.leaf, one.previous) for one in first[3:]
    ]
    kept = {(one.position, one.seal.leaf) for one in siem.taken}
    assert len(kept) == len(first)  # a receiver that knows a place by its hash keeps nothing twice


def test_a_replay_passes_nothing_over(registry, siem):
    registry.send("GET", "/v1/audit/export")
    assert registry.send("POST", "/v1/audit/exports/siem:replay", json={"start": 10**6}).json()["position"] == 0


@pytest.mark.parametrize("body", [{}, {"start": -1}, {"start": 2**60}, {"start": "0"}, {"start": 1, "end": 2}, []])
def test_a_replay_from_nowhere_is_refused(registry, body):
    assert registry.send("POST", "/v1/audit/exports/siem:replay", json=body).status_code in {400, 422}


@pytest.mark.parametrize("path", ["ghost:replay", "ghost:test", "a%20b:test"])
def test_an_export_that_nobody_configured_is_not_found(registry, path):
    answer = registry.send("POST", f"/v1/audit/exports/{path}", json={"start": 0})
    assert answer.status_code in {400, 404}


def test_a_test_event_is_taken_or_it_is_said_that_it_was_not(registry, siem):
    code, out, _ = admin(registry, "test-event", "siem", "--wait", "0")
    assert (code, "was NOT taken" in out) == (1, True)
    tell(registry, siem)
    assert siem.taken[-1].record.event.action == "test"
    code, out, _ = admin(registry, "test-event", "--wait", "0", "--json")
    (found,) = json.loads(out)["items"]
    assert (code, found["name"], found["taken"]) == (1, "siem", False)
    tell(registry, siem)
    assert state(registry)["position"] > found["tested"]


def test_a_test_event_that_is_set_aside_was_not_taken(registry, siem):
    for _ in range(3):
        registry.send("GET", "/v1/audit/export")
    siem.chokes_on = "siem"
    place = registry.send("POST", "/v1/audit/exports/siem:test").json()["tested"]
    tell(registry, siem, attempts=DEAD_AFTER)
    found = state(registry)
    assert place in found["set_aside"]
    assert found["position"] > place
    assert str(place) in admin(registry, "exports")[1]
