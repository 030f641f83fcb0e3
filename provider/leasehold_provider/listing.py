"""`list "leasehold_…"`: finds existing objects, to bring them under Terraform (`terraform query`, 1.14 and later)."""

from __future__ import annotations

from .names import check_name
from .protocol import Attribute, Bool, Found, ListResource, Schema, String

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .protocol import ListContext
    from .registry_resource import RegistryResource
    from .run import Run

    Values = dict[str, Any]

_STACK = Attribute(String, optional=True, validators=(check_name,), description="Only objects that this stack manages.")
_MANAGED = Attribute(Bool, optional=True, description="Only objects that a stack manages (true), or none does (false).")
_AGENT = Attribute(String, optional=True, validators=(check_name,), description="Only grants of this agent.")


class Listing(ListResource):
    """Lists the objects of one kind, page by page, as the registry filters them."""

    def __init__(self, run: Run, resource: RegistryResource, filters: dict[str, Attribute] | None = None) -> None:
        self.run = run
        self.type_name = resource.type_name
        self.schema = Schema({"stack": _STACK, "managed": _MANAGED, **(filters or {})})
        self._resource = resource

    def list(self, ctx: ListContext) -> Iterator[Found]:
        """Yield what the registry has."""
        filters = {name: _written(value) for name, value in ctx.config.items() if value is not None}
        for page in self.run.registry.pages(self._resource.kind, filters):
            for live in page:
                state = self._resource.values(live) if ctx.include_resource else None
                yield Found({"name": live["name"]}, live["name"], state)


class GrantListing(Listing):
    """Grants can be asked for by agent."""

    def __init__(self, run: Run, resource: RegistryResource) -> None:
        super().__init__(run, resource, {"agent": _AGENT})


class RelationListing(Listing):
    """Relations can be asked for by either end, and by their word."""

    def __init__(self, run: Run, resource: RegistryResource) -> None:
        ends = {
            "subject": Attribute(String, optional=True, description="Only relations of this subject, as `type:id`."),
            "relation": Attribute(String, optional=True, description="Only this relation, such as `owner`."),
            "object": Attribute(String, optional=True, description="Only relations to this object, as `type:id`."),
        }
        super().__init__(run, resource, ends)


def _written(value: Any) -> str:  # Any: a string or a bool
    return str(value).lower() if isinstance(value, bool) else str(value)
