"""One side and one action, asked of two versions with the same unknowns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import z3
from cedarpy import pst

from leasehold.model.entities import AGENT, RELATION, TOOL_SERVER, USER, EntityRef
from leasehold.model.policies import PolicyMode, PolicyPermits, PolicySide
from leasehold.policy.cedar.compiler import parts_of
from leasehold.policy.cedar.folding import condition_of
from leasehold.policy.cedar.index import Scope
from leasehold.policy.cedar.known import Known
from leasehold.policy.cedar.reading import walk
from leasehold.policy.cedar.shapes import EMPTY, HIDDEN, FieldShape, RecordShape
from leasehold.policy.cedar.values import moment_of
from leasehold.policy.cedar.vocabulary import CONTEXT, ToolShape
from leasehold.policy.holdings import Holding
from leasehold.policy.proving.holding import held
from leasehold.policy.proving.symbols import NOW, Symbols, letters
from leasehold.policy.proving.terms import Being, Formula, Logic, NotModelled, Sort, Term
from leasehold.policy.proving.translating import Translation, World
from leasehold.policy.proving.witnesses import Asked, Reading, Witness, allowed
from leasehold.policy.published import ActionFacts, Policy, Published

_PRINCIPALS = frozenset({"agent", "user", "group", "team", "role", RELATION})
_TYPE_OF = {PolicySide.AGENT: AGENT, PolicySide.USER: USER}
_FORTNIGHT = 14 * 86_400_000
ANYTHING = "thing"  # a resource of a type that nobody names
Spoken = tuple[Scope, Policy]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one proof may cost. `steps` are the solver's own: the same question always ends the same way."""

    steps: int = 2_000_000
    milliseconds: int = 2_000
    nodes: int = 20_000


@dataclass(frozen=True, slots=True)
class Holder:
    """An agent as registered: proofs about it know who it is and what it has been granted."""

    ref: EntityRef


@dataclass(frozen=True, slots=True)
class Versions:
    """The old and the new, the moment to ask at, what a proof may cost, and the formulas' own context."""

    old: Published
    new: Published
    at: datetime
    bounds: Bounds
    logic: Logic

    @property
    def both(self) -> tuple[Published, Published]:
        """Both of them."""
        return self.old, self.new


class Question:
    """One side, one action, one set of unknowns that both versions are asked with."""

    def __init__(self, versions: Versions, side: PolicySide, action: str, holder: Holder | None) -> None:
        self._versions, self._side, self._action, self._holder = versions, side, action, holder
        self._policies = [spoken(one, side, action) for one in versions.both]
        self._holdings = [holdings(one, side, action, holder) for one in versions.both]
        expressions = [part for several in self._policies for one in several for part in _expressions(one)]
        if len(expressions) > versions.bounds.nodes:
            raise NotModelled("too much to look at")
        literals = _literals(expressions, (one for several in self._holdings for one in several))
        self._logic = versions.logic
        self._symbols = Symbols(self._logic, letters(self._logic, literals))
        self._granted = self._symbols.flag("granted") if holder is None else None
        self._resource = self._symbols.being("resource", self._types())
        self._allows = [self._allowing(at) for at in (0, 1)]

    def widening(self) -> Witness | str | None:
        """A call that only the new one allows, None if there is none, or why nobody can tell."""
        return self._difference(denying=0, allowing=1)

    def narrowing(self) -> Witness | str | None:
        """The same, of a call that only the old one allows."""
        return self._difference(denying=1, allowing=0)

    def _difference(self, *, denying: int, allowing: int) -> Witness | str | None:
        question = self._logic.both(self._allows[allowing], self._logic.no(self._allows[denying]))
        if question is self._logic.false:
            return None
        model = self._model(question)
        if model is None or isinstance(model, str):
            return model
        yes, no = self._versions.both[allowing], self._versions.both[denying]
        asked = Asked(self._side, yes.actions[self._action], self._principal(yes), self._resource, self._versions.at)
        witness = Reading(model, self._symbols, asked, yes).witness(self._granted)
        if allowed(witness, self._side, yes) and not allowed(witness, self._side, no):
            return witness
        return "the call that the solver found is decided alike"

    def _model(self, question: Formula) -> object:
        """A model, easy to read if there is one; None if there is none, or why nobody can tell."""
        solver = self._told(z3.SimpleSolver(ctx=self._logic.context), question)
        wishes = self._wishes()  # made after the question: which model is found depends on what was made first
        readable = [*wishes, *self._symbols.readable_ids()]
        answer = solver.check(*readable)
        if answer == z3.sat:
            return solver.model()
        if answer == z3.unsat and not solver.unsat_core():  # it was not the wishes that could not be met
            return None
        return self._searched(question, readable, wishes)

    def _searched(self, question: Formula, readable: list[Formula], wishes: list[Formula]) -> object:
        """The same by all means that the solver has: slower, and it gives up less."""
        solver = self._told(z3.Solver(ctx=self._logic.context), question)
        answer = solver.check()
        if answer == z3.unsat:
            return None
        if answer == z3.unknown:
            return f"the solver gave up: {solver.reason_unknown()}"[:200]
        plain = solver.model()
        for wished in (readable, wishes):
            if solver.check(*wished) == z3.sat:
                return solver.model()
        return plain

    def _told(self, solver: z3.Solver, question: Formula) -> z3.Solver:
        solver.set("timeout", self._versions.bounds.milliseconds)
        solver.set("rlimit", self._versions.bounds.steps)
        solver.add(*self._symbols.given, question)
        return solver

    def _wishes(self) -> list[Formula]:
        """What makes a witness easy to read: a call for nobody else, of now."""
        symbols = self._symbols
        wishes = [
            self._logic.no(symbols.present[path])
            for path in ("context.on_behalf_of", "context.via_agent")
            if path in symbols.present
        ]
        if NOW in symbols.variables:
            at = int(moment_of(self._versions.at))
            wishes += [symbols.variables[NOW] >= at, symbols.variables[NOW] <= at + _FORTNIGHT]
        return wishes

    def _allowing(self, at: int) -> Formula:
        logic, version = self._logic, self._versions.both[at]
        facts = version.actions.get(self._action)
        principal = self._principal(version)
        if facts is None or facts.tool is None or (principal.fixed is not None and principal.known is None):
            return logic.false
        translation = Translation(
            self._symbols, self._variables(version, facts, facts.tool, principal), self._world(facts)
        )
        granted = self._granted
        if granted is None:
            granted = held(self._holdings[at], self._resource, facts.tool.arguments, self._symbols)
        stopped, asked, met, beyond = [], [], [], []
        for scope, policy in self._policies[at]:
            speaks = _speaks(scope, principal, translation)
            if speaks is logic.false:
                continue
            condition = translation.truth(condition_of(policy.statement.template))
            applies = logic.both(speaks, condition.ok, condition.value)
            stopped.append(logic.both(speaks, logic.no(condition.ok)))
            if not policy.statement.permits:
                stopped.append(applies)
            elif self._side is PolicySide.USER or policy.permits is PolicyPermits.BEYOND_GRANTS:
                beyond.append(applies)
            else:
                asked.append(speaks)
                met.append(applies)
        holds = logic.both(granted, logic.either(logic.no(logic.either(*asked)), *met))
        return logic.both(logic.no(logic.either(*stopped)), logic.either(holds, *beyond))

    def _principal(self, version: Published) -> Being:
        type_ = _TYPE_OF[self._side]
        if self._holder is None:
            return self._symbols.being("principal", (type_,))
        ref, logic = self._holder.ref, self._logic
        known = version.facts.known.get(ref)
        return Being("principal", logic.text(type_), logic.text(ref.id), (type_,), fixed=ref, known=known)

    def _variables(
        self, version: Published, facts: ActionFacts, tool: ToolShape, principal: Being
    ) -> Mapping[str, Term]:
        fields = dict(CONTEXT.fields)
        if self._side is PolicySide.AGENT:
            del fields["via_agent"]
        else:
            del fields["on_behalf_of"]
        fields["input"] = FieldShape(tool.arguments, required=True)
        fields["caller"] = FieldShape(version.vocabulary.caller, required=False)
        yes = self._logic.true
        return {
            "principal": Term(Sort.BEING, principal, yes),
            "action": Term(Sort.BEING, self._known_being(facts), yes),
            "resource": Term(Sort.BEING, self._resource, yes),
            "context": Term(Sort.RECORD, ("context", RecordShape(tuple(fields.items()))), yes),
        }

    def _known_being(self, facts: ActionFacts) -> Being:
        logic, ref = self._logic, facts.ref
        return Being("action", logic.text(ref.type), logic.text(ref.id), (ref.type,), ref, Known({}, facts.groups))

    def _world(self, facts: ActionFacts) -> World:
        """What both versions know alike; what only one of them knows is a reason not to tell."""
        was, now = (one.vocabulary for one in self._versions.both)
        entities = _Agreed(*(one.entities for one in self._versions.both))
        relations = {
            type_: was.relations.get(type_, frozenset()) | now.relations.get(type_, frozenset())
            for type_ in {*was.relations, *now.relations}
        }
        return World(entities, _agreed_types(was.types, now.types), relations, Known(facts.facts or {}, frozenset()))

    def _types(self) -> tuple[str, ...]:
        types = {type_ for one in self._versions.both for type_ in one.vocabulary.types}
        return tuple(sorted({*types, TOOL_SERVER, ANYTHING} - _PRINCIPALS))


class _Agreed:
    """Entities that both versions know alike. Looking at one on which they differ is not modelled."""

    def __init__(self, old: Mapping[EntityRef, Known], new: Mapping[EntityRef, Known]) -> None:
        self._old, self._new = old, new

    def get(self, ref: EntityRef) -> Known | None:
        """What both know of it."""
        was, now = self._old.get(ref), self._new.get(ref)
        if was != now:
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


def spoken(version: Published, side: PolicySide, action: str) -> list[Spoken]:
    """The enforced policies that can speak about an action."""
    facts = version.actions.get(action)
    if facts is None:
        return []
    policies = version.agents if side is PolicySide.AGENT else version.users
    found = [(scope, one) for scope, one in policies.about(facts) if one.mode is PolicyMode.ENFORCE]
    return sorted(found, key=lambda pair: pair[1].statement.id)


def said(pair: Spoken) -> tuple[object, ...]:
    """What a policy says, whatever it is called."""
    _, policy = pair
    template = policy.statement.template
    return (
        policy.permits if policy.statement.permits else None,
        template.effect,
        template.principal,
        template.action,
        template.resource,
        template.clauses,
    )


def holdings(version: Published, side: PolicySide, action: str, holder: Holder | None) -> tuple[Holding, ...]:
    """What a holder has been granted of an action, by itself or by what it is in."""
    if holder is None:
        return ()
    of = version.facts.grants if side is PolicySide.AGENT else version.facts.permissions
    known = version.facts.known.get(holder.ref)
    return of.found(holder.ref, known.ancestors if known is not None else frozenset(), action)


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


def _expressions(pair: Spoken) -> list[pst.Expr]:
    return list(walk(condition_of(pair[1].statement.template)))


def _literals(expressions: Iterable[pst.Expr], holdings: Iterable[Holding]) -> str:
    """Every letter that policies and grants write."""
    found: set[str] = set()
    for one in expressions:
        match one:
            case pst.StringLit(text):
                found |= set(text)
            case pst.Like(_, pattern):
                found |= set("".join(parts_of(pattern)))
            case pst.EntityLit(uid):
                found |= set(uid.id)
            case _:
                pass
    for holding in holdings:
        found |= set(holding.rule.resource)
        found |= {letter for _, constraint in holding.rule.constraints for letter in str(constraint)}
    return "".join(sorted(found))
