"""`leasehold_deployment`: the anchor that leases hang on and die with."""

from __future__ import annotations

from .names import check_name, check_text
from .protocol import Attribute, Number, String
from .references import check_reference
from .registry_resource import RegistryResource, named
from .times import check_moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .protocol import PlanContext


class Deployment(RegistryResource):
    """Every write is a new epoch; destroying it ends every lease under it."""

    type_name = "leasehold_deployment"
    kind = "deployments"
    moments = ("expires_at",)
    computed = ("epoch",)
    schema = named(
        {
            "agent": Attribute(
                String,
                required=True,
                validators=(check_name,),
                description="Name of the agent that is deployed.",
            ),
            "commit": Attribute(String, default="", validators=(check_text,), description="Commit that is deployed."),
            "run_url": Attribute(
                String, default="", validators=(check_text,), description="Address of the pipeline run."
            ),
            "workload": Attribute(
                String,
                default="",
                validators=(check_text,),
                description="What runs it, such as a Kubernetes Deployment.",
            ),
            "expires_at": Attribute(
                String,
                optional=True,
                validators=(check_moment,),
                description="When it ends by itself, as an RFC 3339 time. Tokens never outlive it.",
            ),
            "epoch": Attribute(
                Number,
                computed=True,
                description="Counts the incarnations of this name; a lease of an earlier epoch is dead.",
            ),
        },
        description=(
            "One running incarnation of an agent. Every change starts a new epoch, and destroying the deployment ends "
            "every lease under it in the same transaction."
        ),
        name="Name of the deployment.",
    )

    def check(self, ctx: PlanContext) -> None:
        """Object to an agent that does not live."""
        if ctx.planned is not None:
            check_reference(ctx, self.run, "agents", ctx.planned["agent"], ("agent",))
