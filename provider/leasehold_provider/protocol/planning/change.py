"""One planned change, from what Terraform proposes to what the provider answers."""

from __future__ import annotations

from .computed import clear_write_only, fill_defaults, mark_unknown
from .replacement import replaced_paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from leasehold_provider.protocol.contexts import PlanContext
    from leasehold_provider.protocol.resource import Resource


def plan_change(resource: Resource, ctx: PlanContext) -> None:
    """Complete `ctx.planned` by the schema's rules, let the resource adjust it, find the reasons to replace."""
    if ctx.planned is None or ctx.config is None:
        resource.plan(ctx)
        return
    schema = resource.schema
    clear_write_only(schema, ctx.planned)
    fill_defaults(schema, ctx.planned, ctx.config)
    # Canonical bytes: sets in any order, 1 and 1.0, a dict in any order are no difference.
    before = schema.type.pack(ctx.prior)
    if schema.type.pack(ctx.planned) != before:
        mark_unknown(schema, ctx.planned, ctx.config, ctx.prior)
        clear_write_only(schema, ctx.planned)
    resource.plan(ctx)
    if ctx.prior is not None and schema.type.pack(ctx.planned) != before:
        paths = replaced_paths(schema, ctx.prior, ctx.planned, ctx.config)
        ctx.requires_replace = list(dict.fromkeys([*paths, *ctx.requires_replace]))
