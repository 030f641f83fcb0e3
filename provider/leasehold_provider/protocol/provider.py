"""A provider: its configuration and everything it offers."""

from __future__ import annotations

from .schema import Schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .contexts import ConfigureContext, Values
    from .data_source import DataSource
    from .diagnostics import Diagnostic
    from .ephemeral import EphemeralResource
    from .function import Function
    from .list_resource import ListResource
    from .resource import Resource


class Provider:
    """What `serve` offers to Terraform. Build the resources with a reference to whatever `configure` sets up."""

    schema: Schema = Schema({})
    resources: Sequence[Resource] = ()
    data_sources: Sequence[DataSource] = ()
    ephemeral_resources: Sequence[EphemeralResource] = ()
    functions: Sequence[Function] = ()
    list_resources: Sequence[ListResource] = ()

    def validate(self, config: Values) -> Iterable[Diagnostic]:
        """Check the provider's configuration as a whole; values may be unknown. No I/O."""
        del config
        return ()

    def configure(self, ctx: ConfigureContext) -> None:
        """Get ready for plan and apply. Not called for `validate` and `providers schema`."""

    def stop(self) -> None:
        """Terraform asked to stop early; `ctx.stopping` is true from now on. Must return at once."""

    def close(self) -> None:
        """The process is about to end, ephemeral leftovers are closed. Must take well under a second."""
