"""Tool servers of tests behind real sockets: one made with the official SDK, and one that does what a test tells it."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web
from mcp.server import MCPServer
from tests.fakes.serving import serving

Answer = Callable[[web.Request, Any], Awaitable[web.StreamResponse]]


def sdk_server(name: str = "github") -> MCPServer:
    """A server of the official SDK with tools that read, write and destroy, a resource, a template and a prompt."""
    server = MCPServer(name, instructions="Ask before you merge.")
    _add_tools(server)
    _add_resources_and_prompts(server)
    return server


def _add_tools(server: MCPServer) -> None:
    @server.tool()
    def read_file(repository: str, path: str) -> str:
        """Read a file."""
        return f"{repository}:{path}"

    @server.tool()
    def comment(repository: str, text: str) -> str:
        """Say something."""
        return f"{repository} says {text}"

    @server.tool()
    def delete_branch(repository: str, branch: str) -> str:
        """Delete a branch for good."""
        return f"{repository} has no {branch} any more"

    @server.tool()
    def fail(repository: str) -> str:
        """Fail."""
        raise RuntimeError(f"{repository} is broken")

    @server.tool()
    def undeclared(repository: str) -> str:
        """Nobody declared this one."""
        return repository


def _add_resources_and_prompts(server: MCPServer) -> None:
    @server.resource("docs://handbook")
    def handbook() -> str:
        """The handbook."""
        return "be kind"

    @server.resource("docs://salaries")
    def salaries() -> str:
        """Not for everybody."""
        return "a lot"

    @server.resource("repo://{name}/readme")
    def readme(name: str) -> str:
        """The readme of a repository."""
        return f"this is {name}"

    @server.prompt()
    def review(repository: str) -> str:
        """Review a repository."""
        return f"review {repository}"

    @server.prompt()
    def secret_plan() -> str:
        """Not for everybody."""
        return "attack at dawn"


@contextmanager
def served_sdk(server: MCPServer, **options: Any) -> Iterator[str]:
    """The SDK's server on loopback; its address."""
    with serving(server.streamable_http_app(**options)) as url:
        yield f"{url}/mcp"


class ToldUpstream:
    """Answers as `answer` has it, and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: Answer = echoing
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None

    def start(self, trust: ssl.SSLContext | None = None) -> None:
        ready = threading.Event()

        def run() -> None:
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(self._serve(trust))
            ready.set()
            self._loop.run_forever()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        async def end() -> None:
            if self._runner is not None:
                await self._runner.cleanup()
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:  # answers that nobody reads to their end
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def everything(self) -> str:
        """All that it was sent, in one text."""
        return "\n".join(f"{line}\n{headers}\n{body!r}" for line, headers, body in self.requests)

    async def _serve(self, trust: ssl.SSLContext | None) -> None:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=trust)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"{'https' if trust else 'http'}://127.0.0.1:{port}/mcp"

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append((f"{request.method} {request.path_qs}", dict(request.headers), body))
        return await self.answer(request, json.loads(body) if body else None)


@contextmanager
def told_upstream(trust: ssl.SSLContext | None = None) -> Iterator[ToldUpstream]:
    """One, for as long as the context lasts."""
    upstream = ToldUpstream()
    upstream.start(trust)
    try:
        yield upstream
    finally:
        upstream.stop()


def result_of(message: Any, result: Any) -> Any:
    """The answer to a message."""
    return {"jsonrpc": "2.0", "id": message["id"], "result": result}


def text_result(text: str, **more: Any) -> dict[str, Any]:
    """What a tool says."""
    return {"content": [{"type": "text", "text": text}], **more}


async def echoing(_request: web.Request, message: Any) -> web.StreamResponse:
    """Say back what was asked."""
    if message is None or "id" not in message:
        return web.Response(status=202)
    if message["method"] == "tools/list":
        tools = [{"name": name, "inputSchema": {"type": "object"}} for name in ("undeclared", "read_file", "comment")]
        return web.json_response(result_of(message, {"tools": tools}))
    return web.json_response(result_of(message, text_result(json.dumps(message.get("params", {}).get("arguments")))))


def events(*messages: Any) -> Answer:
    """Stream these; a callable is called with the message that is answered."""

    async def answer(request: web.Request, message: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for one in messages:
            told = one(message) if callable(one) else one
            raw = told if isinstance(told, bytes) else f"event: message\ndata: {json.dumps(told)}\n\n".encode()
            await response.write(raw)
        return response

    return answer
