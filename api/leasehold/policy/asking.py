"""A request in Cedar's terms: what the caller says, typed by schema, beside what the registry knows.

No context is made here: a slice of policies makes what it looks at, for the rest would be most of a decision's time.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple, cast

from leasehold.model.access_requests import AccessRequest
from leasehold.model.decisions import Reason
from leasehold.model.entities import USER, Entity, EntityRef
from leasehold.policy.cedar.contexts import query_of as called_query
from leasehold.policy.cedar.evaluation import Call, Query
from leasehold.policy.cedar.known import Known, Lookup, Overlay, refs_in
from leasehold.policy.cedar.naming import cedar_name, cedar_ref
from leasehold.policy.cedar.values import EvaluationError, Network, Value, network
from leasehold.policy.cedar.vocabulary import relation_ref
from leasehold.policy.foreign import context_of, part_of, seen_entities
from leasehold.policy.published import ActionFacts, Desk, Published, Standing
from leasehold.policy.relating import related

_UNKNOWN = Known({}, frozenset())
_NONE: frozenset[str] = frozenset()
_made = tuple.__new__  # every decision makes several named tuples; their own constructors cost three times as much


class Refused(Exception):
    """The question cannot be asked so. `detail` says what is wrong, and never holds a value."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class Question(NamedTuple):
    """A request, as far as both sides share it. `claimed` is the resource with what the caller says of it, if any."""

    call: Call
    desk: Desk
    claimed: Known | None
    published: Published

    @property
    def action(self) -> ActionFacts:
        """The action that it asks for."""
        return self.desk.action

    @property
    def request(self) -> AccessRequest:
        """What was asked."""
        return self.call.request

    @property
    def resource(self) -> EntityRef:
        """What it is about, under the name that policies have for its type."""
        return self.call.resource


class Party(NamedTuple):
    """One side's principal: who it is and what is known of it. `on_behalf_of` and `via_agent` are the other side's."""

    ref: EntityRef
    known: Known
    on_behalf_of: EntityRef | None = None
    via_agent: EntityRef | None = None


def question_of(request: AccessRequest, published: Published) -> Question:
    """The request, typed. Raises `Refused`, or `ValueRefused` for a value that has no place in the schema."""
    desk = published.desks.get(request.action)
    if desk is None:
        raise Refused(Reason.UNKNOWN_ACTION, "action: no tool server and no application has it")
    name, _, _, mapper, facts = desk[0]
    source = caller = None
    if mapper is None:
        said: Value = _foreign(request, desk.action, published)
    else:  # all of it, whether or not a policy looks at it: wrong is wrong
        said = mapper(request.arguments)
        if request.source is not None:
            source = _address(request.source)
        if request.context:
            caller = published.caller(request.context)
    entity = request.resource
    resource = entity.ref
    if cedar_name(resource[0]) != resource[0]:
        resource = cedar_ref(resource)
    claimed = None
    if entity.attributes or resource[0] in published.vocabulary.relations:
        claimed = _claimed(entity, resource, desk.action, published)
    call = _made(Call, (name, resource, request, facts, said, source, caller))
    return _made(Question, (call, desk, claimed, published))


def open_question(request: AccessRequest, resource: EntityRef, published: Published) -> Question:
    """The question before arguments are looked at. Its action must be one that somebody has."""
    desk = published.desks[request.action]
    call = Call(desk.action.ref, resource, request, desk.action.facts, {}, None, None)
    claimed = None
    if resource.type in published.vocabulary.relations:
        claimed = _claimed(Entity(ref=resource), resource, desk.action, published)
    return Question(call, desk, claimed, published)


def party_of(
    entity: Entity, question: Question, on_behalf_of: EntityRef | None = None, via_agent: EntityRef | None = None
) -> Party:
    """A principal as registered. Raises `Refused` for one that nobody knows.

    Another application's caller may bring subjects, and say of them what is not known, but not what they are in.
    Groups come with a login, and so with the person that an agent acts for.
    """
    ref = cedar_ref(entity.ref)
    known = question.published.facts.known.get(ref)
    if question.action.tool is None and entity.attributes:
        registered = known or _UNKNOWN  # what is said is typed where the application looks at it
        known = Known({**entity.attributes, **registered.attributes}, registered.ancestors)
    if known is None:
        raise Refused(Reason.ENTITY_MISSING, "subject: not registered")
    if entity.parents and entity is question.request.user and question.action.tool is not None:
        known = joined(known, entity, question.published)
    return _made(Party, (ref, known, on_behalf_of, via_agent))


def joined(known: Known, user: Entity, published: Published) -> Known:
    """Somebody known, in the groups that came with them besides, and in all that the registry puts those into."""
    registered = published.facts.known
    above = [registered[one].ancestors for one in user.parents if one in registered]
    return known._replace(ancestors=known.ancestors.union(user.parents, *above))


def _brought(question: Question) -> dict[EntityRef, Known]:
    """The person whom the agent acts for, where groups came with them. They make nobody known."""
    user, published = question.request.user, question.published
    if user is None or not user.parents or question.action.tool is None:
        return {}
    known = published.facts.known.get(user.ref)
    return {user.ref: joined(known, user, published)} if known is not None else {}


def user_standing(user: Entity, desk: Desk, published: Published) -> Standing | None:
    """Where a person stands. With groups of a login it is looked up anew each time: tokens differ in them."""
    standing = desk.users[user.ref[1]]
    if standing is None or not user.parents:
        return standing
    return published.user_standings.standing(user.ref, joined(standing.known, user, published), desk.action)


def query_of(question: Question, party: Party, names: frozenset[str] | None = None) -> Query:
    """One side's question, with its context; of a tool call's, only these names if some are given."""
    entities = entities_of(question, party)
    if question.action.tool is None:
        context = _foreign_context(question, party)
        return Query(party.ref, question.action.ref, question.resource, context, entities)
    return called_query(question.call, (party.ref, party.on_behalf_of, party.via_agent), entities, names)


def entities_of(question: Question, party: Party) -> Lookup:
    """What is known of entities: before it, what the question says of its resource, and the relations to that."""
    call, desk, claimed, published = question
    if desk.action.tool is None:
        return _foreign_entities(question, party)
    brought, person = _brought(question), _person(question)
    if claimed is None and not brought and person is None:
        return published.entities
    own = {**brought, party.ref: party.known}
    if claimed is not None:  # who is what it is about has come with groups all the same
        before = own.get(call.resource, _UNKNOWN)
        own[call.resource] = Known({**before.attributes, **claimed.attributes}, before.ancestors | claimed.ancestors)
    if person is not None:
        own[person] = _with_relations(person, own.get(person) or published.entities.get(person) or _UNKNOWN, question)
    about = {call.resource} if call.resource.type in published.vocabulary.relations else set[EntityRef]()
    for target in about if person is None else about | {person}:
        above = (own.get(target) or published.entities.get(target) or _UNKNOWN).ancestors
        for one in (party.ref, party.on_behalf_of, party.via_agent):
            if one is not None:
                known = own.get(one) or published.entities.get(one) or _UNKNOWN
                own[one] = related(one, known, (target, above), published.facts.relations)
    return Overlay(own, published.entities)


def _foreign_entities(question: Question, party: Party) -> Lookup:
    call, desk, claimed, published = question
    own = {party.ref: party.known}
    if claimed is not None:  # who is what it is about is both
        before = own.get(call.resource, _UNKNOWN)
        own[call.resource] = Known({**before.attributes, **claimed.attributes}, before.ancestors | claimed.ancestors)
    others = [one for one in (party.on_behalf_of, party.via_agent) if one is not None]
    asked = [party.ref, call.resource, *others, *refs_in(call.said)]
    return seen_entities(own, asked, part_of(desk.action, published), published)


def _person(question: Question) -> EntityRef | None:
    """The person of a tool call, where policies ask who acts on their behalf, or has another relation to people."""
    if not question.published.to_people or question.action.tool is None:
        return None
    user, subject = question.request.user, question.request.subject.ref
    if user is not None:
        return user.ref if user.ref.type == USER else None
    return subject if subject.type == USER else None


def _foreign_context(question: Question, party: Party) -> dict[str, Value]:
    """What the caller says, and of the parties what the application's schema has a place for."""
    names = part_of(question.action, question.published).names
    parties = {"on_behalf_of": party.on_behalf_of, "via_agent": party.via_agent}
    spoken = {name: ref for name, ref in parties.items() if ref and name in names}
    return {**cast("Mapping[str, Value]", question.call.said), **spoken}


def _foreign(request: AccessRequest, action: ActionFacts, published: Published) -> Value:
    if request.arguments:
        raise Refused(Reason.SCHEMA_VIOLATION, "arguments: only a tool takes them")
    return context_of(request, part_of(action, published), published)


def _claimed(entity: Entity, ref: EntityRef, action: ActionFacts, published: Published) -> Known:
    """The resource with the caller's claims and, where tools ask, its relations."""
    known = published.facts.known.get(ref) or _UNKNOWN
    claims = _claims(entity, ref, action, published) if entity.attributes else {}
    return Known({**claims, **known.attributes, **_relations_to(ref, action, published)}, known.ancestors)


def _with_relations(ref: EntityRef, known: Known, question: Question) -> Known:
    return known._replace(attributes={**known.attributes, **_relations_to(ref, question.action, question.published)})


def _relations_to(ref: EntityRef, action: ActionFacts, published: Published) -> dict[str, Value]:
    """Each relation that something can have to it, as the entity that all who have it are in.

    An application declares it.
    """
    names = published.vocabulary.relations.get(ref.type, _NONE)
    return {} if action.tool is None else {name: relation_ref(ref, name) for name in names}


def _claims(entity: Entity, ref: EntityRef, action: ActionFacts, published: Published) -> Mapping[str, object]:
    if action.tool is None:
        return entity.attributes
    mapper = published.properties.get(ref.type)
    return mapper(entity.attributes) if mapper is not None else {}  # type: ignore[return-value]  # of a record's shape


@lru_cache(maxsize=4096)
def _address(text: str) -> Network:
    try:
        found = network(text)
    except EvaluationError:
        raise Refused(Reason.SCHEMA_VIOLATION, "source: not an IP address") from None
    if found.prefix != found.bits:
        raise Refused(Reason.SCHEMA_VIOLATION, "source: a network, not an address")
    return found
