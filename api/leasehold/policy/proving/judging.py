"""One side of one version as a formula: which calls its grants and policies let through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from leasehold.model.entities import EntityRef
from leasehold.model.policies import PolicyPermits, PolicySide
from leasehold.policy.cedar.folding import condition_of
from leasehold.policy.cedar.index import Scope
from leasehold.policy.cedar.known import Known, same_known
from leasehold.policy.cedar.shapes import EMPTY, HIDDEN, FieldShape, RecordShape
from leasehold.policy.cedar.vocabulary import CONTEXT, ToolShape
from leasehold.policy.proving.symbols import Symbols
from leasehold.policy.proving.terms import Being, Formula, NotModelled, Sort, Term
from leasehold.policy.proving.translating import Translation, World
from leasehold.policy.published import ActionFacts, Policy, Published

Spoken = tuple[Scope, Policy]


@dataclass(frozen=True, slots=True)
class Judging:
    """A version, with the unknowns that both versions are asked with."""

    versions: tuple[Published, Published]
    at: int
    symbols: Symbols
    resource: Being

    def allows(
        self, side: PolicySide, facts: ActionFacts, principal: Being, policies: Iterable[Spoken], granted: Formula
    ) -> Formula:
        """What the side lets through: nothing stops it, and it is granted where policies say, or permitted beyond."""
        logic = self.symbols.logic
        if facts.tool is None:
            return logic.false
        translation = Translation(self.symbols, self._variables(side, facts, facts.tool, principal), self._world(facts))
        stopped, asked, met, beyond = [], [], [], []
        for scope, policy in policies:
            speaks = _speaks(scope, principal, translation)
            if speaks is logic.false:
                continue
            condition = translation.truth(condition_of(policy.statement.template))
            applies = logic.both(speaks, condition.ok, condition.value)
            stopped.append(logic.both(speaks, logic.no(condition.ok)))
            if not policy.statement.permits:
                stopped.append(applies)
            elif side is PolicySide.USER or policy.permits is PolicyPermits.BEYOND_GRANTS:
                beyond.append(applies)
            else:
                asked.append(speaks)
                met.append(applies)
        holds = logic.both(granted, logic.either(logic.no(logic.either(*asked)), *met))
        return logic.both(logic.no(logic.either(*stopped)), logic.either(holds, *beyond))

    def _variables(self, side: PolicySide, facts: ActionFacts, tool: ToolShape, principal: Being) -> Mapping[str, Term]:
        fields = dict(CONTEXT.fields)
        del fields["via_agent" if side is PolicySide.AGENT else "on_behalf_of"]
        fields["input"] = FieldShape(tool.arguments, required=True)
        fields["caller"] = FieldShape(self.versions[self.at].vocabulary.caller, required=False)
        yes = self.symbols.logic.true
        return {
            "principal": Term(Sort.BEING, principal, yes),
            "action": Term(Sort.BEING, self._known_being(facts), yes),
            "resource": Term(Sort.BEING, self.resource, yes),
            "context": Term(Sort.RECORD, ("context", RecordShape(tuple(fields.items()))), yes),
        }

    def _known_being(self, facts: ActionFacts) -> Being:
        logic, ref = self.symbols.logic, facts.ref
        return Being("action", logic.text(ref.type), logic.text(ref.id), (ref.type,), ref, Known({}, facts.groups))

    def _world(self, facts: ActionFacts) -> World:
        """What both versions know alike; what only one of them knows is a reason not to tell."""
        was, now = (one.vocabulary for one in self.versions)
        entities = _Agreed(*(one.entities for one in self.versions))
        relations = {
            type_: was.relations.get(type_, frozenset()) | now.relations.get(type_, frozenset())
            for type_ in {*was.relations, *now.relations}
        }
        return World(entities, _agreed_types(was.types, now.types), relations, Known(facts.facts or {}, frozenset()))


class _Agreed:
    """Entities that both versions know alike. Looking at one on which they differ is not modelled."""

    def __init__(self, old: Mapping[EntityRef, Known], new: Mapping[EntityRef, Known]) -> None:
        self._old, self._new = old, new

    def get(self, ref: EntityRef) -> Known | None:
        """What both know of it."""
        was, now = self._old.get(ref), self._new.get(ref)
        if not same_known(was, now):
            raise NotModelled(f"`{ref}` changes too")
        return now

    def above(self, ref: EntityRef) -> frozenset[EntityRef]:
        """What it is in for both."""
        was, now = self._old.get(ref), self._new.get(ref)
        return was.ancestors & now.ancestors if was is not None and now is not None else frozenset()


def _agreed_types(old: Mapping[str, RecordShape], new: Mapping[str, RecordShape]) -> dict[str, RecordShape]:
    """Each type's attributes in either version. One that changes its own type is hidden: nothing is proved of it."""
    if old == new:
        return dict(new)
    agreed = {}
    for type_ in {*old, *new}:
        was, now = dict(old.get(type_, EMPTY).fields), dict(new.get(type_, EMPTY).fields)
        agreed[type_] = RecordShape(tuple((name, _agreed(was.get(name), now.get(name))) for name in {**was, **now}))
    return agreed


def _agreed(was: FieldShape | None, now: FieldShape | None) -> FieldShape:
    if was is None or now is None:
        only = was or now
        return FieldShape(only.shape if only is not None else HIDDEN, required=False)
    return FieldShape(now.shape if was.shape == now.shape else HIDDEN, was.required and now.required)


def _speaks(scope: Scope, principal: Being, translation: Translation) -> Formula:
    match scope:
        case ("=", EntityRef() as ref):
            return translation.same_being(principal, ref)
        case ("in", EntityRef() as ref):
            return translation.within(principal, ref)
        case ("is", str() as type_):
            return translation.of_type(principal, type_)
        case ("is in", str() as type_, EntityRef() as ref):
            return translation.both(translation.of_type(principal, type_), translation.within(principal, ref))
        case _:
            return translation.both()
