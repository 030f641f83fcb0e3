"""A token service whose security events are pushed, with the time and the receivers in the test's hands."""

import asyncio
import json
from pathlib import Path
from typing import Any

import jwt
from tests.fakes.exchange_world import ISSUER, Reply, World

from leasehold.keys.nonces import Nonces
from leasehold.keys.sealing import FileSealer
from leasehold.keys.signing import TokenMint
from leasehold.model.leases import Node
from leasehold.model.signals import PUSH, SECURITY_EVENT_TYPE, EventNotTaken
from leasehold.signals.streams import Streams
from leasehold.signals.transmitting import Transmitter
from leasehold.web.dispatch import dispatch
from leasehold.web.signals.app import CONFIGURATION, SignalDoors, signals_app

ENDPOINT = "https://siem.example/events"


class Receivers:
    """Takes what is pushed; `refusing` says why it does not. `claims` are what was taken, in order, by endpoint."""

    def __init__(self) -> None:
        self.refusing: dict[str, str] = {}
        self.taken: list[tuple[str, str, str | None]] = []
        self.before: Any = lambda _endpoint, _token: None

    async def push(self, endpoint: str, token: str, authorization: str | None) -> None:
        self.before(endpoint, token)
        if endpoint in self.refusing:
            raise EventNotTaken(self.refusing[endpoint])
        self.taken.append((endpoint, token, authorization))

    def claims(self, endpoint: str = ENDPOINT) -> list[dict[str, Any]]:
        found = [token for where, token, _ in self.taken if where == endpoint]
        return [jwt.decode(token, options={"verify_signature": False}) for token in found]

    def subjects(self, endpoint: str = ENDPOINT) -> list[dict[str, str]]:
        return [claims["sub_id"] for claims in self.claims(endpoint)]


class SignalWorld(World):
    """A world whose app manages streams too. `push` is one round of the worker, to its end."""

    def __init__(self, store: Any, folder: Path, nonces: Nonces | None = None) -> None:
        super().__init__(store, folder, nonces)
        self.receivers = Receivers()
        self.sealer = FileSealer(folder / "sealing.key")
        self.transmitter = self.another_worker()
        streams = Streams(issuer=ISSUER, store=self.store, sealer=self.sealer, changed=lambda: None)
        doors = SignalDoors(
            issuer=ISSUER,
            streams=streams,
            authenticator=self.callers,
            possessions=self.possessions,
            clock=lambda: self.now,
        )
        signals = signals_app(doors)
        self.app = dispatch(self.app, {CONFIGURATION: signals, "/ssf/": signals})

    def another_worker(self) -> Transmitter:
        return Transmitter(
            issuer=ISSUER,
            store=self.store,
            mint=TokenMint(self.signer, SECURITY_EVENT_TYPE),
            courier=self.receivers,
            sealer=self.sealer,
            clock=lambda: self.now,
        )

    def push(self) -> None:
        async def one_round() -> None:
            await asyncio.gather(*await self.transmitter.look())

        asyncio.run(one_round())

    def ssf(self, method: str, path: str, body: Any = None, bearer: str | None = None) -> Reply:
        token = self.registry_token() if bearer is None else bearer
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        return self.call(method, path, json.dumps(body).encode() if body is not None else b"", headers)

    def create(self, endpoint: str = ENDPOINT, bearer: str | None = None, **more: Any) -> str:
        delivery = {"method": PUSH, "endpoint_url": endpoint, **more.pop("delivery", {})}
        reply = self.ssf("POST", "/ssf/streams", {"delivery": delivery, **more}, bearer)
        assert reply.status == 201, reply.body
        return reply.json["stream_id"]

    def status(self, stream: str) -> dict[str, str]:
        return self.ssf("GET", f"/ssf/status?stream_id={stream}").json

    def stream(self, stream_id: str) -> Any:
        with self.store.read() as unit:
            return next(one for one in unit.streams.list() if one.id == stream_id)

    def end(self, *names: str) -> None:
        for name in names:
            self.bump(Node(name))
