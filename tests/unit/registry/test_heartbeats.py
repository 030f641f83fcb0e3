"""A deployment that owes heartbeats ends when one is missed, and comes back only as designed."""

import asyncio
import json
from datetime import timedelta

import pytest
from tests.fakes.authenticator import FakeAuthenticator
from tests.fakes.exchange_world import ISSUER, request, world_on
from tests.fakes.registry import AGENT, DEPLOYMENT, NOW, OWNER, RegistryClient

from leasehold.authn.agent_tokens import AgentCallers
from leasehold.exchange.refusals import ExchangeRefused
from leasehold.keys.tokens import OwnTokens
from leasehold.model.deployments import Deployment
from leasehold.model.kinds import Kind
from leasehold.model.leases import deployment_node
from leasehold.registry.heartbeats import ASLEEP_AFTER, LOOK_EVERY, sweep
from leasehold.store.memory.store import MemoryStore
from leasehold.web.control_plane import control_plane
from leasehold.web.doors import Doors

PATH = "/v1/deployments/triage-prod:heartbeat"
TTL = timedelta(seconds=30)
SECOND = timedelta(seconds=1)


@pytest.fixture
def registry():
    registry = RegistryClient()
    registry.must("owners", "alice", OWNER)
    registry.must("agents", "triage", AGENT)
    registry.must("deployments", "triage-prod", {**DEPLOYMENT, "heartbeat_ttl": 30})
    sweep(registry.store, registry.now)
    return registry


def passes(registry, span, *, awake=True):
    """Time goes by, with somebody looking all the while, or with nobody there."""
    ends_at = registry.now + span
    while awake and registry.now + LOOK_EVERY < ends_at:
        registry.now += LOOK_EVERY
        sweep(registry.store, registry.now)
    registry.now = ends_at
    return sweep(registry.store, registry.now)


def epoch(registry):
    return registry.get("deployments", "triage-prod").json()["epoch"]


def told(registry):
    with registry.store.read() as unit:
        return [(event.node, event.reason, event.actor) for event in unit.revocations.since(0, 100)][-1]


def test_anonymous_wrong_and_reading_callers_give_no_sign_of_life(registry):
    before = kept(registry)
    registry.now += SECOND
    assert registry.anonymous("POST", PATH).status_code == 401
    for caller in ("viewer", "auditor", "planner"):
        assert registry.send("POST", PATH, caller).status_code in {401, 403}
    assert registry.send("POST", PATH, "mallory").status_code == 404  # a developer of another team
    assert kept(registry) == before


def kept(registry):
    with registry.store.read() as unit:
        return unit.heartbeats.find("triage-prod")


def test_a_heartbeat_in_time_says_when_the_next_is_due_and_keeps_the_epoch(registry):
    first = epoch(registry)
    assert passes(registry, TTL - SECOND) == 0
    answer = registry.send("POST", PATH, "alice")
    assert answer.status_code == 200
    assert answer.json() == {
        "deployment": "triage-prod",
        "heartbeat_ttl": 30,
        "due_at": (registry.now + TTL).isoformat().replace("+00:00", "Z"),
    }
    assert passes(registry, TTL - SECOND) == 0
    assert epoch(registry) == first


def test_a_missed_heartbeat_ends_the_epoch_and_says_so_once(registry):
    first = epoch(registry)
    assert passes(registry, TTL) == 1
    assert passes(registry, TTL) == 0
    assert epoch(registry) == first + 1
    assert told(registry) == (deployment_node("triage-prod"), "heartbeat missed", "heartbeats")
    events = [one for one in registry.audit() if one["action"] == "end"]
    assert [(one["principal"], one["reason"], one["name"]) for one in events] == [
        ("heartbeats", "heartbeat missed", "triage-prod")
    ]


def test_a_snapshot_taken_before_is_known_to_be_old(registry):
    tag = registry.send("GET", "/v1/snapshot").headers["etag"]
    passes(registry, TTL)
    answer = registry.send("GET", "/v1/snapshot", headers={"If-None-Match": tag})
    assert answer.status_code == 200


def test_a_controller_brings_a_deployment_back_and_what_was_issued_before_stays_dead(registry):
    passes(registry, TTL)
    ended = epoch(registry)
    assert registry.send("POST", PATH).status_code == 200
    assert epoch(registry) == ended
    assert kept(registry).missed_at is None
    assert registry.audit()[0]["action"] == "revive"
    assert passes(registry, TTL) == 1  # and it is owed again


def test_a_controller_that_comes_before_the_sweeper_ends_the_epoch_too(registry):
    first = epoch(registry)
    registry.now += TTL
    assert registry.send("POST", PATH).status_code == 200
    assert epoch(registry) == first + 1
    assert [one["action"] for one in registry.audit()[:2]] == ["revive", "end"]


def test_a_new_epoch_owes_its_first_heartbeat_from_then_on(registry):
    passes(registry, TTL)
    registry.change("deployments", "triage-prod", {**DEPLOYMENT, "heartbeat_ttl": 60}, 1)
    assert kept(registry).due_at == registry.now + 2 * TTL
    assert kept(registry).missed_at is None


def test_a_deployment_that_owes_none_takes_none(registry):
    registry.change("deployments", "triage-prod", DEPLOYMENT, 1)
    assert kept(registry) is None
    assert registry.send("POST", PATH).status_code == 404
    assert passes(registry, 10 * TTL) == 0


def test_a_deleted_deployment_owes_nothing(registry):
    registry.delete("deployments", "triage-prod", 1)
    assert kept(registry) is None
    assert registry.send("POST", PATH).status_code == 404


@pytest.mark.parametrize("name", ["nobody", "a/b", "x" * 64, "%00", "Ü"])
def test_a_deployment_that_is_none_is_not_found(registry, name):
    assert registry.send("POST", f"/v1/deployments/{name}:heartbeat").status_code in {400, 404, 405}


@pytest.mark.parametrize("ttl", [0, 4, 86_401, -1, "x", 1.5, True])
def test_a_ttl_that_is_none_is_refused(registry, ttl):
    body = {**DEPLOYMENT, "heartbeat_ttl": ttl}
    assert registry.create("deployments", "other", body).status_code == 422


def test_time_in_which_nobody_was_there_to_hear_does_not_count(registry):
    first = epoch(registry)
    assert passes(registry, ASLEEP_AFTER + TTL + SECOND, awake=False) == 0
    assert epoch(registry) == first
    assert kept(registry).due_at == registry.now + TTL
    assert passes(registry, TTL) == 1


def test_a_short_pause_of_the_server_does_count(registry):
    passes(registry, TTL - SECOND)
    assert passes(registry, ASLEEP_AFTER - LOOK_EVERY, awake=False) == 1


def test_a_clock_that_goes_back_ends_nothing(registry):
    registry.now -= timedelta(hours=1)
    assert sweep(registry.store, registry.now) == 0
    assert kept(registry).due_at == NOW + TTL


def test_servers_whose_clocks_differ_do_not_take_each_other_for_asleep(registry):
    ahead = 2 * ASLEEP_AFTER
    for _ in range(12):
        registry.now += LOOK_EVERY
        sweep(registry.store, registry.now + ahead)
        sweep(registry.store, registry.now)
    assert kept(registry).missed_at is not None


# The workload itself, with a token of its agent.


@pytest.fixture
def world(tmp_path):
    with world_on(MemoryStore(), tmp_path) as world:
        with world.store.read() as unit:
            spec = unit.objects.get(Kind.DEPLOYMENTS, "triage-prod").spec
        agents = AgentCallers(issuer=ISSUER, verifier=OwnTokens(world.signer), leases=world.store)
        world.control = control_plane(
            Doors(store=world.store, authenticator=FakeAuthenticator(), clock=lambda: world.now, agents=agents)
        )
        body = {"agent": spec.agent, "heartbeat_ttl": 30}
        asked = {"authorization": "Bearer admin", "if-match": '"1"', "content-type": "application/json"}
        reply = asyncio.run(
            request(world.control, "PUT", "/v1/deployments/triage-prod", json.dumps(body).encode(), asked)
        )
        assert reply.status == 200, reply.body
        sweep(world.store, world.now)
        yield world


def beat(world, token, path=PATH):
    return asyncio.run(request(world.control, "POST", path, b"", {"authorization": f"Bearer {token}"}))


def test_a_workload_keeps_its_deployment_alive(world):
    token = world.get(world.pod_token()).access_token
    for _ in range(4):
        world.later(seconds=25)
        assert beat(world, token).status == 200
        assert sweep(world.store, world.now) == 0
    assert world.introspect(token)["active"]


def test_a_workload_whose_deployment_has_ended_cannot_bring_it_back(world):
    token = world.get(world.pod_token()).access_token
    world.later(seconds=30)
    reply = beat(world, token)  # its lease lives yet: nobody has noticed
    assert (reply.status, reply.json["code"]) == (409, "deployment_ended")
    world.later(seconds=-1)
    sweep(world.store, world.now)
    world.later(seconds=1)
    assert sweep(world.store, world.now) == 1

    assert beat(world, token).status == 401
    assert world.introspect(token) == {"active": False}
    with pytest.raises(ExchangeRefused):
        world.get(world.pod_token())
    assert beat(world, "admin").status == 200
    assert world.introspect(world.get(world.pod_token()).access_token)["active"]


def test_a_workload_of_another_deployment_gives_no_sign_of_life_of_this_one(world):
    world.put(Kind.DEPLOYMENTS, "other-prod", Deployment(agent="triage-2", heartbeat_ttl=30))
    token = world.get(world.pod_token()).access_token
    reply = beat(world, token, "/v1/deployments/other-prod:heartbeat")
    assert (reply.status, reply.json["code"]) == (404, "not_found")
