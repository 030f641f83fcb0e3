"""`leasehold_tool_pin`: the tools of a server that somebody looked at and approved, whole."""

from __future__ import annotations

from .names import check_name, check_text
from .protocol import Attribute, Schema, String, is_unknown
from .references import check_reference
from .registry_resource import RegistryResource, envelope
from .surfaces import check_surface, plain_surface, same_surface

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .protocol import PlanContext

    Values = dict[str, Any]


def check_justification(value: str) -> str | None:
    """Complain unless it says something."""
    return check_text(value) if value.strip() else "must say what was looked at, and why it is fine"


class ToolPin(RegistryResource):
    """One pin per tool server, by the server's name."""

    type_name = "leasehold_tool_pin"
    kind = "tool-pins"
    key = "tool_server"
    computed = ("digest",)
    schema = Schema(
        {
            "tool_server": Attribute(
                String,
                required=True,
                requires_replace=True,
                validators=(check_name,),
                description="Name of the tool server whose tools are approved. One pin per server.",
            ),
            "surface": Attribute(
                String,
                required=True,
                validators=(check_surface,),
                description="All that the server shows a model: its answer to `tools/list`, all pages in one, with its "
                "`instructions` beside `tools`, as JSON text. `leasehold tools fetch` writes such a file. Order, "
                "layout and what no model is shown make no difference.",
            ),
            "justification": Attribute(
                String,
                required=True,
                validators=(check_justification,),
                description="What was looked at, and why it is fine.",
            ),
            "digest": Attribute(
                String, computed=True, description="The name of exactly this surface: `sha256:` and 64 hex digits."
            ),
            **envelope(),
        },
        description=(
            "The approved tools of a server, whole: name, title, description, schemas and annotations of each, and the "
            "server's instructions. A tool that is new, or not as approved, is hidden and denied by the gateway until "
            "the pin says otherwise. Written by approvers and security administrators."
        ),
    )

    def keep_spelling(self, planned: Values, before: Values) -> None:
        """Keep the layout of a surface that is the same."""
        super().keep_spelling(planned, before)
        if same_surface(planned["surface"], before.get("surface")):
            planned["surface"] = before["surface"]

    def values(self, live: Values) -> Values:
        """Return the pin under the name of its server."""
        return {**super().values(live), "tool_server": live["name"]}

    def check(self, ctx: PlanContext) -> None:
        """Object to a server that does not live."""
        if ctx.planned is not None:
            check_reference(ctx, self.run, "tool-servers", ctx.planned["tool_server"], ("tool_server",))

    def spec(self, planned: Values) -> Values:
        """Return the pin in the registry's words, without the name that its address says."""
        surface = planned["surface"]
        plain = surface if is_unknown(surface) else plain_surface(surface) or surface
        return {"surface": plain, "justification": planned["justification"]}
