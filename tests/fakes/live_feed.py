"""A token service with its feed on loopback, in real time, and resource servers that follow it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from tests.fakes.exchange_world import EXCHANGE, ISSUER, JWT, TOOLS
from tests.fakes.feed_world import FeedWorld
from tests.fakes.serving import Served, wait_until

from leasehold.model.tools import Action
from leasehold.verify import AccessRefused, Patience, ResourceServer


class LiveWorld(FeedWorld):
    """A feed world in which it is now."""

    now = property(lambda _: datetime.now(UTC), lambda _, __: None)  # type: ignore[assignment]


class Serving:
    """A world behind a real HTTP server, which can be stopped and started on the same port."""

    def __init__(self, world: LiveWorld, folder: Path) -> None:
        self.world = world
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        self.world.mount()
        options = {"log_level": "critical", "lifespan": "off", "timeout_graceful_shutdown": 0}
        self._served = Served(self.world.app, port=self.port, **options)

    def stop(self) -> None:
        self._served.stop()

    def agent_token(self) -> str:
        """A token of the agent, exchanged over HTTP."""
        form = {"grant_type": EXCHANGE, "subject_token_type": JWT, "resource": TOOLS}
        answer = httpx.post(f"{self.url}/oauth2/token", data={**form, "subject_token": self.world.pod_token()})
        return answer.raise_for_status().json()["access_token"]

    def own_token(self) -> Path:
        """The file with a resource server's own OIDC token."""
        file = self.folder / "own-token"
        file.write_text(self.world.people.token())
        return file

    @contextmanager
    def resource_server(self) -> Iterator[ResourceServer]:
        """A resource server that has heard the feed."""
        patience = Patience(tools={"read_file": Action.READ, "comment": Action.WRITE})
        server = ResourceServer(
            issuer=ISSUER, audience=TOOLS, credential=self.own_token(), endpoint=self.url, patience=patience
        )
        with server:
            wait_until(lambda: server.verifier.staleness_ms() < 1000)
            yield server


@contextmanager
def serving(store: Any, folder: Path) -> Iterator[Serving]:
    """A populated world on a store, served."""
    world = LiveWorld(store, folder)
    world.populate()
    server = Serving(world, folder)
    try:
        yield server
    finally:
        server.stop()
        world.close()


def refusal(server: ResourceServer, token: str, tool: str = "comment") -> str | None:
    """Why a token is refused, None if it is not."""
    try:
        server.verifier.check(token, tool, "repo:web")
    except AccessRefused as refused:
        return refused.receipt.refused
    return None
