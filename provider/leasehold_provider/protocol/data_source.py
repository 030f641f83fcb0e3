"""A data source: something Terraform reads and never changes."""

from __future__ import annotations

from abc import ABC, abstractmethod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .contexts import ReadContext, Values
    from .diagnostics import Diagnostic
    from .schema import Schema


class DataSource(ABC):
    """One instance serves all reads, from many threads at once."""

    type_name: str
    schema: Schema

    def validate(self, config: Values) -> Iterable[Diagnostic]:
        """Check the configuration as a whole; values may be unknown. No I/O."""
        del config
        return ()

    @abstractmethod
    def read(self, ctx: ReadContext) -> Values:
        """Return all attributes; those in `ctx.config` must come back unchanged."""
