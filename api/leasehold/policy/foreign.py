"""Questions of other applications in the words of their schemas: what is said, what is registered, who has relations.

Nothing here is on the way of a tool call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from leasehold.model.access_requests import AccessRequest
from leasehold.model.entities import GATHERINGS, RELATION, USER, EntityRef
from leasehold.policy.cedar.applications import Part
from leasehold.policy.cedar.declared_values import DeclaredEntities, said
from leasehold.policy.cedar.declaring import NOTHING
from leasehold.policy.cedar.known import Known, Lookup, Overlay, refs_in
from leasehold.policy.cedar.mapping import ValueRefused
from leasehold.policy.cedar.values import Value
from leasehold.policy.published import ActionFacts, Published
from leasehold.policy.relating import related

_UNKNOWN = Known({}, frozenset())
_MOST = 100_000


def part_of(action: ActionFacts, published: Published) -> Part:
    """The application whose action it is."""
    assert published.application is not None  # noqa: S101  an action without a tool is some application's
    return published.application.by_action[action.ref.id]


def context_of(request: AccessRequest, part: Part, published: Published) -> Value:
    """What the caller says, of the types that the schema has for it. Raises `ValueRefused`."""
    return said(part.declared.actions.get(request.action, NOTHING).context, request.context, published.facts.ids)


def seen_entities(
    own: Mapping[EntityRef, Known], asked: Iterable[EntityRef], part: Part, published: Published
) -> Lookup:
    """What the application sees of entities, `own` of this question first.

    Whom it asks about are in the relations that they have to all that can be reached from the question.
    """
    known, facts = Overlay(own, published.entities), published.facts
    entities = DeclaredEntities(known, part.declared.types, facts.ids)
    if not any(one.relations for one in part.declared.types.values()):
        return entities
    who, types = tuple(asked), facts.relations.types()
    reached = [one for one in _reached(who, entities) if one.type in types or (one.type == USER and types & GATHERINGS)]
    if len(who) * len(reached) > _MOST:
        raise ValueRefused("context", "names more entities than relations can be looked up between")
    targets = [(one, (known.get(one) or _UNKNOWN).ancestors) for one in reached]
    within = dict(own)
    for ref in who:
        found = known.get(ref) or _UNKNOWN
        for target in targets:
            found = related(ref, found, target, facts.relations)
        if found is not _UNKNOWN:
            within[ref] = found
    return DeclaredEntities(Overlay(within, published.entities), part.declared.types, facts.ids)


def _reached(asked: Iterable[EntityRef], entities: Lookup) -> list[EntityRef]:
    """Everything that an expression could come to, by the attributes of what it comes to."""
    found: dict[EntityRef, None] = {}
    waiting = list(asked)
    while waiting:
        ref = waiting.pop()
        if ref not in found and ref.type != RELATION:
            found[ref] = None
            known = entities.get(ref)
            waiting += refs_in(known.attributes) if known is not None else ()
    return list(found)
