"""A kept connection that its server ended: what only reads goes out again, once; nothing else does."""

import asyncio
import socket
import threading
import time
from contextlib import suppress

from tests.e2e.gateway.test_http_upstreams import MINE, OK, Server, asked, read

from leasehold.gateway.http_upstreams import HttpUpstreams

READING = {"repeatable": True}


class Ending(Server):
    """Answers the first request of a connection, and ends it when the second has come."""

    async def serve(self, reader, writer):
        self.serving.append(asyncio.current_task())
        self.came.append([])
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            self.came[-1].append(await reader.readuntil(b"{}"))
            for piece in self.answers.pop(0):
                writer.write(piece)
            self.came[-1].append(await reader.readuntil(b"{}"))
        writer.close()


def on_a_server_that_ends(test, *answers, **more):
    return asked(test, *answers, kind=Ending, **more)


def test_a_request_that_only_reads_is_asked_again_on_another_connection():
    async def test(upstreams, server):
        assert await read(upstreams, server) == (200, b"mine")
        return await read(upstreams, server, **READING), [len(one) for one in server.came]

    assert on_a_server_that_ends(test, [MINE], [MINE]) == ((200, b"mine"), [2, 1])


def test_a_request_that_may_change_something_is_never_sent_twice():
    async def test(upstreams, server):
        assert await read(upstreams, server) == (200, b"mine")
        return await read(upstreams, server), [len(one) for one in server.came]

    assert on_a_server_that_ends(test, [MINE], [MINE]) == ("broke_off", [2])


def test_it_is_asked_again_once_and_only_where_no_byte_of_an_answer_came():
    async def again(upstreams, server):
        assert await read(upstreams, server) == (200, b"mine")
        return await read(upstreams, server, **READING), [len(one) for one in server.came]

    assert on_a_server_that_ends(again, [MINE], [], patience=3) == ("hangs", [2, 1])

    async def begun(upstreams, server):
        assert await read(upstreams, server) == (200, b"mine")
        return await read(upstreams, server, **READING), len(server.came)

    half = [OK[:20]]
    assert asked(begun, [MINE], half, hangs_up=2) == ("no_http", 1)


def test_a_new_connection_that_breaks_off_is_not_tried_again():
    async def test(upstreams, server):
        return await read(upstreams, server, **READING), len(server.came)

    assert asked(test, [b""], hangs_up=1) == ("broke_off", 1)


def test_a_connection_that_ended_while_nobody_asked_is_not_asked_at_all():
    """Not even where the event loop was busy, and has not heard of its end."""
    listener, came = socket.create_server(("127.0.0.1", 0)), []

    def serve():
        for _ in range(2):
            connection, _ = listener.accept()
            with connection:
                came.append(connection.recv(65_536))
                connection.sendall(MINE)

    serving = threading.Thread(target=serve)
    serving.start()
    server = Server()
    server.url = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"

    async def test():
        upstreams = HttpUpstreams(frozenset({"127.0.0.1"}))
        assert await read(upstreams, server) == (200, b"mine")
        time.sleep(0.5)  # noqa: ASYNC251  busy
        assert await read(upstreams, server) == (200, b"mine")
        await upstreams.hang_up()

    asyncio.run(test())
    serving.join(10)
    listener.close()
    assert len(came) == 2
