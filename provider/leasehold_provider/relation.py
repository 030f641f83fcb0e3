"""`leasehold_relation`: one thing or person is something to another, for as long as it is declared."""

from __future__ import annotations

from .names import check_entity, check_relation
from .protocol import UNKNOWN, Attribute, Schema, String, is_unknown
from .references import check_reference
from .registry_resource import RegistryResource, envelope
from .relation_ids import relation_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .protocol import PlanContext

    Values = dict[str, Any]

_ACTS_ON_BEHALF_OF, _GATHERINGS = "acts_on_behalf_of", frozenset({"group", "role", "team"})
_TUPLE = ("subject", "relation", "object", "through")


class Relation(RegistryResource):
    """One tuple. Its name says what it relates, so a change of that is another relation."""

    type_name = "leasehold_relation"
    kind = "relations"
    computed = ("name",)
    schema = Schema(
        {
            "name": Attribute(
                String, computed=True, description="Readable name, such as `document:42#owner@user:alice`."
            ),
            "subject": Attribute(
                String,
                required=True,
                requires_replace=True,
                validators=(check_entity,),
                description="Who or what has the relation, as `type:id`, such as `user:alice`.",
            ),
            "relation": Attribute(
                String,
                required=True,
                requires_replace=True,
                validators=(check_relation,),
                description="The word for it, such as `owner`. An agent `acts_on_behalf_of` a user, or a group.",
            ),
            "object": Attribute(
                String,
                required=True,
                requires_replace=True,
                validators=(check_entity,),
                description="To what, as `type:id`, such as `document:42`.",
            ),
            "through": Attribute(
                String,
                optional=True,
                requires_replace=True,
                validators=(check_relation,),
                description="Whoever has this relation to the subject has it too, such as every `member` of a group.",
            ),
            **envelope(),
        },
        description="A durable relation that policies can ask about: `user:alice` is `owner` of `document:42`.",
    )

    def plan(self, ctx: PlanContext) -> None:
        """Name the tuple as soon as all of it is known."""
        if ctx.planned is not None:
            name = name_of_tuple(ctx.planned)
            ctx.planned["name"] = name
            if ctx.planned["relation"] == _ACTS_ON_BEHALF_OF:
                self._check_ends(ctx, ctx.planned)
            if ctx.prior is None or ctx.prior["name"] != name:
                ctx.planned["id"] = name
        super().plan(ctx)

    def _check_ends(self, ctx: PlanContext, planned: Values) -> None:
        """Object to what cannot act, or be acted for; the registry would refuse it at apply."""
        for end, first, noun in (("subject", "agent", "agents"), ("object", "user", "users")):
            value = planned[end]
            if is_unknown(value):
                continue
            kind, _, name = str(value).partition(":")
            if kind not in {first, *_GATHERINGS}:
                said = f"The {end} of `{_ACTS_ON_BEHALF_OF}` is `{first}:<name>`, or a group, role or team of {noun}."
                ctx.error("No such relation", said, (end,))
            elif kind == "agent":
                check_reference(ctx, self.run, "agents", name, (end,))

    def name_of(self, planned: Values) -> str:
        """Return the name of the tuple; all of it is known by now."""
        return str(name_of_tuple(planned))


def name_of_tuple(planned: Values) -> Any:  # Any: a string, or unknown
    """Return the relation's name, unknown while any part of it is."""
    parts = [planned[name] for name in _TUPLE]
    return UNKNOWN if any(map(is_unknown, parts)) else relation_id(*parts)
