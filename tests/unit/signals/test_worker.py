"""The worker in its own thread: it looks by itself, survives what breaks, and stops when it is told to."""

from threading import Event, Thread

from tests.fakes.exchange_world import ISSUER

from leasehold.model.errors import Unavailable
from leasehold.signals import transmitting


def agent(name="triage"):
    return {"format": "iss_sub", "iss": ISSUER, "sub": f"agent:{name}"}


def running(world):
    stop = Event()
    thread = Thread(target=world.transmitter.run, args=(stop,), daemon=True)
    thread.start()
    return stop, thread


def test_the_worker_looks_by_itself_until_it_is_stopped(world):
    world.create()
    told = Event()
    world.receivers.before = lambda *_: told.set()
    stop, thread = running(world)
    world.end("agent:triage")
    world.transmitter.wake()
    assert told.wait(10)
    stop.set()
    world.transmitter.wake()
    thread.join(10)
    assert not thread.is_alive()
    world.transmitter.wake()  # the loop has closed: nobody minds
    assert world.receivers.subjects() == [agent()]


def test_the_worker_survives_a_store_that_is_away_and_a_bug(world, caplog):
    world.create()
    world.end("agent:triage")
    looked, told, read = [], Event(), world.store.read

    def failing():
        looked.append(None)
        if len(looked) <= 2:
            raise [Unavailable("away"), RuntimeError("s3cret")][len(looked) - 1]
        return read()

    world.store.read = failing
    world.receivers.before = lambda *_: told.set()
    stop, thread = running(world)
    assert told.wait(10)
    stop.set()
    thread.join(10)
    own = [record.levelname for record in caplog.records if record.name == transmitting.__name__]
    assert own[:2] == ["WARNING", "ERROR"]
    assert "s3cret" not in caplog.text
