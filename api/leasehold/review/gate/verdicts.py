"""What the gate says: every finding with the check that made it, and the gravest of them as the verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from leasehold.review.findings import WIRE
from leasehold.review.gate.rules import Check, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFinding:
    """One thing that keeps a plan from being applied by itself. Between backticks, `sentence` holds foreign names."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    check: Check
    verdict: Verdict
    agent: str | None
    address: str | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """The verdict, with its findings, gravest first. `delta` names exactly the change, `rules` the rules it met."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    verdict: Verdict
    findings: tuple[GateFinding, ...]
    delta: str
    rules: str


def gate_report(found: Iterable[GateFinding], delta: str, rules: str) -> GateReport:
    """The findings that count, in one order for all."""
    counted = {one for one in found if one.verdict is not Verdict.AUTO}
    ordered = sorted(counted, key=lambda one: (-one.verdict.rank, one.check, one.agent or "", one.sentence))
    verdict = ordered[0].verdict if ordered else Verdict.AUTO
    return GateReport(verdict=verdict, findings=tuple(ordered), delta=delta, rules=rules)
