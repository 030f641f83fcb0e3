"""What breaks around a site: each a context in which it is broken, and after which it is whole again."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.fakes.fault_site import Site, streamed
from tests.fakes.serving import wait_until

from leasehold.keys.network import MAX_BODY_BYTES

Fault = Callable[[Site], AbstractContextManager[None]]
JUNK_BYTES = (2000, 300, 40, 1)


@contextmanager
def database_away(site: Site) -> Iterator[None]:
    """A folder lies where the database was."""
    log = site.database.with_name(f"{site.database.name}-wal")

    def let_go() -> bool:
        site.engine.dispose()
        gc.collect()  # what was out of the pool just then comes back to a pool that nobody has
        return not log.exists()  # the last connection takes it along

    wait_until(let_go)
    aside = site.database.rename(site.database.with_suffix(".aside"))
    site.database.mkdir()
    yield
    site.database.rmdir()
    aside.rename(site.database)


@contextmanager
def disk_full(site: Site) -> Iterator[None]:
    """Not a page is left."""
    site.pages = 1  # SQLite never goes below what is there
    for size in JUNK_BYTES:  # the last free corner of every page
        with pytest.raises(sqlite3.OperationalError, match="full"):
            _fill(site, size)
    yield
    site.pages = 1_000_000


def _fill(site: Site, size: int) -> None:
    junk = "INSERT INTO audit_events (at, principal, action, kind, name, outcome, reason, detail)"
    connection: Any = site.engine.raw_connection()
    try:
        while True:
            values = ("2026-01-01 00:00:00.000000", "x", "x", "leases", "x" * 16, "ok", "", "x" * size)
            connection.driver_connection.execute(junk + " VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    finally:
        connection.close()


def jwks_down(site: Site) -> AbstractContextManager[None]:
    """Nobody answers where the cluster's keys are."""

    async def refuse() -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    return _jwks(site, refuse)


def jwks_slow(site: Site) -> AbstractContextManager[None]:
    """They come, but not today."""

    async def drip() -> httpx.Response:
        await asyncio.sleep(3600)
        raise AssertionError

    return _jwks(site, drip)


def jwks_huge(site: Site) -> AbstractContextManager[None]:
    """Too much comes."""

    async def swamp() -> httpx.Response:
        return streamed(b"x" * (MAX_BODY_BYTES + 1))

    return _jwks(site, swamp)


@contextmanager
def _jwks(site: Site, publish: Any) -> Iterator[None]:
    site.forget_keys()
    site.publish = publish
    yield
    site.publish = site.keys
    site.monotonic += 31


def clock_wrong(**by: float) -> Fault:
    """The site's clock is set wrong, and nobody else's."""

    @contextmanager
    def step(site: Site) -> Iterator[None]:
        site.world.wrong_by = timedelta(**by)
        yield
        site.world.wrong_by = timedelta()

    return step


def feed(state: str, introspection: str = "whole") -> Fault:
    """The line to resource servers is in such a state."""

    @contextmanager
    def broken(site: Site) -> Iterator[None]:
        site.line.feed, site.line.introspection = state, introspection
        yield
        site.line.feed = site.line.introspection = "whole"

    return broken


@contextmanager
def key_unreadable(site: Site) -> Iterator[None]:
    """The file of the signing key holds something else."""
    file = next((site.database.parent / "keys").glob("*.json"))
    kept = file.read_bytes()
    file.write_bytes(b"{")
    yield
    file.write_bytes(kept)
