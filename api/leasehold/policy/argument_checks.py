"""Constraints on arguments, each made ready once for the values that it will be asked about."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from math import ceil, floor
from typing import TypeAlias

from leasehold.model.authority.constraints import Constraint, Pattern, Range, Values, admits

Check: TypeAlias = Callable[[object], bool]


def check_of(constraint: Constraint) -> Check:
    """`admits` of this constraint. What arguments mostly are, plain texts and integers, takes the short way."""
    if isinstance(constraint, Values):
        return _among(constraint)
    if isinstance(constraint, Range):
        return _between(constraint, _up(constraint.low), _down(constraint.high))
    head, *rest = constraint.parts
    return _prefix(constraint, head) if rest == [""] else lambda value: admits(constraint, value)


def _among(values: Values) -> Check:
    texts = values.texts
    return lambda value: value in texts if type(value) is str else admits(values, value)


def _prefix(pattern: Pattern, head: str) -> Check:
    return lambda value: value.startswith(head) if type(value) is str else admits(pattern, value)


def _between(numbers: Range, low: float, high: float) -> Check:
    """For integers, the least and the greatest one between the bounds say the same as the bounds."""
    return lambda value: low <= value <= high if type(value) is int else admits(numbers, value)


def _up(bound: Decimal) -> float:
    return ceil(bound) if bound.is_finite() else float(bound)


def _down(bound: Decimal) -> float:
    return floor(bound) if bound.is_finite() else float(bound)
