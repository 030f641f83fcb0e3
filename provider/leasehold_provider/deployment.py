"""`leasehold_deployment`: the anchor that leases hang on and die with."""

from __future__ import annotations

from .names import between, check_name, check_text
from .protocol import Attribute, Diagnostic, Number, String, is_unknown
from .references import check_reference
from .registry_resource import RegistryResource, named
from .times import check_moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .protocol import PlanContext

    Values = dict[str, Any]


_HEARTBEAT_MIN, _HEARTBEAT_MAX = 5, 86_400
_UID_LIMIT = 64


def check_uid(value: str) -> str | None:
    """Complain unless the value is the uid of an object of a cluster."""
    fits = 0 < len(value) <= _UID_LIMIT and value.isascii() and value.replace("-", "").isalnum()
    return None if fits else "must be a Kubernetes uid: 1-64 letters, digits and `-`"


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
            "trust_issuer": Attribute(
                String,
                optional=True,
                validators=(check_name,),
                description="Cluster, by its trust issuer, in which `workload_uid` runs. It must watch `deployments`.",
            ),
            "workload_uid": Attribute(
                String,
                optional=True,
                validators=(check_uid,),
                description="Uid of the apps/v1 Deployment that this one ends with, however soon its pods follow.",
            ),
            "heartbeat_ttl": Attribute(
                Number,
                optional=True,
                validators=(between(_HEARTBEAT_MIN, _HEARTBEAT_MAX, "seconds"),),
                description="Seconds (5 to 86400) within which a heartbeat is owed, again and again. A missed one ends "
                "this epoch.",
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

    def validate(self, config: Values) -> Iterable[Diagnostic]:
        """Check that a cluster and the workload in it are named together."""
        cluster, uid = config["trust_issuer"], config["workload_uid"]
        if not is_unknown(cluster) and not is_unknown(uid) and (cluster is None) is not (uid is None):
            missing = "trust_issuer" if cluster is None else "workload_uid"
            yield Diagnostic.error("Out of place", "trust_issuer and workload_uid belong together", (missing,))

    def check(self, ctx: PlanContext) -> None:
        """Object to an agent or a cluster that does not live."""
        if ctx.planned is None:
            return
        check_reference(ctx, self.run, "agents", ctx.planned["agent"], ("agent",))
        if (cluster := ctx.planned["trust_issuer"]) is not None:
            check_reference(ctx, self.run, "trust-issuers", cluster, ("trust_issuer",))
