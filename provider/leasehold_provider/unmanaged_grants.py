"""`data.leasehold_unmanaged_grants`: grants that no stack manages."""

from __future__ import annotations

from .names import check_name
from .protocol import Attribute, Bool, DataSource, Nested, Schema, Set, String

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .protocol import ReadContext
    from .run import Run

    Values = dict[str, Any]


def _told(description: str, type: Any = String) -> Attribute:  # noqa: A002  # Any: one of the protocol's types
    return Attribute(type, computed=True, description=description)


_GRANT = {
    "name": _told("Name of the grant; import it by this name."),
    "agent": _told("Agent that holds it."),
    "scope": _told("Scope that is granted, if one is."),
    "tool_server": _told("Tool server whose tools are granted, if one is."),
    "tools": _told("Tools.", Set(String)),
    "resources": _told("Resources.", Set(String)),
    "constraints": _told("What arguments must be, by name, as JSON; `{}` where they are free."),
    "justification": _told("Why, as told when it was made."),
    "expires_at": _told("When it ends; null for a standing one."),
    "expired": _told("True once it has ended.", Bool),
    "updated_at": _told("When it was last written."),
    "updated_by": _told("Who wrote it last."),
}


class UnmanagedGrants(DataSource):
    """What was granted beside Terraform."""

    type_name = "leasehold_unmanaged_grants"
    schema = Schema(
        {
            "agent": Attribute(
                String,
                optional=True,
                validators=(check_name,),
                description="Only this agent's grants.",
            ),
            "id": _told("The agent, or `*`."),
            "grants": Nested(_GRANT, nesting="set", computed=True, description="The grants."),
        },
        description="Grants that no stack manages: made by hand or by another tool.",
    )

    def __init__(self, run: Run) -> None:
        self.run = run

    def read(self, ctx: ReadContext) -> Values:
        """Ask the registry, page by page."""
        agent = ctx.config["agent"]
        filters = {"managed": "false", **({"agent": agent} if agent else {})}
        grants = [item for page in self.run.registry.pages("grants", filters) for item in page]
        return {
            "agent": agent,
            "id": agent or "*",
            "grants": [_pick(item) for item in grants],
        }


def _pick(item: Values) -> Values:
    import json  # noqa: PLC0415 -- validating does without

    constraints = {
        name: {form: value for form, value in constraint.items() if value not in (None, [])}
        for name, constraint in (item.get("constraints") or {}).items()
    }
    return {**{name: item.get(name) for name in _GRANT}, "constraints": json.dumps(constraints, sort_keys=True)}
