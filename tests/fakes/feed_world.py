"""A token service with its revocation feed, and a follower of the stream that opens no socket."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any, Self

from tests.fakes.exchange_world import ISSUER, World

from leasehold.feed.feed import Feed
from leasehold.feed.readers import Readers
from leasehold.keys.signing import TokenMint
from leasehold.model.revocations import BATCH_TYPE, SNAPSHOT_TYPE
from leasehold.web.dispatch import dispatch
from leasehold.web.revocations.app import RevocationDoors, revocations_app


class FeedWorld(World):
    """A world whose app serves the feed too."""

    def __init__(self, store: Any, folder: Path) -> None:
        super().__init__(store, folder)
        self._oauth = self.app
        self.mount()

    def mount(self) -> None:
        """Give the app a feed of its own, as a process that starts does."""
        self.feed = Feed(
            issuer=ISSUER,
            store=self.store._store,
            batches=TokenMint(self.signer, BATCH_TYPE),
            snapshots=TokenMint(self.signer, SNAPSHOT_TYPE),
            clock=lambda: self.now,
        )
        readers = Readers(self.callers)
        doors = RevocationDoors(feed=self.feed, readers=readers, possessions=self.possessions, clock=lambda: self.now)
        self.app = dispatch(self._oauth, {"/revocations": revocations_app(doors)})


class Stream:
    """One open `GET /revocations/stream`, as the ASGI server sees it."""

    def __init__(self, app: Any, query: bytes, headers: dict[str, str]) -> None:
        self._scope = {
            "type": "http",
            "method": "GET",
            "path": "/revocations/stream",
            "query_string": query,
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        }
        self._app = app
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._hung_up = asyncio.Event()
        self.reading = asyncio.Event()
        self.reading.set()

    async def __aenter__(self) -> Self:
        self.running = asyncio.create_task(self._app(self._scope, self._receive, self._send))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._hung_up.set()
        await self.running

    async def _receive(self) -> dict[str, Any]:
        await self._hung_up.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        await self.reading.wait()
        await self.sent.put(message)

    async def status(self) -> int:
        return (await asyncio.wait_for(self.sent.get(), 5))["status"]

    async def text(self) -> str:
        return (await asyncio.wait_for(self.sent.get(), 5))["body"].decode()

    async def statements(self) -> list[dict[str, Any]]:
        """The claims of what comes next, unverified."""
        return [claims_of(line[6:]) for line in (await self.text()).splitlines() if line.startswith("data: ey")]

    async def events(self, count: int) -> list[list[Any]]:
        """The next events, heartbeats left out."""
        found: list[list[Any]] = []
        while len(found) < count:
            for statement in await self.statements():
                found += statement["events"]
        return found


def claims_of(token: str) -> dict[str, Any]:
    """The second segment of a token, unverified."""
    segment = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
