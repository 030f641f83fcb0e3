"""Constraints on arguments as scopes and grants declare them, and the constraints of the algebra that they mean.

A declaration may list several prefixes or globs: each is an alternative, and a call needs to meet one. All arguments
that are named must be there. An argument that no constraint names is free.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from math import prod
from typing import ClassVar, TypeAlias
from urllib.parse import quote

from leasehold.model.authority.constraints import (
    MAX_VALUES,
    Constraint,
    Pattern,
    Scalar,
    Values,
    between,
    exact,
    glob,
    number,
    one_of,
    prefix,
)
from leasehold.model.authority.plain import MAX_ARGUMENTS, Constraints, check_argument
from leasehold.model.errors import InvalidValue

Number: TypeAlias = int | float
MAX_ALTERNATIVES = 16
# JSON types to the letter: `"50"`, `true` and `50` are three values.
_EXACTLY = {"extra": "forbid", "strict": True, "str_max_length": 65_536}
_FORMS = "one_of, prefixes, globs, numbers, boolean, or min and max"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentConstraint:
    """What one argument of a call may be, in exactly one form; `min` and `max`, both included, are one form together.

    `one_of`: these texts. `prefixes`: texts that begin with one of these. `globs`: texts of one of these patterns, `*`
    standing for any run of characters. `numbers`: these numbers. A text is no number, and neither is a boolean.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _EXACTLY
    one_of: frozenset[str] = frozenset()
    prefixes: frozenset[str] = frozenset()
    globs: frozenset[str] = frozenset()
    numbers: frozenset[Number] = frozenset()
    boolean: bool | None = None
    min: Number | None = None
    max: Number | None = None

    def __post_init__(self) -> None:
        bounds = None if self.min is None and self.max is None else (self.min, self.max)
        given = (self.one_of, self.prefixes, self.globs, self.numbers, self.boolean is not None, bounds)
        if sum(map(bool, given)) != 1:
            raise InvalidValue(f"give exactly one of {_FORMS}")
        if max(len(self.prefixes), len(self.globs)) > MAX_ALTERNATIVES:
            raise InvalidValue(f"give at most {MAX_ALTERNATIVES} prefixes or globs")
        if max(len(self.one_of), len(self.numbers)) > MAX_VALUES:
            raise InvalidValue(f"give at most {MAX_VALUES} values")
        # One number has one spelling, so that equal constraints are written alike.
        set_field = object.__setattr__
        set_field(self, "numbers", frozenset(_plain_number(one) for one in self.numbers))
        set_field(self, "min", _plain_number(self.min) if self.min is not None else None)
        set_field(self, "max", _plain_number(self.max) if self.max is not None else None)
        self.alternatives()

    def alternatives(self) -> tuple[Constraint, ...]:
        """The constraints that it means: an argument must meet one of them. Raises `InvalidValue`."""
        if self.prefixes:
            return tuple(prefix(one) for one in sorted(self.prefixes))
        if self.globs:
            return tuple(glob(one) for one in sorted(self.globs))
        if self.boolean is not None:
            return (exact(self.boolean),)
        if self.one_of or self.numbers:
            found: list[Scalar] = [*sorted(self.one_of), *sorted(self.numbers)]
            return (one_of(found),)
        return (between(self.min, self.max),)


Declared: TypeAlias = Mapping[str, ArgumentConstraint]


def check_constraints(declared: Declared) -> None:
    """Raise `InvalidValue` unless the arguments have names that everybody reads alike, and are not too many."""
    if len(declared) > MAX_ARGUMENTS:
        raise InvalidValue(f"constraints name at most {MAX_ARGUMENTS} arguments")
    for name in declared:
        check_argument(name)
        if not unicodedata.is_normalized("NFKC", name):
            raise InvalidValue("an argument's name must be in Unicode's normal form (NFKC)")
    if prod(len(one.alternatives()) for one in declared.values()) > MAX_ALTERNATIVES:
        raise InvalidValue(f"prefixes and globs of all arguments come to more than {MAX_ALTERNATIVES} combinations")


def alternatives_of(declared: Declared) -> tuple[Constraints, ...]:
    """Every combination of alternatives; the one empty combination where nothing is constrained."""
    if not declared:
        return ((),)
    named = [[(name, one) for one in dict.fromkeys(declared[name].alternatives())] for name in sorted(declared)]
    return tuple(product(*named))


def constraint_text(declared: Declared) -> str:
    """How a grant's name says its constraints: `,amount:..50,currency=EUR+USD,table=fin_*+sales_*`; nothing for none.

    Texts stand after `=`, numbers and booleans after `:`. Whatever could be mistaken is percent-encoded (RFC 3986
    §2.1), so that two texts are equal only if their constraints mean the same.
    """
    return "".join(f",{quote(name, safe='')}{_said(declared[name])}" for name in sorted(declared))


def _said(declared: ArgumentConstraint) -> str:
    if declared.one_of or declared.prefixes or declared.globs:
        return "=" + "+".join(sorted({text for one in declared.alternatives() for text in _texts(one)}))
    return ":" + _quantity(declared)


def _texts(meant: Constraint) -> Iterator[str]:
    if isinstance(meant, Pattern):
        yield "*".join(quote(part, safe="") for part in meant.parts)
    elif isinstance(meant, Values):
        yield from (quote(text, safe="") for text in meant.texts)


def _quantity(declared: ArgumentConstraint) -> str:
    if declared.boolean is not None:
        return "true" if declared.boolean else "false"
    if declared.numbers:
        return "+".join(sorted(map(_digits, declared.numbers)))
    low, high = (_digits(end) if end is not None else "" for end in (declared.min, declared.max))
    return low if low == high else f"{low}..{high}"


def _digits(value: Number) -> str:
    return format(number(value).normalize() + 0, "f")


def _plain_number(value: Number) -> Number:
    meant: Decimal = number(value)
    return int(meant) if meant == meant.to_integral_value() else float(meant)
