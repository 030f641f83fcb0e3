"""What limits on arguments mean, and whether some lie within others: the registry's question, asked at synth.

Limits come as the JSON of the attribute `constraints`. `tests/unit/constructs/test_algebra.py` holds this and the
registry's decisions together. No verdict, None, is an answer: whoever asks must not count on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise, product
from math import prod
from typing import Any, TypeAlias
from urllib.parse import quote

_POINTS = 4096
_ENDLESS = Decimal("Infinity")
_PRIVATE_USE = range(0xE000, 0xF900)


@dataclass(frozen=True, slots=True)
class Values:
    """One of these, each with its kind, so that `1`, `"1"` and `true` stay apart."""

    values: frozenset[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text made of these parts, in order, with anything between."""

    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """A number from `low` to `high`, both included."""

    low: Decimal
    high: Decimal


Constraint: TypeAlias = Values | Pattern | Range
Alternative: TypeAlias = tuple[tuple[str, Constraint], ...]
Declared: TypeAlias = Mapping[str, Mapping[str, Any]]  # Any: JSON


def alternatives_of(declared: Declared | None) -> list[Alternative]:
    """Every combination of alternatives; the one empty combination where nothing is limited."""
    given = declared or {}
    named = [[(name, one) for one in _alternatives(given[name])] for name in sorted(given)]
    return list(product(*named))


def narrowed(wide: Alternative, wanted: Alternative) -> Alternative | None:
    """`wanted` under the limits of `wide` too; None if an argument of it does not lie within those."""
    mine, theirs = dict(wide), dict(wanted)
    if not all(covers(mine[name], theirs[name]) for name in mine.keys() & theirs.keys()):
        return None
    both = {**mine, **theirs}
    return tuple((name, both[name]) for name in sorted(both))


def admits(limits: Alternative, arguments: Mapping[str, object]) -> bool:
    """True iff a call with these arguments is within the limits; one that is limited must be there."""
    typed = {name: _typed(value) for name, value in arguments.items()}
    return _admitted(dict(limits), {name: value for name, value in typed.items() if value is not None})


def covered(above: Sequence[Alternative], one: Alternative) -> bool | None:
    """Whether every call that `one` admits is admitted by some of `above`; None if nobody can tell."""
    names = {name for name, _ in one}
    rivals = [dict(other) for other in above if {name for name, _ in other} <= names]
    if not rivals:
        return False
    given = dict(one)
    if any(all(covers(meant, given[name]) for name, meant in rival.items()) for rival in rivals):
        return True
    points = {name: _points(meant, [rival[name] for rival in rivals if name in rival]) for name, meant in one}
    if prod(map(len, points.values())) > _POINTS:
        return None
    corners = (dict(zip(points, corner, strict=True)) for corner in product(*points.values()))
    return all(any(_admitted(rival, corner) for rival in rivals) for corner in corners)


def covers(wide: Constraint, narrow: Constraint) -> bool:
    """True iff every value of `narrow` is one of `wide`."""
    match narrow:
        case Values(values):
            return all(_admits(wide, value) for value in values)
        case Pattern(parts):
            return isinstance(wide, Pattern) and _matches(wide.parts, _witness(parts, [wide.parts]))
        case Range(low, high):
            return isinstance(wide, Range) and wide.low <= low and high <= wide.high


def constraint_text(declared: Declared) -> str:
    """How a grant's name says its limits: `,amount:..50,currency=EUR+USD,table=fin_*+sales_*`.

    Texts stand after `=`, numbers and booleans after `:`; whatever could be mistaken is percent-encoded.
    """
    return "".join(f",{quote(name, safe='')}{_said(declared[name])}" for name in sorted(declared))


def words(limits: Alternative) -> str:
    """The limits for a reader: `amount ≤ 50`."""
    return " and ".join(f"{name} {_limit(meant)}" for name, meant in limits)


def _alternatives(limit: Mapping[str, Any]) -> list[Constraint]:
    if limit.get("prefixes"):
        return [Pattern((text, "")) for text in sorted(set(limit["prefixes"]))]
    if limit.get("globs"):
        return list(dict.fromkeys(_glob(text) for text in sorted(limit["globs"])))
    if limit.get("boolean") is not None:
        return [Values(frozenset({("flag", limit["boolean"])}))]
    texts = {("text", text) for text in limit.get("one_of") or ()}
    numbers = {("number", _decimal(value)) for value in limit.get("numbers") or ()}
    if texts or numbers:
        return [Values(frozenset(texts | numbers))]
    low, high = limit.get("min"), limit.get("max")
    lower, upper = -_ENDLESS if low is None else _decimal(low), _ENDLESS if high is None else _decimal(high)
    return [Range(lower, upper) if lower != upper else Values(frozenset({("number", lower)}))]


def _glob(text: str) -> Constraint:
    head, *rest = text.split("*")
    if not rest:
        return Values(frozenset({("text", text)}))
    *middle, tail = rest
    return Pattern((head, *(part for part in middle if part), tail))


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _typed(value: object) -> tuple[str, Any] | None:
    if isinstance(value, bool):
        return ("flag", value)
    if isinstance(value, str):
        return ("text", value)
    return ("number", _decimal(value)) if isinstance(value, int | float) else None


def _admitted(limits: Mapping[str, Constraint], arguments: Mapping[str, tuple[str, Any]]) -> bool:
    return all(name in arguments and _admits(meant, arguments[name]) for name, meant in limits.items())


def _admits(meant: Constraint, value: tuple[str, Any]) -> bool:
    kind, what = value
    match meant:
        case Values(values):
            return value in values
        case Pattern(parts):
            return kind == "text" and _matches(parts, what)
        case Range(low, high):
            return kind == "number" and what.is_finite() and low <= what <= high


def _matches(parts: Sequence[str], text: str) -> bool:
    head, *middle, tail = parts
    if not text.startswith(head):
        return False
    at = len(head)
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(text) - len(tail) >= at and text.endswith(tail)


def _witness(parts: Sequence[str], others: Iterable[Sequence[str]]) -> str:
    """A text of `parts` that lies in one of `others` only if all of `parts` do."""
    known = {letter for of in (parts, *others) for part in of for letter in part}
    return next(chr(code) for code in _PRIVATE_USE if chr(code) not in known).join(parts)


def _points(meant: Constraint, rivals: Sequence[Constraint]) -> list[tuple[str, Any]]:
    """Values of a constraint, one of each kind that the rivals could tell apart."""
    match meant:
        case Values(values):
            return list(values)
        case Range():
            return [("number", point) for point in _cuts(meant, rivals)]
        case Pattern(parts):
            patterns = [rival.parts for rival in rivals if isinstance(rival, Pattern)]
            finite = [rival.values for rival in rivals if isinstance(rival, Values)]
            texts = [(what,) for values in finite for kind, what in values if kind == "text"]
            return [("text", _witness(parts, [*patterns, *texts]))]


def _cuts(meant: Range, rivals: Iterable[Constraint]) -> Iterator[Decimal]:
    bounds = {meant.low, meant.high}
    for rival in rivals:
        if isinstance(rival, Range):
            bounds |= {rival.low, rival.high}
        elif isinstance(rival, Values):
            bounds |= {what for kind, what in rival.values if kind == "number"}
    finite = sorted(bound for bound in bounds if meant.low <= bound <= meant.high and abs(bound) != _ENDLESS)
    yield from finite
    yield from ((lower + upper) / 2 for lower, upper in pairwise(finite))
    if meant.low == -_ENDLESS:
        yield finite[0] - 1 if finite else Decimal(0)
    if meant.high == _ENDLESS:
        yield finite[-1] + 1 if finite else Decimal(0)


def _said(limit: Mapping[str, Any]) -> str:
    meant = _alternatives(limit)
    texts = limit.get("prefixes") or limit.get("globs") or limit.get("one_of")
    return ("=" if texts else ":") + "+".join(sorted({text for one in meant for text in _parts(one)}))


def _parts(meant: Constraint) -> Iterator[str]:
    match meant:
        case Range(low, high):
            yield "..".join("" if abs(end) == _ENDLESS else _digits(end) for end in (low, high))
        case Pattern(parts):
            yield "*".join(quote(part, safe="") for part in parts)
        case Values(values):
            yield from (quote(what, safe="") if kind == "text" else _plain(what) for kind, what in values)


def _plain(value: bool | Decimal) -> str:
    return _digits(value) if isinstance(value, Decimal) else str(value).lower()


def _digits(value: Decimal) -> str:
    return format(value.normalize() + 0, "f")


def _limit(meant: Constraint) -> str:
    match meant:
        case Range(low, high) if low == -_ENDLESS:
            return f"≤ {_digits(high)}"
        case Range(low, high):
            return f"≥ {_digits(low)}" if high == _ENDLESS else f"is {_digits(low)} to {_digits(high)}"
        case Pattern(parts):
            return f"is like `{'*'.join(parts)}`"
        case Values(values):
            return "is " + " or ".join(sorted(f"`{what}`" if kind == "text" else _plain(what) for kind, what in values))
