"""`leasehold_gate`: has the registry review the whole plan while it is made, once, where all of it is known.

Terraform shows a provider one resource after the other. What depends on all the others is planned last: by then this
process has seen every object as it will be, and the registry works out what goes. A plan without a change asks nothing.
"""

from __future__ import annotations

from .problems import HOW_TO_GET_ONE, plain
from .protocol import UNKNOWN, Attribute, DiagnosticError, Resource, Schema, String

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from .protocol import ApplyContext, PlanContext, ReadContext
    from .registry_resource import RegistryResource
    from .run import Run

    Values = dict[str, Any]

_SHOWN = 50


class Gate(Resource):
    """Holds nothing and writes nothing: it is the place in the plan where the rest of it is known."""

    type_name = "leasehold_gate"
    plans_with_io = True
    schema = Schema(
        {"id": Attribute(String, computed=True, keep_prior=True, description="The stack whose plans are reviewed.")},
        description=(
            "Shows the verdict of the registry's gate while planning: what the rules deny stops the plan, what needs "
            "approval is a warning, and a receipt that does not cover the plan stops it where writes need one. Let it "
            "depend on every other resource of this provider, so that it is planned last; one review is asked for per "
            "plan, and none for a plan without changes. Needs a stack in the provider block."
        ),
    )

    def __init__(self, run: Run, kinds: Iterable[RegistryResource]) -> None:
        self._run = run
        self._kinds: Mapping[str, RegistryResource] = {one.kind: one for one in kinds}

    def plan(self, ctx: PlanContext) -> None:
        """Tell what the registry says of all that was planned so far."""
        planned = ctx.planned
        if planned is None:
            return
        stack = self._stack()
        if planned["id"] is UNKNOWN:
            planned["id"] = stack
        if self._run.writes_begun or not self._changes(stack):
            return
        _tell(ctx, self._run.registry.review_plan(self.rows()), stack)

    def _stack(self) -> str:
        stack = self._run.registry.session.stack
        if stack is None:
            raise DiagnosticError("No stack", "A gate reviews the plan of a stack: name one in the provider block.")
        return stack

    def _changes(self, stack: str) -> bool:
        """True if anything is written, or anything of ours is declared no more."""
        if self._run.changes_planned:
            return True
        ours = self._run.registry.live.managed_by(stack)
        return any(kind in self._kinds and self._run.planned(kind, name) is None for kind, name in ours)

    def rows(self) -> list[Values]:
        """Every object as this run will leave it, as `POST /v1/plan-reviews` takes it."""
        named = [self._kinds[kind].row(name, values) for (kind, name), values in self._run.every_planned()]
        return [*named, *(self._kinds[kind].row("", values) for kind, values in self._run.unnamed)]

    def create(self, ctx: ApplyContext) -> Values:
        """Remember the stack."""
        return {"id": ctx.planned["id"]}

    def read(self, ctx: ReadContext) -> Values:
        """It is there."""
        return dict(ctx.state)

    def update(self, ctx: ApplyContext) -> Values:
        """Nothing of it can change."""
        return {"id": ctx.planned["id"]}

    def delete(self, ctx: ApplyContext) -> None:
        """Nothing is left behind."""


def _tell(ctx: PlanContext, report: Values, stack: str) -> None:
    """One error and one warning: Terraform folds several of one summary into a line.

    A receipt that does not let this plan through stops it where writes need one: before the first of them.
    """
    findings = report["gate"]["findings"]
    denied = [one for one in findings if one["verdict"] == "deny"]
    waiting = [one for one in findings if one["verdict"] == "needs_approval"]
    if denied:
        ctx.error("Plan denied by the gate", _listed(denied))
    receipt = report.get("receipt") or {}
    refused = report.get("receipt_refused")
    if refused and receipt.get("required"):
        advice = f"Nothing is written.\n\n{HOW_TO_GET_ONE % plain(stack)}"
        ctx.error("Receipt does not cover this plan", f"{plain(refused)}. {advice}")
    elif waiting and not receipt.get("granted"):
        advice = "" if denied else "\n\n" + HOW_TO_GET_ONE % plain(stack)
        ctx.warn("Plan needs approval", _listed(waiting) + advice)


def _listed(findings: list[Values]) -> str:
    lines = [f"- {plain(one['check'])}: {plain(one['sentence'])}" for one in findings[:_SHOWN]]
    if len(findings) > _SHOWN:
        lines.append(f"- and {len(findings) - _SHOWN} more: `leasehold review` tells all")
    return "\n".join(lines)
