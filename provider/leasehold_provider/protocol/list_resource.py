"""A list resource: finds existing objects of a managed resource (`terraform query`, Terraform 1.14 and later)."""

from __future__ import annotations

from abc import ABC, abstractmethod

from .schema import Schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .contexts import ListContext, Values
    from .diagnostics import Diagnostic


class Found:
    """One object found: its identity, a name for people and, when asked for, its state."""

    __slots__ = ("display_name", "identity", "state")

    def __init__(self, identity: Values, display_name: str, state: Values | None = None) -> None:
        self.identity = identity
        self.display_name = display_name
        self.state = state


class ListResource(ABC):
    """Has the type name of the managed resource whose objects it lists; that resource must have an identity."""

    type_name: str
    schema: Schema = Schema({})
    """The filter: the attributes of the `config` block."""

    def validate(self, config: Values) -> Iterable[Diagnostic]:
        """Check the filter as a whole. No I/O."""
        del config
        return ()

    @abstractmethod
    def list(self, ctx: ListContext) -> Iterable[Found]:
        """Yield objects one by one; the iteration is abandoned at `ctx.limit` or when Terraform hangs up."""
