"""What arguments of a tool call may be: `crm.tool("refund").on("crm:acme").where(amount=at_most(50))`.

Every limit says one thing. Texts, numbers and booleans are never each other: `"50"` and `50` are two values.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import prod
from typing import TypeAlias

Number: TypeAlias = int | float
Value: TypeAlias = str | bool | int | float

_ARGUMENTS_MAX = 16
_NAME_LIMIT = 128
_TEXT_LIMIT = 256
_VALUES_MAX = 64
_ALTERNATIVES_MAX = 16
_DIGITS_MAX = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit on one argument. Made by `exactly`, `one_of`, `at_most` and the others beside them, not by hand."""

    one_of: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
    numbers: tuple[Number, ...] = ()
    boolean: bool | None = None
    min: Number | None = None
    max: Number | None = None

    def attributes(self) -> dict[str, object]:
        """The limit as `leasehold_grant` and `leasehold_scope` take it."""
        found = {"one_of": self.one_of, "prefixes": self.prefixes, "globs": self.globs, "numbers": self.numbers}
        given: dict[str, object] = {name: sorted(values) for name, values in found.items() if values}
        single = {"boolean": self.boolean, "min": self.min, "max": self.max}
        return given | {name: value for name, value in single.items() if value is not None}


Limits: TypeAlias = Mapping[str, Limit]


def exactly(value: Value) -> Limit:
    """This very value: a text, a number or a boolean.

    Raises:
        ValueError: a text that is too long or does not print, or a number that JSON readers do not agree on.
    """
    return Limit(boolean=value) if isinstance(value, bool) else one_of(value)


def one_of(*values: str | Number) -> Limit:
    """One of these texts, or one of these numbers.

    Raises:
        ValueError: no value, more than 64, texts and numbers together, or one that cannot be written.
    """
    if not 0 < len(values) <= _VALUES_MAX:
        raise ValueError(f"name 1 to {_VALUES_MAX} values")
    texts = tuple(dict.fromkeys(_text(value) for value in values if isinstance(value, str)))
    numbers = tuple(dict.fromkeys(_number(value) for value in values if not isinstance(value, str)))
    if texts and numbers:
        raise ValueError("name texts or numbers, not both: make one grant for each")
    return Limit(one_of=texts, numbers=numbers)


def one_of_prefixes(*prefixes: str) -> Limit:
    """A text that begins with one of these; a `*` in them is a star.

    Raises:
        ValueError: no prefix, more than 16, an empty one, or one that cannot be written.
    """
    return Limit(prefixes=_alternatives(prefixes))


def one_like(*patterns: str) -> Limit:
    """A text of one of these patterns, `*` standing for any run of characters.

    Raises:
        ValueError: no pattern, more than 16, an empty one, or one that cannot be written.
    """
    return Limit(globs=_alternatives(patterns))


def at_most(number: Number) -> Limit:
    """A number not above this one.

    Raises:
        ValueError: a number that JSON readers do not agree on.
    """
    return Limit(max=_number(number))


def at_least(number: Number) -> Limit:
    """A number not below this one.

    Raises:
        ValueError: a number that JSON readers do not agree on.
    """
    return Limit(min=_number(number))


def between(low: Number, high: Number) -> Limit:
    """A number from `low` to `high`, both included.

    Raises:
        ValueError: there is none between, or JSON readers do not agree on one of the two.
    """
    lower, upper = _number(low), _number(high)
    if lower > upper:
        raise ValueError(f"no number lies between {low} and {high}: the first exceeds the second")
    return Limit(min=lower, max=upper)


def check_limits(limits: Limits) -> dict[str, Limit]:
    """The limits, sorted by argument.

    Raises:
        ValueError: an argument is misnamed, something else than a limit is given, or there are too many.
    """
    for name, limit in limits.items():
        _check_argument(name)
        if not isinstance(limit, Limit):
            raise ValueError(f"say what `{name}` may be with a limit, such as {name}=at_most(50)")  # noqa: TRY004
    if len(limits) > _ARGUMENTS_MAX:
        raise ValueError(f"limit at most {_ARGUMENTS_MAX} arguments")
    if prod(max(1, len(one.prefixes) + len(one.globs)) for one in limits.values()) > _ALTERNATIVES_MAX:
        raise ValueError(f"prefixes and patterns of all arguments come to more than {_ALTERNATIVES_MAX} combinations")
    return {name: limits[name] for name in sorted(limits)}


def constraints_of(limits: Limits) -> dict[str, dict[str, object]] | None:
    """The attribute `constraints`, None for none."""
    return {name: limit.attributes() for name, limit in limits.items()} or None


def _check_argument(name: str) -> None:
    if not 0 < len(name) <= _NAME_LIMIT or not name.isprintable() or not unicodedata.is_normalized("NFKC", name):
        raise ValueError(f"argument {name!a}: an argument is named by 1 to {_NAME_LIMIT} printable characters, in NFKC")
    _check_template(name)


def _alternatives(texts: tuple[str, ...]) -> tuple[str, ...]:
    if not 0 < len(texts) <= _ALTERNATIVES_MAX or not all(texts):
        raise ValueError(f"name 1 to {_ALTERNATIVES_MAX} texts, none of them empty: that would admit any text")
    return tuple(dict.fromkeys(map(_text, texts)))


def _text(value: str) -> str:
    if len(value) > _TEXT_LIMIT or not value.isprintable():
        raise ValueError(f"{value[:40]!a}: a text has at most {_TEXT_LIMIT} printable characters")
    _check_template(value)
    return value


def _check_template(value: str) -> None:
    # The name of a grant says its limits, and must be known here; Terraform would read these as its own.
    if "${" in value or "%{" in value:
        raise ValueError(f"{value[:40]!a}: a limit holds neither `${{` nor `%{{`: it cannot be a Terraform expression")


def _number(value: object) -> Number:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is no number")  # noqa: TRY004  one kind of error for every slip
    meant = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not meant.is_finite():
        raise ValueError(f"{value} is no finite number")
    _, digits, exponent = meant.normalize().as_tuple()
    if len(digits) > _DIGITS_MAX or not -_DIGITS_MAX <= int(exponent) <= _DIGITS_MAX:
        raise ValueError(f"{str(value)[:40]}: a number has at most {_DIGITS_MAX} digits, and as many zeros")
    return int(meant) if meant == meant.to_integral_value() else float(meant)
