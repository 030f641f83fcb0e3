"""Terraform numbers are decimal and arbitrarily long; Python's are not one type. Read and write without loss.

Terraform sends an integer as an integer, a number that a double holds exactly as a double, all others as decimal text.
A double that would print as another decimal (a computed 0.1000000000000000055…) becomes a Decimal, so that what is
read and written back is the same number to the last digit.
"""

from __future__ import annotations

from . import msgpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_INT64 = 1 << 63
_MAX_DIGITS = 1000
"""Longest number text we convert: Terraform keeps 512 bits, about 155 digits."""


def read_number(raw: Any) -> Any:
    """Turn a decoded number or its text into int, float or Decimal. Raises ValueError."""
    if raw.__class__ is int:
        return raw
    if isinstance(raw, str):
        return _from_text(raw)
    if isinstance(raw, bool) or not isinstance(raw, float):
        return _from_decimal(raw)
    return _from_double(raw)


def _from_text(text: str) -> Any:
    if len(text) > _MAX_DIGITS or not text.isascii():
        raise ValueError("not a number")
    try:
        return int(text)
    except ValueError:
        return _from_decimal(_decimal(text))


def _from_decimal(raw: Any) -> Any:
    from decimal import Decimal  # noqa: PLC0415 -- costs 2 ms, and most numbers are integers

    if not isinstance(raw, Decimal) or not raw.is_finite():
        raise ValueError("not a number")
    if raw == raw.to_integral_value():
        return int(raw)
    double = float(raw)
    return double if Decimal(repr(double)) == raw else raw


def _from_double(raw: float) -> Any:
    if raw.is_integer():
        return int(raw)
    if raw != raw or raw in (float("inf"), float("-inf")):  # noqa: PLR0124 -- NaN is the only one unlike itself
        return _finite_or_refuse(raw)
    from decimal import Decimal  # noqa: PLC0415 -- see _from_decimal

    exact = Decimal(raw)
    return raw if exact == Decimal(repr(raw)) else exact


def _finite_or_refuse(raw: float) -> float:
    if raw != raw:  # noqa: PLR0124
        raise ValueError("not a number")
    return raw  # Terraform knows both infinities


def write_number(value: Any, out: bytearray) -> None:
    """Append the shortest exact form. Raises ValueError for what is no number (bool included)."""
    if value.__class__ is not int:
        value = _integral(value)
    if value.__class__ is int:
        if -_INT64 <= value < _INT64:
            msgpack.write_int(value, out)
        else:
            msgpack.write_str(_integer_text(value), out)
    elif value in (float("inf"), float("-inf")):
        msgpack.write_float(value, out)
    else:
        msgpack.write_str(format(_decimal(str(value)), "f"), out)


def _integral(value: Any) -> Any:
    from decimal import Decimal  # noqa: PLC0415 -- see _from_decimal

    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)) or value != value:  # noqa: PLR0124
        raise ValueError("not a number")
    if value in (float("inf"), float("-inf")):
        return float(value)
    return int(value) if value == int(value) else value


def _integer_text(value: int) -> str:
    text = str(value)
    if len(text) > _MAX_DIGITS:
        raise ValueError("not a number")
    return text


def _decimal(text: str) -> Any:
    from decimal import Context, InvalidOperation, Overflow  # noqa: PLC0415 -- see _from_decimal

    # The default context would round to 28 digits.
    context = Context(prec=_MAX_DIGITS, Emax=_MAX_DIGITS, Emin=-_MAX_DIGITS, traps=[InvalidOperation, Overflow])
    try:
        value = context.create_decimal(text).normalize(context)
    except ArithmeticError:
        raise ValueError("not a number") from None
    if not value.is_finite():
        raise ValueError("not a number")
    return value
