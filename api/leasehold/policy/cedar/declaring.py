"""What an application's Cedar schema declares, read from the layout in which Cedar itself writes a schema.

Cedar checks a schema, and tells nobody what is in it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from leasehold.model.entities import RELATION
from leasehold.policy.cedar.shapes import (
    EMPTY,
    FieldShape,
    FlagShape,
    FractionShape,
    MomentShape,
    NetworkShape,
    RecordShape,
    RefShape,
    SetShape,
    Shape,
    SpanShape,
    TextShape,
    WholeShape,
)

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\w+(?:::\w+)*|::|\S', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]+)\}|(.))", re.DOTALL)
SCHEMA_LIMIT = 20_000
_DEEPEST = 48
_BEHIND_NAMES = frozenset({":", "?", "="})
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}
_TYPES: Mapping[str, Shape] = {
    "String": TextShape(),
    "Long": WholeShape(),
    "Bool": FlagShape(),
    "Boolean": FlagShape(),
    "decimal": FractionShape(),
    "datetime": MomentShape(),
    "duration": SpanShape(),
    "ipaddr": NetworkShape(),
}


@dataclass(frozen=True, slots=True)
class Declared:
    """What a schema says of one type: its attributes, those that are relations, and what its entities can be in."""

    shape: RecordShape = EMPTY
    within: frozenset[str] = frozenset()
    attributes: Mapping[str, FieldShape] = field(init=False, repr=False)
    relations: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Looked up more often than made."""
        object.__setattr__(self, "attributes", dict(self.shape.fields))
        named = (name for name, one in self.shape.fields if one.shape == RefShape(RELATION))
        object.__setattr__(self, "relations", frozenset(named))


@dataclass(frozen=True, slots=True)
class Applies:
    """What a schema says of one action: who may ask for it, on what, and in which context."""

    principals: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    context: RecordShape = EMPTY


NOTHING = Applies()


@dataclass(frozen=True, slots=True)
class Declarations:
    """All of a schema: its types, and each action that applies to something."""

    types: Mapping[str, Declared] = field(default_factory=dict)
    actions: Mapping[str, Applies] = field(default_factory=dict)


def comes_to_an_end(tokens: Sequence[str]) -> bool:
    """True if a schema of these words is not too large once its common types are written out.

    Types of one name in several namespaces count as one type with all that they hold.
    """
    ends = [*(at for at, word in enumerate(tokens) if word == ";"), len(tokens)]
    bodies: dict[str, list[tuple[int, int]]] = {}
    for at in range(len(tokens) - 2):
        if tokens[at] == "type" and tokens[at + 2] == "=":
            bodies.setdefault(tokens[at + 1], []).append((at + 3, ends[bisect_left(ends, at)]))
    sizes: dict[str, int] = {}

    def size(begin: int, end: int, depth: int) -> int:
        pairs = pairwise((*tokens[begin:end], ""))
        named = [word for word, behind in pairs if word in bodies and behind not in _BEHIND_NAMES]
        for one in named:
            if one not in sizes:
                within = depth <= _DEEPEST
                sizes[one] = sum(size(*body, depth + 1) for body in bodies[one]) if within else SCHEMA_LIMIT
        return end - begin + sum(sizes[one] for one in named)

    return size(0, len(tokens), 0) <= SCHEMA_LIMIT


def declarations_of(schema: str) -> Declarations:
    """What a schema declares, in Cedar's own layout."""
    return _Reader(_TOKEN.findall(schema)).all()


class _Reader:
    """Takes tokens one after the other. What it cannot read Cedar did not write."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self._at, self._namespace = tokens, 0, ""
        self._names = frozenset(name for kind, name, _ in _named(tokens) if kind == "entity")
        self._common = {name: (at, name.rpartition("::")[0]) for kind, name, at in _named(tokens) if kind == "type"}
        self._shapes: dict[str, RecordShape] = {}
        self._within: dict[str, frozenset[str]] = {}
        self._actions: dict[str, Applies] = {}

    def all(self) -> Declarations:
        while self._at < len(self._tokens):
            self._annotations()
            match self._take():
                case "namespace":
                    self._namespace = f"{self._name()}::"
                case "}":
                    self._namespace = ""
                case "entity":
                    self._entity()
                case "type":
                    self._type_after(self._at + 2)
                    self._take()
                case _:
                    self._action()
        types = {name: Declared(shape, _above(name, self._within)) for name, shape in self._shapes.items()}
        return Declarations(types, self._actions)

    def _entity(self) -> None:
        name = self._meant(self._take())
        self._within[name] = frozenset(map(self._meant, self._listed())) if self._taken("in") else frozenset()
        if self._taken("enum"):
            list(self._listed())
        self._shapes[name] = self._record() if self._taken("=") else EMPTY
        if self._taken("tags"):
            self._type()
        self._take()

    def _action(self) -> None:
        name = _plain(self._take())
        if self._taken("in"):
            list(self._listed())
        if self._taken("appliesTo"):
            self._take()
            self._actions[name] = self._applies()
        self._take()

    def _applies(self) -> Applies:
        types: dict[str, frozenset[str]] = {}
        context = EMPTY
        while not self._taken("}"):
            if (part := self._name()) == "context":
                found = self._type()
                context = found if isinstance(found, RecordShape) else EMPTY
            else:
                types[part] = frozenset(map(self._meant, self._listed()))
            self._taken(",")
        return Applies(types["principal"], types["resource"], context)

    def _listed(self) -> Iterator[str]:
        """What stands between brackets."""
        while (token := self._take()) != "]":
            if token not in {"[", ","}:
                yield token

    def _record(self) -> RecordShape:
        fields: list[tuple[str, FieldShape]] = []
        self._take()
        while not self._taken("}"):
            self._annotations()
            name = _plain(self._take())
            required = not self._taken("?")
            self._take()
            fields.append((name, FieldShape(self._type(), required)))
            self._taken(",")
        return RecordShape(tuple(fields))

    def _type(self) -> Shape:
        if self._tokens[self._at] == "{":
            return self._record()
        name = self._take()
        if name == "Set":
            self._take()
            element = self._type()
            self._take()
            return SetShape(element)
        for common in (self._namespace + name, name):
            if common in self._common:
                return self._meaning(common)
        return _TYPES.get(name.removeprefix("__cedar::")) or RefShape(self._meant(name))

    def _meaning(self, common: str) -> Shape:
        """What a common type stands for."""
        before = self._at, self._namespace
        at, namespace = self._common[common]
        self._namespace = f"{namespace}::" if namespace else ""
        found = self._type_after(at)
        self._at, self._namespace = before
        return found

    def _type_after(self, at: int) -> Shape:
        self._at = at
        return self._type()

    def _annotations(self) -> None:
        while self._taken("@"):
            self._take()
            if self._taken("("):
                self._take()
                self._take()

    def _meant(self, name: str) -> str:
        """The type of entity that a name stands for here. Cedar lets none of a namespace hide one without."""
        return own if (own := self._namespace + name) in self._names else name

    def _name(self) -> str:
        """A name, and what comes behind it."""
        name = self._take()
        self._take()
        return name

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _taken(self, token: str) -> bool:
        found = self._tokens[self._at] == token
        self._at += found
        return found


def _named(tokens: list[str]) -> Iterator[tuple[str, str, int]]:
    """Every type of entity and every common type: which of the two, its whole name, and where the latter's body is."""
    namespace = ""
    for at, word in enumerate(tokens):
        if word == "namespace" and tokens[at + 2] == "{":
            namespace = f"{tokens[at + 1]}::"
        if word in {"entity", "type"} and tokens[at + 1] not in {":", "?"}:
            yield word, namespace + tokens[at + 1], at + 3


def _above(type_: str, direct: Mapping[str, frozenset[str]]) -> frozenset[str]:
    found: set[str] = set()
    waiting = [type_]
    while waiting:
        for one in direct.get(waiting.pop(), frozenset()) - found:
            found.add(one)
            waiting.append(one)
    return frozenset(found)


def _plain(token: str) -> str:
    """A name, whether or not it is quoted."""
    if not token.startswith('"'):
        return token
    return _ESCAPE.sub(lambda it: chr(int(it[1], 16)) if it[1] else _LETTERS.get(it[2], it[2]), token[1:-1])
