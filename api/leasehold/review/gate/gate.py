"""All checks over one plan. The same plan, world and rules have the same report, to the byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from leasehold.review.gate.changes import (
    answerable,
    assertions,
    changed_tools,
    expired_exceptions,
    handed_over,
    left_behind,
    mass_change,
    new_access,
    unproven,
    wide_and_lasting,
)
from leasehold.review.gate.delta import SemanticDelta
from leasehold.review.gate.duties import self_escalations, separated, toxic_trios
from leasehold.review.gate.pins import approving, unpinned
from leasehold.review.gate.recorded import turned_decisions
from leasehold.review.gate.references import above_ceilings, conflicts, unknown_references
from leasehold.review.gate.scenes import Scene
from leasehold.review.gate.verdicts import GateFinding, GateReport, gate_report

CHECKS: tuple[Callable[[Scene], Iterator[GateFinding]], ...] = (
    unknown_references,
    above_ceilings,
    new_access,
    handed_over,
    separated,
    toxic_trios,
    self_escalations,
    wide_and_lasting,
    changed_tools,
    approving,
    unpinned,
    answerable,
    expired_exceptions,
    assertions,
    turned_decisions,
    conflicts,
    mass_change,
    unproven,
    left_behind,
)


def judge(scene: Scene, delta: SemanticDelta) -> GateReport:
    """What may become of the plan."""
    found = (finding for check in CHECKS for finding in check(scene))
    return gate_report(found, delta.digest, scene.rules.digest)
