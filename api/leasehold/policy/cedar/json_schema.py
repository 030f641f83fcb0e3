"""A tool's JSON schema (the `inputSchema` of MCP) as the shape of its arguments.

What Cedar has no type for (unions of several types, tuples, recursion) is hidden from policies, never guessed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from leasehold.policy.cedar.shapes import (
    HIDDEN,
    FieldShape,
    FlagShape,
    FractionShape,
    MomentShape,
    NetworkShape,
    RecordShape,
    SetShape,
    Shape,
    TextShape,
    WholeShape,
)

_DEPTH_MAX = 16
_FIELDS_MAX = 512
_SCHEMA_FORMATS: dict[object, Shape] = {
    "date": MomentShape(),
    "date-time": MomentShape(),
    "ipv4": NetworkShape(),
    "ipv6": NetworkShape(),
}
_PLAIN: dict[object, Shape] = {"boolean": FlagShape(), "integer": WholeShape(), "number": FractionShape()}
_UNIONS = ("anyOf", "oneOf")
_UNTYPED = frozenset({"allOf", "not", "if", "patternProperties", "dependentSchemas"})


class SchemaRefused(ValueError):
    """The JSON schema is none, or says what no caller could mean."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a schema we are: definitions that `$ref` finds, and how deep."""

    root: Mapping[str, object]
    depth: int = 0
    seen: frozenset[str] = field(default=frozenset())

    def below(self) -> _Place:
        return replace(self, depth=self.depth + 1)


def arguments_shape(schema: Mapping[str, object] | None) -> RecordShape:
    """The shape of a tool's arguments. A tool without a schema takes anything, and shows policies nothing of it.

    Arguments that a schema does not name are refused unless it says `additionalProperties`: policies could not see
    them. Raises `SchemaRefused`.
    """
    if schema is None:
        return RecordShape((), open=True)
    shape = _shape(schema, _Place(schema))
    if not isinstance(shape, RecordShape):
        raise SchemaRefused("the schema of a tool's arguments is of type object")
    return shape


def _shape(schema: object, place: _Place) -> Shape:  # noqa: PLR0911  one return per form of schema
    if not isinstance(schema, Mapping) or place.depth > _DEPTH_MAX:
        return HIDDEN
    if "$ref" in schema:
        return _referred(schema["$ref"], place)
    for union in _UNIONS:
        if union in schema:
            return _of_union(schema[union], place)
    if "allOf" in schema and isinstance(schema["allOf"], list) and len(schema["allOf"]) == 1:
        return _shape(schema["allOf"][0], place.below())
    if _UNTYPED & schema.keys():
        return HIDDEN
    choices = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if choices is not None:
        return _of_choices(choices)
    return _of_type(schema, _only_type(schema.get("type")), place)


def _of_type(schema: Mapping[str, object], type_: object, place: _Place) -> Shape:
    if type_ == "object" or (type_ is None and "properties" in schema):
        return _record(schema, place)
    if type_ == "string":
        return _SCHEMA_FORMATS.get(schema.get("format"), TextShape())
    if type_ == "array" and "prefixItems" not in schema and not isinstance(schema.get("items"), list):
        return SetShape(_shape(schema.get("items"), place.below()))
    return _PLAIN.get(type_, HIDDEN) if isinstance(type_, str) else HIDDEN


def _record(schema: Mapping[str, object], place: _Place) -> RecordShape:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(properties, Mapping) or not isinstance(required, list):
        raise SchemaRefused("properties is an object, required a list")
    if len(properties) > _FIELDS_MAX:
        raise SchemaRefused(f"an object has at most {_FIELDS_MAX} properties")
    _check_names(properties)
    fields = ((name, _field(properties[name], name in required, place)) for name in sorted(properties))
    # An object that lists nothing says nothing; one that lists something means to list all.
    is_open = bool(schema.get("additionalProperties", not properties))
    return RecordShape(tuple(fields), is_open)


def _field(schema: object, required: bool, place: _Place) -> FieldShape:
    nullable = _may_be_null(schema)
    return FieldShape(_shape(schema, place.below()), required and not nullable, nullable)


def _check_names(properties: Mapping[str, object]) -> None:
    """One name, one argument: two that look alike would be two to a policy and one to a reader."""
    seen: dict[str, str] = {}
    for name in properties:
        if not isinstance(name, str) or not name or name.startswith("__") or not name.isprintable():
            raise SchemaRefused("a property is named in printable characters, and not with `__` at its head")
        looks = unicodedata.normalize("NFKC", name).casefold()
        if looks in seen:
            raise SchemaRefused(f"the properties `{seen[looks]}` and `{name}` look alike")
        seen[looks] = name


def _referred(reference: object, place: _Place) -> Shape:
    if not isinstance(reference, str) or not reference.startswith("#/") or reference in place.seen:
        return HIDDEN
    found: object = place.root
    for step in reference[2:].split("/"):
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return _shape(found, replace(place.below(), seen=place.seen | {reference}))


def _of_union(members: object, place: _Place) -> Shape:
    """A union of one type and null is that type, optional; any other has no type in Cedar."""
    others = [one for one in members if not _is_null(one)] if isinstance(members, list) else []
    return _shape(others[0], place.below()) if len(others) == 1 else HIDDEN


def _of_choices(choices: object) -> Shape:
    if isinstance(choices, list):
        texts = [one for one in choices if one is not None]
        if texts and all(isinstance(one, str) for one in texts):
            return TextShape(frozenset(texts))
        if texts and all(type(one) is int for one in texts):
            return WholeShape()
        if texts and all(isinstance(one, bool) for one in texts):
            return FlagShape()
    return HIDDEN


def _only_type(type_: object) -> object:
    if isinstance(type_, list):
        others = [one for one in type_ if one != "null"]
        return others[0] if len(others) == 1 else ""
    return type_


def _may_be_null(schema: object) -> bool:
    if not isinstance(schema, Mapping):
        return False
    types, union = schema.get("type"), schema.get("anyOf", schema.get("oneOf"))
    return (
        _is_null(schema)
        or (isinstance(types, list) and "null" in types)
        or (isinstance(union, list) and any(_is_null(one) for one in union))
        or (isinstance(schema.get("enum"), list) and None in _list(schema["enum"]))
    )


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _is_null(schema: object) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "null"
