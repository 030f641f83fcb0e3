"""A token service in memory whose events are pushed to receivers of the test's making."""

from collections.abc import Iterator

import pytest
from tests.fakes.signal_world import SignalWorld

from leasehold.store.memory.store import MemoryStore


@pytest.fixture
def world(tmp_path) -> Iterator[SignalWorld]:
    """One agent, three trust issuers, no stream yet."""
    world = SignalWorld(MemoryStore(), tmp_path)
    world.populate()
    yield world
    world.close()
