"""Values of which only the type is known: what a Cedar expression stands for in a formula.

Every term says beside its value when it has one. An expression that fails is never false: it stops its policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import z3

from leasehold.model.entities import EntityRef
from leasehold.policy.cedar.known import Known

Formula: TypeAlias = Any  # the solver's expressions have no types of their own

I64 = (-(2**63), 2**63 - 1)
LAST_LETTER = 0x2FFFF  # of the solver's texts
WIDTH, WIDE = 32, 128  # bits of an IPv4 address, and of an IPv6 address


class NotModelled(Exception):
    """The formula has no words for this. Whoever catches it says `unproven`."""


class Sort(StrEnum):
    """The types that terms have. Values of two types are never equal."""

    FLAG = "boolean"
    TEXT = "text"
    WHOLE = "integer"
    FRACTION = "decimal"
    MOMENT = "datetime"
    SPAN = "duration"
    NETWORK = "IP address"
    BEING = "entity"
    SET = "set"
    RECORD = "record"


class Term(NamedTuple):
    """What an expression stands for. `ok`: it can be evaluated."""

    sort: Sort
    value: Any  # a formula, or one of the structures below, by sort
    ok: Formula


class Block(NamedTuple):
    """Addresses of one family that begin alike: `number` by its first `length` bits."""

    number: Formula
    length: Formula


class Address(NamedTuple):
    """An IP address or network. It is of one family; what is said of the other counts for nothing."""

    is_v6: Formula
    v4: Block
    v6: Block


@dataclass(frozen=True, slots=True)
class Being:
    """An entity: a known one (`fixed`), or any of these types. `path` tells two unknown ones apart.

    With `by_login`, what is known holds the relations of the question's entities, and it says which groups of a login
    would put this one into another. `open`: callers tell what is not known of it. A `stranger` has no relations.
    """

    path: str
    type: Formula
    id: Formula
    types: tuple[str, ...]
    fixed: EntityRef | None = None
    known: Known | None = None
    by_login: Callable[[EntityRef], Iterable[EntityRef]] | None = None
    open: bool = False
    stranger: bool = False


@dataclass(frozen=True, slots=True)
class Literals:
    """A set that is written out."""

    elements: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Members:
    """A set of which a formula asks only what is in it. `path` names it."""

    path: str
    element: Sort


class Logic:
    """Formulas of one context: no two threads may share one, so every comparison brings its own."""

    def __init__(self) -> None:
        self.context = z3.Context()
        self.true = z3.BoolVal(True, self.context)  # noqa: FBT003  the solver's own signature
        self.false = z3.BoolVal(False, self.context)  # noqa: FBT003
        self.whole = cache(lambda number: z3.IntVal(number, self.context))

    def truth(self, value: bool) -> Formula:
        return self.true if value else self.false

    def both(self, *parts: Formula) -> Formula:
        """All of them. What is plain already stays plain: formulas of a thousand policies are mostly that."""
        left = [one for one in parts if one is not self.true]
        if any(one is self.false for one in left):
            return self.false
        if len(left) < 2:  # noqa: PLR2004  a pair
            return left[0] if left else self.true
        return self._joined(z3.Z3_mk_and, left)

    def either(self, *parts: Formula) -> Formula:
        """One of them, at least."""
        left = [one for one in parts if one is not self.false]
        if any(one is self.true for one in left):
            return self.true
        if len(left) < 2:  # noqa: PLR2004  a pair
            return left[0] if left else self.false
        return self._joined(z3.Z3_mk_or, left)

    def _joined(self, join: Callable[[object, int, object], object], parts: list[Formula]) -> Formula:
        """What `z3.And` and `z3.Or` make, without their search for other types: these parts are formulas already."""
        array = (z3.Ast * len(parts))(*(one.as_ast() for one in parts))
        return z3.BoolRef(join(self.context.ref(), len(parts), array), self.context)

    def same(self, left: Formula, right: Formula) -> Formula:
        """`==` of two formulas of one sort."""
        return self.compared(z3.Z3_mk_eq, left, right)

    def compared(self, make: Callable[[object, object, object], object], left: Formula, right: Formula) -> Formula:
        """A comparison of two formulas of one sort; the solver's operators would look for their sorts each time."""
        return z3.BoolRef(make(self.context.ref(), left.as_ast(), right.as_ast()), self.context)

    def no(self, part: Formula) -> Formula:
        """Not so."""
        if part is self.true:
            return self.false
        return self.true if part is self.false else z3.Not(part)

    def text(self, value: str) -> Formula:
        if any(ord(one) > LAST_LETTER for one in value):
            raise NotModelled("a letter that the solver has no number for")
        return z3.StringVal("".join(map(_spelt, value)), self.context)

    def block(self, number: int, length: int, width: int) -> Block:
        """A network that is written out."""
        return Block(z3.BitVecVal(number, width, self.context), self.whole(length))

    def network(self, bits: int, number: int, length: int) -> Address:
        """The same as an address, by the number of bits of its family."""
        none = self.block(0, 0, WIDTH), self.block(0, 0, WIDE)
        if bits == WIDTH:
            return Address(self.false, self.block(number, length, WIDTH), none[1])
        return Address(self.true, none[0], self.block(number, length, WIDE))


def _spelt(letter: str) -> str:
    """The solver reads a backslash as the beginning of a code point."""
    return letter if letter.isascii() and letter.isprintable() and letter != "\\" else f"\\u{{{ord(letter):x}}}"
