"""Tool servers that have the transport of 2024-11-05 alone: a stream that answers, and POSTs that ask."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aiohttp import web
from tests.e2e.gateway.conftest import TOOLS
from tests.fakes.mcp_upstream import result_of, text_result, told_upstream
from tests.fakes.registry_http import _free_port
from tests.fakes.serving import PATIENCE

CLIENT = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
WEB = {"repository": "web", "path": "a"}


def declare(running, server, url, agent):
    running.declare(server, None, upstream={"url": url, "transport": "legacy_sse"}, tools=TOOLS)
    running.agent(agent, (server, ["read_file", "comment"], ["repo:web"]))
    token = running.token(agent, server)
    running.until(lambda: running.send(server, b"{", token), lambda reply: reply.status == 400)
    return token


def opened(running, server, token):
    """The session of a client that has shaken hands."""
    reply = running.ask(server, token, "initialize", CLIENT)
    assert reply.status == 200, reply.body
    session = reply.headers["mcp-session-id"]
    started = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert running.send(server, started, token, mcp_session_id=session).status == 202
    return session


@pytest.fixture(scope="module")
def older(running):
    """A server of the official SDK over HTTP+SSE, and the token of an agent for it."""
    port = _free_port()
    command = [sys.executable, str(Path(__file__).parents[2] / "fakes" / "legacy_server.py"), str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=2).close()
                    break
                except ConnectionRefusedError:
                    assert time.monotonic() < deadline, "the server did not start"
                    time.sleep(0.05)
            yield declare(running, "older", f"http://127.0.0.1:{port}/sse", "archivist")
        finally:
            server.kill()


@pytest.fixture
def told(running):
    with told_upstream() as upstream:
        yield upstream


def test_a_server_that_speaks_nothing_newer_is_called_listed_and_left(running, older):
    session = opened(running, "older", older)
    reply = running.call("older", older, "read_file", WEB, mcp_session_id=session)
    assert reply.message["result"]["content"][0]["text"] == "web:a"
    listed = running.ask("older", older, "tools/list", mcp_session_id=session).message["result"]["tools"]
    assert [tool["name"] for tool in listed] == ["comment", "read_file"]
    denied = running.call("older", older, "delete_branch", {"repository": "web"}, mcp_session_id=session)
    assert denied.message["error"]["message"] == "Unknown tool: delete_branch"
    assert running.send("older", None, older, method="DELETE", mcp_session_id=session).status == 204
    assert running.call("older", older, "read_file", WEB, mcp_session_id=session).status == 404
    assert {"ok", "denied"} <= {one["outcome"] for one in running.calls("older")}


def test_a_session_is_its_callers_alone(running, older):
    session = opened(running, "older", older)
    running.agent("archivist-too", ("older", ["read_file"], ["repo:web"]))
    stranger = running.token("archivist-too", "older")
    assert running.call("older", stranger, "read_file", WEB, mcp_session_id=session).status == 404
    assert running.send("older", None, stranger, method="DELETE", mcp_session_id=session).status == 404
    assert running.call("older", older, "read_file", WEB, mcp_session_id=session).status == 200


def test_without_a_session_nothing_is_asked(running, older):
    assert running.call("older", older, "read_file", WEB).status == 400
    assert running.modern("older", older, "tools/call", {"name": "read_file", "arguments": WEB}).status == 400


def streaming(endpoint, answer):
    """A server of that transport: says `endpoint`, and streams what `answer` makes of what is posted."""
    posted = asyncio.Queue()

    async def take(request, message):
        if request.method == "POST":
            posted.put_nowait(message)
            return web.Response(status=202, text="Accepted")
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(f"event: endpoint\ndata: {endpoint}\n\n".encode())
        while request.transport is not None and not request.transport.is_closing():
            try:
                async with asyncio.timeout(0.02):
                    message = await posted.get()
            except TimeoutError:
                continue
            if (said := answer(message)) is None:
                break
            await response.write(said)
        return response

    return take


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:1/messages", "//evil.example/x", "https://127.0.0.1/x", "http://[/"]
)
def test_a_server_cannot_send_our_credential_elsewhere(running, told, endpoint):
    told.answer = streaming(endpoint, lambda _message: None)
    name = f"moved-{abs(hash(endpoint)) % 10_000}"
    token = declare(running, name, told.url, name)
    assert running.ask(name, token, "initialize", CLIENT).status == 502
    assert running.calls(name)[0]["reason"] == "endpoint_elsewhere"
    assert [line.split()[0] for line, _, _ in told.requests] == ["GET"]


def test_a_stream_that_dies_or_never_ends_an_event_fails_its_call_alone(running, told):
    def answer(message):
        if message.get("method") != "tools/call":
            return (
                b"data: " + json.dumps(result_of(message, {})).encode() + b"\n\n" if "id" in message else b": heard\n\n"
            )
        what = message["params"]["arguments"]["path"]
        if what == "die":
            return None
        said = "x" * (9 << 20) if what == "endless" else "fine"
        return b"data: " + json.dumps(result_of(message, text_result(said))).encode() + b"\n\n"

    told.answer = streaming("/messages?session=1", answer)
    token = declare(running, "shaky", told.url, "shaker")
    for what in ("die", "endless"):
        session = opened(running, "shaky", token)
        reply = running.call("shaky", token, "read_file", {"repository": "web", "path": what}, mcp_session_id=session)
        assert reply.message["error"]["code"] == -31005
        assert running.calls("shaky")[0]["reason"] == "died_mid_stream"
        assert running.call("shaky", token, "read_file", WEB, mcp_session_id=session).status == 404
    session = opened(running, "shaky", token)
    reply = running.call("shaky", token, "read_file", WEB, mcp_session_id=session)
    assert reply.message["result"]["content"][0]["text"] == "fine"
    assert token not in told.everything


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "refuses_our_credential"), (500, "status_500"), (302, "redirects")]
)
def test_a_server_that_opens_no_stream(running, told, status, reason):
    async def answer(_request, _message):
        return web.Response(status=status, headers={"location": "http://169.254.169.254/"})

    told.answer = answer
    token = declare(running, f"shut-{status}", told.url, f"knocker-{status}")
    assert running.ask(f"shut-{status}", token, "initialize", CLIENT).status == 502
    assert running.calls(f"shut-{status}")[0]["reason"] == reason
