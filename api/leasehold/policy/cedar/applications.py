"""Actions that no tool server has: other applications', each of which brings the Cedar schema of its own entities.

Applications share people and things, and none has to describe what only another asks about: of a registered entity each
sees the attributes and the ancestors that its own schema declares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import cedarpy
from cedarpy import pst

from leasehold.model.entities import EntityRef
from leasehold.policy.cedar.cedar_engine import entities_of, request_of
from leasehold.policy.cedar.declaring import Declarations, declarations_of
from leasehold.policy.cedar.evaluation import Query
from leasehold.policy.cedar.index import uid_of
from leasehold.policy.cedar.statements import DocumentRefused, Problem, Statement

_WORD = re.compile(r"\w+", re.ASCII)
_NO_POLICIES = cedarpy.PolicySet.from_str("")


@dataclass(frozen=True, slots=True)
class Part:
    """One application: its schema, its actions by name, each with the groups that it is in, and every name in it."""

    schema: cedarpy.Schema
    actions: Mapping[str, tuple[EntityRef, frozenset[EntityRef]]]
    names: frozenset[str]
    declared: Declarations = field(default_factory=Declarations)

    def fits(self, query: Query) -> bool:
        """True iff the question is one that the schema knows: then no policy of it can fail."""
        try:
            entities = cedarpy.Entities.from_json_str(entities_of(query), self.schema)
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
        declared = (one for part in self.parts.values() for one in part.declared.types.items())
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


def within(application: Application | None, schema: str | None, statement: Statement) -> Statement:
    """The statement, of its application's actions alone where it names none: no other schema was it written for."""
    if application is None or schema is None or not isinstance(statement.template.action, pst.ScopeAny):
        return statement
    uids = tuple(uid_of(ref) for ref, _ in application.parts[schema].actions.values())
    return replace(statement, template=replace(statement.template, action=pst.ActionIn(uids)))


def _part(document: str, text: str) -> Part:
    schema = cedarpy.Schema.from_str(text)
    actions: dict[str, tuple[EntityRef, frozenset[EntityRef]]] = {}
    for one in json.loads(str(cedarpy.Entities.from_json_str("[]", schema))):
        ref = _ref(one["uid"])
        if ref.id in actions:
            raise DocumentRefused((Problem(document, 1, f"two actions are named `{ref.id}`"),))
        actions[ref.id] = ref, frozenset(_ref(parent) for parent in one["parents"])
    return Part(schema, actions, frozenset(_WORD.findall(str(schema))), declarations_of(str(schema)))


def _ref(uid: Mapping[str, str]) -> EntityRef:
    return EntityRef(uid["type"], uid["id"])
