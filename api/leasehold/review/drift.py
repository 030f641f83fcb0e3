"""Drift: every difference between what stacks declare and what lives, as findings, worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from leasehold.review.declared import Declared, declared_world
from leasehold.review.differences import Comparison, Difference
from leasehold.review.dressing import Draft, Dressing
from leasehold.review.findings import DriftClass, DriftReport, Finding, Snapshot, Summary
from leasehold.review.history import History
from leasehold.review.lifecycle import outlived
from leasehold.review.quotation import quoted
from leasehold.review.risk import Assessment
from leasehold.review.shifts import Sides
from leasehold.review.undeclared import undeclared
from leasehold.review.verdicts import drafts
from leasehold.review.worlds import Live

SCHEMA = "leasehold.drift/1"


@dataclass(frozen=True, slots=True)
class Picture:
    """All that a report is made of, at one instant (`live.at`)."""

    declared: Declared
    live: Live
    history: History


def find_drift(picture: Picture) -> DriftReport:
    """Compare declared with live. Same input, same report, whatever the order of anything."""
    declared, live = picture.declared, picture.live
    loose = tuple(undeclared(declared, live, live.at))
    comparison = Comparison(Sides(declared_world(declared, live, loose), live.world), live.at)
    found = [one for key in (*sorted(declared.by_key), *loose) if (one := comparison.difference(key)) is not None]
    dressing = Dressing(declared, live, picture.history)
    findings = [dressing.finding(draft) for draft in _drafts(found, comparison, picture)]
    findings.sort(key=_worst_first)
    return _report(picture, tuple(findings), equivalent=_equivalent(declared, found))


def _drafts(found: list[Difference], comparison: Comparison, picture: Picture) -> Iterator[Draft]:
    for one in found:
        yield from drafts(one, comparison)
    for key, claims in sorted(picture.declared.conflicts.items()):
        stacks = " and ".join(quoted(claim.stack) for claim in claims)
        sentence = f"{key[0].singular} {quoted(key[1])} is declared by {stacks}: each undoes what the other applies"
        yield Draft(DriftClass.CONFLICT, key, None, sentence, Assessment(3, ("declared twice",)))
    for late in outlived(picture.declared, picture.live, picture.live.at):
        yield Draft(late.class_, late.key, late.agent, late.sentence, late.assessment, cause_key=late.cause)


def _equivalent(declared: Declared, found: list[Difference]) -> int:
    return len(declared.by_key.keys() - {one.key for one in found} - declared.conflicts.keys())


def _worst_first(finding: Finding) -> tuple[object, ...]:
    return (-finding.risk.rank, finding.class_, finding.agent or "", finding.kind, finding.name)


def _report(picture: Picture, findings: tuple[Finding, ...], *, equivalent: int) -> DriftReport:
    declared, live = picture.declared, picture.live
    counts = Counter(finding.class_ for finding in findings)
    return DriftReport(
        schema=SCHEMA,
        stacks=tuple(sorted(declared.stacks)),
        snapshot=Snapshot(live.revision, live.at, live.complete),
        summary=Summary(
            **{each.value: counts[each] for each in DriftClass},
            equivalent=equivalent,
            unproven=len(declared.unproven),
            coverage_pct=declared.coverage_pct,
            max_risk=findings[0].risk if findings else None,
        ),
        findings=findings,
        unproven=declared.unproven_in_order,
    )
