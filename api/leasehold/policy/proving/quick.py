"""An agent's calls of a tool where no policy has a say: grants alone decide, and their algebra is exact.

A call that shows a widening is guessed from what the wider side names, and asked of the decision point like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice, product

from leasehold.model.access import Reach
from leasehold.model.access_requests import AccessRequest
from leasehold.model.authority.constraints import Constraint, Pattern, Range, Values, members
from leasehold.model.authority.order import Verdict, covers
from leasehold.model.entities import Entity, EntityRef
from leasehold.policy.cedar.shapes import (
    FieldShape,
    FlagShape,
    FractionShape,
    RecordShape,
    SetShape,
    TextShape,
    WholeShape,
)
from leasehold.policy.deciding import decision_on
from leasehold.policy.holdings import Holding
from leasehold.policy.proving.witnesses import Witness
from leasehold.policy.published import ActionFacts, Published

_TRIES = 48
_FILLERS = ("x", "other", "1")
_MISSING = object()


def reaches(holdings: Iterable[Holding], server: str, tool: str) -> tuple[Reach, ...] | None:
    """What they reach; None where some of them end, so that the algebra alone does not tell."""
    found = tuple(holdings)
    if any(one.rule.expires_at is not None for one in found):
        return None
    return tuple(Reach(server, tool, one.rule.resource, one.rule.constraints) for one in found)


def more(wide: Sequence[Reach], narrow: Sequence[Reach]) -> tuple[Reach, ...] | None:
    """The parts of `wide` that do not lie within `narrow`; None if that cannot be decided."""
    verdicts = [(one, covers(narrow, (one,))) for one in wide]
    if any(verdict is Verdict.UNDECIDABLE for _, verdict in verdicts):
        return None
    return tuple(one for one, verdict in verdicts if verdict is Verdict.NO)


def guessed(
    agent: EntityRef,
    action: ActionFacts,
    gained: Sequence[Reach],
    others: Sequence[Reach],
    versions: tuple[Published, Published, datetime],
) -> Witness | None:
    """A call that the second version allows and the first does not."""
    old, new, at = versions
    for request in islice(_requests(agent, action, gained, others, at), _TRIES):
        if decision_on(request, new).allowed and not decision_on(request, old).allowed:
            return Witness(request=request)
    return None


def _requests(
    agent: EntityRef, action: ActionFacts, gained: Sequence[Reach], others: Sequence[Reach], at: datetime
) -> Iterator[AccessRequest]:
    shape = action.tool.arguments if action.tool is not None else RecordShape(())
    for reach in gained:
        rivals = [one for one in others if one.reaches(reach) or reach.reaches(one)]
        for arguments in _arguments(reach, rivals, shape):
            for filler in _FILLERS:
                type_, _, rest = reach.resource.replace("*", filler).partition(":")
                yield AccessRequest(
                    subject=Entity(ref=agent),
                    action=action.ref.id,
                    resource=Entity(ref=EntityRef(type_, rest)),
                    at=at,
                    arguments=arguments,
                )
                if "*" not in reach.resource:
                    break


def _arguments(reach: Reach, rivals: Sequence[Reach], shape: RecordShape) -> Iterator[Mapping[str, object]]:
    """Arguments within a reach: values that it names, and those that lie beside what its rivals name."""
    fields = dict(shape.fields)
    needed = {name: _any_of(one) for name, one in fields.items() if one.required and not one.nullable}
    mine = dict(reach.constraints)
    theirs: dict[str, list[Constraint]] = {}
    for one in rivals:
        for name, constraint in one.constraints:
            theirs.setdefault(name, []).append(constraint)
    names = sorted({*mine, *theirs})
    choices = [list(_values(mine.get(name), theirs.get(name, []), fields.get(name))) for name in names]
    for values in product(*choices):
        chosen = {name: value for name, value in zip(names, values, strict=True) if value is not _MISSING}
        yield {**needed, **chosen}


def _values(mine: Constraint | None, theirs: Sequence[Constraint], field: FieldShape | None) -> Iterator[object]:
    if mine is None:
        if field is None or not field.required:
            yield _MISSING
        for other in theirs:
            yield from _beside(other)
        return
    for other in theirs:
        yield from _beside(other)
    yield from _named(mine)


def _named(constraint: Constraint) -> Iterator[object]:
    match constraint:
        case Values():
            yield from (_json(one) for one in members(constraint))
        case Range(low, high):
            finite = [one for one in (high, low) if one.is_finite()]
            yield from (_json(one) for one in finite)
            if len(finite) == 2:  # noqa: PLR2004  both ends
                yield _json((finite[0] + finite[1]) / 2)
        case Pattern(parts):
            yield from (filler.join(parts) for filler in _FILLERS)


def _beside(constraint: Constraint) -> Iterator[object]:
    """Values just outside."""
    match constraint:
        case Range(low, high):
            yield from (_json(one) for one in (high + 1, low - 1) if one.is_finite())
        case Values():
            yield from (_json(one + 1) for one in constraint.numbers)
            yield from (not one for one in constraint.flags)
            if constraint.texts:
                yield from (filler for filler in _FILLERS if filler not in constraint.texts)
        case Pattern():
            yield from _FILLERS


def _any_of(field: FieldShape) -> object:
    match field.shape:
        case TextShape(among):
            return min(among) if among else "x"
        case FlagShape():
            return False
        case WholeShape() | FractionShape():
            return 0
        case SetShape():
            return []
        case RecordShape(fields):
            return {name: _any_of(one) for name, one in fields if one.required and not one.nullable}
        case _:
            return "2026-01-01"


def _json(value: object) -> object:
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value
