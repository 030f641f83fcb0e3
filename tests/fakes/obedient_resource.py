"""A resource that makes of every plan what it says: a test adds a schema, and what it wants to see done otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leasehold_provider.protocol import Resource

if TYPE_CHECKING:
    from leasehold_provider.protocol import ApplyContext, ReadContext


class ObedientResource(Resource):
    """Keeps nothing: the state is whatever Terraform holds."""

    def create(self, ctx: ApplyContext) -> dict[str, Any]:
        return dict(ctx.planned)

    def read(self, ctx: ReadContext) -> dict[str, Any] | None:
        return ctx.state

    def update(self, ctx: ApplyContext) -> dict[str, Any]:
        return self.create(ctx)

    def delete(self, ctx: ApplyContext) -> None:
        del ctx
