"""Proofs have an end: what the solver does not finish in time is unproven, and the process goes on."""

import time

from tests.fakes.decision_world import MONDAY, agent_policy, published
from tests.unit.policy.test_proving import QUERY, from_network, moved

from leasehold.model.policies import PolicySide
from leasehold.model.tools import Action
from leasehold.policy.material import CallableTool
from leasehold.policy.proving.comparing import Comparison, Movement
from leasehold.policy.proving.searching import Bounds

NUMBERS = {name: {"type": "integer"} for name in "abc"}
HARD = "context.input.a * context.input.a * context.input.a + context.input.b * context.input.b * context.input.b"
HARD = f"{HARD} + context.input.c * context.input.c * context.input.c == 42"  # who found it took a year of computers
SUMS = {"type": "object", "properties": NUMBERS, "required": ["a", "b", "c"]}


def test_a_solver_that_runs_out_of_time_is_unproven_and_the_process_goes_on():
    """As many steps as it likes, and a tenth of a second: what it cannot finish by then is not known."""
    tool = CallableTool(server="warehouse", name="query", action=Action.READ, input_schema=SUMS)
    rule = f'forbid (principal, action == Action::"{QUERY}", resource) when {{ {HARD} }};'
    old, new = published(tools=[tool]), published(agent_policy(rule), tools=[tool])
    started = time.monotonic()
    found = Comparison(old, new, MONDAY, Bounds(steps=2**32 - 1, milliseconds=100)).proof(PolicySide.AGENT, QUERY)
    took = time.monotonic() - started
    assert found.movement is Movement.UNPROVEN
    assert found.why in {"the solver gave up: timeout", "the solver gave up: canceled"}
    assert took < 20, "two directions, a few questions each, a tenth of a second for every one"
    assert moved(from_network("10.0.0.0/8"), from_network("10.0.0.0/9", "10.128.0.0/9")) is Movement.EQUIVALENT
