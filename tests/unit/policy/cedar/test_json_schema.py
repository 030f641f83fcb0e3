"""Tools' JSON schemas as they are found in the wild, and what policies see of them."""

import pytest

from leasehold.policy.cedar.json_schema import SchemaRefused, arguments_shape
from leasehold.policy.cedar.mapping import ValueRefused, mapper_of
from leasehold.policy.cedar.shapes import cedar_type

RECURSIVE = {"type": "object", "properties": {"child": {"$ref": "#/$defs/node"}}}


def seen(schema, **more):
    shape = arguments_shape({"type": "object", "properties": {"x": schema}, "required": ["x"], **more})
    return cedar_type(shape)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, '{"x": String}'),
        ({"type": "string", "format": "date"}, '{"x": datetime}'),
        ({"type": "string", "format": "ipv6"}, '{"x": ipaddr}'),
        ({"type": "string", "format": "uuid"}, '{"x": String}'),
        ({"type": "boolean"}, '{"x": Bool}'),
        ({"type": "integer"}, '{"x": Long}'),
        ({"type": "number"}, '{"x": decimal}'),
        ({"type": ["integer", "null"]}, '{"x"?: Long}'),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, '{"x"?: String}'),
        ({"oneOf": [{"type": "integer"}]}, '{"x": Long}'),
        ({"allOf": [{"type": "integer"}]}, '{"x": Long}'),
        ({"enum": ["a", "b", None]}, '{"x"?: String}'),
        ({"const": "a"}, '{"x": String}'),
        ({"enum": [1, 2]}, '{"x": Long}'),
        ({"enum": [True, False]}, '{"x": Bool}'),
        ({"type": "array", "items": {"type": "string"}}, '{"x": Set<String>}'),
        ({"type": "object", "properties": {"y": {"type": "integer"}}}, '{"x": {"y"?: Long}}'),
        ({"properties": {"y": {"type": "integer"}}}, '{"x": {"y"?: Long}}'),
        ({"type": "object"}, '{"x": {}}'),
        ({"$ref": "#/$defs/amount"}, '{"x": decimal}'),
        ({"$ref": "#/$defs/a~1b"}, '{"x": Bool}'),
        ({"$ref": "#/$defs/node"}, '{"x": {}}'),
        # What Cedar has no type for, no policy sees.
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "{}"),
        ({"type": ["string", "integer"]}, "{}"),
        ({"oneOf": "odd"}, "{}"),
        ({"allOf": [{"type": "integer"}, {"minimum": 1}]}, "{}"),
        ({"not": {"type": "string"}}, "{}"),
        ({"enum": ["a", 1]}, "{}"),
        ({"enum": []}, "{}"),
        ({"enum": "a"}, "{}"),
        ({"type": "array", "prefixItems": []}, "{}"),
        ({"type": "array", "items": [{"type": "string"}]}, "{}"),
        ({"type": "array"}, "{}"),
        ({"type": "null"}, "{}"),
        ({"type": 5}, "{}"),
        ({}, "{}"),
        (True, "{}"),
        ({"$ref": "https://example.com/schema"}, "{}"),
        ({"$ref": "#/$defs/nothing"}, "{}"),
        ({"$ref": 5}, "{}"),
        ({"$ref": "#/$defs/loop"}, "{}"),
    ],
)
def test_what_policies_see_of_an_argument(schema, expected):
    definitions = {
        "amount": {"type": "number"},
        "a/b": {"type": "boolean"},
        "node": RECURSIVE,
        "loop": {"$ref": "#/$defs/loop"},
    }
    assert seen(schema, **{"$defs": definitions}) == expected


def test_recursion_ends():
    deep = {"type": "string"}
    for _ in range(20):
        deep = {"type": "object", "properties": {"y": deep}}
    assert seen(deep).count('"y"') == 15


def test_arguments_that_are_not_listed_are_refused_unless_the_schema_says_more():
    listed = {"type": "object", "properties": {"x": {"type": "string"}}}
    for more in ({}, {"additionalProperties": False}):
        with pytest.raises(ValueRefused, match="y: not listed"):
            mapper_of(arguments_shape({**listed, **more}))({"x": "a", "y": 1})
    for more in ({"additionalProperties": True}, {"additionalProperties": {"type": "string"}}):
        assert mapper_of(arguments_shape({**listed, **more}))({"x": "a", "y": 1}) == {"x": "a"}
    for schema in (None, {"type": "object"}, {}):
        assert mapper_of(arguments_shape(schema or {"type": "object"}))({"y": 1}) == {}
    with pytest.raises(ValueRefused):
        mapper_of(arguments_shape({"type": "object", "additionalProperties": False}))({"y": 1})


@pytest.mark.parametrize(
    "schema", [{"type": "array"}, {"enum": ["a"]}, {"type": "object", "properties": {}, "required": 5}]
)
def test_arguments_are_an_object(schema):
    with pytest.raises(SchemaRefused):
        arguments_shape(schema)
