"""A token service that serves public clients, and one that registered itself."""

import pytest
from tests.fakes.exchange_world import world_on
from tests.fakes.public_clients import register, with_public_clients

from leasehold.store.memory.store import MemoryStore


@pytest.fixture
def world(tmp_path):
    """An operator who serves public clients, and whose agent `triage` takes them."""
    with world_on(MemoryStore(), tmp_path, public="triage") as world:
        yield with_public_clients(world)


@pytest.fixture
def client(world):
    return register(world).json["client_id"]
