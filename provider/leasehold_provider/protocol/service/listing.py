"""The streaming RPC of list resources."""

from __future__ import annotations

from itertools import islice

from leasehold_provider.protocol.contexts import ListContext
from leasehold_provider.protocol.diagnostics import Diagnostic, diagnostic_message
from leasehold_provider.protocol.planning.computed import clear_write_only

from .failures import diagnose
from .identity import write_identity
from .run import named
from .values import read_object, write_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from leasehold_provider.protocol.list_resource import Found
    from leasehold_provider.protocol.resource import Resource

    from .run import Run

    Message = dict[str, Any]

_DEFAULT_LIMIT = 100
"""Terraform's own, should a request name none."""


class ListCalls:
    """Searches for existing objects."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def list_resource(self, request: Message) -> Iterator[Message]:
        """Answer ListResource, event by event; an error is the last event."""
        try:
            listing = named(self._run.list_resources, request["type_name"])
            resource = named(self._run.resources, listing.type_name)
            ctx = ListContext(
                config=read_object(listing.schema.type, request.get("config")),
                include_resource=request.get("include_resource_object", False),
                limit=request.get("limit", 0) or _DEFAULT_LIMIT,
                stop_requested=self._run.stop_requested,
            )
            for found in islice(listing.list(ctx), ctx.limit):
                yield _event(resource, ctx, found)
            if ctx.diagnostics:
                yield _complaints(ctx.diagnostics)
        except Exception as failure:  # noqa: BLE001 -- becomes a diagnostic; GeneratorExit is not an Exception
            yield _complaints([diagnose("ListResource", failure)])


def _event(resource: Resource, ctx: ListContext, found: Found) -> Message:
    event: Message = {
        "identity": write_identity(resource, found.identity),
        "display_name": found.display_name,
        "diagnostic": [diagnostic_message(item) for item in ctx.diagnostics],
    }
    ctx.diagnostics.clear()
    if ctx.include_resource and found.state is not None:
        state = dict(found.state)
        clear_write_only(resource.schema, state)
        event["resource_object"] = write_value(resource.schema.type, state)
    return event


def _complaints(diagnostics: list[Diagnostic]) -> Message:
    return {"diagnostic": [diagnostic_message(item) for item in diagnostics]}
