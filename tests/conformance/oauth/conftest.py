"""A token service in memory, asked as a client would."""

from collections.abc import Iterator

import pytest
from tests.fakes.exchange_world import World, world_on

from leasehold.store.memory.store import MemoryStore


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    """One agent, one grant, three trust issuers, on a store in memory."""
    with world_on(MemoryStore(), tmp_path) as world:
        yield world
