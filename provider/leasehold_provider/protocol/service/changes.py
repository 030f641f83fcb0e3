"""RPCs that plan and carry out a change."""

from __future__ import annotations

from leasehold_provider.protocol.contexts import ApplyContext, PlanContext
from leasehold_provider.protocol.cty import CtyError
from leasehold_provider.protocol.diagnostics import Diagnostic, diagnostic_message, path_message
from leasehold_provider.protocol.planning.change import plan_change
from leasehold_provider.protocol.planning.computed import clear_write_only

from .failures import diagnose
from .identity import identity_of, read_identity, write_identity
from .run import named
from .values import read_value, write_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from leasehold_provider.protocol.resource import Resource

    from .run import Run

    Message = dict[str, Any]
    Values = dict[str, Any]


class ChangeCalls:
    """Plan and apply of managed resources."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def plan(self, request: Message) -> Message:
        """Answer PlanResourceChange."""
        resource = named(self._run.resources, request["type_name"])
        kind = resource.schema.type
        prior_identity = request.get("prior_identity")
        ctx = PlanContext(
            prior=read_value(kind, request.get("prior_state")),
            planned=read_value(kind, request.get("proposed_new_state")),
            config=read_value(kind, request.get("config")),
            identity=read_identity(resource, prior_identity),
            private=request.get("prior_private", b""),
            stop_requested=self._run.stop_requested,
        )
        plan_change(resource, ctx)
        return {
            "planned_state": write_value(kind, ctx.planned),
            "requires_replace": [path_message(path) for path in ctx.requires_replace],
            "planned_private": ctx.private_bytes(),
            "planned_identity": write_identity(resource, ctx.identity),
            "diagnostics": [diagnostic_message(item) for item in ctx.diagnostics],
        }

    def apply(self, request: Message) -> Message:
        """Answer ApplyResourceChange: whatever fails, what exists is in the answer."""
        resource = named(self._run.resources, request["type_name"])
        kind = resource.schema.type
        prior = read_value(kind, request.get("prior_state"))
        planned = read_value(kind, request.get("planned_state"))
        ctx = ApplyContext(
            prior=prior,
            planned=planned,
            config=read_value(kind, request.get("config")),
            identity=read_identity(resource, request.get("planned_identity")),
            private=request.get("planned_private", b""),
            stop_requested=self._run.stop_requested,
        )
        try:
            state = _carry_out(resource, ctx, prior, planned)
        except Exception as failure:  # noqa: BLE001 -- becomes a diagnostic; losing the state would orphan the object
            ctx.diagnostics.append(diagnose("ApplyResourceChange", failure))
            state = ctx.partial if ctx.partial is not None else prior
        return self._applied(resource, ctx, state)

    @staticmethod
    def _applied(resource: Resource, ctx: ApplyContext, state: Values | None) -> Message:
        if state is not None:
            state = dict(state)
            clear_write_only(resource.schema, state)
        return {
            "new_state": _write_state(resource, ctx, state),
            "private": ctx.private_bytes(),
            "new_identity": identity_of(resource, state),
            "diagnostics": [diagnostic_message(item) for item in ctx.diagnostics],
        }


def _carry_out(resource: Resource, ctx: ApplyContext, prior: Values | None, planned: Values | None) -> Values | None:
    if planned is None:
        resource.delete(ctx)
        return None
    return resource.create(ctx) if prior is None else resource.update(ctx)


def _write_state(resource: Resource, ctx: ApplyContext, state: Values | None) -> Message:
    """Write the new state; if a part of it is not as its schema says, save the rest: it may hold the only id."""
    kind = resource.schema.type
    try:
        return write_value(kind, state)
    except CtyError as fault:
        ctx.diagnostics.append(
            Diagnostic.error("Invalid state from the provider", f"This is a fault of the provider: {fault}.")
        )
        return write_value(kind, {name: item for name, item in (state or {}).items() if _fits(resource, name, item)})


def _fits(resource: Resource, name: str, value: Any) -> bool:
    inner = resource.schema.type.attributes.get(name)
    if inner is None:
        return False
    try:
        inner.pack(value)
    except CtyError:
        return False
    return True
