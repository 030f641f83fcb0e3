"""RPCs that read what exists, and bring what is stored up to date."""

from __future__ import annotations

from leasehold_provider.protocol.contexts import ImportContext, ReadContext
from leasehold_provider.protocol.diagnostics import Diagnostic, DiagnosticError, diagnostic_message
from leasehold_provider.protocol.planning.computed import clear_write_only
from leasehold_provider.protocol.resource import MoveSource

from .identity import identity_of, identity_type, read_identity, write_identity
from .run import named
from .values import load_json, load_state, read_object, write_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from leasehold_provider.protocol.resource import Resource

    from .run import Run

    Message = dict[str, Any]
    Values = dict[str, Any]


class ReadCalls:
    """Refresh, import, upgrade and move of managed resources; data sources."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def read(self, request: Message) -> Message:
        """Answer ReadResource."""
        resource = named(self._run.resources, request["type_name"])
        identity = read_identity(resource, request.get("current_identity"))
        ctx = ReadContext(
            state=read_object(resource.schema.type, request.get("current_state")),
            identity=identity,
            private=request.get("private", b""),
            stop_requested=self._run.stop_requested,
        )
        state = resource.read(ctx)
        return {
            "new_state": _state_message(resource, state),
            "private": ctx.private_bytes(),
            "new_identity": identity_of(resource, state) or write_identity(resource, identity),
            "diagnostics": [diagnostic_message(item) for item in ctx.diagnostics],
        }

    def read_data_source(self, request: Message) -> Message:
        """Answer ReadDataSource."""
        source = named(self._run.data_sources, request["type_name"])
        config = read_object(source.schema.type, request.get("config"))
        ctx = ReadContext(state=config, stop_requested=self._run.stop_requested)
        return {
            "state": write_value(source.schema.type, source.read(ctx)),
            "diagnostics": [diagnostic_message(item) for item in ctx.diagnostics],
        }

    def import_resource(self, request: Message) -> Message:
        """Answer ImportResourceState, by id or by identity."""
        resource = named(self._run.resources, request["type_name"])
        identity = read_identity(resource, request.get("identity"))
        ctx = ImportContext(id=request.get("id", ""), identity=identity, stop_requested=self._run.stop_requested)
        state = resource.import_state(ctx)
        imported = {
            "type_name": resource.type_name,
            "state": _state_message(resource, state),
            "private": ctx.private_bytes(),
            "identity": identity_of(resource, state) or write_identity(resource, identity),
        }
        return {
            "imported_resources": [imported],
            "diagnostics": [diagnostic_message(item) for item in ctx.diagnostics],
        }

    def upgrade_state(self, request: Message) -> Message:
        """Answer UpgradeResourceState: also asked for a state of the present version, which only changes its coat."""
        resource = named(self._run.resources, request["type_name"])
        raw = load_state(request.get("raw_state"))
        version = request.get("version", 0)
        if version > resource.schema.version:
            raise DiagnosticError(
                "State from a newer provider",
                f"The state of this {resource.type_name} has schema version {version}; this provider knows "
                f"{resource.schema.version}. Use the newer version of the provider.",
            )
        if version < resource.schema.version:
            raw = resource.upgrade_state(version, raw)
        return {"upgraded_state": write_value(resource.schema.type, resource.schema.type.read(raw))}

    def upgrade_identity(self, request: Message) -> Message:
        """Answer UpgradeResourceIdentity."""
        resource = named(self._run.resources, request["type_name"])
        raw = load_state(request.get("raw_identity"))
        version = request.get("version", 0)
        if version < resource.identity_version:
            raw = resource.upgrade_identity(version, raw)
        return {"upgraded_identity": write_identity(resource, identity_type(resource).read(raw))}

    def move(self, request: Message) -> Message:
        """Answer MoveResourceState."""
        resource = named(self._run.resources, request["target_type_name"])
        identity = request.get("source_identity", {}).get("json")
        source = MoveSource(
            provider_address=request.get("source_provider_address", ""),
            type_name=request.get("source_type_name", ""),
            schema_version=request.get("source_schema_version", 0),
            state=load_state(request.get("source_state")),
            identity=load_json(identity) if identity else None,
            private=request.get("source_private", b""),
        )
        state = resource.move_state(source)
        if state is None:
            return {"diagnostics": [diagnostic_message(_immovable(source, resource))]}
        return {
            "target_state": _state_message(resource, state),
            "target_identity": identity_of(resource, state),
        }


def _immovable(source: MoveSource, resource: Resource) -> Diagnostic:
    return Diagnostic.error(
        "Move not possible",
        f"An object of type {source.type_name} ({source.provider_address}) cannot become a {resource.type_name}.",
    )


def _state_message(resource: Resource, state: Values | None) -> Message:
    if state is not None:
        state = dict(state)
        clear_write_only(resource.schema, state)
    return write_value(resource.schema.type, state)
