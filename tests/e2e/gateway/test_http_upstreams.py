"""HTTP to tool servers, over sockets: whatever a server sends, no caller gets what is not the answer to its request."""

import asyncio
from contextlib import suppress

import pytest
import uvloop

from leasehold.gateway.dialling import target_of
from leasehold.gateway.http_upstreams import HttpUpstreams
from leasehold.gateway.upstreams import Outgoing, UpstreamFailed

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
MINE = OK + b"content-length: 4\r\n\r\nmine"
FOREIGN = OK + b"content-length: 7\r\n\r\nforeign"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
LIMIT = 1 << 16


class Server:
    """Says to the nth request the nth answer, in its pieces, and remembers what came by connection."""

    def __init__(self, *answers, hangs_up=0):
        self.answers, self.hangs_up = list(answers), hangs_up
        self.came, self.asked, self.gone = [], asyncio.Event(), asyncio.Event()
        self.sent, self.serving = 0, []

    async def serve(self, reader, writer):
        self.serving.append(asyncio.current_task())
        self.came.append([])
        mine = self.came[-1]
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while not self.hangs_up or len(mine) < self.hangs_up:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or b"0")
                mine.append(head + await reader.readexactly(length))
                self.asked.set()
                for piece in self.answers.pop(0):
                    writer.write(piece)
                    await writer.drain()
                    self.sent += len(piece)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.gone.set()


async def read(upstreams, server, **changes):
    """Status and body, or why there is none."""
    headers = {"accept": "x", **changes.pop("headers", {})}
    outgoing = Outgoing(**{"method": "POST", "url": server.url, "headers": headers, "body": b"{}", **changes})
    try:
        async with upstreams.send(outgoing) as incoming:
            return incoming.status, b"".join([piece async for piece in incoming.chunks()])
    except UpstreamFailed as failed:
        return failed.reason


def on_each_loop(go):
    """What comes of it in asyncio's own event loop, and the same in uvloop's, which `leasehold serve` runs."""
    came = []
    for factory in (asyncio.new_event_loop, uvloop.new_event_loop):
        with asyncio.Runner(loop_factory=factory) as runner:
            came.append(runner.run(go()))
    assert came[0] == came[1]
    return came[0]


def asked(test, *answers, kind=Server, patience=60.0, **more):
    """What a test sees that asks a server which gives these answers."""

    async def ask():
        server = kind(*answers, **more)
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/mcp"
        upstreams = HttpUpstreams(frozenset({"127.0.0.1"}), patience=patience)
        try:
            async with asyncio.timeout(30):
                return await test(upstreams, server)
        finally:
            await upstreams.hang_up()
            listening.close()
            await asyncio.gather(*server.serving)

    return on_each_loop(ask)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_a_server_that_says_nothing_or_half_a_head_is_waited_for_no_longer_than_patience_lasts(said):
    async def test():
        silent, over = [], asyncio.Event()

        async def serve(reader, writer):
            silent.append(await reader.readuntil(b"{}"))
            writer.write(said)
            await over.wait()
            writer.close()

        listening = await asyncio.start_server(serve, "127.0.0.1", 0)
        server = Server()
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/mcp"
        upstreams = HttpUpstreams(frozenset({"127.0.0.1"}), patience=0.05)
        try:
            assert await read(upstreams, server) == "hangs"
            assert len(silent) == 1
        finally:
            await upstreams.hang_up()
            over.set()
            listening.close()

    asyncio.run(test())


def twice(first, *, hangs_up=0):
    """What comes of two requests, one after the other, of which the second is answered well; and the connections."""

    async def test(upstreams, server):
        return await read(upstreams, server), await read(upstreams, server), len(server.came)

    return asked(test, first, [MINE], hangs_up=hangs_up)


def test_a_request_goes_out_whole_and_its_connection_is_used_again():
    async def test(upstreams, server):
        assert await read(upstreams, server) == (200, b"mine")
        assert await read(upstreams, server, method="GET", body=b"", headers={"mcp-name": "a"}) == (200, b"mine")
        ((one, other),) = server.came
        head = f" /mcp HTTP/1.1\r\nhost: {server.url[7:-4]}\r\naccept: x\r\n".encode()
        assert one == b"POST" + head + b"content-length: 2\r\n\r\n{}"
        assert other == b"GET" + head + b"mcp-name: a\r\n\r\n"

    asked(test, [MINE], [MINE])


@pytest.mark.parametrize(
    ("answer", "body", "connections"),
    [
        ([MINE], b"mine", 1),
        ([MINE[:30], MINE[30:70], MINE[70:]], b"mine", 1),
        ([CHUNKED + b"2\r\nmi\r\n", b"2;x=y\r\nne\r\n0\r\n", b"x: y\r\n\r\n"], b"mine", 1),
        ([b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + MINE], b"mine", 1),
        ([OK + b"content-length: 0\r\n\r\n"], b"", 1),
        ([MINE.replace(b"OK\r\n", b"OK\r\nconnection: close\r\n")], b"mine", 2),
        ([MINE.replace(b"HTTP/1.1", b"HTTP/1.0")], b"mine", 2),
        # What follows an answer would be taken for the next one.
        ([MINE + FOREIGN], b"mine", 2),
        ([MINE + b"\r\nforeign"], b"mine", 2),
        ([CHUNKED + b"4\r\nmine\r\n0\r\n\r\n" + FOREIGN], b"mine", 2),
    ],
)
def test_an_answer_is_read_to_its_end_and_nothing_of_it_is_left_for_the_next(answer, body, connections):
    assert twice(answer) == ((200, body), (200, b"mine"), connections)


def test_an_answer_without_a_length_ends_with_its_connection():
    assert twice([OK + b"\r\nmi", b"ne"], hangs_up=1) == ((200, b"mine"), (200, b"mine"), 2)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 7\r\n\r\nmine",
        b"HTTP/1.1 200 OK\r\ncontent-length: 4, 4\r\n\r\nmine",
        b"HTTP/1.1 200 OK\r\ncontent-length: +4\r\n\r\nmine",
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nmine",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, identity\r\n\r\nmine",
        b"HTTP/1.1 200 OK\r\ncontent-length : 4\r\n\r\nmine",
        b"HTTP/1.1 200 OK\ncontent-length: 4\n\nmine",
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx: a\rcontent-length: 7\r\n\r\nmine",
        b"HTTP/1.1 200 OK\r\nx: y\r\n content-length: 4\r\n\r\nmine",
        b"HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 4\r\n\r\nmine",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n" + FOREIGN,
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + FOREIGN,
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * LIMIT,
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 2 * LIMIT + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"y" * 2 * LIMIT,
        b"HTTP/1.1 100 Continue\r\n\r\n" * LIMIT,
    ],
)
def test_a_head_that_has_no_one_reading_or_no_end_is_none(answer):
    first, second, connections = twice([answer])
    assert first in {"no_http", "died_mid_stream"}
    assert (second, connections) == ((200, b"mine"), 2)


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"content-length: 40\r\n\r\nmine",
        CHUNKED + b"4\r\nmine\r\n",
        CHUNKED + b"4\r\nmine",
        CHUNKED + b"zz\r\nmine",
    ],
)
def test_a_body_that_breaks_off_is_no_body(answer):
    assert twice([answer], hangs_up=1)[0] == "died_mid_stream"


@pytest.mark.parametrize("last", [MINE, MINE + FOREIGN[:9]])
def test_what_comes_while_nobody_asked_ends_the_connection(last):
    async def test(upstreams, server):
        assert await read(upstreams, server) == (200, b"mine")
        await server.gone.wait()  # we hung up: the server has read our end of it
        return await read(upstreams, server), len(server.came)

    assert asked(test, [MINE, last], [MINE]) == ((200, b"mine"), 2)


def test_a_caller_that_leaves_in_the_middle_takes_the_connection_with_it():
    async def test(upstreams, server):
        outgoing = Outgoing(method="POST", url=server.url, headers={}, body=b"")
        async with upstreams.send(outgoing) as incoming:
            assert await anext(incoming.chunks()) == b"mi"
        await server.gone.wait()
        async with upstreams.send(outgoing) as incoming:
            assert incoming.body == b"mine"

    asked(test, [OK + b"content-length: 4\r\n\r\nmi"], [MINE])


def test_a_caller_that_gives_up_waiting_takes_the_connection_with_it():
    async def test(upstreams, server):
        waiting = asyncio.ensure_future(read(upstreams, server))
        await server.asked.wait()
        waiting.cancel()
        await server.gone.wait()
        return await read(upstreams, server), len(server.came)

    assert asked(test, [b""], [MINE]) == ((200, b"mine"), 2)


def test_a_server_that_sends_faster_than_anybody_reads_waits():
    many = 64 << 20

    async def test(upstreams, server):
        outgoing = Outgoing(method="POST", url=server.url, headers={}, body=b"")
        async with upstreams.send(outgoing) as incoming:
            chunks, taken, before = incoming.chunks(), len(await anext(incoming.chunks())), -1
            while server.sent != before:  # until nothing more goes out
                before = server.sent
                for _ in range(100):
                    await asyncio.sleep(0)
            assert server.sent < many // 2
            async for chunk in chunks:
                taken += len(chunk)
        return taken

    pieces = [OK + b"content-length: %d\r\n\r\n" % many, *[b"x" * (1 << 16)] * (many >> 16)]
    assert asked(test, pieces) == many


@pytest.mark.parametrize(
    "headers",
    [
        {"x": "a\r\ncontent-length: 9"},
        {"x": "a\nb"},
        {"x": "a\rb"},
        {"x": "a\0b"},
        {"x": "☃"},
        {"x: y\r\nz": "a"},
        {"x y": "a"},
        {"": "a"},
        {"host": "elsewhere"},
        {"transfer-encoding": "chunked"},
        {"content-length": "0"},
        {"connection": "close"},
    ],
)
def test_a_header_that_could_be_read_as_something_else_goes_nowhere(headers):
    async def test(upstreams, server):
        return await read(upstreams, server, headers=headers), server.came

    assert asked(test) == ("no_http", [])


@pytest.mark.parametrize(
    ("url", "path", "authority"),
    [
        ("https://mcp.example", "/", "mcp.example"),
        ("https://MCP.example:443/a/b%2Fc;d", "/a/b%2Fc;d", "mcp.example"),
        ("https://mcp.example:8443/mcp", "/mcp", "mcp.example:8443"),
        ("https://[2001:db8::1]:8443/mcp", "/mcp", "[2001:db8::1]:8443"),
        ("http://tools.internal/mcp", "/mcp", "tools.internal"),
        ("http://tools.internal:8080/mcp", "/mcp", "tools.internal:8080"),
    ],
)
def test_a_url_is_asked_for_as_it_was_declared(url, path, authority):
    target = target_of(url, frozenset({"tools.internal"}))
    assert (target.path, target.authority) == (path, authority)


@pytest.mark.parametrize("url", ["http://mcp.example/mcp", "ftp://tools.internal/mcp"])
def test_plain_http_is_for_hosts_that_are_named(url):
    with pytest.raises(UpstreamFailed, match="plain_http_refused"):
        target_of(url, frozenset({"tools.internal"}))


@pytest.mark.parametrize(
    "url",
    [
        *("https:///mcp", "https://user@mcp.example/mcp", "https://mcp.example:99999/mcp"),
        *(
            "https://mcp.example/a b",
            "https://mcp.example/?q= HTTP/1.1",
            "https://mcp.example/\x7f",
            "https://mcp.example/é",
        ),
    ],
)
def test_a_url_that_has_no_one_reading_is_none(url):
    with pytest.raises(ValueError, match=r".+"):
        target_of(url, frozenset())
