"""The types of values that a policy can see: from a tool's JSON schema or from known entities, to a Cedar schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from leasehold.model.entities import EntityRef
from leasehold.policy.cedar.values import CedarSet, Fraction, Moment, Network, Value, unkeyed


@dataclass(frozen=True, slots=True)
class TextShape:
    """A text; one of `among`, if that is given."""

    among: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class FlagShape:
    """A boolean."""


@dataclass(frozen=True, slots=True)
class WholeShape:
    """An integer of 64 bits."""


@dataclass(frozen=True, slots=True)
class FractionShape:
    """A number with at most four digits after the point."""


@dataclass(frozen=True, slots=True)
class MomentShape:
    """A date, or a date and time, in JSON as RFC 3339 writes them."""


@dataclass(frozen=True, slots=True)
class SpanShape:
    """A time that something lasts."""


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """An IP address or network."""


@dataclass(frozen=True, slots=True)
class RefShape:
    """An entity of this type. No JSON value becomes one."""

    type: str


@dataclass(frozen=True, slots=True)
class SetShape:
    """A list, without order and repetition."""

    element: Shape


@dataclass(frozen=True, slots=True)
class FieldShape:
    """What stands under one name of a record. To a policy, null is not there."""

    shape: Shape
    required: bool
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class RecordShape:
    """An object with these fields; with others besides, that no policy sees, if `open`."""

    fields: tuple[tuple[str, FieldShape], ...]
    open: bool = False


@dataclass(frozen=True, slots=True)
class HiddenShape:
    """Whatever Cedar has no type for: it may be there, and no policy sees it."""


Shape: TypeAlias = (
    TextShape
    | FlagShape
    | WholeShape
    | FractionShape
    | MomentShape
    | SpanShape
    | NetworkShape
    | RefShape
    | SetShape
    | RecordShape
    | HiddenShape
)
_FLAT = frozenset({str, bool, int, Fraction, Moment, Network})
HIDDEN = HiddenShape()
EMPTY = RecordShape(())


class ShapesDiffer(Exception):
    """Two values under one name have types that no one type covers."""


def visible(shape: Shape) -> bool:
    """True unless policies cannot see a value of this shape."""
    return visible(shape.element) if isinstance(shape, SetShape) else not isinstance(shape, HiddenShape)


def cedar_type(shape: Shape) -> str:  # noqa: C901, PLR0911  one arm per shape
    """The type as a Cedar schema writes it."""
    match shape:
        case TextShape():
            return "String"
        case FlagShape():
            return "Bool"
        case WholeShape():
            return "Long"
        case FractionShape():
            return "decimal"
        case MomentShape():
            return "datetime"
        case NetworkShape():
            return "ipaddr"
        case RefShape(type_):
            return type_
        case SetShape(element):
            return f"Set<{cedar_type(element)}>"
        case RecordShape():
            return _cedar_record(shape)
        case _:
            raise ValueError("hidden from policies")


def shape_of(value: Value) -> Shape:  # noqa: C901, PLR0911  one arm per type of value
    """The shape of a typed value. Raises `ShapesDiffer` for a set of several types."""
    match value:
        case bool():
            return FlagShape()
        case EntityRef():
            return RefShape(value.type)
        case str():
            return TextShape()
        case Fraction():
            return FractionShape()
        case Moment():
            return MomentShape()
        case Network():
            return NetworkShape()
        case dict():
            return RecordShape(
                tuple((name, FieldShape(shape_of(value[name]), required=True)) for name in sorted(value))
            )
        case CedarSet():
            return _set_of(unkeyed(key) for key in value)
        case _:
            return WholeShape()


def joined(left: Shape, right: Shape) -> Shape:
    """One shape for the values of both. Raises `ShapesDiffer`."""
    if isinstance(left, HiddenShape) or left == right:
        return right
    if isinstance(right, HiddenShape):
        return left
    if isinstance(left, SetShape) and isinstance(right, SetShape):
        return SetShape(joined(left.element, right.element))
    if isinstance(left, RecordShape) and isinstance(right, RecordShape):
        return _joined_records(left, right)
    raise ShapesDiffer(f"a {cedar_type(left)} here and a {cedar_type(right)} there")


def record_of_all(records: Iterable[Mapping[str, Value]]) -> RecordShape:
    """The shape of all of them: required is what every one has. Raises `ShapesDiffer`, with the name."""
    merged: RecordShape | None = None
    seen: set[tuple[tuple[str, type], ...]] = set()
    for one in records:
        kinds = tuple((name, type(value)) for name, value in one.items())
        if kinds not in seen:
            shape = RecordShape(tuple((name, FieldShape(shape_of(one[name]), required=True)) for name in sorted(one)))
            merged = shape if merged is None else _joined_records(merged, shape)
            if all(kind in _FLAT for _, kind in kinds):  # a type that says all: the next like it says no more
                seen.add(kinds)
    return merged or EMPTY


def names_in(shape: Shape) -> frozenset[str]:
    """Every name of a field, at any depth: what a misspelt one may have meant."""
    match shape:
        case RecordShape(fields):
            deeper = (names_in(field.shape) for _, field in fields)
            return frozenset(name for name, _ in fields).union(*deeper)
        case SetShape(element):
            return names_in(element)
        case _:
            return frozenset()


def types_in(shape: Shape) -> frozenset[str]:
    """Every type of entity that a value of this shape can name."""
    match shape:
        case RefShape(type_):
            return frozenset({type_})
        case RecordShape(fields):
            return frozenset[str]().union(*(types_in(field.shape) for _, field in fields))
        case SetShape(element):
            return types_in(element)
        case _:
            return frozenset()


def quoted(text: str) -> str:
    """The text as a Cedar string literal. What JSON escapes and Cedar does not know is written by its number."""
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    return letter if letter.isprintable() else f"\\u{{{ord(letter):x}}}"


def _cedar_record(shape: RecordShape) -> str:
    shown = (
        f"{quoted(name)}{'' if field.required else '?'}: {cedar_type(field.shape)}"
        for name, field in shape.fields
        if visible(field.shape)
    )
    return "{" + ", ".join(shown) + "}"


def _set_of(values: Iterable[Value]) -> Shape:
    element: Shape = HIDDEN
    for value in values:
        element = joined(element, shape_of(value))
    return SetShape(element)


def _joined_records(left: RecordShape, right: RecordShape) -> RecordShape:
    mine, theirs = dict(left.fields), dict(right.fields)
    return RecordShape(
        tuple((name, _joined_field(name, mine.get(name), theirs.get(name))) for name in sorted({*mine, *theirs}))
    )


def _joined_field(name: str, left: FieldShape | None, right: FieldShape | None) -> FieldShape:
    if left is None or right is None:
        only = left or right
        assert only is not None  # noqa: S101  one of the two has the name
        return FieldShape(only.shape, required=False)
    try:
        return FieldShape(joined(left.shape, right.shape), left.required and right.required)
    except ShapesDiffer as differ:
        raise ShapesDiffer(f"`{name}`: {differ}") from differ
