"""`leasehold_agent_grants_exclusive`: the exclusive claim of an agent's whole set of grants."""

from __future__ import annotations

from .names import check_name
from .problems import plain
from .protocol import UNKNOWN, Attribute, Schema, Set, String, is_unknown
from .references import check_reference
from .registry_resource import RegistryResource, envelope

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .protocol import ApplyContext, PlanContext, ReadContext

    Values = dict[str, Any]


class AgentGrantsExclusive(RegistryResource):
    """What is not in `grants` is not meant to live. A read returns what lives, so a grant made elsewhere is drift."""

    type_name = "leasehold_agent_grants_exclusive"
    kind = "grant-sets"
    key = "agent"
    computed = ("revokes",)
    schema = Schema(
        {
            "agent": Attribute(
                String,
                required=True,
                requires_replace=True,
                validators=(check_name,),
                description="Name of the agent whose grants are claimed. One claim per agent.",
            ),
            "grants": Attribute(
                Set(String),
                required=True,
                description="Names of all grants that are meant to live. `[]` means none, never all.",
            ),
            "revokes": Attribute(
                Set(String),
                computed=True,
                keep_prior=True,
                description="Grants that lived when the claim was made and that making it removed.",
            ),
            **envelope(),
        },
        description=(
            "The exclusive claim of an agent's whole set of grants. A grant that is made elsewhere shows as drift and "
            "is removed by the next apply; a grant that appears between plan and apply refuses the apply. "
            "Destroying the claim removes no grant."
        ),
    )

    def spec(self, planned: Values) -> Values:
        """Return what the claim says, with what may go for it: nothing that the plan did not see is removed.

        Grants of our own stack may: Terraform destroys those that it no longer declares in the same run.
        """
        grants, revokes = planned["grants"], planned["revokes"]
        live = [] if is_unknown(planned["agent"]) else self._live_grants(planned["agent"])
        seen = {item["name"] for item in live if is_unknown(revokes) or self._is_ours(item)}
        seen.update(() if is_unknown(revokes) else revokes or ())
        return {"grants": grants, "seen": sorted(seen)}

    def declared(self, planned: Values) -> Values:
        """Return the claim alone: what may go for it is for the registry to work out."""
        return {"agent": planned["agent"], "grants": planned["grants"]}

    def _is_ours(self, grant: Values) -> bool:
        stack = self.run.registry.session.stack
        return stack is not None and grant.get("managed_by") == stack

    def updated_spec(self, ctx: ApplyContext) -> Values:
        """Return the claim with the grants that lived when the change was planned."""
        return {"grants": ctx.planned["grants"], "seen": ctx.prior["grants"]}

    def values(self, live: Values) -> Values:
        """Return what lives, not what was claimed."""
        return {
            "agent": live["name"],
            "grants": live["live_grants"],
            "revokes": [],
            "id": live["name"],
            "revision": live["revision"],
        }

    def plan(self, ctx: PlanContext) -> None:
        """Show what a new claim removes."""
        if ctx.planned is not None and ctx.creating:
            ctx.planned["revokes"] = self._removed(ctx.planned)
        super().plan(ctx)

    def _removed(self, planned: Values) -> Any:  # Any: a list, or unknown
        """The grants that nobody's stack manages and the claim does not name.

        Without a stack of our own nothing tells them from those that this run destroys itself.
        """
        agent, grants = planned["agent"], planned["grants"]
        if is_unknown(agent) or is_unknown(grants) or any(map(is_unknown, grants)):
            return UNKNOWN
        if self.run.registry.session.stack is None:
            return UNKNOWN
        unmanaged = (item["name"] for item in self._live_grants(agent) if item.get("managed_by") is None)
        return sorted(name for name in unmanaged if name not in grants)

    def _live_grants(self, agent: str) -> list[Values]:
        return self.run.registry.grants_of(agent)

    def check(self, ctx: PlanContext) -> None:
        """Object to an agent that does not live, and to removing what another stack manages."""
        planned = ctx.planned
        if planned is None or is_unknown(planned["agent"]):
            return
        check_reference(ctx, self.run, "agents", planned["agent"], ("agent",))
        stack = self.run.registry.session.stack
        for item in self._live_grants(planned["agent"]):
            stays = is_unknown(planned["grants"]) or UNKNOWN in planned["grants"] or item["name"] in planned["grants"]
            if not stays and item.get("managed_by") not in (None, stack):
                grant, other = plain(item["name"]), plain(item["managed_by"])
                detail = f"Grant `{grant}` is managed by stack `{other}`: a claim cannot remove it."
                ctx.error("Grant managed by another stack", detail, ("grants",))

    def refuse_foreign(self, ctx: PlanContext, name: str, stack: str) -> None:
        """Object to a second claim."""
        detail = f"Stack `{plain(stack)}` claims all grants of agent `{plain(name)}` already; an agent has one claim."
        ctx.error("Second exclusive claim", detail, ("agent",))

    def create(self, ctx: ApplyContext) -> Values:
        """Make the claim."""
        before = {item["name"] for item in self._live_grants(ctx.planned["agent"])}
        values = super().create(ctx)
        planned = ctx.planned["revokes"]
        removed = self._removed_now(values, before)
        return {**values, "revokes": removed if is_unknown(planned) else planned}

    def update(self, ctx: ApplyContext) -> Values:
        """Change the claim."""
        values = super().update(ctx)
        self._removed_now(values, set(ctx.prior["grants"]))
        return {**values, "revokes": ctx.planned["revokes"] or []}

    def _removed_now(self, values: Values, before: set[str]) -> list[str]:
        removed = sorted(before.difference(values["grants"]))
        self.run.registry.live.gone("grants", removed)
        return removed

    def read(self, ctx: ReadContext) -> Values | None:
        """Return what lives; what making the claim removed stays as it was told."""
        values = super().read(ctx)
        return None if values is None else {**values, "revokes": ctx.state["revokes"] or []}
