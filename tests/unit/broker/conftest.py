"""A broker in memory, asked through its doors."""

import pytest
from tests.fakes.broker_world import BrokerWorld
from tests.fakes.exchange_world import world_on

from leasehold.store.memory.store import MemoryStore


@pytest.fixture
def world(tmp_path):
    """One agent, two tool servers, people who can log in, and an authorization server."""
    with world_on(MemoryStore(), tmp_path) as world:
        yield BrokerWorld(world, tmp_path)
