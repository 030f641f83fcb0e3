"""Plan review: what an apply would change in access, agent by agent, against what lives now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from leasehold.model.directory import Relation
from leasehold.model.entities import ACTS_ON_BEHALF_OF
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec, Stored
from leasehold.model.people import Agent
from leasehold.model.principal import Principal
from leasehold.model.receipts import Approval
from leasehold.model.trust import WorkloadBinding
from leasehold.policy.proving.comparing import Movement
from leasehold.policy.replaying import Foreseen
from leasehold.review.causes import cause_of_presence
from leasehold.review.declared import Declared, declared_world
from leasehold.review.differences import Comparison, Difference
from leasehold.review.drift import Picture
from leasehold.review.entitlements import EVERY_TOOL, Entitlements, beyond, collapsed, entitlements_through, undecided
from leasehold.review.findings import WIRE, Cause, Entitlement, Snapshot, Unproven, risk_at
from leasehold.review.gate.delta import SemanticDelta, semantic_delta
from leasehold.review.gate.gate import judge
from leasehold.review.gate.receipts import Receipt
from leasehold.review.gate.rules import USUAL, Rules
from leasehold.review.gate.scenes import Scene
from leasehold.review.gate.verdicts import GateReport
from leasehold.review.plan_changes import AccessChange, FoundationChange, PlanSummary, Reversal, SinceBase
from leasehold.review.ports import Recalled
from leasehold.review.proofs import AccessProof, Proved, prove, registered
from leasehold.review.quotation import quoted
from leasehold.review.replays import PlanReplay, plan_replay
from leasehold.review.risk import MAY_DIFFER, UNPROVEN, Assessment, Setting, in_production, of_gain, of_loss
from leasehold.review.sentences import Aside, access_sentence, subject_of, target_of
from leasehold.review.shifts import NO_PUBLIC_CLIENTS, PUBLIC_CLIENTS, Sides, shift
from leasehold.review.spawning import DelegationChange, delegation_changes
from leasehold.review.worlds import Key

SCHEMA = "leasehold.plan-review/1"
_SAID_APART = frozenset({Kind.WORKLOAD_BINDINGS, Kind.TRUST_ISSUERS, Kind.CEILINGS, Kind.OWNERS})


class Against(StrEnum):
    """What a review compares with: what lives, or the base of a comparison."""

    LIVE = "live"
    BASE = "base"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReview:
    """Answer of `POST /v1/plan-reviews` and `POST /v1/plan-comparisons`. Changes come worst first.

    `replay` is null where no decision is on record. `receipt_refused` says why the receipt that was shown does not let
    this plan through; it is null if it does, or if none was shown. `base` is what is new to the base though it lives
    already; null where nobody said what the base declares.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    schema: str
    stacks: tuple[str, ...]
    snapshot: Snapshot
    summary: PlanSummary
    access: tuple[AccessChange, ...]
    foundations: tuple[FoundationChange, ...]
    reversals: tuple[Reversal, ...]
    unproven: tuple[Unproven, ...]
    proofs: tuple[AccessProof, ...]
    delegation: tuple[DelegationChange, ...]
    gate: GateReport
    replay: PlanReplay | None = None
    receipt: Receipt | None = None
    receipt_refused: str | None = None
    base: SinceBase | None = None
    against: Against = Against.LIVE


@dataclass(frozen=True, slots=True)
class Judged:
    """A review, the change that it judges, and who approved that change before, newest first."""

    review: PlanReview
    delta: SemanticDelta
    approvals: tuple[Approval, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a review found, before it is summed up."""

    access: tuple[AccessChange, ...]
    foundations: tuple[FoundationChange, ...]
    reversals: tuple[Reversal, ...]
    proofs: tuple[AccessProof, ...]
    delegation: tuple[DelegationChange, ...]
    gate: GateReport
    replay: PlanReplay | None


def review_plan(picture: Picture, rules: Rules = USUAL, author: Principal | None = None) -> PlanReview:
    """What a plan changes, and whether the rules let it."""
    return judge_plan(picture, rules, author).review


def judge_plan(
    picture: Picture, rules: Rules, author: Principal | None, recalled: Recalled | PlanReplay | None = None
) -> Judged:
    """Compare the world after the apply with the one that lives. Read `now` as planned and `was` as live."""
    removed = tuple(removed_by(picture))
    planned = declared_world(picture.declared, picture.live, removed)
    comparison = Comparison(Sides(picture.live.world, planned), picture.live.at)
    access = tuple(sorted(_access_changes(comparison), key=lambda one: (-one.risk.rank, one.agent)))
    keys = sorted({*picture.declared.by_key, *removed})
    foundations = sorted(_foundation_changes(keys, comparison, picture), key=lambda one: (-one.risk.rank, one.name))
    proved = prove(picture.live.world, planned, picture.live.at)
    delta = semantic_delta(picture.live.world, planned, keys, picture.declared.outlines)
    scene = Scene(
        rules=rules,
        declared=picture.declared,
        live=picture.live,
        comparison=comparison,
        access=access,
        foundations=tuple(foundations),
        changed=delta.keys,
        proved=proved,
        delegation=tuple(delegation_changes(comparison)),
        author=author,
        seen=picture.seen,
        replay=_replay(recalled, Sides(picture.live.world, planned), proved),
    )
    found = Found(
        access=access,
        foundations=scene.foundations,
        reversals=tuple(_reversals(removed, picture)),
        proofs=tuple(_worth_saying(proved.proofs, access)),
        delegation=scene.delegation,
        gate=judge(scene, delta),
        replay=scene.replay,
    )
    return Judged(_review(picture, found), delta)


def _replay(recalled: Recalled | PlanReplay | None, sides: Sides, proved: Proved) -> PlanReplay | None:
    """What is to be told of the record. Where a world cannot be published, nothing is: and that is unproven already."""
    if recalled is None or isinstance(recalled, PlanReplay):
        return recalled
    if proved.was is None or proved.now is None:
        return None
    was = Foreseen(registered(sides.declared), proved.was)
    return plan_replay(recalled.recount(was, Foreseen(registered(sides.live), proved.now)))


def _worth_saying(proofs: tuple[AccessProof, ...], access: tuple[AccessChange, ...]) -> Iterator[AccessProof]:
    """What moves, what changed policies do, and that a gain moves nothing: a grant that policies hold back."""
    gained = {(change.agent, one.tool_server, one.tool) for change in access for one in change.gains}
    for one in proofs:
        names = {(one.agent, one.tool_server, tool) for tool in (one.tool, EVERY_TOOL)}
        if one.movement is not Movement.EQUIVALENT or one.agent is None or names & gained:
            yield one


def removed_by(picture: Picture) -> Iterator[Key]:
    """What an apply takes away: the stack's own leftovers, and loose grants of agents whose set is claimed."""
    declared = picture.declared
    for key, stored in sorted(picture.live.stored.items()):
        unmentioned = not declared.mentions(key)
        if unmentioned and (stored.stack in declared.stacks or _is_claimed_away(declared, stored)):
            yield key


def _is_claimed_away(declared: Declared, stored: Stored[Spec]) -> bool:
    """A proven claim deletes what it does not name, unless another stack manages it: that would be refused."""
    if not isinstance(stored.spec, Grant) or stored.stack is not None:
        return False
    claim = declared.claims.get(stored.spec.agent)
    return claim is not None and stored.name not in claim


def _access_changes(comparison: Comparison) -> Iterator[AccessChange]:
    was, now = comparison.sides.declared, comparison.sides.live
    for agent in sorted(was.of(Agent).keys() | now.of(Agent).keys()):
        gains = beyond(comparison.live_access(agent), comparison.declared_access(agent))
        losses = beyond(comparison.declared_access(agent), comparison.live_access(agent))
        if not gains and not losses:
            continue
        unsure = undecided(comparison.live_access(agent), comparison.declared_access(agent)) | undecided(
            comparison.declared_access(agent), comparison.live_access(agent)
        )
        assessed = _assess(agent, gains, comparison)
        if unsure:
            assessed = assessed.raised(0, UNPROVEN)
        yield AccessChange(
            agent=agent,
            risk=risk_at(assessed.rank),
            factors=assessed.factors,
            sentence=access_sentence(
                agent, gains, losses, aside=Aside(comparison.limited(agent), unproven=bool(unsure))
            ),
            gains=collapsed(gains),
            losses=collapsed(losses),
            had=_within(comparison.declared_access(agent), gains),
            keeps=_within(comparison.live_access(agent), losses),
            is_new=agent not in was.of(Agent),
        )


def _within(held: Entitlements, moved: Entitlements) -> tuple[Entitlement, ...]:
    """What is held of the access that moved, so that a reader sees from where to where."""
    tools = {(one.tool_server, one.tool) for one in moved}
    alike = frozenset(one for one in held if (one.tool_server, one.tool) in tools)
    return collapsed(alike - beyond(alike, moved))


def _assess(agent: str, gains: Entitlements, comparison: Comparison) -> Assessment:
    planned = comparison.sides.live
    production = in_production(planned.of(Agent).get(agent))
    if not gains:
        return of_loss(production=production)
    lasting = {name: grant for name, grant in planned.grants_of(agent).items() if grant.expires_at is None}
    standing = bool(gains & entitlements_through(planned, agent, lasting, comparison.now))
    return of_gain(gains, Setting(production=production, standing=standing))


def _foundation_changes(keys: list[Key], comparison: Comparison, picture: Picture) -> Iterator[FoundationChange]:
    for key in keys:
        source = picture.declared.by_key.get(key)
        found = comparison.difference(key) if key[0] in _SAID_APART else None
        said = _of_public_clients(key[1], comparison) if key[0] is Kind.AGENTS else None
        if key[0] is Kind.RELATIONS:
            said = _of_acting(comparison.difference(key))
        if found is not None:
            said = (_assess_foundation(found, comparison), _foundation_sentence(found))
        if said is None:
            continue
        assessed, sentence = said
        yield FoundationChange(
            kind=key[0],
            name=key[1],
            address=source.address if source is not None else None,
            risk=risk_at(assessed.rank),
            factors=assessed.factors,
            sentence=sentence,
        )


def _of_public_clients(agent: str, comparison: Comparison) -> tuple[Assessment, str] | None:
    """That clients without a key come to act through an agent, or do no longer; None if that stays as it is."""
    sides = comparison.sides
    had, has = (
        agent in world.of(Agent) and world.of(Agent)[agent].public_clients for world in (sides.declared, sides.live)
    )
    if had == has:
        return None
    if not has:
        return Assessment(
            1, (NO_PUBLIC_CLIENTS,)
        ), f"no program without a key can act as agent {quoted(agent)} any more"
    sentence = f"any program on a person's computer can now act as agent {quoted(agent)} for people who consent to it"
    return Assessment(3, (PUBLIC_CLIENTS,)), sentence


def _of_acting(found: Difference | None) -> tuple[Assessment, str] | None:
    """That an agent comes to act on behalf of people, or does no longer: who asks for it, policies alone say."""
    spec = None if found is None else found.live or found.declared
    if found is None or not isinstance(spec, Relation) or spec.relation != ACTS_ON_BEHALF_OF:
        return None
    who = f"whoever has `{spec.through}` of {quoted(spec.subject)}" if spec.through else quoted(spec.subject)
    now = "acts" if found.live is not None else "no longer acts"
    return Assessment(2, (MAY_DIFFER,)), f"{who} {now} on behalf of {quoted(spec.object)}, where a policy asks for that"


def _assess_foundation(found: Difference, comparison: Comparison) -> Assessment:
    if found.declared is not None and found.live is not None:
        moved = shift(found.declared, found.live, comparison.sides)
        return Assessment(moved.rank, moved.factors)
    if found.key[0] is Kind.CEILINGS:
        return Assessment(3, ("ceiling gone",)) if found.live is None else Assessment(1, ("ceiling added",))
    if found.live is None or found.key[0] is Kind.OWNERS:
        return Assessment(1, ("removed",) if found.live is None else ("added",))
    new = {Kind.WORKLOAD_BINDINGS: "a subject is let in", Kind.TRUST_ISSUERS: "an issuer is believed"}
    return Assessment(2, (new[found.key[0]],))


def _foundation_sentence(found: Difference) -> str:
    spec = found.live if found.live is not None else found.declared
    what = f"{found.key[0].singular} {quoted(found.key[1])}"
    if found.declared is not None and found.live is not None:
        changed = f"{what} changes {', '.join(quoted(one.path) for one in found.deltas)}"
        return f"{changed}: {_becoming(spec, 'can')}" if isinstance(spec, WorkloadBinding) else changed
    if isinstance(spec, WorkloadBinding):
        return _becoming(spec, "can now" if found.live is not None else "can no longer")
    return f"{what} is {'added' if found.live is not None else 'removed'}"


def _becoming(binding: WorkloadBinding, can: str) -> str:
    return f"{subject_of(binding)} {can} {target_of(binding)}"


def _reversals(removed: tuple[Key, ...], picture: Picture) -> Iterator[Reversal]:
    for kind, name in removed:
        stored = picture.live.stored[kind, name]
        if isinstance(stored.spec, Grant) and stored.stack is None:
            born = cause_of_presence(picture.history.since(kind, name, 0))
            cause = Cause(born.by, born.at, born.operation) if born is not None else None
            yield Reversal(name=name, agent=stored.spec.agent, cause=cause)


def _review(picture: Picture, found: Found) -> PlanReview:
    declared, live = picture.declared, picture.live
    risks = [*(one.risk for one in found.access), *(one.risk for one in found.foundations)]
    summary = PlanSummary(
        gains=sum(len(one.gains) for one in found.access),
        losses=sum(len(one.losses) for one in found.access),
        foundations=len(found.foundations),
        reversals=len(found.reversals),
        unproven=len(declared.unproven),
        coverage_pct=declared.coverage_pct,
        max_risk=max(risks, key=lambda risk: risk.rank, default=None),
    )
    return PlanReview(
        schema=SCHEMA,
        stacks=tuple(sorted(declared.stacks)),
        snapshot=Snapshot(live.revision, live.at, live.complete),
        summary=summary,
        access=found.access,
        foundations=found.foundations,
        reversals=found.reversals,
        unproven=declared.unproven_in_order,
        proofs=found.proofs,
        delegation=found.delegation,
        gate=found.gate,
        replay=found.replay,
    )
