"""RPCs of ephemeral resources."""

from __future__ import annotations

from leasehold_provider.protocol.contexts import CloseContext, OpenContext, RenewContext
from leasehold_provider.protocol.diagnostics import diagnostic_message

from .leftovers import close_quietly
from .run import named
from .values import read_object, write_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from leasehold_provider.protocol.ephemeral import EphemeralResource

    from .leftovers import Leftovers
    from .run import Run

    Message = dict[str, Any]


class EphemeralCalls:
    """Open, renew and close, and the table of what is open."""

    def __init__(self, run: Run, leftovers: Leftovers) -> None:
        self._run = run
        self._leftovers = leftovers

    def open(self, request: Message) -> Message:
        """Answer OpenEphemeralResource."""
        resource = named(self._run.ephemeral_resources, request["type_name"])
        config = read_object(resource.schema.type, request.get("config"))
        ctx = OpenContext(config=config, stop_requested=self._run.stop_requested)
        self._leftovers.begin()
        try:
            return self._opened(resource, ctx)
        except Exception:
            _undo(resource, ctx)
            raise
        finally:
            self._leftovers.finish()

    def _opened(self, resource: EphemeralResource, ctx: OpenContext) -> Message:
        result, renew_at = resource.open(ctx)
        answer = {
            "result": write_value(resource.schema.type, result),
            "renew_at": _timestamp(renew_at),
            "private": ctx.private_bytes(),
            "diagnostics": [diagnostic_message(item) for item in ctx.diagnostics],
        }
        if ctx.failed:
            _undo(resource, ctx)
        elif ctx.private:  # nothing to close by: nothing was opened
            self._leftovers.add(resource, ctx.private_bytes())
        return answer

    def renew(self, request: Message) -> Message:
        """Answer RenewEphemeralResource."""
        resource = named(self._run.ephemeral_resources, request["type_name"])
        before = self._leftovers.latest(resource.type_name, request.get("private", b""))
        ctx = RenewContext(before, self._run.stop_requested)
        renew_at = resource.renew(ctx)
        self._leftovers.renewed(resource.type_name, before, ctx.private_bytes())
        return {
            "renew_at": _timestamp(renew_at),
            "private": ctx.private_bytes(),
            "diagnostics": [diagnostic_message(item) for item in ctx.diagnostics],
        }

    def close(self, request: Message) -> Message:
        """Answer CloseEphemeralResource; an object whose close failed stays in the table for another try."""
        resource = named(self._run.ephemeral_resources, request["type_name"])
        private = self._leftovers.latest(resource.type_name, request.get("private", b""))
        ctx = CloseContext(private, self._run.stop_requested)
        resource.close(ctx)
        if not ctx.failed:
            self._leftovers.remove(resource.type_name, private)
        return {"diagnostics": [diagnostic_message(item) for item in ctx.diagnostics]}


def _undo(resource: EphemeralResource, ctx: OpenContext) -> None:
    if ctx.private:
        close_quietly(resource, ctx.private_bytes())


def _timestamp(at: datetime | None) -> Message | None:
    if at is None:
        return None
    seconds = at.timestamp()
    return {"seconds": int(seconds), "nanos": int(seconds % 1 * 1e9)}
