"""A small MCP server over streamable HTTP (2025-06-18): sessions, a list of tools, calls. Remembers what reached it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOOLS = ("read_file", "comment", "merge")
_VERSION, _SESSION = "2025-06-18", "session-1"


@dataclass
class Reached:
    """One request as it came through."""

    method: str
    path: str
    headers: Mapping[str, str]
    message: Any


@dataclass
class McpServer:
    """Where it listens, and what reached it."""

    port: int = 0
    reached: list[Reached] = field(default_factory=list)

    def calls(self) -> list[str]:
        return [one.message["params"]["name"] for one in self.reached if one.message.get("method") == "tools/call"]


@contextmanager
def running_mcp_server() -> Iterator[McpServer]:
    """The server while the context lasts."""
    state = McpServer()
    handler = type("Handler", (_Speaks,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    state.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


class _Speaks(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: McpServer

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.state.reached.append(Reached("POST", self.path, headers, message))
        if "id" not in message:  # a notification
            self._send(202, b"", "application/json")
            return
        answer = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": _result(message)}).encode()
        if message["method"] == "tools/call":  # as an event stream, as many servers answer calls
            self._send(200, b"event: message\ndata: " + answer + b"\n\n", "text/event-stream")
        else:
            self._send(200, answer, "application/json")

    def _send(self, status: int, content: bytes, type_: str) -> None:
        self.send_response(status)
        self.send_header("content-type", type_)
        self.send_header("content-length", str(len(content)))
        self.send_header("mcp-session-id", _SESSION)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 -- http.server's name
        """Say nothing."""


def _result(message: Mapping[str, Any]) -> dict[str, Any]:
    match message["method"]:
        case "initialize":
            server = {"name": "github", "version": "1"}
            return {"protocolVersion": _VERSION, "capabilities": {"tools": {}}, "serverInfo": server}
        case "tools/list":
            return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]}
        case "tools/call":
            return {"content": [{"type": "text", "text": f"did {message['params']['name']}"}]}
        case _:
            return {}
