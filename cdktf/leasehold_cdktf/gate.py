"""The gate: the registry's verdict on the whole stack, while it is planned."""

from __future__ import annotations

from leasehold_cdktf._cdk import Construct
from leasehold_cdktf.collector import GATE, collector_of


class Gate(Construct):
    """Has `cdktf diff` and `deploy` show what the rules of the registry say of the stack: what they deny stops them.

    It stands after everything else of the stack, whenever that is declared. One per stack.

    Raises:
        ValueError: the stack has a gate already.
    """

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        collector_of(self).add(GATE, "this", {})
