"""A slice of policies as one Python function: Cedar's syntax tree in, Python's syntax tree out.

No text of a policy ever becomes Python text. Literals are constants of the tree, values and operations are names that
we give, so nothing that a policy says can be read as code. Each policy has a `try` of its own: one that fails must not
keep another from forbidding.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import cast

from cedarpy import pst

from leasehold.policy.cedar import operations
from leasehold.policy.cedar.evaluation import SILENCE, Evaluate, Query, Verdict
from leasehold.policy.cedar.index import ref_of
from leasehold.policy.cedar.statements import Statement
from leasehold.policy.cedar.values import EvaluationError, MissingEntity, Network, Value, equal, set_of

_VARIABLES = {"principal": "P", "action": "A", "resource": "R", "context": "C"}
_ENTITIES, _FOUND = "S", "T"
_ORDERS: dict[str, type[ast.cmpop]] = {"less": ast.Lt, "less_eq": ast.LtE, "greater": ast.Gt, "greater_eq": ast.GtE}
_COMPARED: dict[type[ast.cmpop], Callable[[int, int], bool]] = {
    ast.Lt: int.__lt__,
    ast.LtE: int.__le__,
    ast.Gt: int.__gt__,
    ast.GtE: int.__ge__,
}
_DECIMAL = "decimal_"
_GIVE_BOOLEANS = operations.BOOLEAN | _ORDERS.keys() | {"and", "or", "not", "eq", "not_eq", "in"}
_LITERALS = {"ip", "decimal", "datetime", "duration"}
_SAME_IN_PYTHON = (pst.StringLit, pst.EntityLit)


def compiled(policies: Sequence[Statement]) -> Evaluate:
    """The function that says what these policies say."""
    return cast("Evaluate", Unit().function(_HEAD, policies))


def expression(of: pst.Expr) -> Callable[[Query], Value]:
    """The function that evaluates one expression. It raises where Cedar would."""
    unit = Unit()
    tree = ast.parse(_EXPRESSION)
    body = _Filled({"VALUE": unit.value(of)}).visit(tree)
    exec(compile(ast.fix_missing_locations(body), "<expression>", "exec"), unit.names)  # noqa: S102  our own tree
    return cast("Callable[[Query], Value]", unit.names["evaluate"])


_EXPRESSION = """
def evaluate(query):
    P, A, R, C, S = query
    return VALUE
"""
_HEAD = """
def evaluate(query):
    P, A, R, C, S = query
"""
_START = "permitted = forbidden = failed = missing = ()"
_END = """
if forbidden or failed:
    return made(Verdict, (() if forbidden else permitted, forbidden, failed, bool(missing), False))
return made(Verdict, (permitted, (), (), False, False)) if permitted else SILENCE
"""
_WITHIN = "T[0] == BITS and T[2] >= PREFIX and T[1] >> SHIFT == START"
_POLICY = """
try:
    if CONDITION: EFFECT += ID
except MissingEntity:
    failed += ID
    missing = ID
except Exception:
    failed += ID
"""


class _Filled(ast.NodeTransformer):
    """A template with its parts put in."""

    def __init__(self, parts: dict[str, ast.expr]) -> None:
        self._parts = parts

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._parts.get(node.id, node)


class Unit:
    """One function in the making: the names that its code uses, and what they stand for."""

    def __init__(self) -> None:
        self.names: dict[str, object] = {
            "Verdict": Verdict,
            "Network": Network,
            "SILENCE": SILENCE,
            "made": tuple.__new__,
            "MissingEntity": MissingEntity,
            "__builtins__": {"Exception": Exception, "bool": bool, "dict": dict, "int": int, "type": type},
        }
        self._given: dict[int, str] = {}

    def function(self, head: str, policies: Sequence[Statement]) -> object:
        """The function `evaluate` that begins like this and goes on with what the policies say."""
        tree = ast.parse(head)
        function = tree.body[0]
        assert isinstance(function, ast.FunctionDef)  # noqa: S101  every head is one
        function.body += ast.parse(_START).body
        for one in policies:
            function.body += self.policy(one)
        function.body += ast.parse(_END).body
        exec(compile(ast.fix_missing_locations(tree), "<policies>", "exec"), self.names)  # noqa: S102  our own tree
        return self.names["evaluate"]

    def policy(self, statement: Statement) -> list[ast.stmt]:
        """What adds the policy's id to the verdict."""
        template = statement.template
        tests = self._resource(template.resource)  # the other scopes hold: an index picked the policy
        for clause in template.clauses:
            held = self.truth(clause.expr)
            tests.append(held if isinstance(clause, pst.When) else ast.UnaryOp(ast.Not(), held))
        effect = "permitted" if statement.permits else "forbidden"
        parts = {"CONDITION": _all(tests), "EFFECT": ast.Name(effect, ast.Store()), "ID": self.named((statement.id,))}
        return [_Filled(parts).visit(one) for one in ast.parse(_POLICY).body]

    def named(self, value: object) -> ast.expr:
        """The value, under a name of ours."""
        name = self._given.setdefault(id(value), f"K{len(self._given)}")
        self.names[name] = value
        return ast.Name(name, ast.Load())

    def call(self, operation: Callable[..., object], *arguments: ast.expr) -> ast.expr:
        """A call of one of our operations."""
        return ast.Call(self.named(operation), list(arguments), [])

    def truth(self, expression: pst.Expr) -> ast.expr:
        """The expression, where Cedar wants a boolean."""
        made = self.value(expression)
        if is_boolean(expression):
            return made
        return _if_type("bool", made, _name(_FOUND), self.call(operations.boolean, _name(_FOUND)))

    def value(self, expression: pst.Expr) -> ast.expr:  # noqa: C901, PLR0911, PLR0912  one arm per form
        """The expression."""
        match expression:
            case pst.Var(name):
                return variable(name)
            case pst.BoolLit(literal) | pst.LongLit(literal) | pst.StringLit(literal):
                return ast.Constant(literal)
            case pst.EntityLit(uid):
                return self.named(ref_of(uid))
            case pst.GetAttr(base, attr):
                return self.attribute(base, attr)
            case pst.HasAttr(pst.Var("context"), (name,)):
                return self.context_has(name)
            case pst.HasAttr(base, attrs):
                return self.call(operations.has, _name(_ENTITIES), self.value(base), self.named(tuple(attrs)))
            case pst.Like(base, pattern):
                return self.call(operations.like, self.value(base), self.named(parts_of(pattern)))
            case pst.Is():
                return self._is(expression)
            case pst.IfThenElse(condition, then, otherwise):
                return ast.IfExp(self.truth(condition), self.value(then), self.value(otherwise))
            case pst.Set(elements):
                return self.call(set_of, ast.List([self.value(one) for one in elements], ast.Load()))
            case pst.Record(fields):
                return ast.Dict([ast.Constant(name) for name in fields], [self.value(one) for one in fields.values()])
            case pst.UnaryOp():
                return self._unary(expression)
            case pst.BinaryOp():
                return self._binary(expression)
            case _:
                raise TypeError(f"no code for {type(expression).__name__}")

    def context_has(self, name: str) -> ast.expr:
        """Whether the context has this name."""
        return ast.Compare(ast.Constant(name), [ast.In()], [variable("context")])

    def context_value(self, name: str) -> ast.expr:
        """What the context has under a name; it raises if there is nothing."""
        return item(variable("context"), name)

    def attribute(self, base: pst.Expr, name: str) -> ast.expr:
        """What an entity or a record has under a name; it raises if there is nothing."""
        if isinstance(base, pst.Var) and base.name == "context":
            return self.context_value(name)
        record = self.value(base)
        slow = self.call(operations.attribute, _name(_ENTITIES), _name(_FOUND), ast.Constant(name))
        return _if_type("dict", record, item(_name(_FOUND), name), slow)

    def _is(self, expression: pst.Is) -> ast.expr:
        base = self.value(expression.base)
        test = self.call(operations.of_type, base, ast.Constant(str(expression.entity_type)))
        if expression.in_expr is None:
            return test
        within = self.call(operations.member, _name(_ENTITIES), base, self.value(expression.in_expr))
        return _all([test, within])

    def _unary(self, expression: pst.UnaryOp) -> ast.expr:
        if expression.op == "not":
            return ast.UnaryOp(ast.Not(), self.truth(expression.arg))
        operation = operations.UNARY[expression.op]
        if expression.op in _LITERALS and isinstance(expression.arg, pst.StringLit):
            try:
                return self.named(operation(expression.arg.value))
            except EvaluationError:
                pass  # not a literal of that type: an error each time, and only where it is evaluated
        return self.call(operation, self.value(expression.arg))

    def _binary(self, expression: pst.BinaryOp) -> ast.expr:  # noqa: PLR0911  one arm per kind of operator
        op, left, right = expression.op, expression.left, expression.right
        match op:
            case "and" | "or":
                return ast.BoolOp(ast.And() if op == "and" else ast.Or(), [self.truth(left), self.truth(right)])
            case "eq" | "not_eq":
                same = self._equal(left, right)
                return same if op == "eq" else ast.UnaryOp(ast.Not(), same)
            case "in":
                return self.call(operations.member, _name(_ENTITIES), self.value(left), self.value(right))
            case _ if op in _ORDERS:
                return self._ordered(_ORDERS[op](), left, right)
            case _ if op.startswith(_DECIMAL):
                order = _ORDERS[op.removeprefix(_DECIMAL).removesuffix("_than")]()
                both = [self.call(operations.decimal, self.value(one)) for one in (left, right)]
                return ast.Compare(both[0], [order], [both[1]])
            case "is_in_range" if isinstance(right, pst.UnaryOp) and isinstance(right.arg, pst.StringLit):
                return self._in_range(left, right)
            case _:
                return self.call(operations.BINARY[op], self.value(left), self.value(right))

    def _in_range(self, left: pst.Expr, right: pst.UnaryOp) -> ast.expr:
        """Whether an address is in a network that the policy names: no call, if the name is a network's."""
        literal = self.value(right)
        network = self.names[literal.id] if isinstance(literal, ast.Name) else None
        if not isinstance(network, Network):
            return self.call(operations.in_range, self.value(left), literal)
        shift = network.bits - network.prefix
        parts = {"BITS": network.bits, "PREFIX": network.prefix, "SHIFT": shift, "START": network.number >> shift}
        within = _Filled({name: ast.Constant(part) for name, part in parts.items()}).visit(ast.parse(_WITHIN).body[0])
        return _if_type(
            "Network", self.value(left), within.value, self.call(operations.in_range, _name(_FOUND), literal)
        )

    def _equal(self, left: pst.Expr, right: pst.Expr) -> ast.expr:
        pair = self.value(left), self.value(right)
        if isinstance(left, _SAME_IN_PYTHON) or isinstance(right, _SAME_IN_PYTHON):
            return ast.Compare(pair[0], [ast.Eq()], [pair[1]])  # no other type equals a text or an entity
        return self.call(equal, *pair)

    def _ordered(self, order: ast.cmpop, left: pst.Expr, right: pst.Expr) -> ast.expr:
        if isinstance(right, pst.LongLit):
            whole = self.call(operations.whole, _name(_FOUND))
            number = _if_type("int", self.value(left), _name(_FOUND), whole)
            return ast.Compare(number, [order], [self.value(right)])
        pair = ast.Starred(self.call(operations.same_kind, self.value(left), self.value(right)), ast.Load())
        return self.call(_COMPARED[type(order)], pair)

    def _resource(self, scope: pst.PrincipalOrResourceConstraint) -> list[ast.expr]:
        resource = variable("resource")
        match scope:
            case pst.ScopeEq(ref):
                return [ast.Compare(resource, [ast.Eq()], [self.named(ref_of(ref))])]
            case pst.ScopeIn(ref):
                return [self.call(operations.member, _name(_ENTITIES), resource, self.named(ref_of(ref)))]
            case pst.ScopeIs(type_):
                return [self.call(operations.of_type, resource, ast.Constant(str(type_)))]
            case pst.ScopeIsIn(type_, ref):
                test = self.call(operations.of_type, resource, ast.Constant(str(type_)))
                return [test, self.call(operations.member, _name(_ENTITIES), resource, self.named(ref_of(ref)))]
            case _:
                return []


def parts_of(pattern: Sequence[pst.PatternElem]) -> tuple[str, ...]:
    """What stands between the stars of a pattern. Two stars in a row are one."""
    parts = [""]
    for one in pattern:
        if isinstance(one, pst.Char):
            parts[-1] += one.value
        elif len(parts) == 1 or parts[-1]:
            parts.append("")
    return tuple(parts)


def is_boolean(expression: pst.Expr) -> bool:
    """True if the expression is a boolean whatever its parts are, or fails."""
    match expression:
        case pst.BoolLit() | pst.HasAttr() | pst.Like() | pst.Is():
            return True
        case pst.UnaryOp(op) | pst.BinaryOp(op):
            return op in _GIVE_BOOLEANS or op.startswith(_DECIMAL)
        case _:
            return False


def _all(tests: list[ast.expr]) -> ast.expr:
    if not tests:
        return ast.Constant(value=True)
    return tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)


def _if_type(type_: str, value: ast.expr, then: ast.expr, otherwise: ast.expr) -> ast.expr:
    """One or the other, by the type of the value, which both find under one name: nothing is evaluated in between.

    What is mostly so costs no call; whatever is not so, an operation looks at.
    """
    found = ast.Call(_name("type"), [ast.NamedExpr(ast.Name(_FOUND, ast.Store()), value)], [])
    return ast.IfExp(ast.Compare(found, [ast.Is()], [_name(type_)]), then, otherwise)


def variable(name: str) -> ast.expr:
    """One of Cedar's four variables."""
    return _name(_VARIABLES[name])


def item(record: ast.expr, name: str) -> ast.expr:
    """What a record has under a name; it raises if there is nothing."""
    return ast.Subscript(record, ast.Constant(name), ast.Load())


def _name(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())
