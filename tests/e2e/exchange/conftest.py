"""Token services on real databases, and one behind a real HTTP server."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.fakes.exchange_world import World
from tests.fakes.serving import serving

from leasehold.settings import read_settings
from leasehold.store.sql_store import open_store
from leasehold.wiring import open_server


@pytest.fixture
def replicas(registry_url, tmp_path) -> Iterator[tuple[World, World]]:
    """Two token services on one database and one folder of keys."""
    with ExitStack() as stack:
        stores = [open_store(registry_url) for _ in range(2)]
        worlds = [World(store, tmp_path, public="triage") for store in stores]
        for world, store in zip(worlds, stores, strict=True):
            stack.callback(store.close)
            stack.callback(world.close)
        worlds[0].populate()
        yield worlds[0], worlds[1]


@pytest.fixture
def registry(tmp_path) -> Iterator[tuple[str, str]]:
    """A registry fresh from its first start: where it is, and its bootstrap token."""
    environment = {"LEASEHOLD_DATA_DIR": str(tmp_path), "LEASEHOLD_ISSUER": "http://127.0.0.1:8420"}
    server = open_server(read_settings(environment))
    assert server.bootstrap_token
    with serving(server.app) as url:
        yield url, server.bootstrap_token
    server.store.close()
