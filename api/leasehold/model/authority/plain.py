"""Constraints as JSON-like values: `{"range": {"max": 50}}`, one operator each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeAlias

from leasehold.model.authority.constraints import (
    UNBOUNDED,
    Constraint,
    Pattern,
    Range,
    Scalar,
    Values,
    between,
    exact,
    glob,
    members,
    one_of,
    prefix,
)
from leasehold.model.errors import InvalidValue

Constraints: TypeAlias = tuple[tuple[str, Constraint], ...]
"""Arguments, sorted by name, each with what it may be. An argument that is constrained must be there."""

MAX_ARGUMENTS = 16
_ARGUMENT_LIMIT = 128


def constraints_of(plain: object) -> Constraints:
    """Constraints by argument. Raises `InvalidValue`; an operator that is not known is refused, never skipped."""
    if not isinstance(plain, Mapping) or not all(isinstance(name, str) for name in plain):
        raise InvalidValue("constraints must name arguments")
    if len(plain) > MAX_ARGUMENTS:
        raise InvalidValue(f"constraints name at most {MAX_ARGUMENTS} arguments")
    return tuple((check_argument(name), _constraint(plain[name])) for name in sorted(plain))


def plain_of(constraints: Constraints) -> dict[str, dict[str, object]]:
    """The same, to be written as JSON."""
    return {argument: _plain(constraint) for argument, constraint in constraints}


def check_argument(name: str) -> str:
    """The name of an argument. Raises `InvalidValue` unless it is short and can be seen."""
    if not 0 < len(name) <= _ARGUMENT_LIMIT or not name.isprintable():
        raise InvalidValue(f"an argument is named by 1 to {_ARGUMENT_LIMIT} printable characters")
    return name


def _constraint(plain: object) -> Constraint:
    if not isinstance(plain, Mapping) or len(plain) != 1:
        raise InvalidValue("a constraint has one operator")
    operator, operand = next(iter(plain.items()))
    read = _OPERATORS.get(operator)
    if read is None:
        raise InvalidValue(f"an operator is one of {', '.join(sorted(_OPERATORS))}")
    return read(operand)


def _scalar(plain: object) -> Scalar:
    if not isinstance(plain, str | bool | int | float | Decimal):
        raise InvalidValue("a value is a text, a number or a boolean")
    return plain


def _one_of(plain: object) -> Constraint:
    if not isinstance(plain, list | tuple):
        raise InvalidValue("one_of takes a list of values")
    return one_of([_scalar(value) for value in plain])


def _text(plain: object) -> str:
    if not isinstance(plain, str):
        raise InvalidValue("prefix and glob take a text")
    return plain


def _range(plain: object) -> Constraint:
    if not isinstance(plain, Mapping) or not plain.keys() <= {"min", "max"}:
        raise InvalidValue("range takes min and max")
    low, high = (_scalar(plain[end]) if end in plain else None for end in ("min", "max"))
    return between(low, high)


_OPERATORS: dict[str, Callable[[object], Constraint]] = {
    "exact": lambda plain: exact(_scalar(plain)),
    "one_of": _one_of,
    "prefix": lambda plain: prefix(_text(plain)),
    "glob": lambda plain: glob(_text(plain)),
    "range": _range,
}


def _plain(constraint: Constraint) -> dict[str, object]:
    match constraint:
        case Values():
            values = [_json(value) for value in members(constraint)]
            return {"exact": values[0]} if len(values) == 1 else {"one_of": values}
        case Pattern(parts=(head, "")) if head:
            return {"prefix": head}
        case Pattern(parts):
            return {"glob": "*".join(parts)}
        case Range(low, high):
            ends = {"min": low, "max": high}
            return {"range": {name: _json(end) for name, end in ends.items() if abs(end) != UNBOUNDED}}


def _json(value: Scalar) -> str | bool | int | float:
    """A number of at most 15 digits survives as a JSON number."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
