"""Every state that an object is in: one class leads a finding, the others hold beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from leasehold.model.kinds import Kind
from leasehold.review.drafts import Draft
from leasehold.review.findings import DriftClass
from leasehold.review.risk import MAY_DIFFER, UNPROVEN
from leasehold.review.worlds import Key

_OF_KIND = {
    Kind.WORKLOAD_BINDINGS: DriftClass.BINDING,
    Kind.TRUST_ISSUERS: DriftClass.BINDING,
    Kind.CEILINGS: DriftClass.CEILING,
    Kind.TOOL_SERVERS: DriftClass.TOOL_SURFACE,
    Kind.TOOL_PINS: DriftClass.TOOL_SURFACE,
}
_UNSURE = frozenset({UNPROVEN, MAY_DIFFER})
Place = tuple[Key, str | None]


def states_of(draft: Draft) -> set[DriftClass]:
    """The states that one draft tells of. `ghost` is not among them: that takes a look at the past."""
    states = {draft.class_}
    if draft.gains or (draft.moved is not None and draft.moved.wider):
        states.add(DriftClass.WIDENED)
    if draft.losses or (draft.moved is not None and draft.moved.narrower):
        states.add(DriftClass.NARROWED)
    if draft.difference is not None and draft.key[0] in _OF_KIND:
        states.add(_OF_KIND[draft.key[0]])
    if _UNSURE & set(draft.assessment.factors):
        states.add(DriftClass.UNPROVEN)
    return states


def states_at(drafts: Iterable[Draft]) -> Mapping[Place, frozenset[DriftClass]]:
    """The states of each object, for each agent that it bears on: drafts of one object complete each other."""
    found: dict[Place, set[DriftClass]] = defaultdict(set)
    for draft in drafts:
        if draft.revert is None:  # what is no object is in no state of the object that it hangs on
            found[draft.key, draft.agent] |= states_of(draft)
    return {place: frozenset(states) for place, states in found.items()}


def in_order(lead: DriftClass, states: Iterable[DriftClass]) -> tuple[DriftClass, ...]:
    """The leading state, then the others as `DriftClass` lists them."""
    return (lead, *(one for one in DriftClass if one in set(states) and one is not lead))
