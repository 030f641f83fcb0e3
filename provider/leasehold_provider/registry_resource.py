"""What all resources share: an object of the registry, created, read, changed and deleted by its name.

A resource says its kind, its schema and what to check; the rest is here. Writes carry the revision that the plan saw,
so a plan that is older than the live object is refused. State holds what the registry answered, in the user's own
spelling where that means the same.
"""

from __future__ import annotations

from .constraints import same_constraints
from .names import check_name
from .problems import HOW_TO_GET_ONE, plain
from .protocol import Attribute, DiagnosticError, IdentityAttribute, Number, Resource, Schema, String, is_unknown
from .protocol.cty import contains_unknown
from .same import same_document
from .times import same_moment
from .typed_attributes import dynamic_attributes, plain_attributes, same_attributes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from .protocol import ApplyContext, ImportContext, PlanContext, ReadContext
    from .protocol.schema import AnyAttribute
    from .run import Run

    Values = dict[str, Any]

_OF_TERRAFORM = frozenset({"id", "name", "revision"})


def named(attributes: Mapping[str, AnyAttribute], *, description: str, name: str) -> Schema:
    """Return a schema of an object that the user names; `name` describes what the name stands for."""
    key = Attribute(String, required=True, requires_replace=True, validators=(check_name,), description=name)
    return Schema({"name": key, **attributes, **envelope()}, description=description)


def envelope() -> dict[str, Attribute]:
    """Return the attributes that the registry adds to every object."""
    return {
        "id": Attribute(String, computed=True, keep_prior=True, description="The name, under Terraform's usual word."),
        "revision": Attribute(
            Number, computed=True, description="Counts the writes to this object; a write names the one it replaces."
        ),
    }


class RegistryResource(Resource):
    """One kind of object. `run` is shared by all resources of the provider."""

    kind: str
    identity = {"name": IdentityAttribute(String, description="The object's name in the registry.")}  # noqa: RUF012
    plans_with_io = True
    key = "name"
    """The attribute that names the object."""
    moments: tuple[str, ...] = ()
    """Attributes that are points in time: two spellings of one moment are no difference."""
    documents: tuple[str, ...] = ()
    """Attributes that are JSON texts: two layouts of one value are no difference."""
    typed: tuple[str, ...] = ()
    """Attributes that are objects of any shape, whose lists are sets."""
    limits: tuple[str, ...] = ()
    """Attributes that are constraints on arguments: two spellings of one meaning are no difference."""
    computed: tuple[str, ...] = ()
    """Attributes, beside the envelope, that are no part of what we send."""

    def __init__(self, run: Run) -> None:
        self.run = run

    # What a resource may say about itself.

    def check(self, ctx: PlanContext) -> None:
        """Object, with `ctx.error`, to what the registry would refuse, as far as can be known while planning."""

    def spec(self, planned: Values) -> Values:
        """Return the body that we send for these values."""
        left_out = _OF_TERRAFORM.union(self.computed)
        sent = {name: planned[name] for name in self.schema.attributes if name not in left_out}
        return sent | {name: plain_attributes(planned[name]) for name in self.typed}

    def declared(self, planned: Values) -> Values:
        """Return what a review is told of these values; some may be unknown."""
        return {self.key: planned[self.key], **self.spec(planned)}

    def row(self, name: str, planned: Values) -> Values:
        """Return the object as `POST /v1/plan-reviews` takes it; `name` is empty while it is not known."""
        declared = self.declared(planned)
        unknown = sorted(attribute for attribute, value in declared.items() if contains_unknown(value))
        return {
            "type": self.type_name,
            "address": f"{self.type_name}.{name}" if name else self.type_name,
            "values": {attribute: value for attribute, value in declared.items() if attribute not in unknown},
            "unknown": unknown,
        }

    def values(self, live: Values) -> Values:
        """Return the state for a live object."""
        values = {name: live.get(name) for name in self.schema.attributes}
        values["id"] = live["name"]
        values.update({name: dynamic_attributes(live.get(name)) for name in self.typed})
        return values

    def keep_spelling(self, planned: Values, before: Values) -> None:
        """Put back what only looks different (Terraform accepts the prior value for a configured one)."""
        for names, same in _equalities(self):
            for name in names:
                if planned[name] != before.get(name) and same(planned[name], before.get(name)):
                    planned[name] = before[name]

    # Terraform's operations.

    def plan(self, ctx: PlanContext) -> None:
        """Keep spellings that mean the same, refuse what cannot be applied, and remember what will live."""
        planned, prior = ctx.planned, ctx.prior
        if planned is None:
            if prior is not None:
                self._check_receipt(ctx, str(prior[self.key]), None)
            return
        if prior is not None:
            self.keep_spelling(planned, prior)
            self._settle(planned, prior)
            self.run.saw_in_state(self.kind, prior[self.key])
        name = planned[self.key]
        if prior == planned:
            self._remember(name, planned)
            return
        self.run.changes_planned = True
        if not is_unknown(name):
            self._check_name(ctx, name)
        self.check(ctx)
        self._remember(name, planned)
        self._check_receipt(ctx, "" if is_unknown(name) else str(name), planned)

    def _check_receipt(self, ctx: PlanContext, name: str, planned: Values | None) -> None:
        """Object to a change that the receipt of this run does not cover: a plan with an error is not applied."""
        if self.run.writes_begun:  # the walk that applies plans again: each write is held to the receipt by itself
            return
        row = None if planned is None else self.row(name, planned)
        refused = self.run.registry.refused_by_receipt(self.kind, name, row)
        if refused is not None:
            advice = HOW_TO_GET_ONE % plain(str(self.run.registry.session.stack))
            ctx.error("Receipt does not cover this plan", f"{plain(refused)}.\n\n{advice}")

    def _remember(self, name: object, planned: Values) -> None:
        if is_unknown(name):
            self.run.unnamed.append((self.kind, planned))
        else:
            self.run.plan(self.kind, str(name), planned)

    def _settle(self, planned: Values, prior: Values) -> None:
        """Undo "known after apply" when nothing is left that would be written."""
        written = [name for name in planned if name not in self.computed and name not in ("id", "revision")]
        if all(planned[name] == prior.get(name) for name in written):
            planned.update(prior)

    def _check_name(self, ctx: PlanContext, name: str) -> None:
        """Object to a name that is taken, or taken twice."""
        live = self.run.registry.live.find(self.kind, name)
        stack = self.run.registry.session.stack
        foreign = live is not None and live.get("managed_by") not in (None, stack)
        if live is not None and foreign and stack is not None:
            self.refuse_foreign(ctx, name, live["managed_by"])
        elif ctx.creating and not self.run.plan_creation(self.kind, name):
            ctx.error("Declared twice", f"Two resources of this configuration create {self.kind}/{name}.", (self.key,))
        elif ctx.creating and live is not None and not self.run.is_in_state(self.kind, name):
            self._check_existing(ctx, name, live)

    def refuse_foreign(self, ctx: PlanContext, name: str, stack: str) -> None:
        """Object to an object of another stack."""
        ctx.error("Managed by another stack", f"{self.kind}/{name} is managed by stack `{stack}`.", (self.key,))

    def _check_existing(self, ctx: PlanContext, name: str, live: Values) -> None:
        from .registry import AlreadyExists  # noqa: PLC0415 -- loaded by now
        from .same import same_spec  # noqa: PLC0415

        planned = ctx.planned or {}
        spec = self.spec(planned)
        interrupted = live.get("managed_by") is not None and same_spec(spec, live)
        if interrupted:  # an apply of ours was cut off after the write and before the answer: create will adopt it
            return
        if any(map(is_unknown, spec.values())) and live.get("managed_by") is not None:
            return
        taken = AlreadyExists(self.kind, name, live).diagnostic
        ctx.error(taken.summary, taken.detail, (self.key,))

    def create(self, ctx: ApplyContext) -> Values:
        """Write the object if there is none of its name."""
        planned = ctx.planned
        self.run.writes_begun = True
        name = self.name_of(planned)
        if not self.run.begin_creation(self.kind, name):
            raise DiagnosticError("Declared twice", f"this run has created {self.kind}/{name} before", (self.key,))
        try:
            live = self.run.registry.create(self.kind, name, self.spec(planned), self.schema)
        except DiagnosticError:
            self.run.forget_creation(self.kind, name)
            raise
        return self._state(live, planned)

    def update(self, ctx: ApplyContext) -> Values:
        """Write the object if it still is the one that was planned on."""
        self.run.writes_begun = True
        name, revision = ctx.prior[self.key], int(ctx.prior["revision"])
        spec = self.updated_spec(ctx)
        return self._state(self.run.registry.update(self.kind, name, spec, revision, self.schema), ctx.planned)

    def updated_spec(self, ctx: ApplyContext) -> Values:
        """Return the body of an update; by default that of a creation."""
        return self.spec(ctx.planned)

    def delete(self, ctx: ApplyContext) -> None:
        """Delete the object if it still is the one that was planned on."""
        self.run.writes_begun = True
        name = ctx.prior[self.key]
        self.run.registry.delete(self.kind, name, int(ctx.prior["revision"]))
        self.run.forget_creation(self.kind, name)

    def read(self, ctx: ReadContext) -> Values | None:
        """Return the object as it is now, None if it is gone."""
        name = ctx.state[self.key] or ctx.state["id"]
        self.run.saw_in_state(self.kind, name)
        live = self.run.registry.live.find(self.kind, name)
        return None if live is None else self._state(live, ctx.state)

    def import_state(self, ctx: ImportContext) -> Values:
        """Find the object by name."""
        name = ctx.identity["name"] if ctx.identity is not None else ctx.id
        return {"id": name, self.key: name}

    def identify(self, state: Values) -> Values:
        """Return the name as the identity."""
        return {"name": state["id"]}

    def name_of(self, planned: Values) -> str:
        """Return the name in the registry."""
        return str(planned[self.key])

    def _state(self, live: Values, before: Values) -> Values:
        values = self.values(live)
        self.keep_spelling(values, before)
        return values


def _equalities(
    resource: RegistryResource,
) -> tuple[tuple[tuple[str, ...], Callable[[object, object], bool]], ...]:
    return (
        (resource.moments, same_moment),
        (resource.documents, same_document),
        (resource.typed, same_attributes),
        (resource.limits, same_constraints),
    )
