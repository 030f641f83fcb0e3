"""The gate of a stack: after everything, once."""

import pytest
from tests.unit.constructs.test_every_attribute import furnish

from leasehold_cdktf import Gate
from leasehold_cdktf.collector import collector_of


def test_a_gate_stands_after_everything_that_the_stack_declares(stack):
    Gate(stack, "gate")
    furnish(stack)
    resources = collector_of(stack).to_terraform()["resource"]
    every = {f"{kind}.{local}" for kind, bodies in resources.items() if kind != "leasehold_gate" for local in bodies}
    assert len(every) > 10
    assert set(resources["leasehold_gate"]["this"]["depends_on"]) == every


def test_a_stack_has_one_gate(stack):
    Gate(stack, "gate")
    with pytest.raises(ValueError, match="declared twice"):
        Gate(stack, "other")
