"""`leasehold_grant`: an agent may lease a scope, or tools of a tool server."""

from __future__ import annotations

from .above import check_ceilings
from .constraints import check_known, constraints_block
from .grant_ids import grant_id
from .names import check_name, check_resource, check_text, check_tool, each
from .protocol import UNKNOWN, Attribute, Bool, Diagnostic, Schema, Set, String, is_unknown
from .protocol.cty import contains_unknown
from .references import check_reference, check_tools
from .registry_resource import RegistryResource, envelope
from .scope import check_wildcards
from .times import check_moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from .protocol import PlanContext

    Values = dict[str, Any]

_EDGE = ("agent", "scope", "tool_server", "tools", "resources", "constraints")


class Grant(RegistryResource):
    """One edge. Its name says what it grants, so a change of that is another grant."""

    type_name = "leasehold_grant"
    kind = "grants"
    moments = ("expires_at",)
    limits = ("constraints",)
    computed = ("name",)
    schema = Schema(
        {
            "name": Attribute(
                String,
                computed=True,
                description="Readable name of the edge, such as `triage/github.read_file@repo:web`.",
            ),
            "agent": Attribute(
                String,
                required=True,
                requires_replace=True,
                validators=(check_name,),
                description="Name of the agent that may lease it.",
            ),
            "scope": Attribute(
                String,
                optional=True,
                requires_replace=True,
                validators=(check_name,),
                description="Scope that is granted. Exactly one of `scope` and `tool_server`.",
            ),
            "tool_server": Attribute(
                String,
                optional=True,
                requires_replace=True,
                validators=(check_name,),
                description="Tool server whose `tools` are granted. Exactly one of `scope` and `tool_server`.",
            ),
            "tools": Attribute(
                Set(String),
                default=[],
                requires_replace=True,
                validators=(each(check_tool),),
                description="Tools of the tool server, or `*`. A scope brings its own.",
            ),
            "resources": Attribute(
                Set(String),
                default=[],
                requires_replace=True,
                validators=(each(check_resource),),
                description="Resources as `type:identifier`. With a scope: some of its resources; by default all.",
            ),
            "constraints": constraints_block(
                "What arguments of every tool of the grant must be, by name; others are free. One that is named must "
                "be there. Beside those of the scope, which they may only narrow.",
                requires_replace=True,
            ),
            "allow_wildcard": Attribute(Bool, default=False, description="Must be true for a `*` anywhere."),
            "justification": Attribute(
                String, default="", validators=(check_text,), description="Why the agent needs it."
            ),
            "expires_at": Attribute(
                String,
                optional=True,
                validators=(check_moment,),
                description="When the grant ends, as an RFC 3339 time. Without it the grant stands until removed.",
            ),
            **envelope(),
        },
        description=(
            "A standing permission to lease. It adds one edge and says nothing about others: "
            "`leasehold_agent_grants_exclusive` claims the whole set."
        ),
    )

    def validate(self, config: Values) -> Iterable[Diagnostic]:
        """Check what may stand beside what."""
        scope, server = config["scope"], config["tool_server"]
        if not is_unknown(scope) and not is_unknown(server) and (scope is None) == (server is None):
            yield Diagnostic.error("Exactly one is needed", "name exactly one of scope and tool_server", ("scope",))
        elif scope is not None and not is_unknown(scope):
            yield from self._check_scoped(config)
        elif server is not None and not is_unknown(server):
            yield from self._check_direct(config)
        yield from check_wildcards(config, ("tools", "resources"))

    def _check_scoped(self, config: Values) -> Iterator[Diagnostic]:
        if config["tools"] and not is_unknown(config["tools"]):
            detail = "tools belong to a grant on a tool_server; a scope brings its own"
            yield Diagnostic.error("Out of place", detail, ("tools",))

    def _check_direct(self, config: Values) -> Iterator[Diagnostic]:
        for name in ("tools", "resources"):
            if not is_unknown(config[name]) and not config[name]:
                detail = f"{name} must name at least one: an empty set would grant nothing"
                yield Diagnostic.error("Nothing granted", detail, (name,))

    def plan(self, ctx: PlanContext) -> None:
        """Name the edge as soon as all of it is known."""
        if ctx.planned is not None:
            name = name_of_edge(ctx.planned)
            ctx.planned["name"] = name
            if ctx.prior is None or ctx.prior["name"] != name:
                ctx.planned["id"] = name
        super().plan(ctx)

    def check(self, ctx: PlanContext) -> None:
        """Object to what does not live, and to what a ceiling does not allow."""
        planned = ctx.planned
        if planned is None:
            return
        check_reference(ctx, self.run, "agents", planned["agent"], ("agent",))
        check_reference(ctx, self.run, "scopes", planned["scope"], ("scope",))
        check_reference(ctx, self.run, "tool-servers", planned["tool_server"], ("tool_server",))
        check_tools(ctx, self.run, planned["tool_server"], planned["tools"])
        check_known(ctx, planned["constraints"])
        check_ceilings(ctx, self.run, planned)

    def name_of(self, planned: Values) -> str:
        """Return the name of the edge; all of it is known by now."""
        return str(name_of_edge(planned))


def name_of_edge(planned: Values) -> Any:  # Any: a string, or unknown
    """Return the grant's name, unknown while any part of it is."""
    parts = [planned[name] for name in _EDGE]
    if contains_unknown(parts):
        return UNKNOWN
    agent, scope, server, tools, resources, constraints = parts
    return grant_id(agent, scope or server or "", tools, resources, constraints)
