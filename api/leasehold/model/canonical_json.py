"""JSON in its one canonical form (RFC 8785), so that a hash of it is a hash of what it says.

One difference is meant: two integers beyond 2^53 that one double stands for are two here, for a change must show.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal

from leasehold.model.errors import InvalidValue

_DEPTH = 64
_EXACT = 2**53
_FIXED_FROM, _FIXED_TO = -6, 21  # ECMA-262 §6.1.6.1.20: between these a number has no exponent


def canonical_json(value: object, depth: int = _DEPTH) -> str:
    """The canonical text of parsed JSON. Raises `InvalidValue` for what I-JSON has not (RFC 7493)."""
    if depth == 0:
        raise InvalidValue(f"JSON must be at most {_DEPTH} levels deep")
    match value:
        case None | bool():
            return json.dumps(value)
        case str():
            return _text(value)
        case int() | float():
            return _number(value)
        case list() | tuple():
            return "[" + ",".join(canonical_json(inner, depth - 1) for inner in value) + "]"
        case dict() if all(isinstance(key, str) for key in value):
            members = sorted(value.items(), key=lambda member: _utf16(member[0]))
            return "{" + ",".join(f"{_text(key)}:{canonical_json(inner, depth - 1)}" for key, inner in members) + "}"
    raise InvalidValue("what is no JSON has no canonical form")


def _text(text: str) -> str:
    _utf16(text)
    return json.dumps(text, ensure_ascii=False)


def _utf16(text: str) -> bytes:
    """Keys are sorted by UTF-16 code units (RFC 8785 §3.2.3)."""
    try:
        return text.encode("utf-16-be")
    except UnicodeEncodeError:
        raise InvalidValue("half a surrogate pair is no text") from None


def _number(value: float) -> str:
    """As ECMAScript writes it (RFC 8785 §3.2.2.3); a large integer keeps the digits that a double would lose."""
    if isinstance(value, int) and abs(value) > _EXACT:
        return str(value)
    if not math.isfinite(value):
        raise InvalidValue("a number must be finite")
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(float(value))).normalize().as_tuple()
    shown = "".join(map(str, digits))
    point = len(shown) + int(exponent)  # where the decimal point stands, counted from the first digit
    return ("-" if sign else "") + _placed(shown, point)


def _placed(digits: str, point: int) -> str:
    if len(digits) <= point <= _FIXED_TO:
        return digits + "0" * (point - len(digits))
    if 0 < point <= _FIXED_TO:
        return f"{digits[:point]}.{digits[point:]}"
    if _FIXED_FROM < point <= 0:
        return "0." + "0" * -point + digits
    exponent = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return (f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits) + exponent
