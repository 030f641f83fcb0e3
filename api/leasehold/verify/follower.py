"""Follows the revocation feed: snapshot, stream, and again from where it was, whatever breaks."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import httpx

from leasehold.model.revocations import BEAT_SECONDS
from leasehold.verify.issuer import Bearer
from leasehold.verify.known import Gap, Known
from leasehold.verify.refusals import Reason, Untrusted
from leasehold.verify.statements import StatementReader

SILENCE_SECONDS = 20 * BEAT_SECONDS  # no heartbeat for so long: the connection is dead, whatever TCP thinks
_PATIENCE_SECONDS = 10.0  # for the answer to a connection: a service that just came back has many to let in
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_MAX_FRAME_BYTES = 4_194_304
_MAX_SNAPSHOT_BYTES = 67_108_864
_log = logging.getLogger(__name__)


class TooFarBehind(Exception):
    """The feed has forgotten what comes behind our sequence."""


class Follower:
    """Keeps `known` up to date, as a coroutine of yours (`follow`) or in a thread of its own (`start`)."""

    def __init__(
        self,
        *,
        endpoint: str,
        known: Known,
        statements: StatementReader,
        bearer: Bearer,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = endpoint
        self._known = known
        self._statements = statements
        self._bearer = bearer
        self._wall = wall
        self._monotonic = monotonic
        self._pause = _FIRST_PAUSE
        self._thread: threading.Thread | None = None
        self._stop: Callable[[], object] = lambda: None

    async def follow(self) -> None:
        """Follow until cancelled. Failures only make what is known older."""
        timeout = httpx.Timeout(_PATIENCE_SECONDS)
        async with httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False) as client:
            while True:
                try:
                    if self._known.sequence is None:
                        await self._take_snapshot(client)
                    await self._read_stream(client)
                except (TooFarBehind, Gap) as lost:
                    _log.info("the feed is picked up again: %s", type(lost).__name__)
                    if isinstance(lost, TooFarBehind):
                        self._known.start_over()
                except (httpx.HTTPError, OSError, TimeoutError, Untrusted, ValueError) as error:
                    _log.warning("the feed broke off: %s", getattr(error, "reason", type(error).__name__))
                # Everybody else was cut off in the same moment: not all back at once.
                await asyncio.sleep(self._pause * random.uniform(0.5, 1.0))  # noqa: S311  no secret depends on it
                self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def start(self) -> None:
        """Follow in a daemon thread."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="leasehold-follower", daemon=True)
        self._thread.start()
        ready.wait()

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._stop()
            self._thread.join()
            self._thread = None

    def _run(self, ready: threading.Event) -> None:
        async def until_stopped() -> None:
            loop, following = asyncio.get_running_loop(), asyncio.create_task(self.follow())
            self._stop = lambda: loop.call_soon_threadsafe(following.cancel)
            ready.set()
            with suppress(asyncio.CancelledError):
                await following

        asyncio.run(until_stopped())

    async def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {await asyncio.to_thread(self._bearer)}"}

    async def _take_snapshot(self, client: httpx.AsyncClient) -> None:
        url, headers = f"{self._endpoint}/revocations", await self._headers()
        async with client.stream("GET", url, headers=headers) as response:
            response.raise_for_status()
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > _MAX_SNAPSHOT_BYTES:
                    raise Untrusted(Reason.MALFORMED)
        snapshot = await asyncio.to_thread(self._statements.snapshot, body.decode("ascii"))
        self._known.start(snapshot, self._wall(), self._monotonic())

    async def _read_stream(self, client: httpx.AsyncClient) -> None:
        url = f"{self._endpoint}/revocations/stream?since={self._known.sequence}"
        async with client.stream("GET", url, headers=await self._headers()) as response:
            if response.status_code == httpx.codes.GONE:
                raise TooFarBehind
            response.raise_for_status()
            async for statement in _statements(response):
                self._learn(statement)

    def _learn(self, statement: str) -> None:
        # The signature is checked here, in the loop: a heartbeat costs less than handing it to a thread. Only a key
        # that was never seen makes this wait, for two seconds at most, twice a minute at most.
        batch = self._statements.batch(statement)
        self._known.add(batch, self._wall(), self._monotonic())
        self._pause = _FIRST_PAUSE


async def _statements(response: httpx.Response) -> AsyncIterator[str]:
    """The `data` of each event of a stream, until the server says that it ends."""
    pending = bytearray()
    chunks = response.aiter_raw()
    while True:
        async with asyncio.timeout(SILENCE_SECONDS):
            chunk = await anext(chunks, b"")
        if not chunk:
            return
        pending += chunk
        if len(pending) > _MAX_FRAME_BYTES:
            raise Untrusted(Reason.MALFORMED)
        *frames, rest = bytes(pending).split(b"\n\n")
        pending = bytearray(rest)
        for frame in frames:
            lines = frame.decode("ascii").split("\n")
            if "event: end" in lines:
                return
            for line in lines:
                if line.startswith("data: "):
                    yield line.removeprefix("data: ")
