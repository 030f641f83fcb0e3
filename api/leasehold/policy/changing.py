"""What the smallest change of arguments is that would make a denied call pass. Tried before it is said.

Candidates are the values that grants and policies name: bounds, members, beginnings, and the values next to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import combinations, product
from typing import TypeGuard

from cedarpy import pst

from leasehold.model.access_requests import AccessRequest
from leasehold.model.authority.constraints import Constraint, Pattern, Values, decimal_of, members
from leasehold.model.authority.texts import Parts
from leasehold.model.policies import PolicySide
from leasehold.policy.asking import Question, Refused, question_of
from leasehold.policy.cedar.compiler import parts_of
from leasehold.policy.cedar.mapping import ValueRefused
from leasehold.policy.cedar.reading import argument_of, walk
from leasehold.policy.cedar.values import EvaluationError, fraction
from leasehold.policy.deciding import decision_on
from leasehold.policy.explaining import parties, policies_of
from leasehold.policy.published import Published

_TRIES = 400
_TOGETHER = 2
_STEP = Decimal("0.0001")
_MIRRORED = {"less": "greater", "less_eq": "greater_eq", "greater": "less", "greater_eq": "less_eq"}


def smallest_change(request: AccessRequest, published: Published) -> Mapping[str, object] | None:
    """Arguments to change, with the value that would pass; None if no change of one or two is found.

    INVARIANT: what is returned was decided, and the decision was yes.
    """
    try:
        question = question_of(request, published)
    except (Refused, ValueRefused, EvaluationError):
        return None
    if decision_on(request, published).allowed:
        return None
    wanted = _candidates(question)
    tries = 0
    for count in range(1, _TOGETHER + 1):
        passing = []
        for names in combinations(sorted(wanted), count):
            for values in product(*(wanted[name] for name in names)):
                tries += 1
                change = dict(zip(names, values, strict=True))
                if tries <= _TRIES and _passes(request, change, published):
                    passing.append(change)
        if passing:
            return min(passing, key=lambda change: _distance(request.arguments, change))
    return None


def _passes(request: AccessRequest, change: Mapping[str, object], published: Published) -> bool:
    return decision_on(replace(request, arguments={**request.arguments, **change}), published).allowed


def _distance(arguments: Mapping[str, object], change: Mapping[str, object]) -> tuple[int, Decimal, str]:
    """Fewer kinds of change, then nearer numbers, then one order for all."""
    far = Decimal(0)
    replaced = 0
    for name, value in change.items():
        before = arguments.get(name)
        if _is_number(before) and _is_number(value):
            far += abs(decimal_of(before) - decimal_of(value))
        else:
            replaced += 1
    return replaced, far, str(sorted(change.items()))


def _candidates(question: Question) -> dict[str, list[object]]:
    found: dict[str, dict[object, None]] = {}
    for name, value in (*_of_grants(question), *_of_policies(question)):
        if question.request.arguments.get(name) != value:
            found.setdefault(name, {})[value] = None
    return {name: list(values) for name, values in found.items()}


def _of_grants(question: Question) -> Iterator[tuple[str, object]]:
    published, arguments = question.published, question.request.arguments
    for side, party in parties(question):
        held = published.facts.grants if side is PolicySide.AGENT else published.facts.permissions
        for holding in held.found(party.ref, party.known.ancestors, question.request.action):
            for name, constraint in holding.rule.constraints:
                yield from ((name, value) for value in _within(constraint, arguments.get(name)))


def _within(constraint: Constraint, value: object) -> Iterator[object]:
    match constraint:
        case Values():
            yield from (_plain(one) for one in members(constraint))
        case Pattern(parts):
            yield _fitted(parts, value)
        case _:
            yield from (_plain(end) for end in (constraint.low, constraint.high) if end.is_finite())


def _of_policies(question: Question) -> Iterator[tuple[str, object]]:
    for side, party in parties(question):
        for policy in policies_of(side, party, question):
            for clause in policy.statement.template.clauses:
                for part in walk(clause.expr):
                    yield from _named(part, question.request.arguments)


def _named(part: pst.Expr, arguments: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """The values that one comparison of an argument with a literal suggests."""
    match part:
        case pst.Like(base, pattern):
            name = argument_of(base)
            if name is not None:
                yield name, _fitted(parts_of(pattern), arguments.get(name))
        case pst.BinaryOp("contains", pst.Set(elements), base):
            yield from ((argument_of(base) or "", value) for one in elements for value in _literals(one))
        case pst.BinaryOp(_, left, right):
            for base, literal in ((left, right), (right, left)):
                name = argument_of(base)
                if name is not None:
                    yield from ((name, value) for value in _literals(literal))


def _literals(of: pst.Expr) -> Iterator[object]:
    """A literal's value, and those next to it."""
    match of:
        case pst.LongLit(value):
            yield from (value, value - 1, value + 1)
        case pst.StringLit(text):
            yield text
        case pst.BoolLit(value):
            yield from (value, not value)
        case pst.UnaryOp("decimal", pst.StringLit(text)):
            exact = Decimal(int(fraction(text))).scaleb(-4)
            yield from (_plain(exact + step) for step in (Decimal(0), -_STEP, _STEP))


def _fitted(parts: Parts, value: object) -> str:
    """The value, between the beginning and the rest of a pattern."""
    head, *rest = parts
    return head + (value if isinstance(value, str) and rest else "") + "".join(rest)


def _plain(value: object) -> object:
    """A number as JSON has it: whole ones as integers."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value


def _is_number(value: object) -> TypeGuard[float | Decimal]:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
