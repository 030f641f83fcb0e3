"""What a policy looks at: which names of the context, and whether it looks entities up. The rest costs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from cedarpy import pst

_LOOK_UP = frozenset({"in", "has_tag", "get_tag"})


def context_names(templates: Iterable[pst.Template]) -> frozenset[str] | None:
    """The names of the context that these policies look at; None if they look at it as a whole."""
    seen = context_seen(templates)
    return None if seen is None else frozenset(seen)


def context_seen(templates: Iterable[pst.Template]) -> Mapping[str, frozenset[str] | None] | None:
    """The same, with what they see of each: these fields of a record, or none but that it is there; None for all."""
    seen: dict[str, frozenset[str] | None] = {}
    for template in templates:
        for clause in template.clauses:
            for name, fields in _sights(clause.expr):
                if name is None:
                    return None
                before = seen.get(name, frozenset())
                seen[name] = None if before is None or fields is None else before.union(fields)
    return seen


def asks_nothing(template: pst.Template) -> bool:
    """True if the policy applies to every question that its principal and action scopes let through."""
    return not template.clauses and isinstance(template.resource, pst.ScopeAny)


def looks_up(template: pst.Template) -> bool:
    """True if the policy may need an entity of the question, besides its name.

    Principal and action scopes hold already. A name within a record of the context is no look-up, as long as it is a
    record: `through` tells which must be.
    """
    if isinstance(template.resource, pst.ScopeIn | pst.ScopeIsIn):
        return True
    return any(_needs(one) for clause in template.clauses for one in walk(clause.expr))


def through(template: pst.Template) -> frozenset[str]:
    """The names of the context that the policy looks into."""
    every = (one for clause in template.clauses for one in walk(clause.expr))
    bases = (one.base for one in every if isinstance(one, pst.GetAttr | pst.HasAttr))
    return frozenset(base.attr for base in bases if isinstance(base, pst.GetAttr) and _is_context(base.base))


def types_named(template: pst.Template) -> frozenset[str]:
    """Every type of entity that a policy names, besides its principal's."""
    every = [one for clause in template.clauses for one in walk(clause.expr)]
    types = {str(uid.type) for clause in template.clauses for uid in pst.entity_uids(clause)}
    types |= {str(one.entity_type) for one in every if isinstance(one, pst.Is)}
    match template.resource:
        case pst.ScopeEq(pst.EntityUid(type_)) | pst.ScopeIn(pst.EntityUid(type_)) | pst.ScopeIs(type_):
            types.add(str(type_))
        case pst.ScopeIsIn(type_, pst.EntityUid(other)):
            types |= {str(type_), str(other)}
        case _:
            pass
    return frozenset(types)


def relations_named(template: pst.Template) -> frozenset[str]:
    """`owner` of `… in resource.owner`, and every other."""
    return frozenset(name for base, name in _relations(template) if base == pst.Var("resource"))


def relations_to_people_named(template: pst.Template) -> frozenset[str]:
    """`acts_on_behalf_of` of `… in principal.acts_on_behalf_of`, or of `context.on_behalf_of`, and every other."""
    people = (pst.Var("principal"), pst.GetAttr(pst.Var("context"), "on_behalf_of"))
    return frozenset(name for base, name in _relations(template) if base in people)


def _relations(template: pst.Template) -> Iterator[tuple[pst.Expr, str]]:
    every = (one for clause in template.clauses for one in walk(clause.expr))
    places = (one.right for one in every if isinstance(one, pst.BinaryOp) and one.op == "in")
    return ((place.base, place.attr) for place in places if isinstance(place, pst.GetAttr))


def attributes_named(template: pst.Template) -> frozenset[str]:
    """Every attribute that the policy looks at or asks for, of whatever."""
    every = [one for clause in template.clauses for one in walk(clause.expr)]
    looked_at = {one.attr for one in every if isinstance(one, pst.GetAttr)}
    return frozenset(looked_at.union(*(one.attrs for one in every if isinstance(one, pst.HasAttr))))


def argument_of(expression: pst.Expr) -> str | None:
    """`table` of `context.input.table`, None of anything else."""
    match expression:
        case pst.GetAttr(pst.GetAttr(pst.Var("context"), "input"), name):
            return name
        case _:
            return None


def children(expression: pst.Expr) -> tuple[pst.Expr, ...]:  # noqa: PLR0911  one arm per form of expression
    """The expressions that an expression is made of."""
    match expression:
        case pst.UnaryOp(_, arg):
            return (arg,)
        case pst.BinaryOp(_, left, right):
            return left, right
        case pst.GetAttr(base) | pst.HasAttr(base) | pst.Like(base):
            return (base,)
        case pst.Is(base, _, within):
            return (base,) if within is None else (base, within)
        case pst.IfThenElse(condition, then, otherwise):
            return condition, then, otherwise
        case pst.Set(elements):
            return elements
        case pst.Record(fields):
            return tuple(fields.values())
        case _:
            return ()


def rebuilt(expression: pst.Expr, parts: tuple[pst.Expr, ...]) -> pst.Expr:  # noqa: PLR0911  one arm per form
    """The expression with other parts, in the order of `children`."""
    match expression:
        case pst.UnaryOp():
            return replace(expression, arg=parts[0])
        case pst.BinaryOp():
            return replace(expression, left=parts[0], right=parts[1])
        case pst.GetAttr() | pst.HasAttr() | pst.Like():
            return replace(expression, base=parts[0])
        case pst.Is():
            return replace(expression, base=parts[0], in_expr=parts[1] if len(parts) > 1 else None)
        case pst.Set():
            return pst.Set(parts)
        case pst.Record(fields):
            return pst.Record(dict(zip(fields, parts, strict=True)))
        case _:
            return expression


def walk(expression: pst.Expr) -> Iterator[pst.Expr]:
    """The expression and all that it is made of."""
    yield expression
    for one in children(expression):
        yield from walk(one)


def _sights(expression: pst.Expr) -> Iterator[tuple[str | None, tuple[str, ...] | None]]:
    """Names of the context, each with the fields that are looked at, None for all; no name for all of the context."""
    match expression:
        case pst.HasAttr(pst.Var("context"), (name, *fields)):
            yield name, tuple(fields[:1])
        case pst.GetAttr(pst.GetAttr(pst.Var("context"), name), field):
            yield name, (field,)
        case pst.HasAttr(pst.GetAttr(pst.Var("context"), name), (field, *_)):
            yield name, (field,)
        case pst.GetAttr(pst.Var("context"), name):
            yield name, None
        case pst.Var("context"):
            yield None, None
        case _:
            for one in children(expression):
                yield from _sights(one)


def _needs(expression: pst.Expr) -> bool:
    match expression:
        case pst.BinaryOp(op):
            return op in _LOOK_UP
        case pst.Is(_, _, within):
            return within is not None
        case pst.GetAttr(base):
            return not _is_record(base)
        case pst.HasAttr(base, names):
            return len(names) > 1 or not _is_record(base)
        case _:
            return False


def _is_record(base: pst.Expr) -> bool:
    return _is_context(base) or (isinstance(base, pst.GetAttr) and _is_context(base.base))


def _is_context(expression: pst.Expr) -> bool:
    return isinstance(expression, pst.Var) and expression.name == "context"
