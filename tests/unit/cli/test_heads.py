"""Heads of requests that drip, never end, or never come; time is what the test says it is."""

import asyncio

import pytest
import uvicorn

from leasehold.cli.heads import HEAD_BYTES, HEAD_SECONDS, BoundedHeads

WHOLE = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


class Told(asyncio.Transport):
    """A transport that remembers."""

    def __init__(self):
        super().__init__()
        self.written, self.closed = b"", False

    def write(self, data):
        self.written += data

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed

    def set_write_buffer_limits(self, high=None, low=None):
        pass


class Waiting:
    """A loop's timers, in the hands of a test."""

    def __init__(self, loop):
        self._loop, self.waits = loop, []

    def __getattr__(self, name):
        return getattr(self._loop, name)

    def call_later(self, seconds, call, *arguments):
        handle = self._loop.call_later(3600, call, *arguments)
        self.waits.append((seconds, call, handle))
        return handle

    def pass_time(self, seconds):
        for wait, call, handle in self.waits:
            if wait <= seconds and not handle.cancelled():
                call()


@pytest.fixture
def connected():
    """What a connection does with these bytes: its transport and its timers."""

    def feed(*chunks):
        async def run():
            async def app(_scope, _receive, send):
                await send({"type": "http.response.start", "status": 204, "headers": []})
                await send({"type": "http.response.body"})

            configuration = uvicorn.Config(app, ws="none", lifespan="off", timeout_keep_alive=3600)
            configuration.load()
            loop, transport = Waiting(asyncio.get_running_loop()), Told()
            state = uvicorn.server.ServerState()
            protocol = BoundedHeads(config=configuration, server_state=state, app_state={}, _loop=loop)
            protocol.connection_made(transport)
            for chunk in chunks:
                protocol.data_received(chunk)
                await asyncio.sleep(0)
            await asyncio.gather(*state.tasks)
            answered = transport.written
            loop.pass_time(HEAD_SECONDS - 1)
            early = transport.closed
            loop.pass_time(HEAD_SECONDS)
            late = transport.closed
            protocol.connection_lost(None)
            return answered, early, late, [handle.cancelled() for _, _, handle in loop.waits]

        return asyncio.run(run())

    return feed


@pytest.mark.parametrize("chunks", [(), (b"G",), (WHOLE[:-2],), (b"GET / HTTP/1.1\r\n", b"a: b\r\n", b"c: d\r\n")])
def test_slow_loris_a_head_that_does_not_end_in_time_is_hung_up_on(connected, chunks):
    answered, early, late, timers = connected(*chunks)
    assert (answered, early, late) == (b"", False, True)
    assert all(timers)


def test_slow_loris_counts_for_the_second_request_of_a_connection_too(connected):
    answered, _, late, _ = connected(WHOLE, b"GET / HTTP/1.1\r\na: b\r\n")
    assert answered.startswith(b"HTTP/1.1 204")
    assert late


@pytest.mark.parametrize("endless", [b"a: " + b"x" * 4096, b"GET /" + b"y" * 4096])
def test_a_head_without_an_end_is_refused_before_it_takes_memory(connected, endless):
    chunks = [b"GET / HTTP/1.1\r\n"] * (not endless.startswith(b"GET"))
    chunks += [endless, *[b"x" * 4096] * (HEAD_BYTES // 4096)]
    answered, early, _, _ = connected(*chunks)
    assert early
    assert answered.startswith(b"HTTP/1.1 431")


def test_a_head_that_comes_in_time_is_answered_and_no_timer_is_left(connected):
    for chunks in ((WHOLE,), (WHOLE[:9], WHOLE[9:])):
        answered, early, _, timers = connected(*chunks)
        assert answered.startswith(b"HTTP/1.1 204")
        assert not early
        assert all(timers)


def test_a_long_body_is_no_head(connected):
    post = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n"
    answered, early, _, _ = connected(post, *[b"x" * 20_000] * 10)
    assert answered.startswith(b"HTTP/1.1 204")
    assert not early
