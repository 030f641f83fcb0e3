"""What choosing the credential of one call costs, in CPU time: kept from the call before, and read and opened anew.

`broker_kept_vs_nothing` is a call against one to a server that wants no credential, in the same run.
"""

from __future__ import annotations

import asyncio
import gc
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.broker_fuzz.lives import START, USERS, Life

from benchmarks.figure import Figure
from leasehold.broker.brokering import Broker
from leasehold.model.connections import UpstreamCall
from leasehold.store.sql_store import open_store

KEPT, READ = 50_000, 500


def figures() -> Iterator[Figure]:
    """Microseconds of CPU per call, on SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/broker.db")
        life = Life(random.Random(1), Path(folder) / "keys", store)  # noqa: S311  not for secrets
        for _ in range(40):
            life.connect()
        call = _call(life)
        nothing = _microseconds(life.broker, _call(life, "open"), KEPT, forget=False)
        kept = _microseconds(life.broker, call, KEPT, forget=False)
        read = _microseconds(life.broker, call, READ, forget=True)
        life.close()
        store.close()
    yield Figure("broker_kept_us", kept, "us", "CPU per call")
    yield Figure("broker_read_us", read, "us", "CPU per call: look-up, two keys, thread and back")
    yield Figure("broker_kept_vs_nothing", kept / nothing, "ratio", "a server that wants no credential")


def _microseconds(broker: Broker, call: UpstreamCall, calls: int, *, forget: bool) -> float:
    async def ask() -> float:
        await broker.authorize(call)
        gc.collect()
        started = time.process_time()
        for _ in range(calls):
            if forget:
                broker.forget()
            await broker.authorize(call)
        return (time.process_time() - started) / calls * 1e6

    return asyncio.run(ask())


def _call(life: Life, server: str | None = None) -> UpstreamCall:
    user, held = next((h.user, s) for (h, s) in life.held if getattr(h, "user", None) in USERS)
    named = server or held
    return UpstreamCall(
        agent="triage",
        user=user,
        tool_server=named,
        method="POST",
        url=f"https://{named}.example/mcp",
        headers={},
        body=b"{}",
        now=START,
    )
