"""Which values an argument of a tool call may take: exact, one of, prefix, glob, range. Each means a set of values.

Three canonical forms say all five, so that two constraints that mean the same set are equal. Texts, numbers and
booleans are never each other: `1`, `"1"` and `true` are three values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from leasehold.model.authority import texts
from leasehold.model.authority.texts import Parts
from leasehold.model.errors import InvalidValue

Scalar: TypeAlias = str | bool | int | float | Decimal

MAX_VALUES = 64
MAX_TEXT = 256
_MAX_DIGITS = 15  # what every JSON reader keeps, whatever it makes of numbers (RFC 8259 §6)
_MAX_EXPONENT = 15
UNBOUNDED = Decimal("Infinity")


@dataclass(frozen=True, slots=True)
class Values:
    """One of finitely many values."""

    texts: frozenset[str] = frozenset()
    numbers: frozenset[Decimal] = frozenset()
    flags: frozenset[bool] = frozenset()


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text made of these parts."""

    parts: Parts


@dataclass(frozen=True, slots=True)
class Range:
    """A number from `low` to `high`, both included; never a single one, which is a value."""

    low: Decimal
    high: Decimal


Constraint: TypeAlias = Values | Pattern | Range
Met: TypeAlias = tuple[Constraint, ...] | None
"""What two constraints have in common: one constraint, nothing, or None where no constraint says it."""


def exact(value: Scalar) -> Constraint:
    """This very value. Raises `InvalidValue`."""
    return one_of((value,))


def one_of(values: Iterable[Scalar]) -> Constraint:
    """Any of these values. Raises `InvalidValue`."""
    found = tuple(values)
    if not 0 < len(found) <= MAX_VALUES:
        raise InvalidValue(f"one_of names 1 to {MAX_VALUES} values")
    return Values(
        frozenset(_text(value) for value in found if isinstance(value, str)),
        frozenset(number(value) for value in found if not isinstance(value, str | bool)),
        frozenset(value for value in found if isinstance(value, bool)),
    )


def prefix(text: str) -> Constraint:
    """Any text that begins so. Raises `InvalidValue`."""
    if not text:
        raise InvalidValue("prefix must not be empty")
    return Pattern((_text(text), ""))


def glob(pattern: str) -> Constraint:
    """Any text of this form, `*` standing for any run of characters. Raises `InvalidValue`."""
    if not pattern:
        raise InvalidValue("glob must not be empty")
    return pattern_of(_text(pattern))


def pattern_of(text: str) -> Constraint:
    """A tool or a resource, which have limits of their own, as a glob."""
    parts = texts.parts_of_glob(text)
    return Pattern(parts) if len(parts) > 1 else Values(texts=frozenset(parts))


def between(low: Scalar | None, high: Scalar | None) -> Constraint:
    """Any number from `low` to `high`, both included; None is no bound on that side. Raises `InvalidValue`."""
    if low is None and high is None:
        raise InvalidValue("range needs min, max or both")
    lower = -UNBOUNDED if low is None else number(low)
    upper = UNBOUNDED if high is None else number(high)
    if lower > upper:
        raise InvalidValue("range holds no number: min exceeds max")
    return Range(lower, upper) if lower < upper else Values(numbers=frozenset({lower}))


def number(value: Scalar) -> Decimal:
    """The number meant: 0.1 is a tenth, not the nearest binary fraction. Raises `InvalidValue`."""
    if isinstance(value, str | bool):
        raise InvalidValue("must be a number")
    meant = decimal_of(value)
    if not meant.is_finite():
        raise InvalidValue("must be a finite number")
    _, digits, exponent = meant.normalize().as_tuple()
    if len(digits) > _MAX_DIGITS or not -_MAX_EXPONENT <= int(exponent) <= _MAX_EXPONENT:
        raise InvalidValue(f"a number has at most {_MAX_DIGITS} digits, and as many zeros")
    return meant


def decimal_of(value: float | Decimal) -> Decimal:
    """The decimal that a number is written as."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def admits(constraint: Constraint, value: object) -> bool:
    """True iff the value of an argument satisfies the constraint. A list, an object or null never does."""
    if isinstance(value, bool):
        return isinstance(constraint, Values) and value in constraint.flags
    if isinstance(value, str):
        return _admits_text(constraint, value)
    return isinstance(value, int | float | Decimal) and _admits_number(constraint, decimal_of(value))


def covers(wide: Constraint, narrow: Constraint) -> bool:
    """True iff every value of `narrow` is one of `wide`."""
    match narrow:
        case Values():
            return all(admits(wide, value) for value in members(narrow))
        case Pattern(parts):
            return isinstance(wide, Pattern) and texts.covers(wide.parts, parts)
        case Range(low, high):
            return isinstance(wide, Range) and wide.low <= low and high <= wide.high


def meet(left: Constraint, right: Constraint) -> Met:
    """What both allow."""
    if isinstance(left, Values):
        return _kept(left, right)
    if isinstance(right, Values):
        return _kept(right, left)
    if isinstance(left, Range) and isinstance(right, Range):
        low, high = max(left.low, right.low), min(left.high, right.high)
        return (_range(low, high),) if low <= high else ()
    if isinstance(left, Pattern) and isinstance(right, Pattern):
        return _meet_of_patterns(left, right)
    return ()  # no text is a number


def members(values: Constraint) -> tuple[Scalar, ...]:
    """The values of a finite constraint, in a fixed order; none of an endless one."""
    if not isinstance(values, Values):
        return ()
    return (*sorted(values.texts), *sorted(values.numbers), *sorted(values.flags))


def _kept(values: Values, other: Constraint) -> Met:
    kept = Values(
        frozenset(text for text in values.texts if admits(other, text)),
        frozenset(meant for meant in values.numbers if admits(other, meant)),
        frozenset(flag for flag in values.flags if admits(other, flag)),
    )
    return (kept,) if members(kept) else ()


def _meet_of_patterns(left: Pattern, right: Pattern) -> Met:
    for one, other in ((left, right), (right, left)):
        if covers(one, other):
            return (other,)
    return None if texts.overlap(left.parts, right.parts) else ()


def _range(low: Decimal, high: Decimal) -> Constraint:
    return Range(low, high) if low < high else Values(numbers=frozenset({low}))


def _admits_text(constraint: Constraint, text: str) -> bool:
    match constraint:
        case Values():
            return text in constraint.texts
        case Pattern(parts):
            return texts.matches(parts, text)
        case Range():
            return False


def _admits_number(constraint: Constraint, meant: Decimal) -> bool:
    match constraint:
        case Values():
            return meant in constraint.numbers
        case Range(low, high):
            return meant.is_finite() and low <= meant <= high
        case Pattern():
            return False


def _text(value: str) -> str:
    if len(value) > MAX_TEXT or not value.isprintable():
        raise InvalidValue(f"a text has at most {MAX_TEXT} printable characters")
    return value
