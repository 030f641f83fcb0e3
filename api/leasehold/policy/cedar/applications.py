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
from leasehold.policy.cedar.declaring import NOTHING, Declarations, declarations_of
from leasehold.policy.cedar.evaluation import Query
from leasehold.policy.cedar.index import uid_of
from leasehold.policy.cedar.shapes import RecordShape
from leasehold.policy.cedar.statements import DocumentRefused, Problem, Statement
from leasehold.policy.cedar.values import Value

_WORD = re.compile(r"\w+", re.ASCII)
_NO_POLICIES = cedarpy.PolicySet.from_str("")


@dataclass(frozen=True, slots=True)
class Part:
    """One application: its schema, its actions by name, each with the groups that it is in, and every name in it."""

    schema: cedarpy.Schema
    actions: Mapping[str, tuple[EntityRef, frozenset[EntityRef]]]
    names: frozenset[str]
    declared: Declarations = field(default_factory=Declarations)

    def askers(self, action: str) -> frozenset[str]:
        """The types of who can ask for an action."""
        return self.declared.actions.get(action, NOTHING).principals

    def misfit(self, query: Query) -> str | None:
        """What makes it a question that the schema does not know; None if it knows it: then no policy can fail."""
        try:
            entities = cedarpy.Entities.from_json_str(entities_of(query), self.schema)
            answer = cedarpy.is_authorized(request_of(query), _NO_POLICIES, entities, self.schema)
        except ValueError:
            return self._why(query)
        return self._why(query) if answer.decision is cedarpy.Decision.NoDecision else None

    def _why(self, query: Query) -> str:
        """Cedar would say so with all that it was given: more than anybody should read."""
        applies = self.declared.actions.get(query.action.id, NOTHING)
        if query.principal.type not in self.askers(query.action.id):
            return f"subject: a `{query.principal.type}` cannot ask for `{query.action.id}`"
        if query.resource.type not in applies.resources:
            return f"resource: `{query.action.id}` is not done to a `{query.resource.type}`"
        lacking = _lacking("context", applies.context, query.context)
        for ref in (query.principal, query.resource):
            declared, known = self.declared.types.get(ref.type), query.entities.get(ref)
            if declared is not None and known is not None:
                lacking += _lacking(ref.type, declared.shape, known.attributes)
        return f"{lacking[0]}: is required" if lacking else "the application's schema has no such question"


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


def _lacking(path: str, shape: RecordShape, values: Mapping[str, Value]) -> list[str]:
    return [f"{path}.{name}" for name, one in shape.fields if one.required and name not in values]


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
