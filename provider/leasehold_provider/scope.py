"""`leasehold_scope`: a named set of tools and resources on one tool server."""

from __future__ import annotations

from .constraints import check_known, constraints_block
from .names import at_least_one, check_name, check_resource, check_text, check_tool, each, has_wildcard
from .protocol import Attribute, Bool, Diagnostic, Set, String, is_unknown
from .references import check_reference, check_tools
from .registry_resource import RegistryResource, named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from .protocol import PlanContext

    Values = dict[str, Any]


def check_wildcards(config: Values, names: Iterable[str]) -> Iterator[Diagnostic]:
    """Object to a wildcard that is not asked for, or not justified."""
    wild = [name for name in names if not is_unknown(config[name]) and has_wildcard(config[name] or ())]
    allowed, reason = config["allow_wildcard"], config["justification"]
    for name in wild[:1]:
        if not is_unknown(allowed) and not allowed:
            yield Diagnostic.error("Wildcard not asked for", "a wildcard needs allow_wildcard = true", (name,))
        if not is_unknown(reason) and not (reason or "").strip():
            yield Diagnostic.error("Wildcard not justified", "a wildcard needs a justification", (name,))


class Scope(RegistryResource):
    """Scopes are what grants and ceilings are made of."""

    type_name = "leasehold_scope"
    kind = "scopes"
    limits = ("constraints",)
    schema = named(
        {
            "tool_server": Attribute(
                String, required=True, validators=(check_name,), description="Name of the tool server."
            ),
            "tools": Attribute(
                Set(String),
                required=True,
                validators=(at_least_one, each(check_tool)),
                description="Tools of that server, or `*` for every one.",
            ),
            "resources": Attribute(
                Set(String),
                required=True,
                validators=(at_least_one, each(check_resource)),
                description="Resources as `type:identifier`; `*` in the identifier matches any run of characters.",
            ),
            "constraints": constraints_block(
                "What arguments of every tool of the scope must be, by name; others are free. One that is named must "
                "be there."
            ),
            "description": Attribute(
                String, default="", validators=(check_text,), description="What the scope is for."
            ),
            "allow_wildcard": Attribute(Bool, default=False, description="Must be true for a `*` anywhere."),
            "justification": Attribute(
                String, default="", validators=(check_text,), description="Why the wildcard is needed."
            ),
        },
        description="A named set of tools × resources on one tool server.",
        name="Short name that grants and ceilings refer to.",
    )

    def validate(self, config: Values) -> Iterable[Diagnostic]:
        """Check that wildcards are meant."""
        return check_wildcards(config, ("tools", "resources"))

    def check(self, ctx: PlanContext) -> None:
        """Object to an unknown tool server, and to tools that a known one does not list."""
        planned = ctx.planned
        if planned is not None:
            check_reference(ctx, self.run, "tool-servers", planned["tool_server"], ("tool_server",))
            check_tools(ctx, self.run, planned["tool_server"], planned["tools"])
            check_known(ctx, planned["constraints"])
