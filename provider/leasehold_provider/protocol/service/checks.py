"""RPCs that validate configuration, before the provider is configured."""

from __future__ import annotations

from leasehold_provider.protocol.diagnostics import diagnostic_message
from leasehold_provider.protocol.validation import check_no_write_only, check_validators

from .run import named
from .values import read_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from leasehold_provider.protocol.diagnostics import Diagnostic

    from .run import Run

    Message = dict[str, Any]


class ValidationCalls:
    """Schema validators first, then the part's own `validate`; all complaints are told at once."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def provider(self, request: Message) -> Message:
        """Validate the provider's own configuration."""
        return _checked(self._run.provider, request)

    def resource(self, request: Message) -> Message:
        """Validate a resource; write-only values are refused where they would end up in the state."""
        resource = named(self._run.resources, request["type_name"])
        capable = request.get("client_capabilities", {}).get("write_only_attributes_allowed", False)
        config = read_object(resource.schema.type, request.get("config"))
        refused = [] if capable else list(check_no_write_only(resource.schema, config))
        return _message([*refused, *check_validators(resource.schema, config), *resource.validate(config)])

    def data_source(self, request: Message) -> Message:
        """Validate a data source."""
        return _checked(named(self._run.data_sources, request["type_name"]), request)

    def ephemeral(self, request: Message) -> Message:
        """Validate an ephemeral resource."""
        return _checked(named(self._run.ephemeral_resources, request["type_name"]), request)

    def list_resource(self, request: Message) -> Message:
        """Validate a list's filter."""
        return _checked(named(self._run.list_resources, request["type_name"]), request)


def _checked(part: Any, request: Message) -> Message:  # Any: four kinds of part with schema and validate
    config = read_object(part.schema.type, request.get("config"))
    return _message([*check_validators(part.schema, config), *part.validate(config)])


def _message(diagnostics: Iterable[Diagnostic]) -> Message:
    return {"diagnostics": [diagnostic_message(item) for item in diagnostics]}
