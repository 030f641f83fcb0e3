"""Durable exchanges over HTTP against npm's oidc-provider, both on this machine, one after the other in one run.

Ours verifies a token never seen before, refuses replays, writes lease and audit event, waits for the disk, signs with
ES256. The other side checks a client's secret, keeps its token in memory and signs with ES256 (`client_credentials`,
JWT access token). One process each, the same 16 connections of the same generator. Per CPU second of the server process
is the figure that busy neighbours hardly disturb; Linux tells it.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from tests.fakes.exchange_world import EXCHANGE, JWT, TOOLS
from tests.fakes.oidc_provider import MACHINE, node, workshop

from benchmarks.figure import Figure

CALLS = 3000
WARM_UP = 300
CLIENTS = 16
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Run:
    """What one server did: calls per second of wall time and of its own CPU time; the slowest of a hundred in ms."""

    per_second: float
    per_cpu_second: float
    p99: float


def figures() -> Iterator[Figure]:
    """Ours, theirs, and the ratio."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        theirs = asyncio.run(_theirs(folder))
        ours = asyncio.run(_ours(folder))
    for name, unit in (("per_second", "1/s"), ("per_cpu_second", "1/cpu-s")):
        mine, other = getattr(ours, name), getattr(theirs, name)
        yield Figure(f"exchange_http_{name}", mine, unit, versus=other, ratio=mine / other)
    yield Figure(f"exchange_http_p99_ms_{CLIENTS}", ours.p99, "ms", versus=theirs.p99, ratio=ours.p99 / theirs.p99)


async def _ours(folder: Path) -> Run:
    command = [sys.executable, "-m", "tests.fakes.served_world", str(folder), str(CALLS + WARM_UP)]
    with _started(command, Path.cwd()) as (port, process):
        form = {"grant_type": EXCHANGE, "subject_token_type": JWT, "resource": TOOLS}
        tokens = (folder / "tokens").read_text().split()
        bodies = [urlencode({**form, "subject_token": token}).encode() for token in tokens]
        return await _run(int(port), "/oauth2/token", bodies, process)


async def _theirs(folder: Path) -> Run:
    with _started([node(), "provider.mjs"], workshop(folder)) as (issuer, process):
        client, secret = MACHINE
        form = {"grant_type": "client_credentials", "resource": "https://leasehold.example", "scope": "api"}
        body = urlencode({**form, "client_id": client, "client_secret": secret}).encode()
        return await _run(urlsplit(issuer).port or 0, "/token", [body] * (CALLS + WARM_UP), process)


@contextmanager
def _started(command: Sequence[str], where: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    quiet = {"stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, cwd=where, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **quiet) as process:
        assert process.stdout
        yield process.stdout.readline().strip(), process


async def _run(port: int, path: str, bodies: Sequence[bytes], process: subprocess.Popen[str]) -> Run:
    await _calls(port, path, bodies[:WARM_UP])
    cpu, began = _cpu_seconds(process.pid), time.perf_counter()
    seconds = sorted(await _calls(port, path, bodies[WARM_UP:]))
    took, used = time.perf_counter() - began, _cpu_seconds(process.pid) - cpu
    return Run(CALLS / took, CALLS / used, seconds[int(CALLS * 0.99)] * 1000)


async def _calls(port: int, path: str, bodies: Sequence[bytes]) -> list[float]:
    """The seconds of each call, over as many connections as there are clients."""
    waiting, seconds = iter(bodies), list[float]()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for body in waiting:
            head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-length: {len(body)}\r\n"
            started = time.perf_counter()
            writer.write(f"{head}content-type: application/x-www-form-urlencoded\r\n\r\n".encode() + body)
            await _answered(reader)
            seconds.append(time.perf_counter() - started)
        writer.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return seconds


async def _answered(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert head.startswith(b"http/1.1 200"), head
    length = next(int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
    assert b"access_token" in await reader.readexactly(length)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS  # utime, stime: proc(5)
