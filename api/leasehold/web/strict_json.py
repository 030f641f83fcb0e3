"""JSON that every reader reads alike: each key once, no number beyond what a double holds (RFC 8259 §4, §6)."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, NoReturn


def load_json(text: str) -> Any:  # Any: JSON of every shape
    """The value of a text. Raises `ValueError`, whose message quotes no more than a key; `RecursionError`."""
    return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_constant, parse_float=_finite)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # Any: parsed JSON
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {json.dumps(twice)[:100]} stands twice in one object")
    return found


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _finite(digits: str) -> float:
    # 1e400 would become infinity, be written as null, and a limit would be gone.
    value = float(digits)
    if not isfinite(value):
        raise ValueError("a number is too large for a double")
    return value
