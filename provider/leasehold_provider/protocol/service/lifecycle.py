"""RPCs about the provider as a whole."""

from __future__ import annotations

from leasehold_provider.protocol.contexts import ConfigureContext
from leasehold_provider.protocol.diagnostics import diagnostic_message

from .values import read_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .run import Run

    Message = dict[str, Any]


class LifecycleCalls:
    """Configure and stop."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def configure(self, request: Message) -> Message:
        """Answer ConfigureProvider."""
        provider = self._run.provider
        config = read_object(provider.schema.type, request.get("config"))
        ctx = ConfigureContext(config, request.get("terraform_version", ""), self._run.stop_requested)
        provider.configure(ctx)
        return {"diagnostics": [diagnostic_message(item) for item in ctx.diagnostics]}

    def stop(self, request: Message) -> Message:
        """Answer StopProvider: Ctrl-C; what is under way is finished and its state kept."""
        del request
        self._run.stop()
        return {}
