"""A token service in memory, with its feed."""

import pytest
from tests.fakes.feed_world import FeedWorld

from leasehold.store.memory.store import MemoryStore


@pytest.fixture
def world(tmp_path):
    world = FeedWorld(MemoryStore(), tmp_path)
    yield world.populate()
    world.close()


@pytest.fixture
def bearer(world):
    return {"authorization": f"Bearer {world.registry_token()}"}
