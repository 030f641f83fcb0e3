"""Cedar's values in Python, without Python's own ideas about them: `True` is no `1`, and integers end at 64 bits.

Texts, booleans and integers stand for themselves, entities for `EntityRef`, records for `dict`. Everything else has a
type of its own, so that `type(value) is T` tells all of Cedar's types apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple, NoReturn, TypeAlias

_I64_END = 1 << 63
_DECIMAL = re.compile(r"(-?)(\d+)\.(\d{1,4})", re.ASCII)
_V4 = re.compile(r"(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})", re.ASCII)
_PREFIX = re.compile(r"0|[1-9]\d{0,2}", re.ASCII)
_V6_LONGEST = 39
_DATETIME = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{3}))?(?:Z|([+-])(\d{2})(\d{2})))?", re.ASCII
)
_DURATION = re.compile(r"(-?)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
_UNITS = (86_400_000, 3_600_000, 60_000, 1_000, 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_400_YEARS = 146_097 * 86_400_000  # the Gregorian calendar repeats itself
_PLACES, _WHOLES = 4, 15
_NO_FRACTION = f"a number has at most {_PLACES} digits after the point, and at most {_WHOLES} before it"
_EXACT = Context(prec=2_000)  # Python's own would round to 28 digits


class EvaluationError(Exception):
    """A policy cannot be evaluated. Whoever catches it denies."""


class MissingEntity(EvaluationError):
    """An attribute of an entity that nobody knows."""


class Fraction(int):
    """Cedar's `decimal`, in ten-thousandths."""

    __slots__ = ()


class Moment(int):
    """Cedar's `datetime`, in milliseconds since 1970."""

    __slots__ = ()


class Span(int):
    """Cedar's `duration`, in milliseconds."""

    __slots__ = ()


class Network(NamedTuple):
    """Cedar's `ipaddr`: an address, or a network."""

    bits: int
    number: int
    prefix: int


class CedarSet(frozenset[object]):
    """Cedar's set, of keys by `key_of`."""

    __slots__ = ()


Value: TypeAlias = object
Record: TypeAlias = Mapping[str, Value]


def key_of(value: Value) -> object:
    """What equals another key exactly where Cedar's `==` calls the values equal."""
    match value:
        case bool() | Fraction() | Moment() | Span():
            return type(value), int(value)
        case dict():
            return dict, frozenset((name, key_of(one)) for name, one in value.items())
        case _:
            return value


def unkeyed(key: object) -> Value:
    """The value that `key_of` made this key of."""
    match key:
        case (kind, frozenset() as fields) if kind is dict:
            return {name: unkeyed(one) for name, one in fields}
        case (type() as kind, int() as number):
            return kind(number)
        case _:
            return key


def set_of(values: Iterable[Value]) -> CedarSet:
    """The set of these values."""
    return CedarSet(key_of(value) for value in values)


def equal(left: Value, right: Value) -> bool:
    """Cedar's `==`: values of two types are never equal, and that is no error."""
    if type(left) is not type(right):
        return False
    return key_of(left) == key_of(right) if type(left) is dict else left == right


def long(number: int) -> int:
    """The number, if it fits 64 bits."""
    return number if -_I64_END <= number < _I64_END else _fail("integer overflow")


def fraction(text: str) -> Fraction:
    """Cedar's `decimal(…)`."""
    read = _DECIMAL.fullmatch(text) or _fail("not a decimal")
    sign, whole, places = read.groups()
    number = int(whole) * 10**_PLACES + int(places.ljust(_PLACES, "0"))
    return Fraction(long(-number if sign else number))


def fraction_of(number: Decimal) -> Fraction:
    """The number as a decimal. A fifth digit after the point is refused: rounded, it would be another number."""
    if not number.is_finite() or (number and not -_PLACES <= number.adjusted() < _WHOLES):
        _fail(_NO_FRACTION)
    scaled = number.scaleb(_PLACES, _EXACT)
    return Fraction(long(int(scaled))) if scaled == scaled.to_integral_value() else _fail(_NO_FRACTION)


def network(text: str) -> Network:
    """Cedar's `ip(…)`."""
    address, slash, length = text.partition("/")
    bits, number = _v4(address) or _v6(address)
    if not slash:
        return Network(bits, number, bits)
    if not _PREFIX.fullmatch(length) or int(length) > bits:
        _fail("not an IP network")
    return Network(bits, number, int(length))


def moment(text: str) -> Moment:
    """Cedar's `datetime(…)`."""
    read = _DATETIME.fullmatch(text) or _fail("not a datetime")
    year, month, day, hour, minute, second, fraction_, sign, hours, minutes = read.groups()
    try:  # year 0 is a year to Cedar, and like the year 400
        local = datetime(
            int(year) or 400, int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
    except ValueError:
        _fail("not a datetime")
    at = _milliseconds(local - _EPOCH) + int(fraction_ or 0) - (0 if int(year) else _400_YEARS)
    return Moment(at - _offset(sign, hours, minutes))


def moment_of(at: datetime) -> Moment:
    """An aware time, its microseconds cut: a clock reading, not somebody's claim."""
    return Moment(_milliseconds(at - _EPOCH))


def span(text: str) -> Span:
    """Cedar's `duration(…)`."""
    read = _DURATION.fullmatch(text) or _fail("not a duration")
    sign, *parts = read.groups()
    if all(part is None for part in parts):
        _fail("not a duration")
    total = 0
    for part, unit in zip(parts, _UNITS, strict=True):
        total = long(total + long((-int(part) if sign else int(part)) * unit)) if part else total
    return Span(total)


def _v4(text: str) -> tuple[int, int] | None:
    read = _V4.fullmatch(text)
    if read is None:
        return None
    number = 0
    for part in read.groups():
        number = number << 8 | (int(part) if int(part) < 1 << 8 else _fail("not an IP address"))
    return 32, number


def _v6(text: str) -> tuple[int, int]:
    # Python reads zones and addresses that end like IPv4; Cedar does not.
    if ":" not in text or "." in text or "%" in text or len(text) > _V6_LONGEST:
        _fail("not an IP address")
    try:
        return 128, int(IPv6Address(text))
    except AddressValueError:
        _fail("not an IP address")


def _offset(sign: str | None, hours: str | None, minutes: str | None) -> int:
    if sign is None or hours is None or minutes is None:
        return 0
    if int(hours) > 23 or int(minutes) > 59:  # noqa: PLR2004  a day's
        _fail("not a datetime")
    offset = (int(hours) * 60 + int(minutes)) * 60_000
    return offset if sign == "+" else -offset


def _milliseconds(since: timedelta) -> int:
    return since // timedelta(milliseconds=1)


def _fail(why: str) -> NoReturn:
    raise EvaluationError(why)
