"""Authorities, sets of reach, in order: which lies within which, strictly or not, and what two have in common.

Every text pattern has texts that no finite set and no other pattern exhausts. A pattern is therefore covered by several
only if one of them covers it, and a text with a letter that only `*` can match tells which. Numbers differ: ranges may
cover a range between them, so it is looked at in every piece that their bounds cut it into. That makes `covers` exact,
until there are too many pieces to look at: then it says so, and whoever asks must refuse.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from functools import lru_cache
from itertools import pairwise, product
from math import prod

from leasehold.model.access import Reach
from leasehold.model.authority import texts
from leasehold.model.authority.constraints import (
    UNBOUNDED,
    Constraint,
    Pattern,
    Range,
    Values,
    admits,
    members,
    pattern_of,
)
from leasehold.model.authority.constraints import meet as meet_of
from leasehold.model.authority.plain import Constraints

MAX_POINTS = 4096


class Verdict(Enum):
    """The answer to a question about order. Only `YES` may let anything happen."""

    YES = auto()
    NO = auto()
    UNDECIDABLE = auto()


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call."""

    tool_server: str
    tool: str
    resource: str
    arguments: Mapping[str, object]


def allows(authority: Iterable[Reach], call: Call) -> bool:
    """True iff the call lies within the authority."""
    point = Reach(call.tool_server, call.tool, call.resource)
    return any(one.reaches(point) and _admitted(one.constraints, call.arguments) for one in authority)


def covers(wide: Iterable[Reach], narrow: Iterable[Reach]) -> Verdict:
    """Does every call that `narrow` allows lie within `wide`?"""
    above, verdict = tuple(wide), Verdict.YES
    for one in narrow:
        match _covers_one(above, one):
            case Verdict.NO:
                return Verdict.NO
            case Verdict.UNDECIDABLE:
                verdict = Verdict.UNDECIDABLE
            case Verdict.YES:
                pass
    return verdict


def strictly_narrower(narrow: Collection[Reach], wide: Collection[Reach]) -> Verdict:
    """Does `narrow` lie within `wide`, and leave something of it out?"""
    within = covers(wide, narrow)
    if within is not Verdict.YES:
        return within
    return {Verdict.YES: Verdict.NO, Verdict.NO: Verdict.YES}.get(covers(narrow, wide), Verdict.UNDECIDABLE)


def meet(left: Iterable[Reach], right: Iterable[Reach]) -> frozenset[Reach] | None:
    """What both allow; None if no authority says it. The greatest one that lies within both."""
    others = tuple(right)
    found: set[Reach] = set()
    for one in left:
        for other in others:
            common = _meet_of_two(one, other)
            if common is None:
                return None
            found.update(common)
    return canonical(found)


def canonical(authority: Iterable[Reach]) -> frozenset[Reach]:
    """The same authority without what another part of it covers already."""
    kept: list[Reach] = []
    for one in sorted(set(authority)):
        if not any(other.covers(one) for other in kept):
            kept = [other for other in kept if not one.covers(other)]
            kept.append(one)
    return frozenset(kept)


def _admitted(constraints: Constraints, arguments: Mapping[str, object]) -> bool:
    return all(name in arguments and admits(constraint, arguments[name]) for name, constraint in constraints)


def _covers_one(above: Sequence[Reach], one: Reach) -> Verdict:
    if any(other.covers(one) for other in above):
        return Verdict.YES
    named = {name for name, _ in one.constraints}
    # What asks for an argument that `one` leaves out does not allow the calls without it.
    rivals = frozenset(
        other.constraints for other in above if {name for name, _ in other.constraints} <= named and other.reaches(one)
    )
    return _covers_arguments(rivals, one.constraints)


@lru_cache(maxsize=1024)  # a grant of many tools on many resources asks the same question of each
def _covers_arguments(rivals: frozenset[Constraints], constraints: Constraints) -> Verdict:
    points = {name: _points(constraint, _of(rivals, name)) for name, constraint in constraints}
    if not rivals:
        return Verdict.NO
    if prod(len(found) for found in points.values()) > MAX_POINTS:
        return Verdict.UNDECIDABLE
    corners = (dict(zip(points, corner, strict=True)) for corner in product(*points.values()))
    return Verdict.YES if all(_in_one(rivals, corner) for corner in corners) else Verdict.NO


def _in_one(rivals: Iterable[Constraints], corner: Mapping[str, object]) -> bool:
    return any(_admitted(constraints, corner) for constraints in rivals)


def _of(rivals: Iterable[Constraints], name: str) -> list[Constraint]:
    return [constraint for constraints in rivals for argument, constraint in constraints if argument == name]


def _points(constraint: Constraint, rivals: Sequence[Constraint]) -> list[object]:
    """Values of a constraint, one of each kind that the rivals could tell apart."""
    match constraint:
        case Values():
            return list(members(constraint))
        case Pattern(parts):
            others = [one.parts for one in rivals if isinstance(one, Pattern)]
            finite = [(text,) for one in rivals if isinstance(one, Values) for text in one.texts]
            return [texts.witness(parts, (*others, *finite))]
        case Range():
            return list(_cuts(constraint, rivals))


def _cuts(constraint: Range, rivals: Iterable[Constraint]) -> Iterator[Decimal]:
    low, high = constraint.low, constraint.high
    bounds = {low, high}
    for one in rivals:
        bounds |= {one.low, one.high} if isinstance(one, Range) else set()
        bounds |= one.numbers if isinstance(one, Values) else set()
    finite = sorted(bound for bound in bounds if low <= bound <= high and abs(bound) != UNBOUNDED)
    yield from finite
    yield from ((lower + upper) / 2 for lower, upper in pairwise(finite))
    if low == -UNBOUNDED:
        yield finite[0] - 1 if finite else Decimal(0)
    if high == UNBOUNDED:
        yield finite[-1] + 1 if finite else Decimal(0)


def _meet_of_two(one: Reach, other: Reach) -> frozenset[Reach] | None:
    if one.tool_server != other.tool_server:
        return frozenset()
    names = [(one.tool, other.tool), (one.resource, other.resource)]
    mine, theirs = dict(one.constraints), dict(other.constraints)
    shared = sorted(mine.keys() & theirs.keys())
    met = [meet_of(pattern_of(left), pattern_of(right)) for left, right in names]
    met += [meet_of(mine[name], theirs[name]) for name in shared]
    if () in met:
        return frozenset()
    if None in met:
        return None
    tool, resource, *narrowed = [common for found in met for common in found or ()]
    both = {**mine, **theirs, **dict(zip(shared, narrowed, strict=True))}
    return frozenset({Reach(one.tool_server, _name(tool), _name(resource), tuple(_sorted_by_name(both)))})


def _sorted_by_name(constraints: Mapping[str, Constraint]) -> Iterator[tuple[str, Constraint]]:
    return ((name, constraints[name]) for name in sorted(constraints))


def _name(pattern: Constraint) -> str:
    if isinstance(pattern, Pattern):
        return "*".join(pattern.parts)
    return str(members(pattern)[0])
