"""Two versions of what stacks declare, or of policies, compared with each other: what would each let agents do?

What neither side says is as it lives, on both sides: ceilings, policies and grants of others count in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from leasehold.model.errors import InvalidValue
from leasehold.model.kinds import Kind
from leasehold.model.objects import SPECS, Spec, Stored
from leasehold.model.policies import Policy
from leasehold.model.principal import Principal
from leasehold.review.declared import Declared, DeclaredObject, declared_world
from leasehold.review.drift import Picture
from leasehold.review.findings import Unproven
from leasehold.review.gate.rules import Rules
from leasehold.review.plan_review import Against, Judged, PlanReview, judge_plan, removed_by
from leasehold.review.quotation import quoted
from leasehold.review.worlds import Key, Live

_NOBODY = "registry"  # the stack of a policy that none manages


@dataclass(frozen=True, slots=True)
class Side:
    """One version: what stacks declare, and policies as they were at some revision."""

    declared: Declared
    policies: Mapping[str, Policy] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sides:
    """The version that is compared with, and the one that is asked about."""

    base: Side
    head: Side

    def __post_init__(self) -> None:
        if self.base.declared.stacks != self.head.declared.stacks:
            raise InvalidValue("base and head must hold the same stacks: what one leaves out would count as removed")


def compare(sides: Sides, live: Picture, rules: Rules, author: Principal | None) -> PlanReview:
    """What the head lets agents do and the base does not, judged as a plan from one to the other would be."""
    return judged_from(sides, live, rules, author).review


def judged_from(sides: Sides, live: Picture, rules: Rules, author: Principal | None) -> Judged:
    """The same, with the change that was judged."""
    base = _with_policies(sides.base.declared, sides.base.policies, live.live)
    as_before = {
        name: _live_policy(name, live.live) for name in sides.base.policies.keys() - sides.head.policies.keys()
    }
    living = {name: policy for name, policy in as_before.items() if policy is not None}
    head = _with_policies(sides.head.declared, {**living, **sides.head.policies}, live.live)
    unsure = (*head.unproven, *map(_of_the_base, base.unproven))
    was = supposed(replace(live, declared=base))
    judged = judge_plan(replace(live, declared=replace(head, unproven=unsure, removes={}), live=was), rules, author)
    return replace(judged, review=replace(judged.review, against=Against.BASE))


def supposed(picture: Picture) -> Live:
    """The registry as it would be if what is declared had been applied."""
    declared, live = picture.declared, picture.live
    world = declared_world(declared, live, tuple(removed_by(picture)))
    stored: dict[Key, Stored[Spec]] = {}
    for kind in Kind:
        for name, spec in world.of(SPECS[kind]).items():
            stored[kind, name] = _stored((kind, name), spec, declared, live)
    return replace(live, stored=stored, world=world)


def _stored(key: Key, spec: Spec, declared: Declared, live: Live) -> Stored[Spec]:
    there, source = live.stored.get(key), declared.by_key.get(key)
    stack = source.stack if source is not None else None
    if there is not None:
        return replace(there, spec=spec, stack=stack or there.stack)
    kind, name = key
    return Stored(
        kind=kind,
        name=name,
        revision=0,
        spec=spec,
        stack=stack,
        created_at=live.at,
        updated_at=live.at,
        updated_by="",
    )


def _with_policies(declared: Declared, policies: Mapping[str, Policy], live: Live) -> Declared:
    return replace(declared, objects=(*_policy_objects(policies, live), *declared.objects))


def _policy_objects(policies: Mapping[str, Policy], live: Live) -> Iterator[DeclaredObject]:
    for name, policy in sorted(policies.items()):
        there = live.stored.get((Kind.POLICIES, name))
        stack = there.stack if there is not None else None
        yield DeclaredObject(Kind.POLICIES, name, policy, f"policy {name}", stack or _NOBODY)


def _live_policy(name: str, live: Live) -> Policy | None:
    found = live.world.find(Kind.POLICIES, name)
    return found if isinstance(found, Policy) else None


def _of_the_base(one: Unproven) -> Unproven:
    names = ", ".join(map(quoted, one.attributes))
    return replace(one, reason=f"{names} not known in what is compared with")
