"""A gateway without sockets: the token service's world, its decision point, and a tool server that a test plays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

from tests.fakes.client_keys import ClientKey
from tests.fakes.exchange_world import EXCHANGE, ISSUER, JWT, Reply, World, request

from leasehold.decisions.current import Current
from leasehold.decisions.recording import Recorder
from leasehold.gateway.admission import Admission
from leasehold.gateway.app import GatewayApp
from leasehold.gateway.callers import Callers
from leasehold.gateway.exchanges import Gateway
from leasehold.gateway.following import Following
from leasehold.gateway.lists import Lists
from leasehold.gateway.rates import RateLimits, Rates
from leasehold.gateway.records import Records
from leasehold.gateway.scanning import Scans
from leasehold.gateway.serving import Serving
from leasehold.gateway.sessions import Sessions
from leasehold.gateway.upstreams import Outgoing
from leasehold.gateway.watching import Watch
from leasehold.keys.content_cipher import ContentCipher
from leasehold.keys.sealing import FileSealer
from leasehold.keys.tokens import OwnTokens
from leasehold.model.clients import DpopUse
from leasehold.model.connections import Authorized, ConnectionKind, NotConnected, UpstreamCall
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.relaying import Upstream
from leasehold.model.tools import Action, Pinning, Tool, ToolServer
from leasehold.policy.cedar.engines import engine_named
from leasehold.store.memory.store import MemoryStore
from leasehold.surface_wiring import pinned_surfaces
from leasehold.trail.contents import Contents

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
TOOLS = {
    "read_file": Tool(action=Action.READ, resource="repo:{repository}"),
    "comment": Tool(action=Action.WRITE, resource="repo:{repository}"),
    "delete_branch": Tool(action=Action.DELETE, resource="repo:{repository}"),
}


class PlayedUpstream:
    """Answers with what `answer` makes of a message, and remembers what went out."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.answer: Callable[[Any], Any] = lambda message: {"content": [{"type": "text", "text": message["method"]}]}

    @asynccontextmanager
    async def send(self, outgoing: Outgoing) -> AsyncIterator[Any]:
        self.sent.append(outgoing)
        message = json.loads(outgoing.body) if outgoing.body else None
        yield _Played(message, self.answer(message))


class _Played:
    def __init__(self, message: Any, result: Any) -> None:
        self.status, self.headers, self.body = 200, {"content-type": "application/json"}, None
        self._body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._body


class PlayedBroker:
    """Gives what a test says, and remembers who asked."""

    def __init__(self) -> None:
        self.calls: list[UpstreamCall] = []
        self.answer: Authorized | NotConnected = Authorized(headers=(), connection=None, kind=ConnectionKind.NONE)
        self.when_refused: NotConnected | None = None

    async def authorize(self, call: UpstreamCall) -> Authorized | NotConnected:
        self.calls.append(call)
        return self.answer

    async def refused(self, _call: UpstreamCall) -> NotConnected | None:
        return self.when_refused


class GatewayWorld:
    """Everything joined as in production, but for the tool server, the broker and the clocks."""

    def __init__(self, folder: Path, limits: RateLimits | None = None, public: str = "") -> None:
        self.world = world = World(MemoryStore(), folder, public=public).populate()
        self.seconds = world.now.timestamp()
        self.store = world.store
        self.current = Current(world.store, engine_named("compiled"), lambda: world.now)
        sealer = FileSealer(folder / "sealing.key")
        self.vault = Contents(world.store, ContentCipher(sealer), lambda: world.now)
        self.recorder = Recorder(world.store, self.vault)
        self.following = Following(world.store, wall=self.wall, monotonic=self.monotonic)
        callers = Callers(
            issuer=ISSUER, verifier=OwnTokens(world.signer), known=self.following.known,
            wall=self.wall, monotonic=self.monotonic,
        )  # fmt: skip
        self.upstream, self.broker = PlayedUpstream(), PlayedBroker()
        surfaces = pinned_surfaces(world.store, self.current, lambda: world.now)
        self.gateway = Gateway(
            admission=Admission(
                serving=Serving(ISSUER), current=self.current, callers=callers, possessions=world.possessions,
                clock=lambda: world.now,
            ),
            broker=self.broker, surfaces=surfaces, upstreams=self.upstream, records=Records(self.recorder),
            rates=Rates(limits or RateLimits()), scans=Scans(b"k" * 32), lists=Lists(surfaces, 40),
            sessions=Sessions(b"s" * 32), watch=Watch(callers), clock=lambda: world.now, monotonic=self.monotonic,
        )  # fmt: skip
        self.app = GatewayApp(self.gateway, ISSUER)
        self.pinning, self.dpop = Pinning.OBSERVE, DpopUse.OFF  # of servers that are declared from now on
        self.serve("code", TOOLS)
        self.grant("code", ["read_file", "comment"], "repo:web")
        self.look()

    def wall(self) -> float:
        return self.world.now.timestamp()

    def monotonic(self) -> float:
        return self.world.now.astimezone(UTC).timestamp() - self.seconds

    def close(self) -> None:
        self.recorder.close()
        self.world.close()

    def look(self) -> None:
        """Let decisions and the gateway see what the registry holds now."""
        self.current.look()
        self.following.look()

    def serve(self, name: str, tools: Mapping[str, Tool], **upstream: Any) -> None:
        behind = Upstream(url=f"https://{name}.example/mcp", **upstream)
        server = ToolServer(
            url=f"{ISSUER}/mcp/{name}", tools=tools, upstream=behind, pinning=self.pinning, dpop=self.dpop
        )
        self.world.put(Kind.TOOL_SERVERS, name, server)

    def grant(self, server: str, tools: list[str], resource: str, **more: Any) -> None:
        wild = {"allow_wildcard": True, "justification": "a test"} if "*" in resource else {}
        grant = Grant(
            agent="triage", tool_server=server, tools=frozenset(tools), resources=frozenset({resource}), **wild, **more
        )
        self.world.put(Kind.GRANTS, grant.id, grant)

    def token(self, server: str = "code", **fields: str) -> str:
        return self.world.exchange_form(self.world.pod_token(), f"{ISSUER}/mcp/{server}", **fields).json["access_token"]

    def bound_token(self, server: str, key: ClientKey) -> Reply:
        """What the exchange answers to who proves to hold a key."""
        form = {"grant_type": EXCHANGE, "subject_token": self.world.pod_token(), "subject_token_type": JWT,
                "resource": f"{ISSUER}/mcp/{server}"}  # fmt: skip
        return self.world.form("/oauth2/token", {"dpop": key.proof(self.world.now)}, **form)

    def ask(
        self, method: str, params: Any = None, token: str | None = None, server: str = "code", **headers: str
    ) -> Reply:
        """A request of the era without a handshake."""
        params = {**(params or {}), "_meta": {**META}}
        named = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}.get(method)
        given = {
            "host": "leasehold.example", "content-type": "application/json", "mcp-method": method,
            "mcp-protocol-version": "2026-07-28", **({"mcp-name": params[named]} if named else {}),
            "authorization": f"Bearer {token if token is not None else self.token(server)}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }  # fmt: skip
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        return self.run(f"/mcp/{server}", body, given)

    def run(self, path: str, body: bytes, headers: Mapping[str, str], method: str = "POST") -> Reply:
        return asyncio.run(request(self.app, method, path, body, headers))

    def call(self, tool: str, token: str | None = None, server: str = "code", **arguments: Any) -> Reply:
        return self.ask("tools/call", {"name": tool, "arguments": arguments}, token, server)

    def with_surfaces(self, surfaces: Any) -> None:
        self.gateway = replace(self.gateway, surfaces=surfaces, lists=Lists(surfaces, 40))
        self.app = GatewayApp(self.gateway, ISSUER)
