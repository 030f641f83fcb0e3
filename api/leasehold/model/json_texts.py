"""JSON that others define (a tool's schema, the arguments of a call), kept as one canonical text.

Keys are sorted and layout is dropped, so that two spellings of one value are one text; characters beyond ASCII are
written as escapes, so that an invisible one shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn

from leasehold.model.errors import InvalidValue

TEXT_LIMIT = 65_536
_DEPTH_LIMIT = 32
_I64 = 2**63


def canonical_object(text: str, what: str) -> str:
    """The canonical text of a JSON object. Raises `InvalidValue` for all that two readers could read differently."""
    if len(text) > TEXT_LIMIT:
        raise InvalidValue(f"{what} must be at most {TEXT_LIMIT} characters")
    try:
        parsed = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse, parse_int=_small)
        canonical = json.dumps(parsed, sort_keys=True, separators=(",", ":"), allow_nan=False)
        json.dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise InvalidValue(f"{what} must be one JSON object, every key once, as text") from None
    if not isinstance(parsed, dict):
        raise InvalidValue(f"{what} must be a JSON object")
    _check_depth(parsed, what)
    return canonical


def parsed_object(canonical: str) -> dict[str, Any]:  # Any: JSON of every shape
    """The object of a text that `canonical_object` made."""
    found: dict[str, Any] = json.loads(canonical)
    return found


def _check_depth(parsed: object, what: str) -> None:
    level = [parsed]
    for _ in range(_DEPTH_LIMIT):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise InvalidValue(f"{what} must be at most {_DEPTH_LIMIT} levels deep")


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # Any: parsed JSON
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _small(digits: str) -> int:
    number = int(digits)
    if not -_I64 <= number < _I64:
        raise ValueError("an integer over 64 bits")
    return number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
