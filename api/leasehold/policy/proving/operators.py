"""Cedar's operators on terms: numbers, networks, sets, equality. The wrong type is an error, and never a guess."""

from __future__ import annotations

from collections.abc import Callable

import z3

from leasehold.model.entities import EntityRef
from leasehold.policy.cedar.values import Network
from leasehold.policy.proving.symbols import Symbols
from leasehold.policy.proving.terms import (
    I64,
    WIDE,
    WIDTH,
    Address,
    Being,
    Block,
    Formula,
    Literals,
    Logic,
    Members,
    NotModelled,
    Sort,
    Term,
)

_ORDERED = frozenset({Sort.WHOLE, Sort.MOMENT, Sort.SPAN})
_SUMS: dict[str, Callable[[Formula, Formula], Formula]] = {
    "add": lambda left, right: left + right,
    "sub": lambda left, right: left - right,
    "mul": lambda left, right: left * right,
}
_ORDERS = {"less": z3.Z3_mk_lt, "less_eq": z3.Z3_mk_le, "greater": z3.Z3_mk_gt, "greater_eq": z3.Z3_mk_ge}
_DECIMAL_ORDERS = {
    "decimal_less_than": "less",
    "decimal_less_eq": "less_eq",
    "decimal_greater": "greater",
    "decimal_greater_eq": "greater_eq",
    "decimal_greater_than": "greater",
    "decimal_less": "less",
}


class Operators:
    """What each operator makes of its terms."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols, self._logic = symbols, symbols.logic

    def fails(self) -> Term:
        """An expression that always fails."""
        return Term(Sort.FLAG, self._logic.false, self._logic.false)

    def flag(self, value: Formula, *needed: Formula) -> Term:
        """A truth, if all that it needs can be evaluated."""
        return Term(Sort.FLAG, value, self._logic.both(*needed))

    def numbers(self, op: str, left: Term, right: Term) -> Term:
        """Sums, differences, orders; of numbers, times and durations."""
        ok = self._logic.both(left.ok, right.ok)
        pair = left.sort, right.sort
        if op in _SUMS and pair == (Sort.WHOLE, Sort.WHOLE):
            return self.bounded(Sort.WHOLE, _SUMS[op](left.value, right.value), ok)
        if op in _ORDERS and left.sort is right.sort and left.sort in _ORDERED:
            return self.flag(self._logic.compared(_ORDERS[op], left.value, right.value), ok)
        if op in _DECIMAL_ORDERS and pair == (Sort.FRACTION, Sort.FRACTION):
            order = _ORDERS[_DECIMAL_ORDERS[op]]
            return self.flag(self._logic.compared(order, left.value, right.value), ok)
        if op == "offset" and pair == (Sort.MOMENT, Sort.SPAN):
            return self.bounded(Sort.MOMENT, left.value + right.value, ok)
        if op == "duration_since" and pair == (Sort.MOMENT, Sort.MOMENT):
            return self.bounded(Sort.SPAN, left.value - right.value, ok)
        if op in {*_SUMS, *_ORDERS, *_DECIMAL_ORDERS, "offset", "duration_since"}:
            return self.fails()
        raise NotModelled(f"`{op}`")

    def bounded(self, sort: Sort, value: Formula, ok: Formula) -> Term:
        """Integers end at 64 bits: past them it is an error."""
        return Term(sort, value, self._logic.both(ok, value >= I64[0], value <= I64[1]))

    def equal(self, left: Term, right: Term) -> Term:
        """`==`: values of two types are never equal, and that is no error."""
        ok = self._logic.both(left.ok, right.ok)
        if left.sort is not right.sort:
            return self.flag(self._logic.false, ok)
        if left.sort in {Sort.SET, Sort.RECORD}:
            raise NotModelled(f"equality of a {left.sort}")
        if left.sort is Sort.BEING:
            return self.flag(self._same(left.value, right.value), ok)
        if left.sort is Sort.NETWORK:
            return self.flag(self._same_network(left.value, right.value), ok)
        return self.flag(left.value == right.value, ok)

    def _same(self, left: Being, right: Being) -> Formula:
        if right.fixed is not None:
            return same_being(self._logic, left, right.fixed)
        if left.fixed is not None:
            return same_being(self._logic, right, left.fixed)
        return self._logic.both(left.type == right.type, left.id == right.id)

    def _same_network(self, left: Address, right: Address) -> Formula:
        logic = self._logic

        def alike(one: Block, other: Block) -> Formula:
            return logic.both(one.number == other.number, one.length == other.length)

        v4 = logic.both(logic.no(left.is_v6), logic.no(right.is_v6), alike(left.v4, right.v4))
        return logic.either(v4, logic.both(left.is_v6, right.is_v6, alike(left.v6, right.v6)))

    def in_range(self, one: Term, of: Term) -> Term:
        """`one.isInRange(of)`: all of one network within the other; never of two families."""
        if one.sort is not Sort.NETWORK or of.sort is not Sort.NETWORK:
            return self.fails()
        logic, inner, outer = self._logic, one.value, of.value
        if outer.is_v6 is logic.false and z3.is_int_value(outer.v4.length):
            within = logic.both(logic.no(inner.is_v6), self._within(inner.v4, outer.v4, WIDTH))
        elif outer.is_v6 is logic.true and z3.is_int_value(outer.v6.length):
            within = logic.both(inner.is_v6, self._within(inner.v6, outer.v6, WIDE))
        else:
            raise NotModelled("a range that is not written out")
        return self.flag(within, one.ok, of.ok)

    def in_one(self, one: Term, ranges: tuple[Network, Network]) -> Term:
        """`one.isLoopback()`, `one.isMulticast()`: within the range of its own family."""
        found = [self.in_range(one, Term(Sort.NETWORK, self._logic.network(*each), one.ok)) for each in ranges]
        return self.flag(self._logic.either(*(each.value for each in found)), one.ok)

    def _within(self, inner: Block, outer: Block, width: int) -> Formula:
        length = outer.length.as_long()
        if not length:
            return self._logic.true
        shift = z3.BitVecVal(width - length, width, self._logic.context)
        same = z3.LShR(inner.number, shift) == z3.LShR(outer.number, shift)
        return self._logic.both(inner.length >= length, same)

    def contains(self, op: str, found: Term, others: Term) -> Term:
        """`contains`, `containsAll`, `containsAny`."""
        if found.sort is not Sort.SET or (op != "contains" and others.sort is not Sort.SET):
            return self.fails()
        ok = self._logic.both(found.ok, others.ok)
        if op == "contains":
            return self.flag(self._holds(found.value, others), ok)
        if not isinstance(others.value, Literals):
            if op == "contains_any" and isinstance(found.value, Literals):  # to share a value goes both ways
                return self.contains(op, others, found)
            raise NotModelled("a set that is not written out")
        each = [self._holds(found.value, one) for one in others.value.elements]
        return self.flag((self._logic.both if op == "contains_all" else self._logic.either)(*each), ok)

    def _holds(self, found: Literals | Members, one: Term) -> Formula:
        if isinstance(found, Literals):
            return self._logic.either(*(self.equal(each, one).value for each in found.elements))
        if one.sort is not found.element:
            return self._logic.false
        return self._symbols.contains(found.path, _key(one))


def same_being(logic: Logic, being: Being, ref: EntityRef) -> Formula:
    """`being == ref`."""
    if being.fixed is not None:
        return logic.truth(being.fixed == ref)
    return logic.both(of_type(logic, being, ref.type), logic.same(being.id, logic.text(ref.id)))


def of_type(logic: Logic, being: Being, type_: str) -> Formula:
    """`being is type_`."""
    if type_ not in being.types:
        return logic.false
    return logic.true if len(being.types) == 1 else logic.same(being.type, logic.text(type_))


def text_like(symbols: Symbols, text: Formula, parts: tuple[str, ...]) -> Formula:
    """The text, by the parts between the stars of a pattern."""
    logic = symbols.logic
    if len(parts) == 1:
        return text == logic.text(parts[0])
    head, *middle, tail = parts
    if not middle and not (head and tail):  # a beginning or an end alone is cheaper than a pattern
        if head:
            return z3.PrefixOf(logic.text(head), text)
        return z3.SuffixOf(logic.text(tail), text) if tail else logic.true
    anything = z3.Star(z3.AllChar(z3.ReSort(z3.StringSort(logic.context))))
    pieces = [z3.Re(logic.text(head))] if head else []
    for part in (*middle, tail):
        pieces += [anything, *([z3.Re(logic.text(part))] if part else [])]
    return z3.InRe(text, z3.Concat(*pieces) if len(pieces) > 1 else pieces[0])


def _key(one: Term) -> object:
    """The value of an element that is written out."""
    if one.sort is Sort.BEING:
        if one.value.fixed is None:
            raise NotModelled("an element that is not written out")
        return one.value.fixed
    if one.sort is Sort.TEXT and z3.is_string_value(one.value):
        return one.sort, plain_text(one.value)
    if one.sort is Sort.FLAG and (z3.is_true(one.value) or z3.is_false(one.value)):
        return one.sort, bool(z3.is_true(one.value))
    if one.sort in {Sort.WHOLE, Sort.FRACTION, Sort.MOMENT} and z3.is_int_value(one.value):
        return one.sort, one.value.as_long()
    raise NotModelled("an element that is not written out")


def plain_text(value: Formula) -> str:
    """The text of a solver's literal, its code points read."""
    written: str = value.as_string()
    pieces = written.split("\\u{")
    rest = [chr(int(code, 16)) + after for code, _, after in (piece.partition("}") for piece in pieces[1:])]
    return pieces[0] + "".join(rest)
