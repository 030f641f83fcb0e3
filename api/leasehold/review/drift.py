"""Drift: every difference between what stacks declare and what lives, as findings, worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from leasehold.review.asked import ASKED, drafts_by_facts
from leasehold.review.coverage import Unlooked, coverage
from leasehold.review.declared import Declared, declared_world
from leasehold.review.differences import Comparison, Difference
from leasehold.review.drafts import Draft
from leasehold.review.dressing import Dressing
from leasehold.review.findings import DriftClass, Finding, Snapshot, Unproven
from leasehold.review.handed_out import NOTHING_HANDED_OUT, HandedOut, unmanaged_authority
from leasehold.review.history import Evidence, History, NoEvidence
from leasehold.review.lifecycle import outlived
from leasehold.review.outside import NOTHING_SEEN, Outside, compared, visible_profiles
from leasehold.review.quotation import quoted
from leasehold.review.reports import Coverage, DriftReport, Summary
from leasehold.review.risk import Assessment
from leasehold.review.shifts import Sides
from leasehold.review.shown import Seen, unapproved
from leasehold.review.surface import delisted
from leasehold.review.undeclared import undeclared
from leasehold.review.verdicts import drafts
from leasehold.review.worlds import Live

SCHEMA = "leasehold.drift/1"
_LEADING = tuple(
    one
    for one in DriftClass
    if one not in {DriftClass.GHOST, DriftClass.BINDING, DriftClass.CEILING, DriftClass.UNPROVEN}
)


@dataclass(frozen=True, slots=True)
class Picture:
    """All that a report is made of, at one instant (`live.at`)."""

    declared: Declared
    live: Live
    history: History
    evidence: Evidence = field(default_factory=NoEvidence)
    outside: Outside = NOTHING_SEEN
    seen: Seen = field(default_factory=dict)
    handed_out: HandedOut = NOTHING_HANDED_OUT


def find_drift(picture: Picture) -> DriftReport:
    """Compare declared with live. Same input, same report, whatever the order of anything."""
    declared, live = picture.declared, picture.live
    loose = tuple(undeclared(declared, live, live.at))
    comparison = Comparison(Sides(declared_world(declared, live, loose), live.world), live.at)
    found = [one for key in (*sorted(declared.by_key), *loose) if (one := comparison.difference(key)) is not None]
    beyond = list(compared(declared, live, picture.outside))
    drafted = [*_drafts(found, comparison, picture), *(one for one in beyond if isinstance(one, Draft))]
    dressing = Dressing(drafted, declared, live, history=picture.history, evidence=picture.evidence)
    findings = sorted((dressing.finding(draft) for draft in drafted), key=_worst_first)
    unseen = [one for one in beyond if isinstance(one, Unproven)]
    return _report(picture, findings, unseen, equivalent=_equivalent(picture, found))


def _drafts(found: list[Difference], comparison: Comparison, picture: Picture) -> Iterator[Draft]:
    told = list(drafts_by_facts(found, comparison))
    yield from told
    settled = {one.key for one in told if one.key[0] in ASKED}
    for one in found:
        if one.key not in settled:
            yield from drafts(one, comparison)
    yield from _conflicts(picture)
    for late in outlived(picture.declared, picture.live, picture.live.at):
        signs = late.assessment.factors
        yield Draft(
            late.class_, late.key, late.agent, late.sentence, late.assessment, cause_key=late.cause, signs=signs
        )
    yield from delisted(picture.declared, picture.live)
    yield from unapproved(picture.declared, picture.live, picture.seen)
    yield from unmanaged_authority(picture.declared, picture.live, picture.handed_out, picture.evidence)


def _conflicts(picture: Picture) -> Iterator[Draft]:
    """What two stacks answer for: both declare it, or one manages what the other declares (by a wrong name, too)."""
    twice = picture.declared.conflicts
    for (kind, name), claims in sorted(twice.items()):
        stacks = " and ".join(quoted(claim.stack) for claim in claims)
        sentence = f"{kind.singular} {quoted(name)} is declared by {stacks}: each undoes what the other applies"
        yield Draft(DriftClass.CONFLICT, (kind, name), None, sentence, Assessment(3, ("declared twice",)))
    for one, stack in picture.declared.managed_elsewhere(picture.live):
        if one.key not in twice:
            what, where = f"{one.kind.singular} {quoted(one.name)}", quoted(one.stack)
            sentence = f"{what} is declared by {where} and managed by {quoted(stack)}"
            yield Draft(DriftClass.CONFLICT, one.key, None, sentence, Assessment(3, ("another stack manages it",)))


def _equivalent(picture: Picture, found: list[Difference]) -> int:
    declared = picture.declared
    elsewhere = {one.key for one, _ in declared.managed_elsewhere(picture.live)}
    return len(declared.by_key.keys() - {one.key for one in found} - declared.conflicts.keys() - elsewhere)


def _worst_first(finding: Finding) -> tuple[object, ...]:
    weight = (finding.accepted is not None, -finding.risk.rank, -finding.score.value)
    return (*weight, finding.class_, finding.agent or "", finding.kind, finding.name)


def _report(
    picture: Picture, findings: Sequence[Finding], unseen: Sequence[Unproven], *, equivalent: int
) -> DriftReport:
    declared, live = picture.declared, picture.live
    looks = sum(1 for _ in visible_profiles(declared, live))
    unlooked = Unlooked(tuple(unseen), looks, frozenset(picture.seen))
    covered = coverage(declared, live, findings, unlooked)
    unproven = sorted((*declared.unproven, *unseen), key=lambda one: (one.stack, one.address))
    return DriftReport(
        schema=SCHEMA,
        stacks=tuple(sorted(declared.stacks)),
        snapshot=Snapshot(live.revision, live.at, live.complete),
        summary=_summary(findings, covered, equivalent=equivalent, unproven=len(unproven)),
        coverage=covered,
        findings=tuple(findings),
        unproven=tuple(unproven),
    )


def _summary(findings: Sequence[Finding], covered: Coverage, *, equivalent: int, unproven: int) -> Summary:
    still_open = [one for one in findings if one.accepted is None]
    leads = Counter(one.class_ for one in still_open)
    states = Counter(state for one in still_open for state in one.states)
    return Summary(
        **{each.value: leads[each] for each in _LEADING},
        states={each: states[each] for each in DriftClass},
        accepted=len(findings) - len(still_open),
        equivalent=equivalent,
        unproven=unproven,
        coverage_pct=covered.pct,
        max_risk=max((one.risk for one in still_open), key=lambda risk: risk.rank, default=None),
    )
