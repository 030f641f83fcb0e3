"""What is left of an expression once everything but the resource is known: partial evaluation.

A part that does not look at the resource is evaluated, by the very engine that decides, and stands there as a literal.
One that fails is kept as an expression that always fails: it fails where Cedar would come to it, and only there.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import Literal

from cedarpy import pst

from leasehold.model.entities import EntityRef
from leasehold.policy.cedar.cedar_engine import fraction_text, network_text
from leasehold.policy.cedar.compiler import expression, is_boolean
from leasehold.policy.cedar.evaluation import Query
from leasehold.policy.cedar.index import uid_of
from leasehold.policy.cedar.reading import children, rebuilt
from leasehold.policy.cedar.values import CedarSet, Fraction, Moment, Network, Span, Value, unkeyed

FAILS: pst.Expr = pst.GetAttr(pst.Record({}), "fails")
_TRUE, _FALSE = pst.BoolLit(value=True), pst.BoolLit(value=False)


def condition_of(template: pst.Template) -> pst.Expr:
    """All that a policy asks, as one expression, its resource's scope first."""
    return _all([*_scope("resource", template.resource), *_clauses(template)])


def condition_on_principals(template: pst.Template) -> pst.Expr:
    """The same, with what the policy's scope asks of the principal before all."""
    scopes = [*_scope("principal", template.principal), *_scope("resource", template.resource)]
    return _all([*scopes, *_clauses(template)])


def folded(of: pst.Expr, query: Query) -> pst.Expr:
    """The expression, as far as it depends on the resource. The query's resource lends its type, and nothing else."""
    match of:
        case pst.Is(pst.Var("resource"), type_, None):
            return pst.BoolLit(value=query.resource.type == str(type_))
        case _ if not looks_at_resource(of):
            return _evaluated(of, query)
        case pst.BinaryOp("and" | "or"):
            return _folded_pair(of, folded(of.left, query), query)
        case pst.IfThenElse(condition, then, otherwise):
            test = folded(condition, query)
            if test in (_TRUE, _FALSE):
                return folded(then if test == _TRUE else otherwise, query)
            return pst.IfThenElse(test, folded(then, query), folded(otherwise, query))
        case _:
            parts = tuple(folded(one, query) for one in children(of))
            made = rebuilt(of, parts)
            return made if not parts or any(map(looks_at_resource, parts)) else _evaluated(made, query)


def looks_at_resource(of: pst.Expr) -> bool:
    """True if the expression's value may depend on the resource."""
    return _is_resource(of) or any(looks_at_resource(one) for one in children(of))


def literal_of(value: Value) -> pst.Expr:  # noqa: C901, PLR0911  one arm per type of value
    """An expression that is this value."""
    match value:
        case bool():
            return pst.BoolLit(value)
        case str():
            return pst.StringLit(value)
        case EntityRef():
            return pst.EntityLit(uid_of(value))
        case Fraction():
            return pst.UnaryOp("decimal", pst.StringLit(fraction_text(value)))
        case Network():
            return pst.UnaryOp("ip", pst.StringLit(network_text(value)))
        case Span():
            return pst.UnaryOp("duration", pst.StringLit(f"{int(value)}ms"))
        case Moment():
            epoch = pst.UnaryOp("datetime", pst.StringLit("1970-01-01"))
            return pst.BinaryOp("offset", epoch, literal_of(Span(value)))
        case dict():
            return pst.Record({name: literal_of(one) for name, one in value.items()})
        case CedarSet():
            return pst.Set(tuple(literal_of(unkeyed(one)) for one in value))
        case _:
            assert isinstance(value, int)  # noqa: S101  nothing else is a value
            return pst.LongLit(value)


def _folded_pair(of: pst.BinaryOp, left: pst.Expr, query: Query) -> pst.Expr:
    """`and`, `or`: the right side counts only if the left does not settle it."""
    if left in (_FALSE if of.op == "and" else _TRUE, FAILS):
        return left
    right = folded(of.right, query)
    return right if left in (_TRUE, _FALSE) and is_boolean(right) else replace(of, left=left, right=right)


def _evaluated(of: pst.Expr, query: Query) -> pst.Expr:
    try:
        return literal_of(expression(of)(query))
    except Exception:  # noqa: BLE001  whatever stops the engine stops the policy
        return FAILS


def _is_resource(of: pst.Expr) -> bool:
    return isinstance(of, pst.Var) and of.name == "resource"


def _all(parts: list[pst.Expr]) -> pst.Expr:
    return reduce(lambda whole, part: pst.BinaryOp("and", whole, part), parts) if parts else _TRUE


def _clauses(template: pst.Template) -> list[pst.Expr]:
    return [one.expr if isinstance(one, pst.When) else pst.UnaryOp("not", one.expr) for one in template.clauses]


def _scope(name: Literal["principal", "resource"], scope: pst.PrincipalOrResourceConstraint) -> list[pst.Expr]:
    variable = pst.Var(name)
    match scope:
        case pst.ScopeEq(pst.EntityUid() as uid):
            return [pst.BinaryOp("eq", variable, pst.EntityLit(uid))]
        case pst.ScopeIn(pst.EntityUid() as uid):
            return [pst.BinaryOp("in", variable, pst.EntityLit(uid))]
        case pst.ScopeIs(type_):
            return [pst.Is(variable, type_, None)]
        case pst.ScopeIsIn(type_, pst.EntityUid() as uid):
            return [pst.Is(variable, type_, None), pst.BinaryOp("in", variable, pst.EntityLit(uid))]
        case _:
            return []
