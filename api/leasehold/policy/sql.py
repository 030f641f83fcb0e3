"""A filter as the WHERE clause of a query, parameterised. What SQL cannot say exactly is refused, never approximated.

An attribute that is not there is NULL, and what Cedar cannot evaluate is NULL too: `AND` and `OR` are written as
`CASE`, because SQL's own would let a true side excuse a side that fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from cedarpy import pst

from leasehold.policy.cedar.compiler import parts_of
from leasehold.policy.cedar.index import ref_of
from leasehold.policy.cedar.naming import cedar_name
from leasehold.policy.cedar.values import fraction
from leasehold.policy.filtering import Filter, SideFilter

ID = "id"
_ORDERS = {"less": "<", "less_eq": "<=", "greater": ">", "greater_eq": ">="}
_DECIMAL_ORDERS = {
    "decimal_less_than": "<",
    "decimal_less_eq": "<=",
    "decimal_greater": ">",
    "decimal_greater_eq": ">=",
}


class NotExpressible(Exception):
    """The filter asks what SQL over these columns cannot answer. The predicate on rows can."""


@dataclass(frozen=True, slots=True)
class Where:
    """The clause, with `:p0`, `:p1` … for its parameters. Column names are the caller's, values never in the text."""

    text: str
    parameters: Mapping[str, object]


def where(of: Filter, columns: Mapping[str, str]) -> Where:
    """The clause over a table with these columns by attribute, and the resource's id under `id`.

    Text columns compare to the letter, booleans are booleans. Raises `NotExpressible`.
    """
    writer = _Writer(columns, cedar_name(of.resource_type))
    text = " AND ".join(f"({writer.side(side)})" for side in of.sides)
    return Where(text, writer.parameters)


@dataclass(slots=True)
class _Writer:
    columns: Mapping[str, str]
    type: str
    parameters: dict[str, object] = field(default_factory=dict)

    def side(self, side: SideFilter) -> str:
        """True where the side lets a row pass; NULL or false elsewhere."""
        forbids = [self.truth(one) for one in side.forbids]
        conditions, beyond = ([self.truth(one) for one in every] for every in (side.conditions, side.beyond))
        held = _any([self._glob(glob) for glob in side.reach])
        if side.conditional:
            held = f"({held}) AND ({_any([*conditions, *beyond])})"
        # Every policy must have an answer, the unneeded too: one that fails denies.
        answered = [f"({one}) IS NOT NULL" for one in (*conditions, *beyond)]
        return " AND ".join([*(f"NOT ({one})" for one in forbids), *answered, f"({_any([held, *beyond])})"])

    def truth(self, of: pst.Expr) -> str:  # noqa: C901, PLR0911, PLR0912  one arm per form that SQL has
        """A boolean expression."""
        match of:
            case pst.BoolLit(value):
                return "1 = 1" if value else "1 = 0"
            case pst.UnaryOp("not", arg):
                return f"NOT ({self.truth(arg)})"
            case pst.BinaryOp("and", left, right):
                one, other = self.truth(left), self.truth(right)
                return f"CASE WHEN NOT ({one}) THEN 1 = 0 WHEN ({one}) THEN ({other}) END"
            case pst.BinaryOp("or", left, right):
                one, other = self.truth(left), self.truth(right)
                return f"CASE WHEN ({one}) THEN 1 = 1 WHEN NOT ({one}) THEN ({other}) END"
            case pst.IfThenElse(condition, then, otherwise):
                one, yes, no = self.truth(condition), self.truth(then), self.truth(otherwise)
                return f"CASE WHEN ({one}) THEN ({yes}) WHEN NOT ({one}) THEN ({no}) END"
            case pst.BinaryOp("eq", left, right):
                return self._equal(left, right)
            case pst.BinaryOp("not_eq", left, right):
                return f"NOT ({self._equal(left, right)})"
            case pst.BinaryOp(op, left, right) if op in _ORDERS:
                return f"{self._number(left)} {_ORDERS[op]} {self._number(right)}"
            case pst.BinaryOp(op, left, right) if op in _DECIMAL_ORDERS:
                return f"{self._decimal(left)} {_DECIMAL_ORDERS[op]} {self._decimal(right)}"
            case pst.BinaryOp("contains", pst.Set(elements), right):
                return self._among(elements, right)
            case pst.HasAttr(pst.Var("resource"), (name,)):
                return f"{self._column(name)} IS NOT NULL"
            case pst.Like(base, pattern):
                return self._like(self._attribute(base), parts_of(pattern))
            case pst.GetAttr():
                return self._attribute(of)
            case _:
                raise NotExpressible(f"no SQL for {type(of).__name__}")

    def _equal(self, left: pst.Expr, right: pst.Expr) -> str:
        for one, other in ((left, right), (right, left)):
            if isinstance(other, pst.StringLit | pst.LongLit | pst.BoolLit):
                return f"{self._attribute(one)} = {self._bound(other.value)}"
            if isinstance(other, pst.EntityLit) and isinstance(one, pst.Var):
                ref = ref_of(other.value)
                return f"{self._column(ID)} = {self._bound(ref.id)}" if ref.type == self.type else "1 = 0"
        raise NotExpressible("only an attribute and a literal compare in SQL")

    def _among(self, elements: tuple[pst.Expr, ...], right: pst.Expr) -> str:
        values = [one.value for one in elements if isinstance(one, pst.StringLit | pst.LongLit)]
        if len(values) < len(elements) or not values:
            raise NotExpressible("only texts and integers are looked for in SQL")
        return f"{self._attribute(right)} IN ({', '.join(map(self._bound, values))})"

    def _like(self, column: str, parts: tuple[str, ...]) -> str:
        """Without LIKE, which ignores case in some databases and not in others."""
        if len(parts) == 1:
            return f"{column} = {self._bound(parts[0])}"
        head, *middle, tail = parts
        if middle:
            raise NotExpressible("no `*` in the middle of a pattern")
        tests = [f"LENGTH({column}) >= {len(head) + len(tail)}"]
        if head:
            tests.append(f"SUBSTR({column}, 1, {len(head)}) = {self._bound(head)}")
        if tail:
            tests.append(f"SUBSTR({column}, LENGTH({column}) - {len(tail) - 1}) = {self._bound(tail)}")
        return f"({' AND '.join(tests)})"

    def _glob(self, glob: str) -> str:
        head, *rest = glob.split("*")
        *middle, tail = rest or [""]
        return self._like(self._column(ID), (head, *(one for one in middle if one), tail) if rest else (head,))

    def _number(self, of: pst.Expr) -> str:
        return self._bound(of.value) if isinstance(of, pst.LongLit) else self._attribute(of)

    def _decimal(self, of: pst.Expr) -> str:
        if not isinstance(of, pst.UnaryOp):
            return self._attribute(of)
        if of.op != "decimal" or not isinstance(of.arg, pst.StringLit):
            raise NotExpressible("only a literal decimal compares in SQL")
        return self._bound(Decimal(int(fraction(of.arg.value))).scaleb(-4))  # folding left none that is no decimal

    def _attribute(self, of: pst.Expr) -> str:
        if isinstance(of, pst.GetAttr) and isinstance(of.base, pst.Var) and of.base.name == "resource":
            return self._column(of.attr)
        raise NotExpressible(f"no column for {type(of).__name__}")

    def _column(self, name: str) -> str:
        column = self.columns.get(name)
        if column is None:
            raise NotExpressible(f"no column for `{name}`")
        return column

    def _bound(self, value: object) -> str:
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"


def _any(tests: list[str]) -> str:
    return " OR ".join(f"({one})" for one in tests) or "1 = 0"
