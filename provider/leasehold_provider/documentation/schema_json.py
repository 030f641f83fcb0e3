"""The schemas as `terraform providers schema -json` prints them: a published contract, diffed in CI."""

from __future__ import annotations

import json

from leasehold_provider.protocol.schema import Nested
from leasehold_provider.provider import ADDRESS, LeaseholdProvider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from leasehold_provider.protocol import Function, Parameter, Resource, Schema
    from leasehold_provider.protocol.schema import AnyAttribute

    Document = dict[str, Any]

FORMAT = "1.0"
_FLAGS = ("required", "optional", "computed", "sensitive", "write_only")


def schema_document() -> Document:
    """Everything that the provider offers."""
    provider = LeaseholdProvider({})
    resources = {item.type_name: item for item in provider.resources}
    return {
        "format_version": FORMAT,
        "provider_schemas": {
            ADDRESS: {
                "provider": _schema(provider.schema),
                "resource_schemas": {name: _schema(item.schema) for name, item in resources.items()},
                "data_source_schemas": {item.type_name: _schema(item.schema) for item in provider.data_sources},
                "ephemeral_resource_schemas": {
                    item.type_name: _schema(item.schema) for item in provider.ephemeral_resources
                },
                "list_resource_schemas": {item.type_name: _schema(item.schema) for item in provider.list_resources},
                "functions": {item.name: _function(item) for item in provider.functions},
                "resource_identity_schemas": {
                    name: _identity(item) for name, item in resources.items() if item.identity
                },
            }
        },
    }


def _schema(schema: Schema) -> Document:
    return {"version": schema.version, "block": _described({"attributes": _attributes(schema.attributes)}, schema)}


def _attributes(attributes: Any) -> Document:  # Any: a mapping of the two kinds of attribute
    return {name: _attribute(item) for name, item in sorted(attributes.items())}


def _attribute(attribute: AnyAttribute) -> Document:
    document: Document = {}
    if isinstance(attribute, Nested):
        inner = _attributes(attribute.attributes)
        document["nested_type"] = {"attributes": inner, "nesting_mode": attribute.nesting}
    else:
        document["type"] = json.loads(attribute.type.json())
    document.update({flag: True for flag in _FLAGS if getattr(attribute, flag)})
    return _described(document, attribute)


def _described(document: Document, part: Any) -> Document:  # Any: whatever has a description
    if part.description:
        document["description"] = part.description
    document["description_kind"] = "markdown"
    return document


def _function(function: Function) -> Document:
    return {
        "description": function.description,
        "summary": function.summary,
        "return_type": json.loads(function.returns.json()),
        "parameters": [_parameter(item) for item in function.parameters],
        **({"variadic_parameter": _parameter(function.variadic)} if function.variadic is not None else {}),
    }


def _parameter(parameter: Parameter) -> Document:
    return {"name": parameter.name, "description": parameter.description, "type": json.loads(parameter.type.json())}


def _identity(resource: Resource) -> Document:
    return {
        "version": resource.identity_version,
        "attributes": {
            name: {
                "type": json.loads(item.type.json()),
                "description": item.description,
                "required_for_import": not item.optional_for_import,
            }
            for name, item in resource.identity.items()
        },
    }
