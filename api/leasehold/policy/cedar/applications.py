"""Actions that no tool server has: other applications', each of which brings the Cedar schema of its own entities.

Applications share people and things, and none has to describe what only another asks about: of a registered entity each
sees the attributes and the ancestors that its own schema declares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import cedarpy

from leasehold.model.entities import RELATION, EntityRef
from leasehold.policy.cedar.cedar_engine import entities_of, request_of
from leasehold.policy.cedar.evaluation import Query
from leasehold.policy.cedar.known import Known, Lookup
from leasehold.policy.cedar.statements import DocumentRefused, Problem

_WORD = re.compile(r"\w+", re.ASCII)
_NO_POLICIES = cedarpy.PolicySet.from_str("")
# Cedar's own layout, which a schema has once it was read: one entity per paragraph, one attribute per line.
_ENTITY = re.compile(
    r"^entity (?P<type>\S+?)(?: in \[(?P<in>[^\]]*)\])?(?: = \{\n(?P<body>.*?)^\})?;$", re.DOTALL | re.MULTILINE
)
_ATTRIBUTE = re.compile(r'^  "?(?P<name>[^"?:\s][^":]*?)"?\??: ', re.MULTILINE)
_RELATION = re.compile(rf'^  "?(?P<name>[^"?:\s][^":]*?)"?\??: {RELATION},?$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Part:
    """One application: its schema, its actions by name, each with the groups that it is in, and every name in it."""

    schema: cedarpy.Schema
    actions: Mapping[str, tuple[EntityRef, frozenset[EntityRef]]]
    names: frozenset[str]
    declared: Mapping[str, Declared] = field(default_factory=dict)

    def fits(self, query: Query) -> bool:
        """True iff the question is one that the schema knows: then no policy of it can fail."""
        narrowed = query._replace(entities=_Narrowed(query.entities, self.declared)) if self.declared else query
        try:
            entities = cedarpy.Entities.from_json_str(entities_of(narrowed), self.schema)
        except ValueError:
            return False
        answer = cedarpy.is_authorized(request_of(query), _NO_POLICIES, entities, self.schema)
        return answer.decision is not cedarpy.Decision.NoDecision


@dataclass(frozen=True, slots=True)
class Application:
    """All of them together, by the text of their schema and by their actions. No two have an action of one name."""

    parts: Mapping[str, Part]
    by_action: Mapping[str, Part]
    actions: Mapping[str, tuple[EntityRef, frozenset[EntityRef]]]
    names: frozenset[str]

    @property
    def relations(self) -> Iterator[tuple[str, str]]:
        """The relations that the schemas declare, each with the type that it is to."""
        declared = (one for part in self.parts.values() for one in part.declared.items())
        return ((type_, name) for type_, of in declared for name in of.relations)

    def fits(self, query: Query) -> bool:
        """True iff the question is one that the schema of its action's application knows."""
        part = self.by_action.get(query.action.id)
        return part is not None and part.fits(query)

    def part(self, schema: str | None, actions: Iterable[str]) -> Part | None:
        """The one that a statement speaks of: its document's own, or the one that all the actions it names are of."""
        if schema is not None:
            return self.parts[schema]
        named = [self.by_action.get(action) for action in actions]
        return named[0] if named and all(one is named[0] for one in named) else None


def application_of(schemas: Iterable[tuple[str, str]]) -> Application | None:
    """The applications of all schemas, each with its document's name, that can be read. Raises `DocumentRefused`."""
    parts: dict[str, Part] = {}
    by_action: dict[str, Part] = {}
    for document, text in schemas:
        if text not in parts:
            part = parts[text] = _part(document, text)
            for name in part.actions:
                if name in by_action:
                    raise DocumentRefused((Problem(document, 1, f"two applications have an action `{name}`"),))
                by_action[name] = part
    if not parts:
        return None
    actions = {name: part.actions[name] for name, part in by_action.items()}
    return Application(parts, by_action, actions, frozenset().union(*(part.names for part in parts.values())))


@dataclass(frozen=True, slots=True)
class Declared:
    """What a schema says of one type: the attributes, those of them that are relations, what its entities can be in."""

    attributes: frozenset[str]
    relations: frozenset[str]
    within: frozenset[str]


class _Narrowed:
    """Entities as one application declares them. What it does not declare, none of its policies can look at."""

    __slots__ = ("_declared", "_known")

    def __init__(self, known: Lookup, declared: Mapping[str, Declared]) -> None:
        self._known, self._declared = known, declared

    def get(self, ref: EntityRef, /) -> Known | None:
        """What the application sees of it."""
        known, declared = self._known.get(ref), self._declared.get(ref.type)
        if known is None or declared is None:
            return known
        attributes = {name: value for name, value in known.attributes.items() if name in declared.attributes}
        return Known(attributes, frozenset(one for one in known.ancestors if one.type in declared.within))


def _part(document: str, text: str) -> Part:
    schema = cedarpy.Schema.from_str(text)
    actions: dict[str, tuple[EntityRef, frozenset[EntityRef]]] = {}
    for one in json.loads(str(cedarpy.Entities.from_json_str("[]", schema))):
        ref = _ref(one["uid"])
        if ref.id in actions:
            raise DocumentRefused((Problem(document, 1, f"two actions are named `{ref.id}`"),))
        actions[ref.id] = ref, frozenset(_ref(parent) for parent in one["parents"])
    return Part(schema, actions, frozenset(_WORD.findall(str(schema))), _declared(str(schema)))


def _declared(text: str) -> Mapping[str, Declared]:
    """What a schema declares of each type; nothing if it has namespaces: then entities must fit it whole."""
    if re.search(r"^namespace ", text, re.MULTILINE):
        return {}
    bodies = {found["type"]: found["body"] or "" for found in _ENTITY.finditer(text)}
    direct = {
        found["type"]: frozenset(name.strip() for name in (found["in"] or "").split(",") if name.strip())
        for found in _ENTITY.finditer(text)
    }
    return {
        type_: Declared(frozenset(_ATTRIBUTE.findall(body)), frozenset(_RELATION.findall(body)), _above(type_, direct))
        for type_, body in bodies.items()
    }


def _above(type_: str, direct: Mapping[str, frozenset[str]]) -> frozenset[str]:
    found: set[str] = set()
    waiting = [type_]
    while waiting:
        for one in direct.get(waiting.pop(), frozenset()) - found:
            found.add(one)
            waiting.append(one)
    return frozenset(found)


def _ref(uid: Mapping[str, str]) -> EntityRef:
    return EntityRef(uid["type"], uid["id"])
