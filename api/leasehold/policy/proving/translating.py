"""Cedar's syntax tree into formulas, operator by operator, errors included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import z3
from cedarpy import pst

from leasehold.model.entities import GROUP, RELATION, ROLE, TEAM, USER, EntityRef
from leasehold.policy.cedar.compiler import parts_of
from leasehold.policy.cedar.folding import literal_of
from leasehold.policy.cedar.index import ref_of
from leasehold.policy.cedar.known import Known
from leasehold.policy.cedar.operations import LOOPBACK, MULTICAST, UNARY
from leasehold.policy.cedar.shapes import FieldShape, RecordShape
from leasehold.policy.cedar.values import EvaluationError, Network
from leasehold.policy.proving.operators import Operators, of_type, same_being, text_like
from leasehold.policy.proving.symbols import LOGIN, Symbols
from leasehold.policy.proving.terms import (
    Being,
    Formula,
    Literals,
    Members,
    NotModelled,
    Sort,
    Term,
)

_CONSTRUCTORS = {"ip": Sort.NETWORK, "decimal": Sort.FRACTION, "datetime": Sort.MOMENT, "duration": Sort.SPAN}
_DAY = 86_400_000


class Entities(Protocol):
    """What is known for certain of entities that are written out."""

    def get(self, ref: EntityRef, /) -> Known | None:
        """What is known of one."""
        ...

    def above(self, ref: EntityRef, /) -> frozenset[EntityRef]:
        """Everything that one is in, whichever version is asked."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """What is known while policies are read: entities, the types of those that are not known, relations, the tool."""

    entities: Entities
    types: Mapping[str, RecordShape]
    relations: Mapping[str, frozenset[str]]
    tool: Known


class Translation:
    """Expressions of one version, about one question."""

    def __init__(self, symbols: Symbols, variables: Mapping[str, Term], world: World) -> None:
        self._symbols, self._logic = symbols, symbols.logic
        self._variables, self._world = variables, world
        self._operators = Operators(symbols)

    def both(self, *parts: Formula) -> Formula:
        """All of them."""
        return self._logic.both(*parts)

    def truth(self, of: pst.Expr) -> Term:
        """The expression, where Cedar wants a boolean."""
        term = self.term(of)
        return term if term.sort is Sort.FLAG else self._operators.fails()

    def within(self, being: Being, above: EntityRef) -> Formula:
        """`being in above`: everything is in itself."""
        if above.type == RELATION and being.by_login is None and not being.stranger:
            raise NotModelled("a relation")
        if being.fixed is not None:
            known = being.known or self._world.entities.get(being.fixed)
            sure = being.fixed == above or (known is not None and above in known.ancestors)
            if not sure and being.by_login is not None:
                groups = being.by_login(above)
                return self._logic.either(*(self._symbols.is_in(LOGIN, g, self._world.entities.above) for g in groups))
            if not sure and being.fixed.type == USER and above.type in {GROUP, ROLE, TEAM}:
                raise NotModelled("groups that come with a login")
            return self._logic.truth(sure)
        if above.type == RELATION:  # a stranger's
            return self._logic.false
        return self._logic.either(
            self.same_being(being, above), self._symbols.is_in(being.path, above, self._world.entities.above)
        )

    def same_being(self, being: Being, ref: EntityRef) -> Formula:
        """`being == ref`."""
        return same_being(self._logic, being, ref)

    def of_type(self, being: Being, type_: str) -> Formula:
        """`being is type_`."""
        return of_type(self._logic, being, type_)

    def term(self, of: pst.Expr) -> Term:  # noqa: C901, PLR0911, PLR0912  one arm per form
        """The expression."""
        logic = self._logic
        match of:
            case pst.Var(name):
                return self._variables[name]
            case pst.BoolLit(value):
                return Term(Sort.FLAG, logic.truth(value), logic.true)
            case pst.LongLit(value):
                return Term(Sort.WHOLE, logic.whole(value), logic.true)
            case pst.StringLit(value):
                return Term(Sort.TEXT, logic.text(value), logic.true)
            case pst.EntityLit(uid):
                return self._literal_being(ref_of(uid))
            case pst.GetAttr(base, name):
                return self._attribute(self.term(base), name)
            case pst.HasAttr(base, names):
                return self._has(self.term(base), tuple(names))
            case pst.Like(base, pattern):
                return self._like(self.term(base), parts_of(pattern))
            case pst.Is(base, type_, within):
                return self._is(self.term(base), str(type_), within)
            case pst.IfThenElse(condition, then, otherwise):
                return self._choice(self.truth(condition), self.term(then), self.term(otherwise))
            case pst.Set(elements):
                terms = tuple(self.term(one) for one in elements)
                return Term(Sort.SET, Literals(terms), logic.both(*(one.ok for one in terms)))
            case pst.UnaryOp(op, argument):
                return self._unary(op, argument)
            case pst.BinaryOp(op, left, right):
                return self._binary(op, left, right)
            case _:
                raise NotModelled(f"{type(of).__name__} has no model")

    def _tool(self) -> Term:
        """What is known of the tool: read like an entity that is written out."""
        logic = self._logic
        being = Being("tool", logic.text(""), logic.text(""), (), EntityRef("", ""), self._world.tool)
        return Term(Sort.BEING, being, logic.true)

    def _literal_being(self, ref: EntityRef) -> Term:
        logic = self._logic
        being = Being(str(ref), logic.text(ref.type), logic.text(ref.id), (ref.type,), fixed=ref)
        return Term(Sort.BEING, being, logic.true)

    def _attribute(self, base: Term, name: str) -> Term:
        if base.sort is Sort.RECORD:
            path, shape = base.value
            if path == "context" and name == "tool":
                return self._tool()
            return self._field(f"{path}.{name}", dict(shape.fields).get(name), base.ok)
        return self._attribute_of(base.value, name, base.ok) if base.sort is Sort.BEING else self._operators.fails()

    def _attribute_of(self, being: Being, name: str, ok: Formula) -> Term:
        if being.stranger and (related := self._related(being, name)):
            return self._nobody(being, name, related, ok)
        known = self._known_of(being, name)
        if known is not None and name in known.attributes:
            return self._known(known.attributes[name], ok)
        if being.fixed is not None and not being.open:
            return self._operators.fails()
        field, types = self._declared(being, name)
        found = self._field(f"{being.path}.{name}", field, ok)
        fits = self._logic.either(*(self.of_type(being, type_) for type_ in types))
        return found._replace(ok=self._logic.both(found.ok, fits))

    def _known_of(self, being: Being, name: str) -> Known | None:
        """What is known of it. What is in a relation, the question tells, of whatever and whomever it is about."""
        if being.by_login is None and self._related(being, name):
            raise NotModelled("a relation")
        return being.known or (self._world.entities.get(being.fixed) if being.fixed is not None else None)

    def _related(self, being: Being, name: str) -> list[str]:
        """The types that have the relation."""
        return [type_ for type_ in being.types if name in self._world.relations.get(type_, ())]

    def _nobody(self, being: Being, name: str, types: list[str], ok: Formula) -> Term:
        """All who have the relation to a stranger, as one entity: nobody is in it."""
        fits = self._logic.either(*(self.of_type(being, type_) for type_ in types))
        found = self._literal_being(EntityRef(RELATION, f"nobody#{name}"))
        return found._replace(ok=self._logic.both(ok, fits))

    def _known(self, value: object, ok: Formula) -> Term:
        term = self.term(literal_of(value))
        return term._replace(ok=self._logic.both(term.ok, ok))

    def _declared(self, being: Being, name: str) -> tuple[FieldShape | None, list[str]]:
        """The attribute of an unknown entity, and the types that have it."""
        fields = {type_: dict(self._world.types[type_].fields) for type_ in being.types if type_ in self._world.types}
        having = [type_ for type_, named in fields.items() if name in named]
        shapes = {fields[type_][name].shape for type_ in having}
        if len(shapes) > 1:
            raise NotModelled(f"`{name}` has several types")
        if not having:
            return None, []
        required = being.path == "principal" and all(fields[type_][name].required for type_ in having)
        return FieldShape(shapes.pop(), required=required), having

    def _field(self, path: str, field: FieldShape | None, ok: Formula) -> Term:
        if field is None:
            return self._operators.fails()
        term = self._symbols.term(path, field.shape)
        return term._replace(ok=self._logic.both(ok, self._symbols.has(path, field)))

    def _has(self, base: Term, names: tuple[str, ...]) -> Term:
        name, *rest = names
        if base.sort not in {Sort.RECORD, Sort.BEING}:
            return self._operators.fails()
        there = self._is_there(base, name)
        if not rest or there is self._logic.false:
            return self._operators.flag(there, base.ok)
        deeper = self._has(self._attribute(base, name), tuple(rest))
        ok = self._logic.either(self._logic.no(there), deeper.ok)
        return self._operators.flag(self._logic.both(there, deeper.value), base.ok, ok)

    def _is_there(self, base: Term, name: str) -> Formula:
        if base.sort is Sort.RECORD:
            path, shape = base.value
            return self._symbols.has(f"{path}.{name}", dict(shape.fields).get(name))
        being: Being = base.value
        if being.stranger and (related := self._related(being, name)):
            return self._logic.either(*(self.of_type(being, type_) for type_ in related))
        known = self._known_of(being, name)
        if known is not None and name in known.attributes:
            return self._logic.true
        if being.fixed is not None and not being.open:
            return self._logic.false
        field, types = self._declared(being, name)
        fits = self._logic.either(*(self.of_type(being, type_) for type_ in types))
        return self._logic.both(fits, self._symbols.has(f"{being.path}.{name}", field))

    def _like(self, base: Term, parts: tuple[str, ...]) -> Term:
        if base.sort is not Sort.TEXT:
            return self._operators.fails()
        return self._operators.flag(text_like(self._symbols, base.value, parts), base.ok)

    def _is(self, base: Term, type_: str, within: pst.Expr | None) -> Term:
        if base.sort is not Sort.BEING:
            return self._operators.fails()
        test = self._operators.flag(self.of_type(base.value, type_), base.ok)
        return test if within is None else self._and(test, lambda: self._in(base, self.term(within)))

    def _in(self, one: Term, of: Term) -> Term:
        if one.sort is not Sort.BEING:
            return self._operators.fails()
        targets = of.value.elements if of.sort is Sort.SET and isinstance(of.value, Literals) else (of,)
        if not all(each.sort is Sort.BEING and each.value.fixed is not None for each in targets):
            raise NotModelled("membership of what is not written out")
        found = (self.within(one.value, each.value.fixed) for each in targets)
        return self._operators.flag(self._logic.either(*found), one.ok, of.ok)

    def _choice(self, condition: Term, then: Term, otherwise: Term) -> Term:
        if then.sort is not otherwise.sort or then.sort in {Sort.SET, Sort.RECORD, Sort.BEING, Sort.NETWORK}:
            raise NotModelled("a choice between what has no one value")
        logic = self._logic
        if condition.value is logic.true or condition.value is logic.false:
            chosen = then if condition.value is logic.true else otherwise
            return chosen._replace(ok=logic.both(condition.ok, chosen.ok))
        ok = logic.both(condition.ok, z3.If(condition.value, then.ok, otherwise.ok))
        return Term(then.sort, z3.If(condition.value, then.value, otherwise.value), ok)

    def _unary(self, op: str, argument: pst.Expr) -> Term:  # noqa: C901, PLR0911  one arm per operator
        logic = self._logic
        if op in _CONSTRUCTORS:
            return self._constructed(op, argument)
        term = self.truth(argument) if op == "not" else self.term(argument)
        match op, term.sort:
            case "not", _:
                return self._operators.flag(logic.no(term.value), term.ok)
            case "neg", Sort.WHOLE:
                return self._operators.bounded(Sort.WHOLE, -term.value, term.ok)
            case "is_empty", Sort.SET:
                return self._operators.flag(self._emptiness(term.value), term.ok)
            case (("is_ipv4" | "is_ipv6"), Sort.NETWORK):
                is_v6 = term.value.is_v6
                return self._operators.flag(is_v6 if op == "is_ipv6" else logic.no(is_v6), term.ok)
            case (("is_loopback" | "is_multicast"), Sort.NETWORK):
                return self._operators.in_one(term, LOOPBACK if op == "is_loopback" else MULTICAST)
            case "to_date", Sort.MOMENT:
                return self._operators.bounded(Sort.MOMENT, term.value - term.value % _DAY, term.ok)
            case "to_time", Sort.MOMENT:
                return Term(Sort.SPAN, term.value % _DAY, term.ok)
            case "to_milliseconds", Sort.SPAN:
                return term._replace(sort=Sort.WHOLE)
            case _ if op in UNARY:
                raise NotModelled(f"`{op}`")
        return self._operators.fails()

    def _constructed(self, op: str, argument: pst.Expr) -> Term:
        if not isinstance(argument, pst.StringLit):
            raise NotModelled(f"`{op}` of what is not written out")
        try:
            value = UNARY[op](argument.value)
        except EvaluationError:
            return self._operators.fails()
        if not isinstance(value, Network):
            assert isinstance(value, int)  # noqa: S101  the other three are numbers
            return Term(_CONSTRUCTORS[op], self._logic.whole(int(value)), self._logic.true)
        return Term(Sort.NETWORK, self._logic.network(*value), self._logic.true)

    def _emptiness(self, of: Literals | Members) -> Formula:
        return self._logic.truth(not of.elements) if isinstance(of, Literals) else self._symbols.is_empty(of.path)

    def _binary(self, op: str, left: pst.Expr, right: pst.Expr) -> Term:  # noqa: C901, PLR0911  one arm per operator
        match op:
            case "and":
                return self._and(self.truth(left), lambda: self.truth(right))
            case "or":
                refused = self._negated(self.truth(left))
                return self._negated(self._and(refused, lambda: self._negated(self.truth(right))))
            case "eq":
                return self._operators.equal(self.term(left), self.term(right))
            case "not_eq":
                return self._negated(self._operators.equal(self.term(left), self.term(right)))
            case "in":
                return self._in(self.term(left), self.term(right))
            case "contains" | "contains_all" | "contains_any":
                return self._operators.contains(op, self.term(left), self.term(right))
            case "is_in_range":
                return self._operators.in_range(self.term(left), self.term(right))
            case "has_tag" | "get_tag":
                raise NotModelled("tags")
        return self._operators.numbers(op, self.term(left), self.term(right))

    def _negated(self, term: Term) -> Term:
        return term._replace(value=self._logic.no(term.value))

    def _and(self, left: Term, right: Callable[[], Term]) -> Term:
        """The right side counts only where the left does not settle it, its errors too."""
        if left.value is self._logic.false:
            return left
        found = right()
        ok = self._logic.both(left.ok, self._logic.either(self._logic.no(left.value), found.ok))
        return Term(Sort.FLAG, self._logic.both(left.value, found.value), ok)
