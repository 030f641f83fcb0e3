"""Raw values into typed ones, by shape. What does not fit is refused whole: never cut, rounded or guessed.

An object of the caller's becomes a record, whatever its keys say: it can never become an entity.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, TypeAlias, TypeVar

from leasehold.model.authority.constraints import decimal_of
from leasehold.model.entities import EntityRef
from leasehold.policy.cedar.shapes import (
    FlagShape,
    FractionShape,
    MomentShape,
    NetworkShape,
    RecordShape,
    RefShape,
    SetShape,
    Shape,
    SpanShape,
    TextShape,
    WholeShape,
)
from leasehold.policy.cedar.values import (
    EvaluationError,
    Fraction,
    Moment,
    Network,
    Value,
    fraction_of,
    long,
    moment,
    moment_of,
    network,
    set_of,
    span,
)

MAX_DEPTH = 64
Mapper: TypeAlias = Callable[[object], Value]
T = TypeVar("T")
V = TypeVar("V")
_ESCAPE = "__"  # `__entity` and `__extn` are how Cedar's JSON spells an entity and an IP address
_RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2}))?", re.ASCII
)
_MILLISECONDS = 3
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1  # Cedar's integers
_NAME_SHOWN = 64


class ValueRefused(Exception):
    """A value has no place in its shape. `path` says where; no message holds a value."""

    def __init__(self, path: str, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"{path}: {why}" if path else why)


def mapper_of(shape: Shape) -> Mapper:  # noqa: C901, PLR0911  one arm per shape
    """What turns a raw JSON value into one of this shape, or raises `ValueRefused`. Made once, used on each call."""
    match shape:
        case TextShape(None):
            return _text
        case TextShape(among):
            return _one_of(among or frozenset())
        case FlagShape():
            return _flag
        case WholeShape():
            return _whole
        case FractionShape():
            return _fraction
        case MomentShape():
            return _moment
        case SpanShape():
            return _span
        case NetworkShape():
            return _network
        case RefShape():
            return _no_entity
        case SetShape(element):
            return _set(mapper_of(element))
        case RecordShape():
            return _record(shape)
        case _:  # hidden
            return _hidden


def native(value: object, depth: int = 0) -> Value:  # noqa: C901, PLR0911  one arm per type of value
    """A known value, or a caller's without a shape, by its own type. Raises `ValueRefused`."""
    match value:
        case bool() | EntityRef() | Fraction() | Moment() | Network():
            return value
        case str():
            return _text(value)
        case int():
            return _whole(value)
        case float() | Decimal():
            return _fraction(value)
        case datetime():
            return moment_of(value)
        case IPv4Address() | IPv6Address():
            return Network(value.max_prefixlen, int(value), value.max_prefixlen)
        case IPv4Network() | IPv6Network():
            return Network(value.max_prefixlen, int(value.network_address), value.prefixlen)
        case Mapping():
            return mapped(value, depth)
        case list() | tuple() | set() | frozenset():
            return set_of([native(one, _count(depth)) for one in value])
        case _:
            raise ValueRefused("", "null is no value" if value is None else "no value for Cedar")


def mapped(values: Mapping[str, object], depth: int = 0) -> dict[str, Value]:
    """Each by its own type. Raises `ValueRefused`, with the name."""
    return {_checked(name): at_step(name, _deeper(depth), one) for name, one in values.items()}


def at_step(name: object, mapper: Callable[[T], V], value: T) -> V:
    """The value, mapped. Raises `ValueRefused` that says where."""
    try:
        return mapper(value)
    except (ValueRefused, EvaluationError) as refused:
        raise _within(name, refused) from None


def _deeper(depth: int) -> Mapper:
    below = _count(depth)
    return lambda one: native(one, below)


def _count(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise ValueRefused("", f"nested more than {MAX_DEPTH} deep")
    return depth + 1


def _within(name: object, refused: ValueRefused | EvaluationError) -> ValueRefused:
    """The same, one step further out. A name that could be anything is not repeated at length."""
    step = str(name)[:_NAME_SHOWN]
    if isinstance(refused, EvaluationError):
        return ValueRefused(step, str(refused))
    return ValueRefused(f"{step}.{refused.path}" if refused.path else step, refused.why)


def _checked(name: object) -> str:
    if not isinstance(name, str) or name.startswith(_ESCAPE):
        raise ValueRefused("", "a name that begins with `__` is Cedar's own")
    return name


def _text(value: object) -> Value:
    if type(value) is not str:
        raise ValueRefused("", "not a text")
    if value.isascii():
        return value
    if not value.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueRefused("", "half a character")
    return value


def _one_of(among: frozenset[str]) -> Mapper:
    def mapper(value: object) -> Value:
        if type(value) is not str or value not in among:
            raise ValueRefused("", "none of the values that the tool lists")
        return value

    return mapper


def _flag(value: object) -> Value:
    if type(value) is not bool:
        raise ValueRefused("", "not a boolean")
    return value


def _whole(value: object) -> Value:
    if type(value) is int:
        return long(value)
    # 5.0 is an integer to JSON schema; 5.5 is refused, not cut.
    if isinstance(value, float | Decimal):
        number = decimal_of(value)
        if number.is_finite() and number == number.to_integral_value() and number.adjusted() < 20:  # noqa: PLR2004  i64
            return long(int(number))
    raise ValueRefused("", "not an integer")


def _fraction(value: object) -> Value:
    if type(value) is int:
        return fraction_of(Decimal(long(value)))
    if isinstance(value, float | Decimal):
        return fraction_of(decimal_of(value))
    raise ValueRefused("", "not a number")


def _moment(value: object) -> Value:
    if type(value) is date:
        return moment(value.isoformat())
    read = _RFC3339.fullmatch(value) if type(value) is str else None
    if read is None:
        raise ValueRefused("", "not a date, or date and time, of RFC 3339")
    day, time, fraction, offset = read.groups()
    if time is None:
        return moment(day)
    if fraction and fraction[_MILLISECONDS:].strip("0"):
        raise ValueRefused("", "more exact than a millisecond")
    places = (fraction or "").ljust(_MILLISECONDS, "0")[:_MILLISECONDS]
    return moment(f"{day}T{time}.{places}{'Z' if offset in 'Zz' else offset.replace(':', '')}")


def _network(value: object) -> Value:
    if type(value) is not str:
        raise ValueRefused("", "not an IP address")
    return network(value)


def _span(value: object) -> Value:
    if type(value) is not str:
        raise ValueRefused("", "not a duration")
    return span(value)


def _no_entity(_value: object) -> Value:
    raise ValueRefused("", "nothing that a caller says is an entity")


def _set(element: Mapper) -> Mapper:
    def mapper(value: object) -> Value:
        if type(value) is not list:
            raise ValueRefused("", "not a list")
        return set_of([element(one) for one in value])

    return mapper


def _hidden(value: object) -> Value:
    """Checked for what Cedar's JSON would take for something else, and for depth; then forgotten."""
    _check_hidden(value, 0)
    return None


def _check_hidden(value: object, depth: int) -> None:
    if isinstance(value, Mapping):
        for name, one in value.items():
            _check_hidden(one, _count(depth)) if _checked(name) else None
    elif isinstance(value, list):
        for one in value:
            _check_hidden(one, _count(depth))


def _record(shape: RecordShape) -> Mapper:
    """Maps objects of one shape, field by field. A function and no object: calls of those take longer."""
    mappers: dict[object, Mapper] = {name: mapper_of(field.shape) for name, field in shape.fields}
    listed = {name: mapper for name, mapper in mappers.items() if not str(name).startswith(_ESCAPE)}
    required = tuple(sorted(name for name, field in shape.fields if field.required))
    otherwise = _null_or_unlisted(shape, mappers)

    def mapper(value: object) -> Value:
        if type(value) is not dict and not isinstance(value, Mapping):
            raise ValueRefused("", "not an object")
        record: dict[str, Value] = {}
        name = ""
        try:
            for name, one in value.items():
                known = listed.get(name) if one is not None else None
                mapped = known(one) if known is not None else otherwise(_checked(name), one)
                if mapped is not None:
                    record[name] = mapped
        except (ValueRefused, EvaluationError) as refused:
            raise _within(name, refused) from None
        for name in required:
            if name not in value:
                raise ValueRefused(name, "is required")
        return record

    return _plainly({str(name): _PLAIN[one] for name, one in listed.items() if one in _PLAIN}, required, mapper)


_PLAIN: dict[Mapper, type] = {_text: str, _whole: int, _flag: bool}


def _plainly(types: Mapping[str, type], required: tuple[str, ...], otherwise: Mapper) -> Mapper:
    """An object of nothing but plain texts, small integers and flags is what it will be already. It is not copied."""
    wanted = types.get

    def mapper(value: Any) -> Value:  # Any: its type is looked at in each step
        if type(value) is not dict:
            return otherwise(value)
        for name, one in value.items():
            kind = type(one)
            if kind is not wanted(name) or not (one.isascii() if kind is str else _LEAST <= one <= _MOST):
                return otherwise(value)
        for name in required:
            if name not in value:
                return otherwise(value)
        return value

    return mapper


def _null_or_unlisted(shape: RecordShape, mappers: Mapping[object, Mapper]) -> Callable[[str, object], Value]:
    nullable = frozenset(name for name, field in shape.fields if field.nullable)
    other: Mapper = _hidden if shape.open else _not_listed

    def mapper(name: str, value: object) -> Value:
        if value is not None:
            return mappers.get(name, other)(value)
        if name not in nullable and (name in mappers or not shape.open):
            raise ValueRefused("", "null is no value")
        return None

    return mapper


def _not_listed(_value: object) -> Value:
    raise ValueRefused("", "not listed")
