"""Many callers, one run: each gets their own answer, and nobody waits for a timer."""

import asyncio
import threading

import pytest

from leasehold.exchange.batches import MAX_BATCH, Batches


@pytest.fixture
def opened():
    made = []

    def make(run):
        made.append(Batches("test", run))
        return made[-1]

    yield make
    for batches in made:
        batches.close()


def test_each_caller_gets_their_own_answer(opened):
    batches = opened(lambda items: [item * 2 for item in items])

    async def ask():
        return await asyncio.gather(*(batches.submit(n) for n in range(1000)))

    assert asyncio.run(ask()) == [n * 2 for n in range(1000)]


def test_what_waits_runs_together_up_to_a_limit(opened):
    sizes: list[int] = []
    gate = threading.Event()

    def run(items):
        gate.wait(5)
        sizes.append(len(items))
        return items

    batches = opened(run)

    async def ask():
        waiting = [asyncio.create_task(batches.submit(n)) for n in range(MAX_BATCH + 50)]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*waiting)

    asyncio.run(ask())
    assert sum(sizes) == MAX_BATCH + 50
    assert max(sizes) <= MAX_BATCH
    assert len(sizes) <= 4


def test_what_one_turn_of_the_loop_brings_runs_as_one(opened):
    sizes: list[int] = []

    def run(items):
        sizes.append(len(items))
        return items

    batches = opened(run)

    async def ask():
        return await asyncio.gather(*map(batches.submit, range(16)))

    for _ in range(20):
        assert asyncio.run(ask()) == list(range(16))
    assert sum(sizes) == 320
    assert sizes.count(16) > 10  # the thread may now and then wake between two of them


def test_one_bad_item_does_not_fail_its_neighbours(opened):
    def run(items):
        if "bad" in items:
            raise ValueError("bad item")
        return items

    batches = opened(run)

    async def ask():
        return await asyncio.gather(*map(batches.submit, ["a", "bad", "b"]), return_exceptions=True)

    a, bad, b = asyncio.run(ask())
    assert (a, b) == ("a", "b")
    assert isinstance(bad, ValueError)


def test_a_caller_who_hangs_up_is_forgotten(opened):
    gate = threading.Event()

    def run(items):
        gate.wait(5)
        return items

    batches = opened(run)

    async def ask():
        gone = asyncio.create_task(batches.submit("gone"))
        stays = asyncio.create_task(batches.submit("stays"))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        gate.set()
        return await stays

    assert asyncio.run(ask()) == "stays"


def test_a_loop_that_has_closed_stops_nobody(opened):
    gate = threading.Event()

    def run(items):
        gate.wait(5)
        return items

    batches = opened(run)

    async def leave():
        task = asyncio.create_task(batches.submit("left"))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(leave())
    gate.set()
    assert asyncio.run(batches.submit("next")) == "next"


def test_closing_finishes_what_waits():
    ran: list[int] = []
    running, gate = threading.Event(), threading.Event()

    def run(items):
        running.set()
        gate.wait(5)
        ran.extend(items)
        return items

    batches = Batches("test", run)

    async def ask():
        first = asyncio.create_task(batches.submit(0))
        await asyncio.to_thread(running.wait, 5)
        rest = [asyncio.create_task(batches.submit(n)) for n in (1, 2)]
        await asyncio.sleep(0)
        closing = threading.Thread(target=batches.close)
        closing.start()
        while batches._queue.qsize() < 3:  # noqa: ASYNC110  the two that wait and the end behind them; a queue tells nobody
            await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(first, *rest)
        await asyncio.to_thread(closing.join, 5)

    asyncio.run(ask())
    assert ran == [0, 1, 2]
    assert not batches._thread.is_alive()


def test_closing_an_idle_thread_ends_it():
    batches = Batches("test", list)
    assert asyncio.run(batches.submit("x")) == "x"
    batches.close()

    assert not batches._thread.is_alive()


def test_closing_what_never_began_is_nothing():
    Batches("test", list).close()
