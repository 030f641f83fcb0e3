"""C3, its second half: what a plan lets agents do that the base branch does not, even where it lives already.

Access that somebody made by hand is no news to what lives. A change that writes it into the code makes it last, and is
judged as if it had come by the plan alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from leasehold.model.principal import Principal
from leasehold.policy.proving.comparing import Movement
from leasehold.review.comparing import Side, Sides, judged_from
from leasehold.review.declared import Declared
from leasehold.review.drift import Picture
from leasehold.review.gate.changes import by_agent_and_tool, widened, widened_by_facts
from leasehold.review.gate.rules import Check, Rules, Verdict
from leasehold.review.gate.verdicts import GateFinding, gate_report
from leasehold.review.plan_changes import SinceBase
from leasehold.review.plan_review import Judged, PlanReview, judge_plan
from leasehold.review.ports import Recalled
from leasehold.review.proofs import AccessProof
from leasehold.review.replays import PlanReplay

_UNSURE = frozenset({Check.UNPROVEN, Check.UNPROVEN_IN_PRODUCTION})
_WIDER = frozenset({Movement.WIDENS, Movement.BOTH})
_UNKNOWN = "nobody said what the base branch declares: `leasehold review plan.json --base` does"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for a review, under which rules; `base` is what the base branch declares, if anybody said."""

    rules: Rules
    author: Principal | None = None
    base: Declared | None = None


def judge(picture: Picture, asked: Asked, recalled: Recalled | PlanReplay | None = None) -> Judged:
    """A plan against what lives, and against the base: one verdict over both. Raises `InvalidValue`."""
    judged = judge_plan(picture, asked.rules, asked.author, recalled)
    if asked.base is None:
        return _ruled(judged, asked.rules, _no_base(asked.rules))
    sides = Sides(Side(asked.base), Side(picture.declared))
    against = judged_from(sides, picture, asked.rules, asked.author)
    base = _since(against.review, judged.review)
    every = (*_findings(base, asked.rules), *_unsure(against.review, judged.review))
    findings = tuple(one for one in every if one.verdict is not Verdict.AUTO)
    if findings:
        alone = {key: pair for key, pair in against.delta.objects.items() if judged.delta.objects.get(key) != pair}
        judged = replace(judged, delta=replace(judged.delta, since_base=alone))
    return _ruled(replace(judged, review=replace(judged.review, base=base)), asked.rules, findings)


def _ruled(judged: Judged, rules: Rules, findings: tuple[GateFinding, ...]) -> Judged:
    gate = gate_report((*judged.review.gate.findings, *findings), judged.delta.digest, rules.digest)
    return replace(judged, review=replace(judged.review, gate=gate))


def _since(against: PlanReview, live: PlanReview) -> SinceBase:
    """What the comparison with the base has, and the one with what lives has not."""
    gained = {(change.agent, one) for change in live.access for one in change.gains}
    proved = {_moved(one) for one in live.proofs}
    beneath = {(one.kind, one.name, one.sentence) for one in live.foundations}
    handed = {one.sentence for one in live.delegation}
    return SinceBase(
        access=tuple(one for one in against.access if {(one.agent, gain) for gain in one.gains} - gained),
        foundations=tuple(one for one in against.foundations if (one.kind, one.name, one.sentence) not in beneath),
        proofs=tuple(one for one in against.proofs if one.movement in _WIDER and _moved(one) not in proved),
        delegation=tuple(one for one in against.delegation if one.sentence not in handed),
    )


def _moved(one: AccessProof) -> tuple[object, ...]:
    about = one.facts, one.user, one.resource
    return one.side, one.agent, one.tool_server, one.tool, about, one.movement in _WIDER


def _findings(base: SinceBase, rules: Rules) -> Iterator[GateFinding]:
    for change in base.access:
        verdict = rules.new_access.get(change.risk, Verdict.NEEDS_APPROVAL)
        yield _found(verdict, change.sentence, agent=change.agent)
    for one in base.foundations:
        verdict = rules.foundations.get(one.risk, Verdict.NEEDS_APPROVAL)
        yield _found(verdict, one.sentence, address=one.address)
    said = {(change.agent, gain.tool_server, gain.tool) for change in base.access for gain in change.gains}
    for proof in base.proofs:
        if not proof.facts and (proof.agent, proof.tool_server, proof.tool) not in said:
            yield _found(rules.verdict(Check.POLICY_WIDENS), widened(proof), agent=proof.agent)
    for several in by_agent_and_tool(one for one in base.proofs if one.facts):
        yield _found(rules.verdict(Check.FACTS_WIDEN), widened_by_facts(several), agent=several[0].agent)
    for handed in base.delegation:
        yield _found(rules.verdict(Check.DELEGATION), handed.sentence, agent=handed.agent)


def _found(verdict: Verdict, sentence: str, *, agent: str | None = None, address: str | None = None) -> GateFinding:
    said = f"compared with the base, {sentence}"
    return GateFinding(check=Check.NEW_TO_BASE, verdict=verdict, agent=agent, address=address, sentence=said)


def _unsure(against: PlanReview, live: PlanReview) -> Iterator[GateFinding]:
    """What nobody can tell of the base is never taken for unchanged."""
    said = {(one.check, one.agent, one.sentence) for one in live.gate.findings}
    for one in against.gate.findings:
        if one.check in _UNSURE and (one.check, one.agent, one.sentence) not in said:
            yield replace(one, sentence=f"compared with the base, {one.sentence}")


def _no_base(rules: Rules) -> tuple[GateFinding, ...]:
    check = Check.NO_BASE
    return (GateFinding(check=check, verdict=rules.verdict(check), agent=None, address=None, sentence=_UNKNOWN),)
