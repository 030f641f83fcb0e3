"""A token service in memory, with an orchestrator and sub-agents."""

from collections.abc import Iterator

import pytest
from tests.fakes.delegation_world import Family
from tests.fakes.exchange_world import world_on

from leasehold.store.memory.store import MemoryStore


@pytest.fixture
def family(tmp_path) -> Iterator[Family]:
    """`triage` and those below it."""
    with world_on(MemoryStore(), tmp_path) as world:
        yield Family(world)
