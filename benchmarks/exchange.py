"""Durable token exchanges with every check on, and introspections, in one process, on SQLite and on PostgreSQL.

No HTTP server is between: the figures are those of the ASGI application, on the event loop that `leasehold serve` runs
on. Requests are written before the clock starts. Every exchange verifies an RS256 token that was never seen before,
refuses replays, writes a lease and an audit event, waits for the disk, and signs with ES256.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

import toolchain
import uvloop
from tests.fakes.exchange_world import EXCHANGE, JWT, TOOLS, World, request
from tests.fakes.postgres import running_cluster
from toolchain import postgres

from benchmarks.figure import Figure
from leasehold.collecting import settle
from leasehold.model.trust import IssuerType
from leasehold.store.sql_store import open_store

CALLS = {1: 300, 16: 3000}
WARM_UP = 50
_FORM = {"content-type": "application/x-www-form-urlencoded"}
Call = Callable[[bytes], Awaitable[None]]


def figures() -> Iterator[Figure]:
    """Rates and latencies at 1 and 16 clients, those on PostgreSQL under names of their own."""
    with tempfile.TemporaryDirectory() as scratch:
        yield from _on(f"sqlite:///{Path(scratch) / 'leasehold.db'}", "")
    server = postgres.available(toolchain.repository())
    assert server, "no PostgreSQL server was found: run `make setup`"
    with running_cluster(server.path) as cluster, cluster.database() as url:
        yield from _on(url, "postgresql_")


def _on(url: str, prefix: str) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as scratch:
        store = open_store(url)
        world = World(store, Path(scratch))
        world.now = datetime.now(UTC)
        world.populate()
        world.trust("cluster", world.cluster, IssuerType.KUBERNETES, single_use=True)
        settle()  # as `leasehold serve` does
        for figure in (*_exchanges(world), *_introspections(world)):
            yield replace(figure, name=prefix + figure.name)
        world.close()
        store.close()


def _exchanges(world: World) -> Iterator[Figure]:
    async def exchange(body: bytes) -> None:
        reply = await request(world.app, "POST", "/oauth2/token", body, _FORM)
        assert reply.status == HTTPStatus.OK, reply.body

    form = {"grant_type": EXCHANGE, "subject_token_type": JWT, "resource": TOOLS}
    for clients, calls in CALLS.items():
        bodies = [urlencode({**form, "subject_token": world.pod_token()}).encode() for _ in range(calls + WARM_UP)]
        spent = time.process_time()
        seconds = _spend(exchange, bodies, clients)
        spent = time.process_time() - spent
        yield from _latencies("exchange", clients, seconds[:-1])
        if clients > 1:
            yield Figure("exchange_durable_per_second", calls / seconds[-1], "1/s")
            yield Figure("exchange_per_cpu_second", (calls + WARM_UP) / spent, "1/cpu-s")


def _introspections(world: World) -> Iterator[Figure]:
    headers = {**_FORM, "authorization": f"Bearer {world.registry_token()}"}

    async def introspect(body: bytes) -> None:
        reply = await request(world.app, "POST", "/oauth2/introspect", body, headers)
        assert reply.body.startswith(b'{"active":true'), reply.body

    tokens = [world.get(world.pod_token()).access_token for _ in range(100)]
    for clients, calls in CALLS.items():
        asked = [urlencode({"token": tokens[n % len(tokens)]}).encode() for n in range(calls + WARM_UP)]
        spent = time.process_time()
        seconds = _spend(introspect, asked, clients)
        spent = time.process_time() - spent
        yield from _latencies("introspect", clients, seconds[:-1])
        if clients > 1:
            yield Figure("introspect_per_second", calls / seconds[-1], "1/s")
            yield Figure("introspect_per_cpu_second", (calls + WARM_UP) / spent, "1/cpu-s")


def _latencies(name: str, clients: int, seconds: Sequence[float]) -> Iterator[Figure]:
    ordered = sorted(seconds)
    for percentile in (50, 99):
        at = ordered[int(len(ordered) * percentile / 100)]
        yield Figure(f"{name}_p{percentile}_ms_{clients}", at * 1000, "ms")


def _spend(call: Call, bodies: Sequence[bytes], clients: int) -> list[float]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(call, bodies, clients))


async def _run(call: Call, bodies: Sequence[bytes], clients: int) -> list[float]:
    """The seconds of each call, and last those of all together, after a warm-up."""
    for body in bodies[:WARM_UP]:
        await call(body)
    waiting = iter(bodies[WARM_UP:])
    seconds: list[float] = []

    async def client() -> None:
        for body in waiting:
            started = time.perf_counter()
            await call(body)
            seconds.append(time.perf_counter() - started)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return [*seconds, time.perf_counter() - began]
