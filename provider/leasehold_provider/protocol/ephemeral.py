"""An ephemeral resource: something that exists only while Terraform runs and is never stored."""

from __future__ import annotations

from abc import ABC, abstractmethod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from .contexts import CloseContext, OpenContext, RenewContext, Values
    from .diagnostics import Diagnostic
    from .schema import Schema


class EphemeralResource(ABC):
    """Opened at plan and again at apply. `close` may come late, from another thread, or at the process's end.

    Terraform forgets to close after a failed or killed run; the protocol layer then closes what is left, so `close`
    must work with `ctx.private` alone and be idempotent.
    """

    type_name: str
    schema: Schema

    def validate(self, config: Values) -> Iterable[Diagnostic]:
        """Check the configuration as a whole; values may be unknown. No I/O."""
        del config
        return ()

    @abstractmethod
    def open(self, ctx: OpenContext) -> tuple[Values, datetime | None]:
        """Return all attributes, and when to call `renew` (aware UTC; None: never)."""

    def renew(self, ctx: RenewContext) -> datetime | None:
        """Extend the life of what was opened; return when to call again."""
        del ctx
        return None

    def close(self, ctx: CloseContext) -> None:  # noqa: B027  most have nothing to revoke
        """Revoke what was opened."""
