"""A managed resource: the class a provider's author fills in, one per kind of object."""

from __future__ import annotations

from abc import ABC, abstractmethod

from .diagnostics import DiagnosticError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from .contexts import ApplyContext, ImportContext, PlanContext, ReadContext, Values
    from .diagnostics import Diagnostic
    from .schema import IdentityAttribute, Schema


class MoveSource:
    """The state of another resource type, or of another provider's, that a `moved` block turns into ours.

    `state` is the decoded JSON of the source's state as it is, at the source's `schema_version`.
    """

    __slots__ = ("identity", "private", "provider_address", "schema_version", "state", "type_name")

    def __init__(
        self,
        *,
        provider_address: str,
        type_name: str,
        schema_version: int,
        state: dict[str, Any],
        identity: dict[str, Any] | None = None,
        private: bytes = b"",
    ) -> None:
        self.provider_address = provider_address
        self.type_name = type_name
        self.schema_version = schema_version
        self.state = state
        self.identity = identity
        self.private = private


class Resource(ABC):
    """A kind of object that Terraform creates, reads, updates and deletes.

    One instance serves all objects and is called from many threads at once, so it keeps no state of its own.
    Raise `DiagnosticError` to fail with a message; any other exception reaches the user as "internal error" without
    its text, because the text might hold a secret.
    """

    type_name: str
    """The full name, e.g. `sample_thing`."""
    schema: Schema
    identity: Mapping[str, IdentityAttribute] = {}
    """What an object is known by for its whole life; empty: the resource has no identity."""
    identity_version: int = 0
    plans_with_io: bool = False
    """True if `plan` may wait for the network: it then runs in a worker thread."""

    def validate(self, config: Values) -> Iterable[Diagnostic]:
        """Check the configuration as a whole; values may be unknown. No I/O: the provider is not configured yet."""
        del config
        return ()

    def plan(self, ctx: PlanContext) -> None:  # noqa: B027  most leave the plan as it is
        """Adjust the plan that the schema alone gave, or object to it with `ctx.error`."""

    @abstractmethod
    def create(self, ctx: ApplyContext) -> Values:
        """Create the object and return its whole state; call `ctx.keep(state)` once it exists and more can fail."""

    @abstractmethod
    def read(self, ctx: ReadContext) -> Values | None:
        """Return the state as it is now, or None if the object is gone."""

    @abstractmethod
    def update(self, ctx: ApplyContext) -> Values:
        """Change the object and return its whole state."""

    @abstractmethod
    def delete(self, ctx: ApplyContext) -> None:
        """Delete the object; it is no error if it is gone already."""

    def import_state(self, ctx: ImportContext) -> Values:
        """Return enough state for `read` to find the object. By default: the identity, or `id` into `id`."""
        if ctx.identity is not None:
            return {name: value for name, value in ctx.identity.items() if name in self.schema.attributes}
        if "id" not in self.schema.attributes:
            raise DiagnosticError("Import not supported", f"{self.type_name} cannot be imported by an id.")
        return {"id": ctx.id}

    def identify(self, state: Values) -> Values:
        """Return the identity of the object with this state. By default: the attributes of the same names."""
        return {name: state.get(name) for name in self.identity}

    def upgrade_state(self, version: int, raw: dict[str, Any]) -> dict[str, Any]:
        """Turn the decoded JSON of a state at an older schema version into one of the present version."""
        del version
        return raw

    def upgrade_identity(self, version: int, raw: dict[str, Any]) -> dict[str, Any]:
        """Turn the decoded JSON of an identity at an older identity version into one of the present version."""
        del version
        return raw

    def move_state(self, source: MoveSource) -> Values | None:
        """Return our state made from another type's, or None if objects of that type cannot become ours."""
        del source
        return None
