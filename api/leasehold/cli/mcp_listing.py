"""What a running MCP server lists, all pages of it, and its instructions: read over streamable HTTP, both wire eras.

First as revision 2026-07-28 has it (stateless, `server/discover`); a server that does not know that is asked as up to
2025-11-25 (handshake). The registry's token never goes there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx

from leasehold.cli.connection import Json
from leasehold.cli.exits import Failure
from leasehold.cli.safe_text import visible

_MODERN, _HANDSHAKE = "2026-07-28", "2025-11-25"
_CLIENT = {"name": "leasehold", "version": "1"}
_META = "io.modelcontextprotocol/"
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_LIMIT = 16 * 1024 * 1024
_PAGES = 100
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Listing:
    """One server, asked once. Follows no redirect: a token goes where it was meant to go."""

    def __init__(self, url: str, bearer: str | None, transport: httpx.BaseTransport | None = None) -> None:
        self._url = _checked(url, bearer)
        self._headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
        self._headers |= {"Authorization": f"Bearer {bearer}"} if bearer is not None else {}
        self._client = httpx.Client(timeout=_TIMEOUT, follow_redirects=False, transport=transport)
        self._id = 0
        self._modern = True

    def read(self) -> Json:
        """`tools`, by name, and `instructions`. Raises `Failure`."""
        with self._client:
            instructions = self._begin()
            tools = [tool for page in self._pages() for tool in page]
            self._end()
        names = [tool.get("name") for tool in tools]
        if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
            self._fail("the server lists a tool without a name, or one twice")
        return {"instructions": instructions, "tools": sorted(tools, key=lambda tool: str(tool["name"]))}

    def _begin(self) -> str:
        answer = self._request("server/discover", {}, {"MCP-Protocol-Version": _MODERN})
        if answer is None or "capabilities" not in (answer.get("result") or {}):
            self._modern = False
            hello = {"protocolVersion": _HANDSHAKE, "capabilities": {}, "clientInfo": _CLIENT}
            answer = self._request("initialize", hello, {})
            if answer is None or not isinstance(answer.get("result"), dict):
                self._fail("the server answers neither `server/discover` nor `initialize`")
            version = answer["result"].get("protocolVersion")
            self._headers["MCP-Protocol-Version"] = version if isinstance(version, str) else _HANDSHAKE
            self._notify("notifications/initialized")
        said = answer["result"].get("instructions") if isinstance(answer["result"], dict) else None
        return said if isinstance(said, str) else ""

    def _pages(self) -> Iterator[list[Json]]:
        cursor: str | None = None
        for _ in range(_PAGES):
            params = {"cursor": cursor} if cursor is not None else {}
            answer = self._request("tools/list", params, {"MCP-Protocol-Version": _MODERN} if self._modern else {})
            result = (answer or {}).get("result")
            found = result.get("tools") if isinstance(result, dict) else None
            if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
                self._fail("the answer to `tools/list` lists no tools")
            yield found
            cursor = result.get("nextCursor") if isinstance(result, dict) else None
            if not isinstance(cursor, str):
                return
        self._fail(f"the server lists more than {_PAGES} pages")

    def _request(self, method: str, params: Json, headers: dict[str, str]) -> Json | None:
        """The answer, or None for an HTTP error that says nothing in JSON-RPC."""
        self._id += 1
        if self._modern:
            meta = {f"{_META}protocolVersion": _MODERN, f"{_META}clientCapabilities": {}, f"{_META}clientInfo": _CLIENT}
            params = {**params, "_meta": meta}
            headers = {**headers, "Mcp-Method": method}
        body = {"jsonrpc": "2.0", "id": self._id, "method": method, "params": params}
        status, received, text = self._send(body, headers)
        if session := received.get("mcp-session-id"):
            self._headers["Mcp-Session-Id"] = session
        if status in {401, 403}:
            self._fail("the server wants another credential (--bearer-file)")
        for found in _messages(received.get("content-type", ""), text):
            if found.get("id") == self._id:
                return found
        return None

    def _notify(self, method: str) -> None:
        self._send({"jsonrpc": "2.0", "method": method}, {})

    def _end(self) -> None:
        if "Mcp-Session-Id" in self._headers:
            try:
                self._client.delete(self._url, headers=self._headers)
            except httpx.HTTPError:
                return  # the list is read; the session ends by itself

    def _send(self, body: Json, headers: dict[str, str]) -> tuple[int, httpx.Headers, str]:
        sent = {**self._headers, **headers}
        parts: list[bytes] = []
        try:
            with self._client.stream("POST", self._url, headers=sent, json=body) as response:
                for part in response.iter_bytes():
                    parts.append(part)
                    if sum(map(len, parts)) > _LIMIT:
                        self._fail(f"the answer is over {_LIMIT} bytes")
                return response.status_code, response.headers, b"".join(parts).decode(errors="replace")
        except httpx.HTTPError as error:
            raise Failure(
                f"no answer from the tool server ({type(error).__name__})", where=visible(self._url)
            ) from None

    def _fail(self, what: str) -> NoReturn:
        raise Failure(what, where=visible(self._url))


def _messages(content_type: str, text: str) -> Iterator[Json]:
    """The JSON-RPC messages of an answer: one as JSON, or any number as server-sent events."""
    documents = [text]
    if content_type.startswith("text/event-stream"):
        events = text.replace("\r\n", "\n").split("\n\n")
        documents = [
            "\n".join(line[5:].lstrip(" ") for line in event.split("\n") if line.startswith("data:"))
            for event in events
        ]
    for document in documents:
        try:
            found: Any = json.loads(document) if document.strip() else None  # Any: JSON
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def _checked(url: str, bearer: str | None) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise Failure("a tool server is an http(s) URL without a user", where=visible(url))
    if bearer is not None and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise Failure("a token does not travel over plain http", where=visible(url), next_step="use https")
    return url
