"""Actions that no tool server has: another application's, which brings the Cedar schema of its own entities."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import cedarpy

from leasehold.model.entities import EntityRef
from leasehold.policy.cedar.cedar_engine import entities_of, request_of
from leasehold.policy.cedar.evaluation import Query
from leasehold.policy.cedar.statements import DocumentRefused, Problem

_WORD = re.compile(r"\w+", re.ASCII)
_NO_POLICIES = cedarpy.PolicySet.from_str("")


@dataclass(frozen=True, slots=True)
class Application:
    """Its schema, and its actions: by name, which entity each is and what groups of actions that is in."""

    schema: cedarpy.Schema
    actions: Mapping[str, tuple[EntityRef, frozenset[EntityRef]]]
    names: frozenset[str]

    def fits(self, query: Query) -> bool:
        """True iff the question is one that the schema knows: then no policy of it can fail."""
        try:
            entities = cedarpy.Entities.from_json_str(entities_of(query), self.schema)
        except ValueError:
            return False
        answer = cedarpy.is_authorized(request_of(query), _NO_POLICIES, entities, self.schema)
        return answer.decision is not cedarpy.Decision.NoDecision


def application_of(schemas: Iterable[tuple[str, str]]) -> Application | None:
    """One application of all texts of schemas, each with its document's name. Raises `DocumentRefused`."""
    texts = dict.fromkeys(text for _, text in schemas)
    if not texts:
        return None
    schema = _parsed(schemas, "\n".join(texts))
    actions: dict[str, tuple[EntityRef, frozenset[EntityRef]]] = {}
    for one in json.loads(str(cedarpy.Entities.from_json_str("[]", schema))):
        ref = _ref(one["uid"])
        if ref.id in actions:
            raise DocumentRefused((Problem(_first(schemas), 1, f"two actions are named `{ref.id}`"),))
        actions[ref.id] = ref, frozenset(_ref(parent) for parent in one["parents"])
    return Application(schema, actions, frozenset(_WORD.findall(str(schema))))


def _parsed(schemas: Iterable[tuple[str, str]], whole: str) -> cedarpy.Schema:
    try:
        return cedarpy.Schema.from_str(whole)
    except ValueError as error:
        said = str(error).partition("\n")[0][:200]
        raise DocumentRefused((Problem(_first(schemas), 1, f"the schema cannot be read: {said}"),)) from None


def _first(schemas: Iterable[tuple[str, str]]) -> str:
    return next(iter(schemas))[0]


def _ref(uid: Mapping[str, str]) -> EntityRef:
    return EntityRef(uid["type"], uid["id"])
