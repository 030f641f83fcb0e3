"""A token service in memory for each test."""

from collections.abc import Iterator

import pytest
from tests.fakes.exchange_world import World, world_on

from leasehold.store.memory.store import MemoryStore


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    with world_on(MemoryStore(), tmp_path) as world:
        yield world
