"""What constraints on arguments mean, and whether some lie within others: the plan-time twin of the registry's algebra.

A constraint is `("values", frozenset)`, `("pattern", parts)` or `("range", low, high)`. Texts, numbers and booleans are
kept apart as `("text", …)`, `("number", …)` and `("flag", …)`. `tests/unit/provider/test_algebra.py` holds this and the
registry's decisions together. No verdict, None, is an answer: whoever asks must refuse.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from itertools import product

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    Constraint = tuple[Any, ...]
    Alternative = tuple[tuple[str, Constraint], ...]

_DIGITS = 15
_POINTS = 4096
_ENDLESS = Decimal("Infinity")
_PRIVATE_USE = range(0xE000, 0xF900)


def check_digits(value: Any) -> str | None:
    """Complain about a number that not every JSON reader keeps (RFC 8259 §6)."""
    meant = decimal_of(value)
    if not meant.is_finite():
        return "must be a finite number"
    _, digits, exponent = meant.normalize().as_tuple()
    if len(digits) > _DIGITS or not -_DIGITS <= int(exponent) <= _DIGITS:
        return f"a number has at most {_DIGITS} digits, and as many zeros"
    return None


def decimal_of(value: Any) -> Decimal:
    """The decimal that a number is written as."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def alternatives_of(constraints: Mapping[str, Mapping[str, Any]] | None) -> list[Alternative]:
    """Every combination of alternatives; the one empty combination where nothing is constrained."""
    given = constraints or {}
    named = [[(name, one) for one in _alternatives(given[name])] for name in sorted(given)]
    return list(product(*named))


def _alternatives(constraint: Mapping[str, Any]) -> list[Constraint]:
    if constraint.get("prefixes"):
        return [("pattern", (text, "")) for text in sorted(set(constraint["prefixes"]))]
    if constraint.get("globs"):
        return list(dict.fromkeys(_glob(text) for text in sorted(constraint["globs"])))
    if constraint.get("boolean") is not None:
        return [("values", frozenset({("flag", constraint["boolean"])}))]
    texts = {("text", text) for text in constraint.get("one_of") or ()}
    numbers = {("number", decimal_of(value)) for value in constraint.get("numbers") or ()}
    if texts or numbers:
        return [("values", frozenset(texts | numbers))]
    return [_range(constraint.get("min"), constraint.get("max"))]


def _glob(text: str) -> Constraint:
    head, *rest = text.split("*")
    if not rest:
        return ("values", frozenset({("text", text)}))
    *middle, tail = rest
    return ("pattern", (head, *(part for part in middle if part), tail))


def _range(low: Any, high: Any) -> Constraint:
    lower = -_ENDLESS if low is None else decimal_of(low)
    upper = _ENDLESS if high is None else decimal_of(high)
    return ("range", lower, upper) if lower != upper else ("values", frozenset({("number", lower)}))


def constraint_text(constraints: Mapping[str, Mapping[str, Any]]) -> str:
    """How a grant's name says its constraints: `,amount:..50,currency=EUR+USD,table=fin_*+sales_*`.

    Texts stand after `=`, numbers and booleans after `:`; whatever could be mistaken is percent-encoded.
    """
    from urllib.parse import quote  # noqa: PLC0415 -- for the few that have constraints

    return "".join(f",{quote(name, safe='')}{_said(_alternatives(constraints[name]))}" for name in sorted(constraints))


def _said(meant: list[Constraint]) -> str:
    said = {text for one in meant for text in _words(one)}
    quantity = meant[0][0] == "range" or (meant[0][0] == "values" and next(iter(meant[0][1]))[0] != "text")
    return (":" if quantity else "=") + "+".join(sorted(said))


def _words(one: Constraint) -> Iterator[str]:
    from urllib.parse import quote  # noqa: PLC0415 -- as above

    if one[0] == "range":
        yield "..".join("" if abs(end) == _ENDLESS else _digits(end) for end in one[1:])
    elif one[0] == "pattern":
        yield "*".join(quote(part, safe="") for part in one[1])
    else:
        for kind, value in one[1]:
            yield quote(value, safe="") if kind == "text" else _digits(value) if kind == "number" else _flag(value)


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _digits(value: Decimal) -> str:
    return format(value.normalize() + 0, "f")


@lru_cache(maxsize=1024)  # a grant of many tools on many resources asks the same question of each
def covered(above: tuple[Alternative, ...], one: Alternative) -> bool | None:
    """Tell whether every call that `one` admits is admitted by some of `above`; None if nobody can tell."""
    if any(_within(other, one) for other in above):
        return True
    names = {name for name, _ in one}
    rivals = [dict(other) for other in above if {name for name, _ in other} <= names]
    if not rivals:
        return False
    points = {name: _points(meant, [rival[name] for rival in rivals if name in rival]) for name, meant in one}
    count = 1
    for found in points.values():
        count *= len(found)
    if count > _POINTS:
        return None
    corners = (dict(zip(points, corner)) for corner in product(*points.values()))  # noqa: B905 -- Python 3.9
    return all(any(_admitted(rival, corner) for rival in rivals) for corner in corners)


def _within(wide: Alternative, narrow: Alternative) -> bool:
    given = dict(narrow)
    return all(name in given and covers(meant, given[name]) for name, meant in wide)


def covers(wide: Constraint, narrow: Constraint) -> bool:
    """True if every value of `narrow` is one of `wide`."""
    if narrow[0] == "values":
        return all(_admits(wide, value) for value in narrow[1])
    if wide[0] != narrow[0]:
        return False
    if narrow[0] == "range":
        return bool(wide[1] <= narrow[1] and narrow[2] <= wide[2])
    return _matches(wide[1], _witness(narrow[1], [wide[1]]))


def _admitted(rival: Mapping[str, Constraint], corner: Mapping[str, Any]) -> bool:
    return all(_admits(meant, corner[name]) for name, meant in rival.items())


def _admits(meant: Constraint, value: Any) -> bool:
    kind, what = value
    if meant[0] == "values":
        return value in meant[1]
    if meant[0] == "range":
        return bool(kind == "number" and meant[1] <= what <= meant[2])
    return kind == "text" and _matches(meant[1], what)


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


def _points(meant: Constraint, rivals: Sequence[Constraint]) -> list[Any]:
    """Values of a constraint, one of each kind that the rivals could tell apart."""
    if meant[0] == "values":
        return list(meant[1])
    if meant[0] == "range":
        return [("number", point) for point in _cuts(meant, rivals)]
    patterns = [rival[1] for rival in rivals if rival[0] == "pattern"]
    texts = [(what,) for rival in rivals if rival[0] == "values" for kind, what in rival[1] if kind == "text"]
    return [("text", _witness(meant[1], [*patterns, *texts]))]


def _cuts(meant: Constraint, rivals: Iterable[Constraint]) -> Iterator[Decimal]:
    low, high = meant[1:]
    bounds = {low, high}
    for rival in rivals:
        if rival[0] == "range":
            bounds.update(rival[1:])
        elif rival[0] == "values":
            bounds.update(what for kind, what in rival[1] if kind == "number")
    finite = sorted(bound for bound in bounds if low <= bound <= high and abs(bound) != _ENDLESS)
    yield from finite
    yield from ((lower + upper) / 2 for lower, upper in zip(finite, finite[1:]))  # noqa: B905, RUF007 -- Python 3.9
    if low == -_ENDLESS:
        yield finite[0] - 1 if finite else Decimal(0)
    if high == _ENDLESS:
        yield finite[-1] + 1 if finite else Decimal(0)
