"""`data.leasehold_effective_access`: what an agent can really do now, and what is withheld from it."""

from __future__ import annotations

from .names import check_name
from .protocol import Attribute, DataSource, Nested, Number, Schema, String

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .protocol import ReadContext
    from .run import Run

    Values = dict[str, Any]


def _told(description: str) -> Attribute:
    return Attribute(String, computed=True, description=description)


_REACH = {
    "tool_server": _told("Tool server."),
    "tool": _told("Tool, or `*`."),
    "action": _told("What the tool does to the world; null for `*`."),
    "resource": _told("Resource, as `type:identifier`."),
    "grant": _told("Name of the grant that allows it."),
    "expires_at": _told("When the grant ends; null for a standing one."),
    "constraints": _told("What arguments must be, by name, as JSON; `{}` where they are free."),
}
_WITHHELD = {
    **_REACH,
    "reason": _told("Why: `above_ceiling`, `expired` or `unknown_tool`."),
    "ceiling": _told("Ceiling that withholds it, if one does."),
}


class EffectiveAccess(DataSource):
    """Grants resolved to tools and resources, held under every ceiling: good for assertions."""

    type_name = "leasehold_effective_access"
    schema = Schema(
        {
            "agent": Attribute(String, required=True, validators=(check_name,), description="Name of the agent."),
            "id": _told("Name of the agent, under Terraform's usual word."),
            "revision": Attribute(Number, computed=True, description="Change of the registry that this picture is of."),
            "access": Nested(_REACH, nesting="set", computed=True, description="What the agent can do."),
            "withheld": Nested(
                _WITHHELD, nesting="set", computed=True, description="What is granted and yet not possible, and why."
            ),
        },
        description="What an agent can really do now: its grants, held under every ceiling that applies.",
    )

    def __init__(self, run: Run) -> None:
        self.run = run

    def read(self, ctx: ReadContext) -> Values:
        """Ask the registry."""
        agent = ctx.config["agent"]
        live = self.run.registry.effective_access(agent)
        return {
            "agent": agent,
            "id": agent,
            "revision": live["revision"],
            "access": [_pick(item, _REACH) for item in live["access"]],
            "withheld": [_pick(item, _WITHHELD) for item in live["withheld"]],
        }


def _pick(item: Values, names: Any) -> Values:  # Any: the keys alone matter
    import json  # noqa: PLC0415 -- validating does without

    constraints = json.dumps(item.get("constraints") or {}, sort_keys=True)
    return {**{name: item.get(name) for name in names}, "constraints": constraints}
