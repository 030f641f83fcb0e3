"""What Cedar's operators do to values. A value of the wrong type is an error, and never a guess.

Entities are looked up as late as Cedar looks: an entity that nobody knows has no attributes and is in nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn, cast

from leasehold.model.authority import texts
from leasehold.model.entities import EntityRef
from leasehold.policy.cedar.known import Lookup
from leasehold.policy.cedar.values import (
    CedarSet,
    EvaluationError,
    Fraction,
    MissingEntity,
    Moment,
    Network,
    Span,
    Value,
    fraction,
    key_of,
    long,
    moment,
    network,
    span,
)

_DAY = 86_400_000
LOOPBACK = network("127.0.0.0/8"), network("::1/128")
MULTICAST = network("224.0.0.0/4"), network("ff00::/8")
_V4, _V6 = 32, 128


def boolean(value: Value) -> bool:
    """The value, if it is a boolean."""
    if value is True or value is False:
        return value is True
    raise EvaluationError("expected a boolean")


def text(value: Value) -> str:
    """The value, if it is a text."""
    return value if isinstance(value, str) else _unexpected("a text")


def whole(value: Value) -> int:
    """The value, if it is an integer, and nothing that Python counts as one."""
    return value if type(value) is int else _unexpected("an integer")


def entity(value: Value) -> EntityRef:
    """The value, if it is an entity."""
    return value if isinstance(value, EntityRef) else _unexpected("an entity")


def collection(value: Value) -> CedarSet:
    """The value, if it is a set."""
    return value if isinstance(value, CedarSet) else _unexpected("a set")


def address(value: Value) -> Network:
    """The value, if it is an IP address or network."""
    return value if isinstance(value, Network) else _unexpected("an IP address")


def decimal(value: Value) -> Fraction:
    """The value, if it is a decimal."""
    return value if isinstance(value, Fraction) else _unexpected("a decimal")


def instant(value: Value) -> Moment:
    """The value, if it is a datetime."""
    return value if isinstance(value, Moment) else _unexpected("a datetime")


def length(value: Value) -> Span:
    """The value, if it is a duration."""
    return value if isinstance(value, Span) else _unexpected("a duration")


def attribute(entities: Lookup, base: Value, name: str) -> Value:
    """`base.name`, of a record or an entity."""
    fields: Mapping[str, Value]
    if type(base) is dict:
        fields = base
    else:
        known = entities.get(entity(base))
        if known is None:
            raise MissingEntity("no such entity")
        fields = known.attributes
    try:
        return fields[name]
    except KeyError:
        raise EvaluationError("no such attribute") from None


def has(entities: Lookup, base: Value, names: tuple[str, ...]) -> bool:
    """`base has a.b.c`: what lies on the way is a record or an entity."""
    fields: Mapping[str, Value]
    for name in names:
        if type(base) is dict:
            fields = base
        else:
            known = entities.get(entity(base))
            fields = known.attributes if known is not None else {}
        if name not in fields:
            return False
        base = fields[name]
    return True


def member(entities: Lookup, one: Value, of: Value) -> bool:
    """`one in of`: an entity is in itself, and in whatever is above it."""
    ref = entity(one)
    targets = [entity(target) for target in of] if isinstance(of, CedarSet) else [entity(of)]
    known = entities.get(ref)
    above = known.ancestors if known is not None else ()
    return any(target == ref or target in above for target in targets)


def of_type(value: Value, type_: str) -> bool:
    """`value is type_`."""
    return entity(value).type == type_


def like(value: Value, parts: texts.Parts) -> bool:
    """`value like …`, the pattern by the parts between its stars."""
    return texts.matches(parts, text(value)) if len(parts) > 1 else text(value) == parts[0]


def has_tag(one: Value, name: Value) -> bool:
    """`one.hasTag(name)`. Entities have attributes here, and no tags."""
    entity(one), text(name)
    return False


def tag(one: Value, name: Value) -> Value:
    """`one.getTag(name)`."""
    entity(one), text(name)
    raise EvaluationError("no such tag")


def contains(found: Value, value: Value) -> bool:
    """`found.contains(value)`."""
    return key_of(value) in collection(found)


def contains_all(found: Value, others: Value) -> bool:
    """`found.containsAll(others)`."""
    return collection(found) >= collection(others)


def contains_any(found: Value, others: Value) -> bool:
    """`found.containsAny(others)`."""
    return not collection(found).isdisjoint(collection(others))


def in_range(inner: Value, outer: Value) -> bool:
    """`inner.isInRange(outer)`: all of one network within the other; never of two families."""
    bits, number, prefix = inner if type(inner) is Network else address(inner)
    family, start, length_ = outer if type(outer) is Network else address(outer)
    shift = family - length_
    return bits == family and prefix >= length_ and number >> shift == start >> shift


def in_one(value: Value, ranges: tuple[Network, Network]) -> bool:
    """Within the one of these ranges that is of the same family."""
    return any(in_range(value, one) for one in ranges)


def same_kind(left: Value, right: Value) -> tuple[int, int]:
    """Both, if they are of one type that has an order."""
    kind = type(left)
    if kind is not type(right) or kind not in {int, Moment, Span}:
        _unexpected("two integers, datetimes or durations")
    return cast("tuple[int, int]", (left, right))  # all three are integers to Python


def since(left: Value, right: Value) -> Span:
    """`left.durationSince(right)`."""
    return Span(long(instant(left) - instant(right)))


def offset(at: Value, by: Value) -> Moment:
    """`at.offset(by)`."""
    return Moment(long(instant(at) + length(by)))


def _in_units(unit: int) -> Callable[[Value], int]:
    """Full units of a duration, towards zero."""
    return lambda value: abs(length(value)) // unit * (1 if length(value) >= 0 else -1)


def _unexpected(what: str) -> NoReturn:
    raise EvaluationError(f"expected {what}")


UNARY: dict[str, Callable[[Value], Value]] = {
    "neg": lambda value: long(-whole(value)),
    "is_empty": lambda value: not collection(value),
    "datetime": lambda value: moment(text(value)),
    "decimal": lambda value: fraction(text(value)),
    "duration": lambda value: span(text(value)),
    "ip": lambda value: network(text(value)),
    "is_ipv4": lambda value: address(value).bits == _V4,
    "is_ipv6": lambda value: address(value).bits == _V6,
    "is_loopback": lambda value: in_one(value, LOOPBACK),
    "is_multicast": lambda value: in_one(value, MULTICAST),
    "to_date": lambda value: Moment(long(instant(value) // _DAY * _DAY)),
    "to_time": lambda value: Span(instant(value) % _DAY),
    "to_milliseconds": _in_units(1),
    "to_seconds": _in_units(1_000),
    "to_minutes": _in_units(60_000),
    "to_hours": _in_units(3_600_000),
    "to_days": _in_units(_DAY),
}
BINARY: dict[str, Callable[[Value, Value], Value]] = {
    "add": lambda left, right: long(whole(left) + whole(right)),
    "sub": lambda left, right: long(whole(left) - whole(right)),
    "mul": lambda left, right: long(whole(left) * whole(right)),
    "contains": contains,
    "contains_all": contains_all,
    "contains_any": contains_any,
    "has_tag": has_tag,
    "get_tag": tag,
    "is_in_range": in_range,
    "offset": offset,
    "duration_since": since,
}
BOOLEAN = frozenset({"contains", "contains_all", "contains_any", "has_tag", "is_in_range", "is_empty"}) | frozenset(
    {"is_ipv4", "is_ipv6", "is_loopback", "is_multicast"}
)
