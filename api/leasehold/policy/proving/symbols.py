"""The unknowns of one question: who asks, on what, with which arguments, in which context. One variable per name."""

from __future__ import annotations

from collections.abc import Callable

import z3

from leasehold.model.access_requests import OauthMode
from leasehold.model.entities import EntityRef
from leasehold.policy.cedar.shapes import (
    FieldShape,
    FlagShape,
    FractionShape,
    MomentShape,
    NetworkShape,
    RecordShape,
    RefShape,
    SetShape,
    Shape,
    TextShape,
    WholeShape,
)
from leasehold.policy.proving.terms import (
    I64,
    LAST_LETTER,
    WIDE,
    WIDTH,
    Address,
    Being,
    Block,
    Formula,
    Logic,
    Members,
    NotModelled,
    Sort,
    Term,
)

MOMENTS = (-62_135_596_800_000, 253_402_300_799_999)  # what a clock of ours can show
DEEPEST = 64
_DAY, _WEEK, _THURSDAY = 86_400_000, 7, 3
_NUMBERS: dict[type, tuple[Sort, tuple[int, int]]] = {
    WholeShape: (Sort.WHOLE, I64),
    FractionShape: (Sort.FRACTION, I64),
    MomentShape: (Sort.MOMENT, MOMENTS),
}
NOW, WEEKDAY, DEPTH, CHAIN = "context.now", "context.weekday", "context.depth", "context.chain"
SOURCE, MODE = "context.source_ip", "context.oauth.mode"
LOGIN = "login"  # the groups that come with one
_LEAVES = {TextShape: Sort.TEXT, FlagShape: Sort.FLAG, **{shape: sort for shape, (sort, _) in _NUMBERS.items()}}


class Symbols:
    """Variables by path. `given` is all that must hold of them."""

    def __init__(self, logic: Logic, letters: Formula) -> None:
        self.logic, self._letters = logic, letters
        self.given: list[Formula] = []
        self.variables: dict[str, Formula] = {}
        self.present: dict[str, Formula] = {}
        self.members: dict[tuple[str, object], Formula] = {}
        self.empty: dict[str, Formula] = {}
        self.above: dict[tuple[str, EntityRef], Formula] = {}
        self._terms: dict[str, Term] = {}

    def term(self, path: str, shape: Shape) -> Term:
        """The value at this path, if it is there."""
        found = self._terms.get(path)
        if found is None:
            found = self._terms[path] = self._made(path, shape)
        return found

    def settle(self, path: str, being: Being | None) -> None:
        """What is at this path is known, for what is asked from here on: this entity, or nothing."""
        self.present[path] = self.logic.truth(being is not None)
        if being is not None:
            self._terms[path] = Term(Sort.BEING, being, self.logic.true)

    def has(self, path: str, field: FieldShape | None) -> Formula:
        """Whether there is anything at this path."""
        if field is None:
            return self.logic.false
        if field.required and not field.nullable:
            return self.logic.true
        if path not in self.present:
            self.present[path] = z3.Bool(f"has {path}", self.logic.context)
        return self.present[path]

    def flag(self, name: str) -> Formula:
        """A truth that is known of nothing else."""
        if name not in self.variables:
            self.variables[name] = z3.Bool(name, self.logic.context)
        return self.variables[name]

    def text(self, path: str) -> Formula:
        """An unknown text."""
        if path not in self.variables:
            made = self.variables[path] = z3.String(path, self.logic.context)
            self.given.append(z3.InRe(made, self._letters))
        return self.variables[path]

    def readable_ids(self) -> list[Formula]:
        """The wish that ids look like ids."""
        letter = z3.Union(*(z3.Range(self.logic.text(a), self.logic.text(b)) for a, b in ("az", "09")))
        ids = [made for path, made in self.variables.items() if path.endswith(".id")]
        return [z3.InRe(made, z3.Plus(letter)) for made in ids]

    def being(self, path: str, types: tuple[str, ...]) -> Being:
        """An unknown entity of one of these types."""
        if not types:
            raise NotModelled(f"{path} can be nothing")
        if len(types) == 1:
            return Being(path, self.logic.text(types[0]), self.text(f"{path}.id"), types)
        kind = f"{path}.type"
        if kind not in self.variables:
            made = self.variables[kind] = z3.String(kind, self.logic.context)
            self.given.append(self.logic.either(*(made == self.logic.text(one) for one in types)))
        return Being(path, self.variables[kind], self.text(f"{path}.id"), types)

    def contains(self, path: str, key: object) -> Formula:
        """Whether a set holds this value. A set that holds one is not empty."""
        found = self.members.get((path, key))
        if found is None:
            found = self.members[path, key] = z3.Bool(f"{path} holds {key!r}", self.logic.context)
            self.given.append(z3.Implies(found, z3.Not(self.is_empty(path))))
            if path == CHAIN:
                self._count_chain()
        return found

    def is_empty(self, path: str) -> Formula:
        """Whether a set is empty."""
        if path not in self.empty:
            made = self.empty[path] = z3.Bool(f"{path} is empty", self.logic.context)
            if path == CHAIN:
                self.given.append(made == (self.term(DEPTH, WholeShape()).value == 0))
        return self.empty[path]

    def is_in(self, path: str, above: EntityRef, over: Callable[[EntityRef], frozenset[EntityRef]]) -> Formula:
        """Whether an unknown entity is in this one. What is known of the groups themselves holds here too."""
        found = self.above.get((path, above))
        if found is None:
            found = self.above[path, above] = z3.Bool(f"{path} in {above}", self.logic.context)
            for (other_path, other), member in tuple(self.above.items()):
                if other_path != path or other == above:
                    continue
                if above in over(other):
                    self.given.append(z3.Implies(member, found))
                if other in over(above):
                    self.given.append(z3.Implies(found, member))
        return found

    def _made(self, path: str, shape: Shape) -> Term:  # noqa: PLR0911  one arm per shape
        yes = self.logic.true
        match shape:
            case RecordShape():
                return Term(Sort.RECORD, (path, shape), yes)
            case TextShape(among):
                return Term(Sort.TEXT, self._among(path, among), yes)
            case FlagShape():
                return Term(Sort.FLAG, self.flag(path), yes)
            case NetworkShape():
                return Term(Sort.NETWORK, self._address(path), yes)
            case RefShape(type_):
                return Term(Sort.BEING, self.being(path, (type_,)), yes)
            case SetShape(element):
                return Term(Sort.SET, Members(path, _element(path, element)), yes)
            case WholeShape() | FractionShape() | MomentShape():
                return self._number(path, *_NUMBERS[type(shape)])
            case _:
                raise NotModelled(f"{path} is hidden from policies")

    def _among(self, path: str, among: frozenset[str] | None) -> Formula:
        choices = frozenset(OauthMode) if path == MODE else among
        if choices is None:
            return self.text(path)
        if path not in self.variables:  # its choices may be of letters that no policy writes
            made = self.variables[path] = z3.String(path, self.logic.context)
            self.given.append(self.logic.either(*(made == self.logic.text(one) for one in sorted(choices))))
        return self.variables[path]

    def _number(self, path: str, sort: Sort, bounds: tuple[int, int]) -> Term:
        if path == WEEKDAY:  # Thursday was the first day of all
            now = self.term(NOW, MomentShape()).value
            return Term(sort, (now / _DAY + _THURSDAY) % _WEEK + 1, self.logic.true)
        low, high = (0, DEEPEST) if path == DEPTH else bounds
        made = self.variables[path] = z3.Int(path, self.logic.context)
        self.given += [made >= low, made <= high]
        return Term(sort, made, self.logic.true)

    def _address(self, path: str) -> Address:
        """The first family goes by the path itself, the second by `<path> v6`."""
        return Address(self.flag(f"{path} is v6"), self._block(path, WIDTH), self._block(f"{path} v6", WIDE))

    def _block(self, path: str, width: int) -> Block:
        number = self.variables[path] = z3.BitVec(path, width, self.logic.context)
        length = self.logic.whole(width)
        if path.removesuffix(" v6") != SOURCE:  # a caller's address is one; an argument may be a network
            length = self.variables[f"{path} length"] = z3.Int(f"{path} length", self.logic.context)
            self.given += [length >= 0, length <= width]
        return Block(number, length)

    def _count_chain(self) -> None:
        held = [z3.If(one, 1, 0) for (path, _), one in self.members.items() if path == CHAIN]
        self.given.append(z3.Sum(held) <= self.term(DEPTH, WholeShape()).value)


def _element(path: str, shape: Shape) -> Sort:
    if isinstance(shape, RefShape):
        return Sort.BEING
    sort = _LEAVES.get(type(shape))
    if sort is None:
        raise NotModelled(f"{path} is a set of what has no model")
    return sort


def letters(logic: Logic, literals: str) -> Formula:
    """Texts of letters that can be read, and of those that policies write.

    INVARIANT: policies only ask whether texts are equal or like a pattern. Letters that none of them writes are all
    alike to them, so that a few stand for all; there is always one that is not written.
    """
    plain = z3.Range(logic.text(" "), logic.text("~"))
    others = sorted({one for one in literals if not " " <= one <= "~" and ord(one) <= LAST_LETTER})
    if all(chr(code) in literals for code in range(ord(" "), ord("~") + 1)):
        others.append(next(chr(code) for code in range(0xE000, 0xF900) if chr(code) not in literals))
    each = [z3.Re(logic.text(one)) for one in others]
    return z3.Star(z3.Union(plain, *each) if each else plain)
