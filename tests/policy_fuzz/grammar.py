"""A grammar of Cedar: policies that parse, of every operator, well typed or not, over a small world of entities."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

TEXTS = ("", "a", "eu", "sales_q1", "sales_", "xsales_q", "a*b", "a\n", "é", "10.0.0.1", "1.5", "true", "1")
NUMBERS = (0, 1, -1, 2, 3, 7, 100, 2**63 - 1, -(2**63))
USERS, GROUPS, ACTIONS = ("u0", "u1", "u2", "ghost"), ("g0", "g1", "g2", "g3"), ("read", "write", "drop")
NETWORKS = ("10.1.2.3", "10.1.2.4/8", "10.0.0.0/8", "0.0.0.0/0", "127.0.0.1", "127.0.0.0/7", "224.0.0.5")
NETWORKS += ("239.0.0.0/4", "::1", "::/0", "2001:db8::1", "2001:db8::/32", "ff00::/8", "ff02::1")
ADDRESSES = (*NETWORKS, "256.1.1.1", "10.0.0.1\n", "::ffff:1.2.3.4")
DECIMALS = ("0.5", "1.0", "1.00", "-1.5", "50.00", "50.01", "0.0001", "-0.0", "922337203685477.5807", "1.23456", "1")
MOMENTS = ("2026-11-22", "2026-11-22T10:00:00Z", "1969-12-31T23:59:59.500Z", "2026-11-22T10:00:00+0530", "1969-06-01")
MOMENTS += ("2024-02-30", "0000-01-01", "9999-12-31T23:59:59Z", "2026-11-22T00:00:00Z")
SPANS = ("1h", "-1h", "1d2h", "500ms", "-500ms", "-1d", "90m", "1m1ms", "0ms", "1h1h", "106751991167d")
PATTERNS = ("sales_*", "*_q*", "a\\*b", "*", "**", "e*u", "sales_q1", "", "*q1", "a*", "*a*a*", "\\n*")
ATTRIBUTES = ("s", "n", "b", "name", "age", "rec", "boss", "missing", "ss", "ip", "t")


ALIKE = (  # values that Python would mix up
    *("0", "1", "true", "false", '"1"', '"true"', 'decimal("0.0001")', 'decimal("0.0")', 'duration("1ms")'),
    *(
        'duration("0ms")',
        'datetime("1970-01-01")',
        'datetime("1970-01-01T00:00:00.001Z")',
        'ip("0.0.0.1")',
        'ip("::1")',
    ),
)


@dataclass(frozen=True, slots=True)
class World:
    """Entities and one question, as Cedar's JSON."""

    entities: list[dict[str, Any]]
    request: dict[str, Any]


class Grammar:
    """Draws from one source of chance. `depth` bounds how far expressions nest."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def policies(self) -> str:
        """One to eight policies: of all scopes, or, so that conditions decide, of the widest and mostly permits."""
        wide = self._chance.random() < 0.6
        return "\n".join(self.policy(at, wide=wide) for at in range(self._chance.randint(1, 8)))

    def policy(self, number: int, *, wide: bool) -> str:
        """One policy. A permit without an action scope is never published; the fuzzer draws none."""
        effect = "forbid" if self._chance.random() < (0.1 if wide else 0.35) else "permit"
        clauses = "".join(
            f" {self._of('when', 'unless')} {{ {self.truth(self._chance.randrange(4))} }}"
            for _ in range(self._chance.choice((0, 1, 1, 1, 1, 2)))
        )
        scope = 'principal, action in Action::"all", resource'
        if not wide:
            scope = f"{self._principal()}, {self._action(effect)}, {self._resource()}"
        return f'@id("p{number}") {effect}({scope}){clauses};'

    def world(self) -> World:
        """A world in which some entities are missing, and a question of it."""
        cycle = [["g0"]] if self._chance.random() < 0.3 else [[]]
        parents = dict(zip(GROUPS, [["g1"], ["g2"], [], *cycle], strict=True))
        entities = [self._entity("Group", name, parents[name]) for name in GROUPS]
        entities += [
            self._entity("User", name, self._chance.sample(GROUPS, self._chance.randrange(3)))
            for name in USERS[:3]
            if name != "u2" or self._chance.random() < 0.7
        ]
        entities += [_action(name, ["all", "changes"] if name != "read" else ["all"]) for name in ACTIONS]
        entities += [_action("changes", ["all"]), _action("all", [])]
        context = {name: draw() for name, draw in self._context().items() if self._chance.random() > 0.03}
        request = {
            "principal": {"type": "User", "id": self._of(*USERS)},
            "action": {"type": "Action", "id": self._of(*ACTIONS)},
            "resource": {"type": self._of("Group", "Group", "User"), "id": self._of(*GROUPS, "u0")},
            "context": context,
        }
        return World(entities, request)

    def truth(self, depth: int) -> str:
        """An expression that is a boolean, most of the time."""
        if self._chance.random() < 0.35:
            return f"({self._sharp()})"
        return self._of(*(self._truths(depth) if depth else self._plain_truths()))()

    def _sharp(self) -> str:
        """One operator on two values that few know to tell apart."""
        one, other = self._of(*ALIKE), self._of(*ALIKE)
        addresses = [f'ip("{self._of(*NETWORKS)}")' for _ in range(2)]
        moments = [f'datetime("{self._of(*MOMENTS)}")' for _ in range(2)]
        unit = self._of("toDays", "toHours", "toMinutes", "toSeconds", "toMilliseconds")
        return self._of(
            f"{one} {self._of('==', '!=', '<', '<=')} {other}",
            f"[{one}, {self._of(*ALIKE)}].{self._of('contains', 'containsAll')}({self._of(other, f'[{other}]')})",
            f"[{one}] == [{other}, {self._of(one, other)}]",
            f"{{a: {one}}} == {{a: {other}}}",
            f"{addresses[0]}.isInRange({addresses[1]})",
            f"{addresses[0]}{self._of(f' == {addresses[1]}', '.isLoopback()', '.isMulticast()')}",
            f"ip({json.dumps(self._of(*ADDRESSES))}).{self._of('isIpv4', 'isIpv6', 'isMulticast')}()",
            f"{moments[0]} {self._of('<', '<=', '==')} {moments[1]}",
            f"{moments[0]}.toDate() {self._of('<=', '==')} {moments[1]}",
            f"{moments[0]}.toTime() < {self.span()}",
            f"{self.span()}.{unit}() {self._of('==', '<', '>=')} {self._of('0', '-1', '1', '24', '-60')}",
            f"{self.decimal()}.{self._decimal_order()}({self.decimal()})",
        )

    def _plain_truths(self) -> tuple[Callable[[], str], ...]:
        return (
            lambda: self._of("true", "false", "context.b"),
            lambda: f'{self.text(0)} like "{self._of(*PATTERNS)}"',
            lambda: f"{self.address()}.isInRange({self.address()})",
            lambda: f"{self.address()}.{self._of('isIpv4', 'isIpv6', 'isLoopback', 'isMulticast')}()",
            lambda: f"{self.number(0)} {self._of('<', '<=', '>', '>=')} {self.number(0)}",
            lambda: f"{self.decimal()}.{self._decimal_order()}({self.decimal()})",
            lambda: f"{self.entity()} in {self._of(self.entity(), f'[{self.entity()}, {self.entity()}]', self.set(0))}",
            lambda: (
                f"action in {self._of('Action', 'Action', 'Group')}::{json.dumps(self._of('all', 'changes', 'read'))}"
            ),
            lambda: f"{self.entity()} is {self._of('User', 'Group', 'Action')}",
            lambda: f"{self.entity()} is User in {self.entity()}",
            lambda: f"{self.base()} has {self._of(*ATTRIBUTES, 'rec.s', 'boss.name', 'boss.rec.n', 'rec.s.x')}",
            lambda: f"principal.hasTag({self.text(0)})",
        )

    def _truths(self, depth: int) -> tuple[Callable[[], str], ...]:
        below = depth - 1
        either = self._of(self.text, self.number)
        return (
            *self._plain_truths(),
            lambda: f"({self.truth(below)} && {self.truth(below)})",
            lambda: f"({self.truth(below)} || {self.truth(below)})",
            lambda: f"!({self.truth(below)})",
            lambda: f"(if {self.truth(below)} then {self.truth(below)} else {self.truth(below)})",
            lambda: f"({self.anything(below)} {self._of('==', '!=')} {self.anything(below)})",
            lambda: f"({either(below)} {self._of('==', '!=')} {either(below)})",
            lambda: f"({self.number(below)} {self._of('<', '>=')} {self.number(below)})",
            lambda: f"{self.set(below)}.{self._of('containsAll', 'containsAny')}({self.set(below)})",
            lambda: f"{self.set(below)}.contains({self.anything(below)})",
            lambda: f"{self.set(below)}.isEmpty()",
            lambda: f"({self.moment(below)} {self._of('<', '<=', '>', '>=', '==')} {self.moment(below)})",
            lambda: f"({self.moment(1)}.toTime() {self._of('<', '>=')} {self.span()})",
            lambda: f"({self.moment(0)}.durationSince({self.moment(0)}) > {self.span()})",
            lambda: f"({self.anything(0)} {self._of('&&', '||')} {self.truth(0)})",
            lambda: f"({self.truth(0)} {self._of('&&', '||')} {self.anything(0)})",
            lambda: f"({self.anything(0)} {self._of('<', '>=')} {self.anything(0)})",
        )

    def text(self, depth: int) -> str:
        """A text, most of the time."""
        plain = (
            json.dumps(self._of(*TEXTS), ensure_ascii=False),
            "context.s",
            "principal.name",
            "context.rec.s",
            'context["s"]',
        )
        if not depth:
            return self._of(*plain)
        deeper = f"(if {self.truth(depth - 1)} then {self.text(depth - 1)} else {self.text(depth - 1)})"
        return self._of(*plain, deeper, "principal.boss.name", f"principal.getTag({self.text(0)})")

    def number(self, depth: int) -> str:
        """An integer, most of the time."""
        plain = (str(self._of(*NUMBERS)), "context.n", "principal.age", "context.rec.n", "principal.boss.age")
        if not depth:
            return self._of(*plain)
        unit = self._of("toDays", "toHours", "toMinutes", "toSeconds", "toMilliseconds")
        sums = f"({self.number(depth - 1)} {self._of('+', '-', '*')} {self.number(depth - 1)})"
        return self._of(*plain, sums, f"(-{self.number(depth - 1)})", f"{self.span()}.{unit}()")

    def address(self) -> str:
        """An IP address or network, most of the time."""
        return self._of(f"ip({json.dumps(self._of(*ADDRESSES))})", "context.ip", f"ip({self.text(0)})")

    def decimal(self) -> str:
        """A decimal, most of the time."""
        return self._of(f'decimal("{self._of(*DECIMALS)}")', "context.d", f"decimal({self.text(0)})")

    def moment(self, depth: int) -> str:
        """A datetime, most of the time."""
        plain = (f'datetime("{self._of(*MOMENTS)}")', "context.t")
        if not depth:
            return self._of(*plain)
        return self._of(*plain, f"{self.moment(depth - 1)}.toDate()", f"{self.moment(0)}.offset({self.span()})")

    def span(self) -> str:
        """A duration, most of the time."""
        return f'duration("{self._of(*SPANS)}")'

    def entity(self) -> str:
        """An entity, most of the time."""
        named = (f'User::"{self._of(*USERS)}"', f'Group::"{self._of(*GROUPS)}"', f'Action::"{self._of(*ACTIONS)}"')
        return self._of(*named, "principal", "resource", "action", "context.e", "principal.boss", "principal.boss.boss")

    def base(self) -> str:
        """What attributes can be asked of."""
        return self._of("context", "principal", "resource", "context.rec", "context.e", "principal.boss", "context.s")

    def set(self, depth: int) -> str:
        """A set, most of the time."""
        mixed = (self._of(self.text(0), self.number(0), "true", "1", self.entity(), self.decimal()) for _ in range(3))
        deep = (self.anything(depth - 1) if depth else self.number(0) for _ in range(self._chance.randrange(4)))
        texts = ", ".join(self.text(0) for _ in range(self._chance.randint(1, 3)))
        return self._of("context.ss", "principal.roles", f"[{', '.join(mixed)}]", f"[{', '.join(deep)}]", f"[{texts}]")

    def record(self) -> str:
        """A record."""
        return self._of("context.rec", f'{{s: {self.text(0)}, "n": {self.number(0)}}}', "{}")

    def anything(self, depth: int) -> str:
        """An expression of any type."""
        depth = max(depth, 0)
        drawn = self._of(self.text, self.number, self.truth, self.moment, self.set)
        return self._of(
            lambda: drawn(depth),
            self.entity,
            self.address,
            self.decimal,
            self.span,
            self.record,
            lambda: self.number(depth),
        )()

    def _decimal_order(self) -> str:
        return self._of("lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual")

    def _principal(self) -> str:
        user, group = f'User::"{self._of(*USERS)}"', f'Group::"{self._of(*GROUPS)}"'
        return "principal" + self._of(
            "", "", f" == {user}", f" in {group}", f" in {user}", " is User", " is Group", f" is User in {group}"
        )

    def _action(self, effect: str) -> str:
        one, other = (f'Action::"{self._of(*ACTIONS)}"' for _ in range(2))
        some = (
            f" == {one}",
            f" in [{one}, {other}]",
            f" in {one}",
            ' in Action::"all"',
            ' in Action::"changes"',
            " in []",
        )
        return "action" + (self._of(*some, "") if effect == "forbid" else self._of(*some, ' in Action::"all"'))

    def _resource(self) -> str:
        group = f'Group::"{self._of(*GROUPS)}"'
        return "resource" + self._of(
            "", "", f" == {group}", f" in {group}", " is Group", " is User", f" is Group in {group}"
        )

    def _context(self) -> dict[str, Callable[[], Any]]:
        return {
            "s": lambda: self._of(*TEXTS),
            "n": lambda: self._of(*NUMBERS),
            "b": lambda: self._chance.random() < 0.6,
            "ip": lambda: _extension("ip", self._of(*NETWORKS)),
            "d": lambda: _extension("decimal", self._of(*DECIMALS[:9])),
            "t": lambda: _extension("datetime", self._of(*MOMENTS[:5])),
            "ss": lambda: self._of(self._chance.sample(TEXTS, 2), [True, 1], [1, 2], [[1], ["a"]], []),
            "e": lambda: _reference(*self._of(("User", self._of(*USERS)), ("Group", self._of(*GROUPS)))),
            "rec": lambda: {"s": self._of(*TEXTS), "n": self._of(*NUMBERS)},
        }

    def _entity(self, type_: str, name: str, parents: list[str]) -> dict[str, Any]:
        attributes = {
            "name": self._of(*TEXTS),
            "age": self._of(*NUMBERS),
            "roles": self._chance.sample(TEXTS, 2),
            "rec": {"s": self._of(*TEXTS), "n": self._of(*NUMBERS)},
            "boss": _reference("User", self._of(*USERS)),
        }
        kept = {key: value for key, value in attributes.items() if self._chance.random() > 0.05}
        return {
            "uid": {"type": type_, "id": name},
            "attrs": kept,
            "parents": [{"type": "Group", "id": one} for one in parents],
        }

    def _of(self, *choices: Any) -> Any:
        return self._chance.choice(choices)


def _action(name: str, groups: list[str]) -> dict[str, Any]:
    parents = [{"type": "Action", "id": group} for group in groups]
    return {"uid": {"type": "Action", "id": name}, "attrs": {}, "parents": parents}


def _extension(function: str, argument: str) -> dict[str, Any]:
    return {"__extn": {"fn": function, "arg": argument}}


def _reference(type_: str, name: str) -> dict[str, Any]:
    return {"__entity": {"type": type_, "id": name}}
