"""A decision point over a registry in memory: one agent with a grant to read, one person."""

from collections.abc import Iterator

import pytest
from tests.fakes.decision_point import DecisionWorld
from tests.fakes.registry import GRANT, SERVER, USER

REFUND = {
    "action": "write",
    "input_schema": '{"type": "object", "properties": {"amount": {"type": "number"}, "note": {"type": "string"}}, '
    '"required": ["amount"]}',
}


@pytest.fixture
def world(tmp_path) -> Iterator[DecisionWorld]:
    """The world; `github` has a tool with typed arguments besides."""
    world = DecisionWorld(tmp_path)
    world.registry.change("tool-servers", "github", {**SERVER, "tools": {**SERVER["tools"], "refund": REFUND}}, 1)
    world.registry.grant(GRANT)
    world.registry.must("users", "rick", USER)
    yield world
    world.close()
