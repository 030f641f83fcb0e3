"""Grants as formulas: on which resources, with which arguments, and until when somebody holds a tool."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from leasehold.model.authority import texts
from leasehold.model.authority.constraints import Constraint, Pattern, Range, Values
from leasehold.policy.cedar.naming import cedar_name
from leasehold.policy.cedar.shapes import FieldShape, MomentShape, RecordShape
from leasehold.policy.cedar.values import moment_of
from leasehold.policy.holdings import Holding
from leasehold.policy.proving.operators import text_like
from leasehold.policy.proving.symbols import NOW, Symbols
from leasehold.policy.proving.terms import Being, Formula, NotModelled, Sort, Term

_SCALES = {Sort.WHOLE: 0, Sort.FRACTION: 4}


def held(found: Iterable[Holding], resource: Being, arguments: RecordShape, symbols: Symbols) -> Formula:
    """One of the holdings admits the call."""
    shapes = dict(arguments.fields)
    return symbols.logic.either(*dict.fromkeys(_admits(one, resource, shapes, symbols) for one in found))


def _admits(one: Holding, resource: Being, shapes: dict[str, FieldShape], symbols: Symbols) -> Formula:
    rule, logic = one.rule, symbols.logic
    parts = [_reaches(rule.resource, resource, symbols)]
    parts += [_argument(name, constraint, shapes.get(name), symbols) for name, constraint in rule.constraints]
    if rule.expires_at is not None:
        parts.append(symbols.term(NOW, MomentShape()).value < int(moment_of(rule.expires_at)))
    return logic.both(*parts)


def _reaches(pattern: str, resource: Being, symbols: Symbols) -> Formula:
    type_, _, rest = pattern.partition(":")
    name = cedar_name(type_)
    if name not in resource.types:
        return symbols.logic.false
    fits = symbols.logic.true if len(resource.types) == 1 else resource.type == symbols.logic.text(name)
    return symbols.logic.both(fits, text_like(symbols, resource.id, texts.parts_of_glob(rest)))


def _argument(name: str, constraint: Constraint, field: FieldShape | None, symbols: Symbols) -> Formula:
    """An argument that is constrained must be there, and be of it. Null is not."""
    if field is None:
        raise NotModelled("a limit on an argument that the tool's schema does not name")
    path = f"context.input.{name}"
    term = symbols.term(path, field.shape)
    return symbols.logic.both(symbols.has(path, field), _within(term, constraint, symbols))


def _within(term: Term, constraint: Constraint, symbols: Symbols) -> Formula:
    logic = symbols.logic
    match term.sort, constraint:
        case Sort.FLAG, Values(flags=flags):
            return logic.either(*(term.value == one for one in sorted(flags)))
        case Sort.FLAG, _:
            return logic.false
        case Sort.TEXT, Values(texts=among):
            return logic.either(*(term.value == logic.text(one) for one in sorted(among)))
        case Sort.TEXT, Pattern(parts):
            return text_like(symbols, term.value, parts)
        case Sort.TEXT, _:
            return logic.false
        case ((Sort.WHOLE | Sort.FRACTION), _):
            return _number(term, constraint, symbols)
        case _:
            raise NotModelled(f"a limit on a {term.sort}")


def _number(term: Term, constraint: Constraint, symbols: Symbols) -> Formula:
    logic, scale = symbols.logic, _SCALES[term.sort]
    match constraint:
        case Values(numbers=numbers):
            scaled = [one.scaleb(scale) for one in sorted(numbers)]
            return logic.either(*(term.value == int(one) for one in scaled if one == one.to_integral_value()))
        case Range(low, high):
            parts = []
            if low.is_finite():
                parts.append(term.value >= _rounded(low, scale, ROUND_CEILING))
            if high.is_finite():
                parts.append(term.value <= _rounded(high, scale, ROUND_FLOOR))
            return logic.both(*parts)
        case _:
            return logic.false


def _rounded(bound: Decimal, scale: int, how: str) -> int:
    return int(bound.scaleb(scale).to_integral_value(rounding=how))


def same_holdings(left: Iterable[Holding], right: Iterable[Holding]) -> bool:
    """True if both say the same, whatever the grants are called."""
    return {one.rule for one in left} == {one.rule for one in right}
