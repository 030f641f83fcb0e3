"""A whole site on one SQLite file, in real time, with everything around it breakable: what the fault matrix breaks."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from sqlalchemy import event
from tests.fakes.delegation_world import ACCESS_TOKEN, Family
from tests.fakes.exchange_world import CREDENTIALS, EXCHANGE, ISSUER, JWT, TOOLS, Reply, request
from tests.fakes.feed_world import FeedWorld, claims_of
from tests.fakes.serving import serving, wait_until

from leasehold.credentials.ending import Endings
from leasehold.credentials.issuing import CredentialDesk
from leasehold.external.federation import TOKEN_TYPE, FederationSource
from leasehold.keys.network import Network
from leasehold.keys.sealing import FileSealer
from leasehold.keys.signing import TokenMint
from leasehold.keys.tokens import OwnTokens
from leasehold.model.credentials import CredentialProfile, Federation
from leasehold.model.kinds import Kind
from leasehold.model.leases import profile_node
from leasehold.model.tools import Action
from leasehold.model.trust import IssuerType
from leasehold.store.database import open_engine
from leasehold.store.migrate import migrate
from leasehold.store.sql_store import SqlStore
from leasehold.verify import AccessRefused, Patience, Receipt, ResourceServer
from leasehold.web.control_plane import control_plane
from leasehold.web.dispatch import dispatch
from leasehold.web.doors import CredentialDoors, Doors

FORM = {"content-type": "application/x-www-form-urlencoded"}
TABLES = (
    *("leases", "replays", "audit_events", "objects", "versions", "changes", "nodes", "revocations"),
    "external_credentials",
)
KEYS_AT = "https://cluster.example/keys"
STALENESS = {Action.READ: timedelta(seconds=3)} | dict.fromkeys(
    (Action.WRITE, Action.DELETE, Action.EXECUTE), timedelta(seconds=1)
)


_PAYLOAD = re.compile(rb"(data: [^.]+\.[^.]{20})([^.])")


def _other(found: re.Match[bytes]) -> bytes:
    return found[1] + (b"A" if found[2] != b"A" else b"B")


class SteppedWorld(FeedWorld):
    """A world in which it is now, by a clock that can be set wrong."""

    wrong_by = timedelta()
    now = property(lambda self: datetime.now(UTC) + self.wrong_by, lambda _, __: None)  # type: ignore[assignment]


class Line:
    """What a resource server hears the site through. `feed` and `introspection` say what is wrong with the line."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.feed = self.introspection = "whole"
        self._first: dict[str, Any] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif path.startswith("/revocations"):
            if self.feed == "away":
                raise ConnectionResetError
            await self._app(scope, receive, lambda message: self._frame(message, send))
        elif path == "/oauth2/introspect" and self.introspection == "away":
            raise ConnectionResetError
        else:
            await self._app(scope, receive, send)

    async def _frame(self, message: Any, send: Any) -> None:
        body = message.get("body", b"")
        match self.feed:
            case "away":
                raise ConnectionResetError
            case "silent" if body:
                return
            case "forged" if body:
                message = {**message, "body": _PAYLOAD.sub(_other, body)}
            case "replayed" if body:
                message = {**message, "body": self._first or body}
            case "lossy" if len(body) > 0 and events_in(body):
                return
        if self._first is None and body.startswith(b"id:"):
            self._first = body
        await send(message)


def events_in(body: bytes) -> bool:
    """True iff some statement in these frames tells of an end."""
    lines = body.decode().split("\n")
    return any(claims_of(line[6:])["events"] for line in lines if line.startswith("data: ey"))


class Site:
    """A token service with feed, credentials and control plane, a family of agents, and how each is asked."""

    def __init__(self, folder: Path) -> None:
        self.database, self.pages = folder / "x.db", 1_000_000
        engine = open_engine(f"sqlite:///{self.database}")
        event.listen(engine, "checkout", self._limit)
        with engine.connect() as connection:
            migrate(connection)
            connection.commit()
        self.folder, self.engine, self.store = folder, engine, SqlStore(engine)
        self.world = world = SteppedWorld(self.store, folder)
        world.cluster.clock = world.people.clock = lambda: datetime.now(UTC)  # issuers' clocks stay right
        world.populate()
        self.family = Family(world)
        world.trust("cluster", world.cluster, IssuerType.KUBERNETES, jwks=None, jwks_uri=KEYS_AT, single_use=True)
        self.fetched: list[str] = []
        self.publish = self.keys
        transport = httpx.MockTransport(self._answer)
        world.issuer_keys._network = Network(transport=transport, resolve=self._resolve)
        world.issuer_keys._clock = lambda: self.monotonic
        self.monotonic = 1000.0
        self.control = self._control_plane()
        self.line = Line(
            dispatch(self.control, {"/oauth2/": world.app, "/.well-known/": world.app, "/revocations": world.app})
        )
        self.registry_token, self.agent_token = world.registry_token(), world.get(world.pod_token()).access_token
        self.drawing_token = world.get(world.pod_token(), CREDENTIALS).access_token
        self.spare = world.get(world.pod_token()).access_token
        self.dead = world.get(world.pod_token()).access_token
        world.revoke(self.dead)

    def _control_plane(self) -> Any:
        world = self.world
        federation = Federation(audience="https://vault.example")
        world.put(
            Kind.CREDENTIAL_PROFILES, "vault", CredentialProfile(agents=frozenset({"triage"}), federation=federation)
        )
        with world.store.begin() as unit:
            unit.nodes.ensure(profile_node("vault"))
        mint = TokenMint(world.signer, TOKEN_TYPE)
        parts: dict[str, Any] = {"store": world.store, "sources": {Federation: FederationSource(ISSUER, mint)}}
        sealer, clock = FileSealer(self.folder / "sealing.key"), lambda: world.now
        self.endings = Endings(**parts, sealer=sealer, clock=clock)
        own = OwnTokens(world.signer)
        desk = CredentialDesk(
            issuer=ISSUER,
            audience=CREDENTIALS,
            verifier=own,
            sealer=sealer,
            ended=self.endings.wake,
            clock=clock,
            **parts,
        )
        credentials = CredentialDoors(desk=desk, store=world.store)
        return control_plane(
            Doors(
                store=world.store,
                authenticator=world.callers,
                possessions=world.possessions,
                clock=clock,
                credentials=credentials,
            )
        )

    def _limit(self, connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {self.pages}")

    @staticmethod
    async def _resolve(_host: str, _port: int) -> list[str]:
        return ["93.184.216.34"]

    async def _answer(self, asked: httpx.Request) -> httpx.Response:
        self.fetched.append(str(asked.url.path))
        return await self.publish()

    async def keys(self) -> httpx.Response:
        """What the cluster publishes."""
        return streamed(self.world.cluster.jwks().encode())

    def forget_keys(self) -> None:
        """Know no key of the cluster, as after a start."""
        self.world.issuer_keys._entries.clear()

    def count(self) -> dict[str, int]:
        """The rows of every table, read past everything that is broken."""
        with sqlite3.connect(self.database) as connection:
            counts = {t: connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in TABLES}  # noqa: S608
        connection.close()
        return counts

    def close(self) -> None:
        """Stop all of it."""
        self.endings.close()
        self.world.close()
        self.store.close()

    # What is asked of the site.

    def exchange(self) -> Reply:
        form = {"subject_token": self.world.pod_token(), "subject_token_type": JWT, "resource": TOOLS}
        return self.oauth("token", grant_type=EXCHANGE, **form)

    def delegate(self) -> Reply:
        return self.oauth(
            "token",
            grant_type=EXCHANGE,
            subject_token=self.agent_token,
            subject_token_type=ACCESS_TOKEN,
            actor_token=self.family.pod("coder"),
            actor_token_type=JWT,
            resource=TOOLS,
            scope="mcp:tool:read_file:read",
        )

    def draw(self) -> Reply:
        headers = {"authorization": f"Bearer {self.drawing_token}", "content-type": "application/json"}
        return self.ask("POST", "/v1/credentials/vault", headers, b"{}")

    def introspect(self) -> Reply:
        return self.oauth("introspect", {"authorization": f"Bearer {self.registry_token}"}, token=self.agent_token)

    def revoke(self) -> Reply:
        return self.oauth("revoke", token=self.spare)

    def write(self) -> Reply:
        body = {"display_name": "Bob", "email": "bob@example.com", "team": "shop"}
        headers = {**self._admin(), "content-type": "application/json", "if-none-match": "*"}
        return self.ask("PUT", "/v1/owners/bob", headers, json.dumps(body).encode())

    def snapshot(self) -> Reply:
        return self.ask("GET", "/v1/snapshot", self._admin(), b"")

    def oauth(self, path: str, headers: dict[str, str] | None = None, **form: str) -> Reply:
        """A form to the token service."""
        return self.ask("POST", f"/oauth2/{path}", {**FORM, **(headers or {})}, urlencode(form).encode())

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """One request. A line that breaks is 503 to whoever asked."""
        try:
            return asyncio.run(request(self.line, method, path, body, headers))
        except ConnectionResetError:
            return Reply(503, {}, b"")

    def _admin(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.registry_token}"}

    @contextmanager
    def resource_server(self) -> Iterator[Guard]:
        """The site over HTTP, and a resource server that follows it."""
        credential = self.folder / "own-token"
        credential.write_text(self.world.people.token())
        patience = Patience(tools={"read_file": Action.READ, "comment": Action.WRITE}, max_staleness=STALENESS)
        with serving(self.line, log_level="critical", lifespan="off", timeout_graceful_shutdown=0) as url:
            server = ResourceServer(
                issuer=ISSUER, audience=TOOLS, credential=credential, endpoint=url, patience=patience
            )
            with server:
                wait_until(lambda: server.verifier.staleness_ms() < 500)
                yield Guard(server, url)


class Guard:
    """A resource server that follows the feed, and what it says of a token."""

    def __init__(self, server: ResourceServer, url: str) -> None:
        self.server, self.url = server, url
        self.receipts: list[Receipt] = []

    def check(self, token: str, tool: str) -> str:
        """The proof it was accepted by, or `refused`."""
        try:
            receipt = self.server.verifier.check(token, tool, "repo:web")
        except AccessRefused as refused:
            self.receipts.append(refused.receipt)
            return "refused"
        self.receipts.append(receipt)
        return receipt.proof.value

    def grow_old(self, action: Action) -> None:
        """Wait until knowledge is older than this action bears, or has had the time to be and is not."""
        limit = STALENESS[action].total_seconds()
        patience = wait_clock(limit + 1.5)
        wait_until(lambda: self.server.verifier.staleness_ms() > limit * 1000 or patience())


def wait_clock(seconds: float) -> Callable[[], bool]:
    """True once so much time has passed."""
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return lambda: datetime.now(UTC) >= until


def streamed(body: bytes) -> httpx.Response:
    """An answer whose body arrives as it is read."""

    async def chunks() -> Any:
        yield body

    return httpx.Response(200, content=chunks())
