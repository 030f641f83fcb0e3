"""Envoy's door to a decision point, and a stub that asks it as Envoy does, with Envoy's own published messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from envoy.service.auth.v3 import external_auth_pb2, external_auth_pb2_grpc
from tests.fakes.exchange_world import world_on

from leasehold.decisions.answering import Answering
from leasehold.decisions.current import Current
from leasehold.decisions.recording import Recorder
from leasehold.envoy.authorizing import Authorizing
from leasehold.envoy.callers import Callers
from leasehold.envoy.server import ExtAuthz
from leasehold.keys.content_cipher import ContentCipher
from leasehold.keys.dpop import Proofs
from leasehold.keys.nonces import Nonces
from leasehold.keys.sealing import FileSealer
from leasehold.keys.tokens import OwnTokens
from leasehold.policy.cedar.engines import engine_named
from leasehold.store.memory.store import MemoryStore
from leasehold.trail.contents import Contents

EXTENSIONS = {"tool_server": "github", "resource": "repo:{repository}"}


class Door:
    """A decision point with Envoy's door, and a stub that speaks through it."""

    def __init__(self, world: Any, folder: Path, nonces: Nonces | None = None) -> None:
        self.world = world
        store = world.store
        self.current = Current(store, engine_named("shadow"), lambda: world.now)
        sealer = FileSealer(folder / "sealing.key")
        self.recorder = Recorder(store, Contents(store, ContentCipher(sealer), lambda: world.now))
        answering = Answering(self.current, self.recorder, lambda: world.now)
        self.callers = Callers(
            issuer=world.doors.issuer, tokens=OwnTokens(world.signer), leases=store, proofs=Proofs(nonces), used=store
        )
        self.authorizing = Authorizing(
            callers=self.callers, current=self.current, answering=answering, clock=lambda: world.now
        )
        self.served = ExtAuthz(self.authorizing, "127.0.0.1:0")
        self.served.start()
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.served.port}")
        self.stub = external_auth_pb2_grpc.AuthorizationStub(self.channel)

    def close(self) -> None:
        self.channel.close()
        self.served.close()
        self.recorder.close()

    def token(self) -> str:
        return str(self.world.exchange_form(self.world.pod_token()).json["access_token"])

    def check(
        self,
        body: object = None,
        token: str = "",
        *,
        extensions: Any = EXTENSIONS,
        method: str = "POST",
        path: str = "/mcp",
        scheme: str = "Bearer",
        look: bool = True,
        **headers: str,
    ) -> Any:
        """The answer to one request. A body of bytes is packed as such."""
        if look:
            self.current.look()
        request = external_auth_pb2.CheckRequest()
        http = request.attributes.request.http
        http.method, http.path, http.host = method, path, "anything.example"
        http.headers.update({"content-type": "application/json", **headers})
        if token:
            http.headers["authorization"] = f"{scheme} {token}"
        if isinstance(body, bytes):
            http.raw_body = body
        else:
            http.body = body if isinstance(body, str) else json.dumps(body)
        request.attributes.source.address.socket_address.address = "10.20.3.4"
        request.attributes.context_extensions.update(extensions)
        return self.stub.Check(request, timeout=10)


@contextmanager
def door_on(folder: Path, nonces: Nonces | None = None) -> Iterator[Door]:
    """The door while the context lasts."""
    with world_on(MemoryStore(), folder) as world:
        door = Door(world, folder, nonces)
        try:
            yield door
        finally:
            door.close()


def call(tool: str = "read_file", repository: str = "web", **arguments: Any) -> dict[str, Any]:
    """A call of a tool."""
    return message("tools/call", name=tool, arguments={"repository": repository, **arguments})


def message(method: str, **params: Any) -> dict[str, Any]:
    """Any message that is owed an answer."""
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


def error(response: Any) -> dict[str, Any]:
    """What a refused caller gets."""
    found: dict[str, Any] = json.loads(response.denied_response.body)
    return found


def headers_of(response: Any) -> dict[str, str]:
    """The headers that a refused caller gets, or what is behind Envoy."""
    options = response.denied_response.headers or response.ok_response.headers
    return {one.header.key: one.header.value for one in options}
