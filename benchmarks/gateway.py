"""What the gateway adds to a tool call with everything on, against the same call straight to the tool server.

Token, decision, scan both ways, audit: nothing is left out. The tool server is a canned ASGI app, so that what is
measured is ours. Client, gateway and tool server are a process each and share this machine's cores; both ways are taken
in turns, in one run. `gateway_cpu_ms_per_call` is all processor time of the gateway, writing and sealing what was
recorded included: the figure to compare on a machine that others use as well. `list_500_tools_ms` is the whole answer
to `tools/list` of 500 tools, of which half are hidden.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import uvicorn
from tests.fakes.registry_http import LiveRegistry

from benchmarks.figure import Figure

ROUNDS, EACH, WARM_UP = 5, 400, 160
CLIENTS = 16
_VERSION = "2026-07-28"
_META = {"io.modelcontextprotocol/protocolVersion": _VERSION, "io.modelcontextprotocol/clientCapabilities": {}}
_TOOLS = 500
_SETTLED_SECONDS = 0.6  # until what was recorded is written and sealed


@dataclass(frozen=True, slots=True)
class Side:
    """One way to call a tool: where to, and the process that answers."""

    name: str
    port: int
    path: str
    token: str
    process: int

    def calls(self, clients: int, each: int) -> dict[str, float]:
        """Calls of so many clients, and what they took."""
        command = [sys.executable, "-m", "benchmarks.gateway", "client"]
        command += [str(self.port), self.path, str(clients), str(each)]
        done = subprocess.run(command, input=self.token, capture_output=True, text=True, check=True)
        found: dict[str, float] = json.loads(done.stdout)
        return found

    def cpu_ms(self) -> float:
        """All processor time that its process, and the one that seals for it, have had."""
        own = Path(f"/proc/{self.process}/task/{self.process}/children").read_text().split()
        every = [Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in (self.process, *own)]
        return sum(int(one[11]) + int(one[12]) for one in every) * 1000 / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """What of its process is in memory."""
        pages = int(Path(f"/proc/{self.process}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000


def figures() -> Iterator[Figure]:
    """Added latency at one client and at sixteen, throughput, processor time, and a long list."""
    with running() as (registry, sides):
        one, many = (_measured(sides, clients) for clients in (1, CLIENTS))
        yield from _latency(one, "")
        yield from _latency(many, f"_{CLIENTS}")
        calls = {side: took["per_second"] for side, took in many.items()}
        ratio = calls["gateway"] / calls["direct"]
        yield Figure("gateway_calls_per_second", calls["gateway"], "1/s", versus=calls["direct"], ratio=ratio)
        for took, suffix in ((one, ""), (many, f"_{CLIENTS}")):
            mine, server = took["gateway"]["cpu_ms"], took["direct"]["cpu_ms"]
            yield Figure(f"gateway_cpu_ms_per_call{suffix}", mine, "ms", versus=server, ratio=mine / server)
        yield _long_list(registry, sides[1].token)


@contextmanager
def running() -> Iterator[tuple[LiveRegistry, tuple[Side, Side]]]:
    """A gateway before a tool server, and both ways to call a tool there: directly, and through it."""
    with tempfile.TemporaryDirectory() as scratch, _upstream() as (upstream, process):
        registry = LiveRegistry(Path(scratch))
        registry.environment |= {
            "LEASEHOLD_PRIVATE_UPSTREAMS": "127.0.0.1",
            "LEASEHOLD_AGENT_CALLS_PER_MINUTE": "10000000",
        }
        try:
            registry.furnish()
            _furnish(registry, upstream)
            direct = Side("direct", upstream, "/mcp", "", process)
            time.sleep(1)
            through = Side("gateway", registry.door.upstream, "/mcp/bench", token_of(registry), registry.process)
            yield registry, (direct, through)
        finally:
            registry.close()


def _latency(took: dict[str, dict[str, float]], suffix: str) -> Iterator[Figure]:
    for share in ("p50", "p99"):
        direct, through = took["direct"][share], took["gateway"][share]
        yield Figure(f"gateway_added_{share}_ms{suffix}", through - direct, "ms", versus=direct, ratio=through / direct)


def _measured(sides: tuple[Side, Side], clients: int) -> dict[str, dict[str, float]]:
    """Each side in turns; of every figure the median of the rounds, and the processor time of all of them."""
    rounds: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    for _ in range(ROUNDS):
        for side in sides:
            before = side.cpu_ms()
            took = side.calls(clients, EACH if clients == 1 else EACH // 4)
            time.sleep(_SETTLED_SECONDS)
            rounds[side.name].append({**took, "cpu_ms": (side.cpu_ms() - before) / took["calls"]})
    middle = ROUNDS // 2
    return {
        name: {figure: sorted(one[figure] for one in taken)[middle] for figure in taken[0]}
        for name, taken in rounds.items()
    }


def _long_list(registry: LiveRegistry, token: str) -> Figure:
    took = []
    request = _request(registry.door.upstream, "/mcp/bench", token, "tools/list")
    with socket.create_connection(("127.0.0.1", registry.door.upstream)) as connection:
        for _ in range(30):
            began = time.perf_counter()
            connection.sendall(request)
            answer = _whole(connection)
            took.append(time.perf_counter() - began)
    shown = len(json.loads(answer)["result"]["tools"])
    assert shown == _TOOLS // 2, shown
    return Figure("list_500_tools_ms", sorted(took)[len(took) // 2] * 1000, "ms")


def _furnish(registry: LiveRegistry, upstream: int) -> None:
    tools = {f"tool_{n}": {"action": "read"} for n in range(_TOOLS)}
    server = {"url": f"{registry.url}/mcp/bench", "tools": {"echo": {"action": "read"}, **tools},
              "upstream": {"url": f"http://127.0.0.1:{upstream}/mcp", "calls_per_minute": 1_000_000},
              "pinning": "observe"}  # fmt: skip
    registry.create("owners", "alice", {"display_name": "A", "email": "a@example.com", "team": "web"})
    registry.create("agents", "bench", {"owner": "alice", "review_by": "2027-06-01"})
    registry.create("deployments", "bench", {"agent": "bench"})
    registry.create("tool-servers", "bench", server)
    registry.create("workload-bindings", "wl", {"trust_issuer": "idp", "agent": "bench", "oidc": {"subject": "pod"}})
    names = ["echo", *(f"tool_{n}" for n in range(0, _TOOLS, 2))]
    scope = {"tool_server": "bench", "tools": names, "resources": ["tool_server:bench"]}
    registry.create("scopes", "bench", scope)
    registry.create("grants", "bench/bench", {"agent": "bench", "scope": "bench"})


def token_of(registry: LiveRegistry) -> str:
    """A fresh token of the agent."""
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": registry.oidc_token("pod"),
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "resource": f"{registry.url}/mcp/bench",
    }
    body = "&".join(f"{name}={quote(value, safe='')}" for name, value in form.items()).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, content = registry._raw("POST", "/oauth2/token", headers, body)  # noqa: SLF001  a fake's own way in
    assert status == 200, content  # noqa: PLR2004
    return str(json.loads(content)["access_token"])


def _request(port: int, path: str, token: str, method: str = "tools/call") -> bytes:
    params: dict[str, Any] = {"_meta": _META}
    if method == "tools/call":
        params |= {"name": "echo", "arguments": {"text": "how much is it from here to the end of the road"}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    named = "mcp-name: echo\r\n" if method == "tools/call" else ""
    bearer = f"authorization: Bearer {token}\r\n" if token else ""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{bearer}{named}content-type: application/json\r\n"
        f"accept: application/json, text/event-stream\r\nmcp-protocol-version: {_VERSION}\r\nmcp-method: {method}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _whole(connection: socket.socket) -> bytes:
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65_536)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), answer[:500]
    while len(body) < _length(head):
        body += connection.recv(65_536)
    return body


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length"))


async def _client(port: int, path: str, clients: int, each: int, token: str) -> dict[str, float]:
    request = _request(port, path, token)
    took: list[float] = []

    async def calls(count: int, *, counted: bool) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(count):
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head + await reader.read(500)
            await reader.readexactly(_length(head))
            if counted:
                took.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(calls(WARM_UP // clients, counted=False) for _ in range(clients)))
    began = time.perf_counter()
    await asyncio.gather(*(calls(each, counted=True) for _ in range(clients)))
    seconds = time.perf_counter() - began
    ordered = sorted(took)
    shares = {"p50": ordered[len(ordered) // 2], "p99": ordered[int(len(ordered) * 0.99)]}
    every = len(took) + WARM_UP // clients * clients
    return {
        **{name: value * 1000 for name, value in shares.items()},
        "per_second": len(took) / seconds,
        "calls": every,
    }


@contextmanager
def _upstream() -> Iterator[tuple[int, int]]:
    """Its port and its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gateway", "upstream"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), process.pid
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _serve() -> None:
    """A tool server that answers in as few steps as there are."""
    content = [{"type": "text", "text": "it is far " * 20}]
    result = {"resultType": "complete", "content": content, "isError": False}
    text = json.dumps({"jsonrpc": "2.0", "id": 1, "result": result})
    schema = {"type": "object", "properties": {"text": {"type": "string", "description": "What to say."}}}
    tools = [{"name": f"tool_{n}", "description": f"Does the thing number {n}.", "inputSchema": schema}
             for n in range(_TOOLS)]  # fmt: skip
    listed = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"resultType": "complete", "tools": tools}}).encode()
    answers = {b"tools/call": text.encode(), b"tools/list": listed}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        while (await receive()).get("more_body"):
            pass
        body = answers[dict(scope["headers"]).get(b"mcp-method", b"tools/call")]
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, lifespan="off")).run([listener])


if __name__ == "__main__":
    if sys.argv[1] == "upstream":
        _serve()
    else:
        _, _, where, at, how_many, how_often = sys.argv
        print(json.dumps(asyncio.run(_client(int(where), at, int(how_many), int(how_often), sys.stdin.read()))))
