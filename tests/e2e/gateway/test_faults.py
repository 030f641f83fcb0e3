"""What a tool server does wrong, and what becomes of the call: it fails by name, soon, and nothing hangs."""

import asyncio
import http.client
import json
import socket
import threading
import time

import pytest
from aiohttp import web
from tests.fakes.certificates import Authority
from tests.fakes.mcp_upstream import echoing, events, result_of, text_result, told_upstream
from tests.fakes.registry_http import _free_port


@pytest.fixture
def token(running, told):
    told.requests.clear()
    told.answer = echoing
    return running.token("worker", "told")


def failed(running, reply):
    assert (reply.status, reply.json["error"]["code"]) == (502, -31005), reply.body
    return running.calls("told")[0]["reason"]


def call(running, token, **headers):
    return running.call("told", token, "read_file", {"repository": "web"}, **headers)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["http://169.254.169.254/latest/meta-data", "https://example.com/mcp", "/mcp2"])
def test_an_upstream_that_redirects_is_not_followed(running, told, token, status, where):
    async def answer(_request, _body):
        return web.Response(status=status, headers={"location": where})

    told.answer = answer
    assert failed(running, call(running, token)) == "redirects"
    assert len(told.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        *("http://localhost:9/mcp", "https://10.0.0.1/mcp", "https://[::1]:9/mcp", "https://[::ffff:127.0.0.1]:9/mcp"),
        *("https://169.254.169.254/mcp", "https://2130706433/mcp", "https://0.0.0.0:9/mcp", "https://localhost:9/mcp"),
    ],
)
def test_an_upstream_at_a_private_address_is_not_reached_unless_it_is_named(running, url):
    name = f"private-{abs(hash(url)) % 10**6}"
    running.declare(name, url, tools={"read_file": {"action": "read"}})
    running.agent(name, (name, ["read_file"], [f"tool_server:{name}"]))
    token = running.token(name, name)
    reply = running.until(lambda: running.call(name, token, "read_file", {}), lambda r: r.status not in {200, 401})
    assert (reply.status, reply.json["error"]["code"]) == (502, -31005)
    assert running.calls(name)[0]["reason"] in {"address_refused", "plain_http_refused", "no_http"}


def test_an_upstream_with_a_bad_certificate_gets_nothing(running, tmp_path):
    with told_upstream(Authority().server(tmp_path)) as upstream:
        running.declare("badly", upstream.url, tools={"read_file": {"action": "read"}})
        running.agent("badly", ("badly", ["read_file"], ["tool_server:badly"]))
        token = running.token("badly", "badly")
        reply = running.until(lambda: running.call("badly", token, "read_file", {}), lambda r: r.status != 401)
        assert reply.status == 502
        assert running.calls("badly")[0]["reason"] == "bad_certificate"
        assert upstream.requests == []


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (b"not json", {}, "no_json"),
        (b"7", {}, "no_json_rpc"),
        (b'[{"jsonrpc":"2.0"},7]', {}, "no_json_rpc"),
        (b"<html>", {"content-type": "text/html"}, "no_mcp"),
        (b"{}", {"content-encoding": "gzip"}, "compressed"),
        (b"[" + b"1," * (5 << 20) + b"1]", {}, "too_large"),
    ],
)
def test_an_answer_that_is_none(running, told, token, body, headers, reason):
    async def answer(_request, _body):
        return web.Response(body=body, headers={"content-type": "application/json", **headers})

    told.answer = answer
    assert failed(running, call(running, token)) == reason


def test_an_upstream_that_nobody_serves(running):
    running.declare("nobody", f"http://127.0.0.1:{_free_port()}/mcp")
    running.agent("seeker-of-nobody", ("nobody", ["read_file"], ["repo:web"]))
    token = running.token("seeker-of-nobody", "nobody")
    reply = running.until(
        lambda: running.call("nobody", token, "read_file", {"repository": "web"}), lambda r: r.status != 401
    )
    assert (reply.status, reply.json["error"]["code"]) == (502, -31005)
    assert running.calls("nobody")[0]["reason"] == "not_reached"


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_upstream_that_is_broken(running, told, token, status):
    async def answer(_request, _body):
        return web.Response(status=status, text="secret stack trace")

    told.answer = answer
    reply = call(running, token)
    assert failed(running, reply) == f"status_{status}"
    assert b"secret" not in reply.body


def test_an_upstream_that_has_too_many_calls_says_when(running, told, token):
    async def answer(_request, _body):
        return web.Response(status=429, headers={"retry-after": "7"})

    told.answer = answer
    reply = call(running, token)
    assert (reply.status, reply.headers["retry-after"]) == (429, "7")


def raw_upstream(*answers):
    """A server that writes these bytes, whatever it is asked; its port, and how to stop it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                for answer in answers:
                    connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return listener


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\ncontent-length: 9\r\n\r\n{}",
    ],
)
def test_an_upstream_that_lies_about_length_or_speaks_no_http(running, answer):
    name = f"raw-{abs(hash(answer)) % 10**8}"
    listener = raw_upstream(answer)
    try:
        running.declare(
            name, f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", tools={"read_file": {"action": "read"}}
        )
        running.agent(name, (name, ["read_file"], [f"tool_server:{name}"]))
        token = running.token(name, name)
        reply = running.until(lambda: running.call(name, token, "read_file", {}), lambda r: r.status != 401)
        assert (reply.status, reply.json["error"]["code"]) == (502, -31005)
    finally:
        listener.close()


def test_a_stream_that_dies_says_so_in_the_stream(running, told, token):
    progress = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {}}
    told.answer = events(progress)
    reply = call(running, token)
    assert reply.status == 200
    assert [one.get("method", one.get("id")) for one in reply.events] == ["notifications/progress", 1]
    assert reply.events[-1]["error"]["code"] == -31005
    assert running.calls("told")[0]["reason"] == "died_mid_stream"


def test_an_endless_event_is_broken_off(running, told, token):
    async def answer(request, _body):
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        try:
            while True:
                await response.write(b"data: " + b"x" * 65_536)
        except (ConnectionError, asyncio.CancelledError):
            return response

    told.answer = answer
    reply = call(running, token)
    assert reply.events[-1]["error"]["code"] == -31005
    assert running.calls("told")[0]["reason"] == "too_large"


def test_events_pass_one_by_one_as_they_come_and_as_they_were_written(running, told, token):
    gate = threading.Event()
    odd = (
        b": comment\r\nevent: message\r\nid: 7\r\n"
        b'data: {"jsonrpc":"2.0",\r\ndata: "method":"notifications/progress"}\r\n\r\n'
    )

    async def answer(request, body):
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(odd)
        await asyncio.to_thread(gate.wait, 10)
        await response.write(b"data: " + json.dumps(result_of(body, text_result("x"))).encode() + b"\n\n")
        return response

    told.answer = answer
    with stream(running, token) as response:
        assert response.read1() == odd
        gate.set()
        assert b'"id": 1' in response.read()


class stream:  # noqa: N801  reads like a function
    """An open answer of the gateway."""

    def __init__(self, running, token, method="tools/call", params=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
        params = params or {"name": "read_file", "arguments": {"repository": "web"}}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.connection.request("POST", "/mcp/told", body, headers)

    def __enter__(self):
        return self.connection.getresponse()

    def __exit__(self, *_):
        self.connection.close()


def endless(line, hung_up):
    """An answer that says the same for ever, and tells when nobody listens any more."""

    async def answer(request, _body):
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        try:
            while True:
                await response.write(line)
                await asyncio.sleep(0.05)
        except (ConnectionError, asyncio.CancelledError):
            hung_up.set()
            raise

    return answer


def test_a_lease_revoked_mid_stream_ends_the_stream(running, told):
    running.agent("shortlived", ("told", ["read_file"], ["repo:web"]))
    token = running.token("shortlived", "told")
    hung_up = threading.Event()

    told.answer = endless(b'data: {"jsonrpc":"2.0","method":"notifications/progress"}\n\n', hung_up)
    with stream(running, token) as response:
        assert response.read1()
        began = time.monotonic()
        running.registry.call("POST", "/v1/revocations", {"node": "agent:shortlived", "reason": "a test"})
        rest = response.read()
        assert time.monotonic() - began < 5
    assert b'"code":-31005' in rest
    assert hung_up.wait(5)
    assert running.call("told", token, "read_file", {"repository": "web"}).status == 401


def test_a_caller_that_goes_away_takes_the_upstreams_stream_with_it(running, told, token):
    hung_up = threading.Event()

    told.answer = endless(b": still here\n\n", hung_up)
    with stream(running, token) as response:
        assert response.read1()
        response.close()
    assert hung_up.wait(10)


def test_a_caller_that_reads_nothing_holds_its_upstream_back(running, told, token):
    event = b'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"x":"' + b"x" * 65_536 + b'"}}\n\n'
    sent, many, hung_up = [0], 2000, threading.Event()

    async def answer(request, _body):
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        try:
            for _ in range(many):
                await response.write(event)
                sent[0] += 1
        except (ConnectionError, asyncio.CancelledError):
            hung_up.set()
            raise
        return response

    told.answer = answer
    with stream(running, token) as response:
        assert response.read(1)
        before = -1
        while sent[0] != before:  # until nothing more goes out
            before = sent[0]
            time.sleep(1)
        assert before < many // 4, "at most what fits into the buffers of three sockets, of 128 MiB"
    assert hung_up.wait(10)


def test_slow_loris_a_body_that_drips_is_given_up(running, token):
    with socket.create_connection(("127.0.0.1", running.port), timeout=30) as raw:
        head = (
            f"POST /mcp/told HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n"
            "content-type: application/json\r\ncontent-length: 1000\r\n\r\n{"
        )
        raw.sendall(head.encode())
        began = time.monotonic()
        assert raw.recv(64).startswith(b"HTTP/1.1 408")
        assert time.monotonic() - began < 15


def test_a_body_that_is_shorter_than_it_says_goes_nowhere(running, told, token):
    with socket.create_connection(("127.0.0.1", running.port), timeout=30) as raw:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
        head = (
            f"POST /mcp/told HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body) + 5}\r\n\r\n"
        )
        raw.sendall(head.encode() + body)
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(4096):
            pass
    assert told.requests == []
