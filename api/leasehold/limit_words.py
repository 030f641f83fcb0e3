"""Constraints on arguments in words: "where `amount` ≤ 50 and `table` begins with `sales_`".

Names and texts are live strings, and stand as `quote` writes them. Numbers and booleans do not need it: `50` is a text,
50 a number. In no room, for three of them say it alike: the command line, reports, and the page that asks people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

Quote: TypeAlias = Callable[[str], str]
Constraint: TypeAlias = Mapping[str, object]
SHOWN = 3


def limits_of(constraints: Mapping[str, Constraint], quote: Quote, most: int = SHOWN) -> str:
    """The clause of a sentence, the first few arguments in words; empty for none. `most`: arguments, and values."""
    if not constraints:
        return ""
    words = [f"{quote(name)} {limit(constraints[name], quote, most)}" for name in sorted(constraints)[:most]]
    if len(constraints) > most:
        words.append(f"{len(constraints) - most} more arguments are limited")
    return " where " + _joined(words, "and")


def limit(constraint: Constraint, quote: Quote, most: int = SHOWN) -> str:
    """What one argument must be, by the one operator that is given."""
    ((operator, operand),) = constraint.items()
    match operator, operand:
        case "any_of", list(several):
            return _joined([limit(one, quote, most) for one in several], "or")
        case "one_of", list(values):
            more = [f"{len(values) - most} more"] if len(values) > most else []
            return f"is {_joined([*(_value(one, quote) for one in values[:most]), *more], 'or')}"
        case "range", dict(ends):
            return _range(ends, quote)
        case "prefix", _:
            return f"begins with {_value(operand, quote)}"
        case "glob", _:
            return f"is like {_value(operand, quote)}"
        case _:
            return f"is {_value(operand, quote)}"


def _range(ends: Mapping[str, object], quote: Quote) -> str:
    low, high = ends.get("min"), ends.get("max")
    if low is None:
        return f"≤ {_value(high, quote)}"
    return f"≥ {_value(low, quote)}" if high is None else f"is {_value(low, quote)} to {_value(high, quote)}"


def _value(value: object, quote: Quote) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value}" if isinstance(value, int | float) else quote(str(value))


def _joined(words: list[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"
