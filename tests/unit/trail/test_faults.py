"""A full disk, a database that is away, a server with another key: nothing is lost, and nothing is forked."""

import logging
from datetime import timedelta
from threading import Event, Thread

import pytest
from tests.fakes.faults import FaultyStore
from tests.fakes.registry import furnished
from tests.fakes.trail_world import START, TrailWorld, event

from leasehold.model.errors import NotFound, Unavailable
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.principal import Principal, Role
from leasehold.registry.journal import attempt, recording_failure
from leasehold.settings import read_settings
from leasehold.store.memory.store import MemoryStore
from leasehold.store.sql_store import open_store
from leasehold.trail.sealing import Sealer
from leasehold.trail_wiring import AnotherTrailKey, trail_doors


def test_while_nothing_can_be_written_no_event_is_sealed_and_none_is_lost(tmp_path):
    store = FaultyStore(MemoryStore())
    world = TrailWorld(tmp_path, store)
    world.write(event(0), event(1))
    store.away = True
    with pytest.raises(Unavailable):
        world.sealer.catch_up()
    store.away = False
    assert world.sealer.catch_up() == 2
    assert world.verify(world.export()).whole


def test_an_event_that_cannot_be_written_stops_what_it_tells_of(tmp_path):
    store = FaultyStore(MemoryStore())
    store.full = True

    def act():
        with store.begin() as unit:
            unit.nodes.bump("agent:triage")
            unit.audit.append(event(0))

    with pytest.raises(Unavailable):
        act()
    with store.read() as unit:
        assert unit.nodes.generations(["agent:triage"]) == {}


def test_an_event_is_an_error_until_it_is_proven_done():
    bare = AuditEvent(at=START, principal="agent:triage", action="put", kind="grants", name="g")
    assert bare.outcome is Outcome.ERROR
    registry = furnished()
    begun = attempt(Principal(id="oidc:x", role=Role.VIEWER), "put", "grants", "g", START)
    with pytest.raises(NotFound), recording_failure(registry.store, begun):
        raise NotFound("grant", "g")  # on its way, before anything was done
    with registry.store.read() as unit:
        said = unit.audit.list(limit=1)[0].event
    assert (said.kind, said.outcome, said.reason) == ("grants", Outcome.ERROR, "not_found: no grant named `g`")


def test_a_clock_that_was_set_back_neither_stops_signing_nor_breaks_the_chain(tmp_path):
    world = TrailWorld(tmp_path)
    world.grow(5)
    world.now -= timedelta(days=2)
    world.write(event(6, at=world.now), event(7, at=world.now - timedelta(days=400)))
    assert world.sealer.seal_all() == 2
    with world.store.read() as unit:
        assert unit.trail.last_checkpoint().size == 7  # it waits for no time that has to come again
    found = world.verify(world.export())
    assert (found.whole, found.end) == (True, 7)


class Flickering(FaultyStore):
    """Away for the first few writes."""

    def __init__(self, store, times):
        super().__init__(store)
        self.times, self.tried = times, Event()

    def begin(self):
        self.times -= 1
        self.away = self.times >= 0
        if not self.away:
            self.tried.set()
        return super().begin()


def test_the_worker_goes_on_when_the_database_is_back(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("leasehold.trail.sealing.LOOK_EVERY_SECONDS", 0.001)
    kept = MemoryStore()
    world = TrailWorld(tmp_path, kept)
    world.write(event(0))
    store = Flickering(kept, 3)
    stop = Event()
    with caplog.at_level(logging.WARNING):
        worker = Thread(target=Sealer(store, world.key, lambda: world.now).run, args=(stop,))
        worker.start()
        assert store.tried.wait(10)
        stop.set()
        worker.join()
    assert caplog.text.count("events were not sealed") == 3
    assert world.verify(world.export()).end == 1


def settings(folder, **environment):
    return read_settings({"LEASEHOLD_DATA_DIR": str(folder), **environment})


def test_a_server_with_another_key_does_not_go_on_with_the_trail(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'x.db'}")
    world = TrailWorld(tmp_path)
    first = trail_doors(settings(tmp_path), store, lambda: world.now)
    first.close()
    again = trail_doors(settings(tmp_path), store, lambda: world.now)
    again.close()
    with pytest.raises(AnotherTrailKey, match="LEASEHOLD_AUDIT_KEY"):
        trail_doors(settings(tmp_path / "other"), store, lambda: world.now)
    with pytest.raises(AnotherTrailKey, match="LEASEHOLD_ISSUER"):
        trail_doors(settings(tmp_path, LEASEHOLD_ISSUER="https://other.example"), store, lambda: world.now)
    with store.read() as unit:
        starts = unit.audit.list(kind="server")
        assert len(starts) == 2
        assert unit.trail.last_checkpoint().size == 2
    store.close()


def test_a_start_tells_how_the_server_is_configured_and_no_secret(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'x.db'}")
    world = TrailWorld(tmp_path)
    secret = {"LEASEHOLD_SECRET_ORDERS": "hunter2hunter2", "LEASEHOLD_AUDIT_RETENTION": "decisions=90"}
    trail_doors(settings(tmp_path, **secret), store, lambda: world.now).close()
    with store.read() as unit:
        (record,) = unit.audit.list(kind="server")
    assert record.event.detail["configuration"]["secrets"] == ["ORDERS"]
    assert record.event.detail["configuration"]["audit_retention_days"] == {"decisions": 90}
    assert "hunter2" not in repr(record)
    store.close()
