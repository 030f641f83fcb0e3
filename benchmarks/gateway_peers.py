"""Our gateway beside LiteLLM's and ContextForge's: the same calls of the same tool server, in turns, in one run.

Optional: the peers are large and live in environments of their own; without them this measures nothing and says how to
get them. Each runs in one worker as its package has it, with SQLite or without a database; what limits calls per minute
is set out of the way. All speak the handshake era, which is all that both peers have. `gateway_vs_*` is how many times
their calls per second ours are, `*_cpu_ms_per_call` the processor time of the gateway's own process.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn
from tests.fakes.registry_http import LiveRegistry, _free_port

from benchmarks.figure import Figure
from benchmarks.gateway import Side, _furnish, token_of

PEERS = Path(__file__).parents[1] / ".toolchain" / "peers"
PACKAGES = {"litellm": "litellm[proxy]==1.106.2", "contextforge": "mcp-contextforge-gateway==1.0.7.post20260921"}
ROUNDS, CLIENTS, SECONDS, WARM_UP = 3, 16, 3.0, 8
_START_SECONDS = 180.0
_VERSION = "2025-06-18"
_CLIENT = {"protocolVersion": _VERSION, "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


def figures() -> Iterator[Figure]:
    """Added latency at one client, throughput at sixteen, and processor time, of each gateway."""
    if missing := [name for name in PACKAGES if not (PEERS / name / "bin" / "python").exists()]:
        for name in missing:
            where = PEERS / name
            print(f"python3 -m venv {where} && {where}/bin/pip install '{PACKAGES[name]}'", file=sys.stderr)
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port, process = stack.enter_context(_started([sys.executable, "-m", "benchmarks.gateway_peers"], {}, "/mcp"))
        direct = Side("direct", port, "/mcp", "", process)
        sides = [direct, *(stack.enter_context(start(folder, port)) for start in (_gateway, _litellm, _contextforge))]
        one, many = _measured(sides, 1), _measured(sides, CLIENTS)
    for side in sides[1:]:
        own, plain = one[side.name]["p50"], one["direct"]["p50"]
        yield Figure(f"{side.name}_added_p50_ms_handshake", own - plain, "ms", versus=plain, ratio=own / plain)
        spent, server = many[side.name]["cpu_ms"], many["direct"]["cpu_ms"]
        yield Figure(f"{side.name}_cpu_ms_per_call_handshake", spent, "ms", versus=server, ratio=spent / server)
    ours = many["gateway"]["per_second"]
    for name in PACKAGES:
        theirs = many[name]["per_second"]
        yield Figure(f"gateway_vs_{name}", ours / theirs, "x", versus=theirs, ratio=ours / theirs)


def _measured(sides: list[Side], clients: int) -> dict[str, dict[str, float]]:
    """Each side in turns; of every figure the median of the rounds."""
    rounds: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    for _ in range(ROUNDS):
        for side in sides:
            before = side.cpu_ms()
            took = asyncio.run(_calls(side, clients))
            rounds[side.name].append({**took, "cpu_ms": (side.cpu_ms() - before) / took["calls"]})
    return {
        name: {figure: sorted(one[figure] for one in taken)[ROUNDS // 2] for figure in taken[0]}
        for name, taken in rounds.items()
    }


async def _calls(side: Side, clients: int) -> dict[str, float]:
    """Calls of so many clients for a while, each in a session of its own."""
    took: list[float] = []
    counted = 0

    async def client(http: aiohttp.ClientSession) -> None:
        nonlocal counted
        tool = await _opened(side, http)
        ends, call = time.perf_counter() + SECONDS, {"name": tool, "arguments": {"text": "how far is it from here"}}
        for number in range(1_000_000):
            began = time.perf_counter()
            if began > ends and number > WARM_UP:
                return
            assert "result" in await _asked(side, http, "tools/call", call), side.name
            counted += 1
            if number >= WARM_UP:
                took.append(time.perf_counter() - began)

    headers = {"accept": "application/json, text/event-stream"}
    headers |= {"authorization": f"Bearer {side.token}"} if side.token else {}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=60)) as shared:
        began = time.perf_counter()
        sessions = [aiohttp.ClientSession(headers=headers, connector=shared.connector, connector_owner=False)
                    for _ in range(clients)]  # fmt: skip
        await asyncio.gather(*(client(one) for one in sessions))
        seconds = time.perf_counter() - began
        for one in sessions:
            await one.close()
    return {"p50": sorted(took)[len(took) // 2] * 1000, "per_second": counted / seconds, "calls": counted}


async def _opened(side: Side, http: aiohttp.ClientSession) -> str:
    """Shake hands; the name by which the tool is called there."""
    await _asked(side, http, "initialize", _CLIENT)
    http.headers["mcp-protocol-version"] = _VERSION
    listed = await _asked(side, http, "tools/list", {})
    return str(next(tool["name"] for tool in listed["result"]["tools"] if tool["name"].endswith("echo")))


async def _asked(side: Side, http: aiohttp.ClientSession, method: str, params: object) -> dict[str, Any]:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    async with http.post(f"http://127.0.0.1:{side.port}{side.path}", json=body) as answer:
        text = await answer.text()
        assert answer.status == 200, (side.name, answer.status, text[:500])  # noqa: PLR2004
        if session := answer.headers.get("mcp-session-id"):
            http.headers["mcp-session-id"] = session
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    found: dict[str, Any] = json.loads(lines[-1] if lines else text)
    return found


@contextmanager
def _gateway(folder: Path, upstream: int) -> Iterator[Side]:
    own = folder / "gateway"
    own.mkdir()
    registry = LiveRegistry(own)
    registry.environment |= {
        "LEASEHOLD_PRIVATE_UPSTREAMS": "127.0.0.1",
        "LEASEHOLD_AGENT_CALLS_PER_MINUTE": "10000000",
    }
    try:
        registry.furnish()
        _furnish(registry, upstream)
        time.sleep(1)
        yield Side("gateway", registry.door.upstream, "/mcp/bench", token_of(registry), registry.process)
    finally:
        registry.close()


@contextmanager
def _litellm(folder: Path, upstream: int) -> Iterator[Side]:
    key, configuration = f"sk-{secrets.token_hex(16)}", folder / "litellm.json"
    server = {"url": f"http://127.0.0.1:{upstream}/mcp", "transport": "http", "allow_all_keys": True}
    told = {"mcp_servers": {"bench": server}, "general_settings": {"master_key": key}}
    configuration.write_text(json.dumps(told))  # which is YAML, too
    command = [
        str(PEERS / "litellm" / "bin" / "litellm"),
        "--config",
        str(configuration),
        "--host",
        "127.0.0.1",
        "--port",
    ]
    environment = {"HOME": str(folder), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with _started(command, environment, "/health/liveliness") as (port, process):
        yield Side("litellm", port, "/bench/mcp", key, process)


@contextmanager
def _contextforge(folder: Path, upstream: int) -> Iterator[Side]:
    environment = {
        **{name: secrets.token_hex(32) for name in ("JWT_SECRET_KEY", "AUTH_ENCRYPTION_SECRET", "BASIC_AUTH_PASSWORD")},
        **{name: f"{secrets.token_hex(24)}Aa1!" for name in ("PLATFORM_ADMIN_PASSWORD", "DEFAULT_USER_PASSWORD")},
        "PLATFORM_ADMIN_EMAIL": "admin@example.com", "DATABASE_URL": f"sqlite:///{folder / 'contextforge.db'}",
        "HOME": str(folder), "CACHE_TYPE": "memory", "LOG_LEVEL": "ERROR", "MCPGATEWAY_ADMIN_API_ENABLED": "true",
        "SSRF_ALLOW_LOCALHOST": "true", "SSRF_ALLOW_PRIVATE_NETWORKS": "true",
        "RATE_LIMITING_ENABLED": "false", "TOOL_RATE_LIMIT": "100000000",
    }  # fmt: skip
    programs = PEERS / "contextforge" / "bin"
    made = [str(programs / "python"), "-m", "mcpgateway.utils.create_jwt_token", "--username", "admin@example.com"]
    made += ["--admin", "--exp", "600", "--secret", environment["JWT_SECRET_KEY"]]
    command = [str(programs / "mcpgateway"), "--host", "127.0.0.1", "--port"]
    with _started(command, environment, "/health", folder) as (port, process):
        done = subprocess.run(made, env=environment, cwd=folder, capture_output=True, text=True, check=True)
        token = done.stdout.split()[0]
        ask = _asker(f"http://127.0.0.1:{port}", token)
        ask("/gateways", {"name": "bench", "url": f"http://127.0.0.1:{upstream}/mcp", "transport": "STREAMABLEHTTP"})
        tool = next(one["id"] for one in ask("/tools") if one["originalName"] == "echo")
        server = ask("/servers", {"server": {"name": "bench", "associated_tools": [tool]}})
        yield Side("contextforge", port, f"/servers/{server['id']}/mcp", token, process)


def _asker(url: str, token: str) -> Callable[..., Any]:
    def ask(path: str, body: object = None) -> Any:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(urllib.request.Request(f"{url}{path}", data, headers), timeout=60) as answer:  # noqa: S310  loopback
            return json.loads(answer.read())

    return ask


@contextmanager
def _started(
    command: list[str], environment: dict[str, str], ready: str, folder: Path | None = None
) -> Iterator[tuple[int, int]]:
    """A server, once it answers at `ready`; its port, which ends its command, and its process."""
    port = _free_port()
    whole = {"PATH": os.environ["PATH"], **environment}
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen([*command, str(port)], env=whole, cwd=folder, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}{ready}", process)
            yield port, process.pid
        except BaseException:
            log.seek(0)
            print(log.read()[-2000:], file=sys.stderr)
            raise
        finally:
            process.terminate()
            process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310  loopback
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"{url} does not answer")


def _serve(port: int) -> None:
    """A tool server of the handshake era that answers in as few steps as there are."""
    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    results: dict[str, object] = {
        "initialize": {**_CLIENT, "capabilities": {"tools": {}}, "serverInfo": {"name": "bench", "version": "1"}},
        "ping": {},
        "tools/list": {"tools": [{"name": "echo", "description": "Say it.", "inputSchema": schema}]},
        "tools/call": {"content": [{"type": "text", "text": "it is far " * 20}], "isError": False},
    }

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raw = b""
        while True:
            message = await receive()
            raw += message.get("body", b"")
            if not message.get("more_body"):
                break
        asked = json.loads(raw) if scope["method"] == "POST" else {}
        result = results.get(asked.get("method", ""))
        status = 405 if scope["method"] != "POST" else 202 if "id" not in asked else 200
        answer = {"jsonrpc": "2.0", "id": asked.get("id"), "result": result}
        body = json.dumps(answer).encode() if status == 200 else b""  # noqa: PLR2004
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    uvicorn.run(app, port=port, log_level="error", access_log=False, lifespan="off")


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
