"""RPCs about what the provider offers."""

from __future__ import annotations

from leasehold_provider.protocol.schema import BLOCK_NESTINGS, NESTINGS, Nested

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from leasehold_provider.protocol.function import Function, Parameter
    from leasehold_provider.protocol.resource import Resource
    from leasehold_provider.protocol.schema import AnyAttribute, Block, Fields, Schema

    from .run import Run

    Message = dict[str, Any]

_MARKDOWN = 1
CAPABILITIES = {"plan_destroy": True, "get_provider_schema_optional": True, "move_resource_state": True}


class SchemaCalls:
    """Answers from the schemas alone. What an older Terraform does not know it skips in these messages by itself."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def get_metadata(self, request: Message) -> Message:
        """List the names of everything."""
        del request
        run = self._run
        return {
            "server_capabilities": CAPABILITIES,
            "resources": [{"type_name": name} for name in run.resources],
            "data_sources": [{"type_name": name} for name in run.data_sources],
            "ephemeral_resources": [{"type_name": name} for name in run.ephemeral_resources],
            "list_resources": [{"type_name": name} for name in run.list_resources],
            "functions": [{"name": name} for name in run.functions],
        }

    def get_provider_schema(self, request: Message) -> Message:
        """Describe everything."""
        del request
        run = self._run
        return {
            "provider": schema_message(run.provider.schema),
            "server_capabilities": CAPABILITIES,
            "resource_schemas": _schema_messages(run.resources),
            "data_source_schemas": _schema_messages(run.data_sources),
            "ephemeral_resource_schemas": _schema_messages(run.ephemeral_resources),
            "list_resource_schemas": _schema_messages(run.list_resources),
            "functions": {name: function_message(function) for name, function in run.functions.items()},
        }

    def get_functions(self, request: Message) -> Message:
        """Describe the functions."""
        del request
        return {"functions": {name: function_message(function) for name, function in self._run.functions.items()}}

    def get_resource_identity_schemas(self, request: Message) -> Message:
        """Describe what objects are known by (asked by Terraform 1.12 and later)."""
        del request
        resources = self._run.resources.items()
        return {"identity_schemas": {name: _identity_message(item) for name, item in resources if item.identity}}


def _schema_messages(parts: Mapping[str, Any]) -> Message:
    return {name: schema_message(part.schema) for name, part in parts.items()}


def schema_message(schema: Schema) -> Message:
    """Write a schema."""
    block = _block_message(schema, schema.description)
    if schema.deprecated:
        block.update(deprecated=True, deprecation_message=schema.deprecated)
    return {"version": schema.version, "block": block}


def _block_message(fields: Fields, description: str) -> Message:
    return {
        "attributes": [_attribute_message(name, item) for name, item in fields.attributes.items()],
        "block_types": [_nested_block_message(name, item) for name, item in fields.blocks.items()],
        "description": description,
        "description_kind": _MARKDOWN,
    }


def _nested_block_message(name: str, block: Block) -> Message:
    return {
        "type_name": name,
        "block": _block_message(block, block.description),
        "nesting": BLOCK_NESTINGS[block.nesting],
        "min_items": block.min_items,
        "max_items": block.max_items,
    }


def _attribute_message(name: str, attribute: AnyAttribute) -> Message:
    message: Message = {
        "name": name,
        "description": attribute.description,
        "description_kind": _MARKDOWN,
        "required": attribute.required,
        "optional": attribute.optional,
        "computed": attribute.computed,
        "sensitive": attribute.sensitive,
        "write_only": attribute.write_only,
        "deprecated": bool(attribute.deprecated),
        "deprecation_message": attribute.deprecated,
    }
    if isinstance(attribute, Nested):
        inner = [_attribute_message(key, item) for key, item in attribute.attributes.items()]
        message["nested_type"] = {"attributes": inner, "nesting": NESTINGS[attribute.nesting]}
    else:
        message["type"] = attribute.type.json().encode()
    return message


def function_message(function: Function) -> Message:
    """Write a function's signature."""
    return {
        "parameters": [_parameter_message(item) for item in function.parameters],
        "variadic_parameter": _parameter_message(function.variadic) if function.variadic is not None else None,
        "return": {"type": function.returns.json().encode()},
        "summary": function.summary,
        "description": function.description,
        "description_kind": _MARKDOWN,
        "deprecation_message": function.deprecated,
    }


def _parameter_message(parameter: Parameter) -> Message:
    return {
        "name": parameter.name,
        "type": parameter.type.json().encode(),
        "allow_null_value": parameter.allow_null,
        "allow_unknown_values": parameter.allow_unknown,
        "description": parameter.description,
        "description_kind": _MARKDOWN,
    }


def _identity_message(resource: Resource) -> Message:
    attributes = [
        {
            "name": name,
            "type": item.type.json().encode(),
            "required_for_import": not item.optional_for_import,
            "optional_for_import": item.optional_for_import,
            "description": item.description,
        }
        for name, item in resource.identity.items()
    ]
    return {"version": resource.identity_version, "identity_attributes": attributes}
