"""A decision point over a registry in memory, asked as an enforcement point would."""

from collections.abc import Iterator

import pytest
from tests.fakes.decision_point import DecisionWorld
from tests.fakes.registry import DELETE_GRANT, GRANT, USER


@pytest.fixture
def world(tmp_path) -> Iterator[DecisionWorld]:
    """One agent with two grants, and somebody it could act for."""
    world = DecisionWorld(tmp_path)
    world.registry.grant(GRANT)
    world.registry.must("users", "rick", USER)
    world.registry.grant({**GRANT, "tools": ["create_issue"], "resources": ["repo:web"]})
    world.registry.grant(DELETE_GRANT)
    yield world
    world.close()
