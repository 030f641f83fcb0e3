"""Constraints on arguments in words: "where `amount` ≤ 50 and `table` begins with `sales_`".

Names and texts are live strings, and stand between backticks. Numbers and booleans do not: `50` is a text, 50 a number.
"""

from __future__ import annotations

from collections.abc import Mapping

from leasehold.review.quotation import quoted

_SHOWN = 3


def limits_of(constraints: Mapping[str, Mapping[str, object]]) -> str:
    """The clause of a sentence, the first few arguments in words; empty for none."""
    if not constraints:
        return ""
    words = [f"{quoted(name)} {limit(constraints[name])}" for name in sorted(constraints)[:_SHOWN]]
    if len(constraints) > _SHOWN:
        words.append(f"{len(constraints) - _SHOWN} more arguments are limited")
    return " where " + _joined(words, "and")


def limit(constraint: Mapping[str, object]) -> str:
    """What one argument must be."""
    ((operator, operand),) = constraint.items()
    match operator, operand:
        case "any_of", list(several):
            return _joined([limit(one) for one in several], "or")
        case "one_of", list(values):
            more = [f"{len(values) - _SHOWN} more"] if len(values) > _SHOWN else []
            return f"is {_joined([*map(_value, values[:_SHOWN]), *more], 'or')}"
        case "range", dict(ends):
            return _range(ends)
        case "prefix", _:
            return f"begins with {_value(operand)}"
        case "glob", _:
            return f"is like {_value(operand)}"
        case _:
            return f"is {_value(operand)}"


def _range(ends: Mapping[str, object]) -> str:
    low, high = ends.get("min"), ends.get("max")
    if low is None:
        return f"≤ {_value(high)}"
    return f"≥ {_value(low)}" if high is None else f"is {_value(low)} to {_value(high)}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value}" if isinstance(value, int | float) else quoted(str(value))


def _joined(words: list[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"
