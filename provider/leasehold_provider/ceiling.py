"""`leasehold_ceiling`: the upper bound of what a principal may be granted."""

from __future__ import annotations

from .agent import check_ttl
from .names import check_name, check_principal, each, one_of
from .protocol import Attribute, Number, Set, String, is_unknown
from .references import check_reference
from .registry_resource import RegistryResource, named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .protocol import PlanContext


class Ceiling(RegistryResource):
    """A grant must lie within every ceiling that applies to its agent."""

    type_name = "leasehold_ceiling"
    kind = "ceilings"
    schema = named(
        {
            "principal": Attribute(
                String,
                required=True,
                validators=(check_principal,),
                description="Whom it bounds: `agent:<name>`, `team:<name>`, `environment:<name>` or `organization`.",
            ),
            "scopes": Attribute(
                Set(String),
                required=True,
                validators=(each(check_name),),
                description="Scopes whose union is allowed. `[]` allows nothing.",
            ),
            "max_ttl": Attribute(
                Number,
                optional=True,
                validators=(check_ttl,),
                description="Longest life of tokens, in seconds (60 to 300).",
            ),
            "dpop": Attribute(
                String,
                default="off",
                validators=(one_of("off", "required"),),
                description="`required` binds every token beneath to a key that only the workload has (RFC 9449).",
            ),
        },
        description="Upper bound for a principal. A grant must lie within every ceiling that applies to its agent.",
        name="Name of the ceiling.",
    )

    def check(self, ctx: PlanContext) -> None:
        """Object to scopes and an agent that do not live."""
        planned = ctx.planned
        if planned is None:
            return
        for scope in () if is_unknown(planned["scopes"]) else planned["scopes"]:
            check_reference(ctx, self.run, "scopes", scope, ("scopes",))
        if not is_unknown(planned["principal"]):
            what, _, name = planned["principal"].partition(":")
            if what == "agent":
                check_reference(ctx, self.run, "agents", name, ("principal",))
