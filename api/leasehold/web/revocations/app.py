"""`GET /revocations/stream?since=SEQ` (Server-Sent Events) and `GET /revocations`.

Both want a registry token of any role. The stream ends when that token does; a follower comes back with a fresh one and
`since`, and has missed nothing.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs

import orjson
from starlette.concurrency import run_in_threadpool

from leasehold.authn.possession import Possessions, key_of
from leasehold.feed.feed import Feed
from leasehold.feed.readers import Reader, Readers
from leasehold.feed.subscription import Subscription
from leasehold.model.errors import LeaseholdError
from leasehold.model.possession import Possession
from leasehold.web.asgi import Application, Receive, Scope, Send
from leasehold.web.oauth.forms import InvalidRequest, header
from leasehold.web.presenting import challenge, presented
from leasehold.web.problems import problem_of

STREAM_PATH = "/revocations/stream"
SNAPSHOT_PATH = "/revocations"
TAKE_SECONDS = 5.0  # for one frame: who takes longer is too slow to be told anything in time
_SEQUENCE = re.compile(r"[0-9]{1,18}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationDoors:
    """Given to the app. `clock` tells the time, aware UTC."""

    feed: Feed
    readers: Readers
    possessions: Possessions
    clock: Callable[[], datetime]


def revocations_app(doors: RevocationDoors) -> Application:
    """The application of `/revocations` and below."""
    routes = {STREAM_PATH: _stream, SNAPSHOT_PATH: _snapshot}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        route = routes.get(scope["path"])
        try:
            if route is None:
                await _refuse(send, 404, "invalid_request", "nothing lives at this path")
            elif scope["method"] != "GET":
                await _refuse(send, 405, "invalid_request", "only GET is allowed here", {"allow": "GET"})
            else:
                await route(doors, scope, receive, send)
        except InvalidRequest as error:
            await _refuse(send, error.status, error.error, str(error))
        except LeaseholdError as error:
            await _refuse(send, problem_of(error).status, problem_of(error).oauth, str(error), _advice(error))

    return app


async def _snapshot(doors: RevocationDoors, scope: Scope, _receive: Receive, send: Send) -> None:
    reader, proof = _reader(doors, scope)
    await run_in_threadpool(_admit, doors, reader, proof)
    body = (await doors.feed.snapshot()).encode()
    await _start(send, 200, {"content-type": "application/jwt", "content-length": str(len(body))})
    await send({"type": "http.response.body", "body": body})


async def _stream(doors: RevocationDoors, scope: Scope, receive: Receive, send: Send) -> None:
    (reader, proof), since = _reader(doors, scope), _since(scope)
    subscription = await doors.feed.subscribe(since, reader)
    try:
        await run_in_threadpool(_admit, doors, reader, proof)
        await _start(send, 200, {"content-type": "text/event-stream", "x-accel-buffering": "no"})
        gone = asyncio.create_task(_hung_up(receive))
        telling = asyncio.create_task(_tell(subscription, send))
        try:
            await asyncio.wait({gone, telling}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            telling.cancel()
            await asyncio.gather(gone, telling, return_exceptions=True)
    finally:
        doors.feed.leave(subscription)


async def _tell(subscription: Subscription, send: Send) -> None:
    """Send frames until the subscription ends or its reader does not take them."""
    try:
        while (frames := await subscription.take()) is not None:
            async with asyncio.timeout(TAKE_SECONDS):
                await send({"type": "http.response.body", "body": frames, "more_body": True})
        async with asyncio.timeout(TAKE_SECONDS):
            last = f"event: end\ndata: {subscription.ending}\n\n".encode()
            await send({"type": "http.response.body", "body": last})
    except TimeoutError:
        _log.warning("a follower of the revocation feed is too slow and was let go")


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _reader(doors: RevocationDoors, scope: Scope) -> tuple[Reader, Possession | None]:
    sent, now = presented(scope), doors.clock()
    proof = doors.possessions.prove(sent, now)
    return doors.readers.verify(sent.token, now, key_of(proof)), proof


def _admit(doors: RevocationDoors, reader: Reader, proof: Possession | None) -> None:
    doors.readers.check_lease(reader, doors.clock())
    doors.possessions.spend(proof)


def _since(scope: Scope) -> int:
    """Where to begin. A reconnecting EventSource repeats its URL, so `Last-Event-ID` knows better."""
    asked = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True).get("since", [])
    if len(asked) > 1:
        raise InvalidRequest("since is repeated")
    since = header(scope, b"last-event-id") or next(iter(asked), "")
    if not _SEQUENCE.fullmatch(since):
        raise InvalidRequest("since must be the sequence that you are at: take the snapshot first")
    return int(since)


def _advice(error: LeaseholdError) -> Mapping[str, str]:
    return challenge(error) or {"retry-after": "1"}


async def _refuse(send: Send, status: int, error: str, why: str, headers: Mapping[str, str] | None = None) -> None:
    body = orjson.dumps({"error": error, "error_description": why})
    more = {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
    await _start(send, int(status), more)
    await send({"type": "http.response.body", "body": body})


async def _start(send: Send, status: int, headers: Mapping[str, str]) -> None:
    every = {"cache-control": "no-store", **headers}
    pairs = [(name.encode(), value.encode()) for name, value in every.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
