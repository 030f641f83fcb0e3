"""Few reads single, many reads from one snapshot, and nothing is declared gone without asking."""

import threading

import pytest

from leasehold_provider.live import LiveObjects
from leasehold_provider.protocol import DiagnosticError


class World:
    def __init__(self, snapshot=(), rest=()):
        self.snapshot = {"agents": [_agent(name) for name in snapshot]}
        self.rest = {name: _agent(name) for name in rest}
        self.asked = []
        self.live = LiveObjects(self._one, self._snapshot, self._all)

    def _one(self, kind, name):
        self.asked.append(f"{kind}/{name}")
        everything = {one["name"]: one for one in self.snapshot["agents"]} | self.rest
        return everything.get(name)

    def _snapshot(self):
        self.asked.append("snapshot")
        return self.snapshot

    def _all(self, kind):
        self.asked.append(kind)
        return [*self.snapshot["agents"], *self.rest.values()]


def _agent(name):
    return {"name": name, "revision": 1}


def test_one_object_is_read_alone_however_often():
    world = World(["a"])
    assert world.live.find("agents", "a") == world.live.find("agents", "a") == _agent("a")
    assert world.asked == ["agents/a"]


def test_the_second_object_brings_the_snapshot_and_later_ones_nothing():
    world = World([f"a{number}" for number in range(100)])
    for number in range(100):
        assert world.live.find("agents", f"a{number}") is not None
    assert world.asked == ["agents/a0", "snapshot"]


def test_readers_at_once_share_one_snapshot():
    world, barrier = World([f"a{number}" for number in range(16)]), threading.Barrier(16)
    found = []

    def read(number):
        barrier.wait()
        found.append(world.live.find("agents", f"a{number}"))

    threads = [threading.Thread(target=read, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert None not in found
    assert world.asked.count("snapshot") == 1
    assert len(world.asked) == 2


def test_what_the_snapshot_lacks_is_asked_for_before_it_counts_as_gone():
    world = World(["a", "b"], rest=["elsewhere"])
    world.live.find("agents", "a")
    world.live.find("agents", "b")
    assert world.live.find("agents", "elsewhere") == _agent("elsewhere")
    assert world.live.find("agents", "gone") is None
    assert world.asked == ["agents/a", "snapshot", "agents/elsewhere", "agents/gone"]


def test_many_absent_objects_cost_one_listing_not_one_read_each():
    world = World(["a", "b"])
    for number in range(200):
        assert world.live.find("agents", f"new-{number}") is None
    assert len(world.asked) == 6
    assert world.asked.count("agents") == 1


def test_a_write_is_seen_by_later_checks_without_a_read():
    world = World(["a", "b"])
    world.live.find("agents", "a")
    world.live.find("agents", "b")
    world.live.wrote("agents", {"name": "a", "revision": 2})
    world.live.gone("agents", ["b"])
    assert world.live.find("agents", "a") == {"name": "a", "revision": 2}
    assert world.live.find("agents", "b") is None
    assert world.asked == ["agents/a", "snapshot"]


def test_a_snapshot_older_than_a_write_does_not_undo_it():
    world = World(["a", "b"])
    world.live.wrote("agents", {"name": "a", "revision": 2})
    world.live.find("agents", "c")
    world.live.find("agents", "b")
    assert world.live.find("agents", "a")["revision"] == 2


def test_a_failing_snapshot_is_not_tried_by_every_resource():
    calls = []

    def fail():
        calls.append(1)
        raise DiagnosticError("Registry unreachable")

    live = LiveObjects(lambda *_: None, fail, lambda _: [])
    live.find("agents", "a")
    for _ in range(3):
        with pytest.raises(DiagnosticError):
            live.find("agents", "b")
    assert calls == [1]
