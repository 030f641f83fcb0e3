"""A request in Cedar's terms: what the caller says, typed by schema, beside what the registry knows.

Of the context only what a slice of policies looks at is made: most of a decision's time would go into the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from leasehold.model.access_requests import AccessRequest, OauthMode
from leasehold.model.decisions import Reason
from leasehold.model.entities import AGENT, Entity, EntityRef
from leasehold.policy.cedar.evaluation import Query
from leasehold.policy.cedar.known import Known, Lookup, Overlay, named_attributes
from leasehold.policy.cedar.naming import cedar_ref
from leasehold.policy.cedar.values import CedarSet, EvaluationError, Network, Value, moment_of, network
from leasehold.policy.cedar.vocabulary import relation_ref
from leasehold.policy.published import ActionFacts, Published

_UNKNOWN = Known({}, frozenset())
_made = tuple.__new__  # every decision makes several named tuples; their own constructors cost three times as much


class Refused(Exception):
    """The question cannot be asked so. `detail` says what is wrong, and never holds a value."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class Question(NamedTuple):
    """A request, as far as both sides share it. `claimed` is the resource with what the caller says of it, if any."""

    request: AccessRequest
    action: ActionFacts
    resource: EntityRef
    claimed: Known | None
    given: Mapping[str, Value]
    published: Published


class Party(NamedTuple):
    """One side's principal: who it is and what is known of it. `on_behalf_of` and `via_agent` are the other side's."""

    ref: EntityRef
    known: Known
    on_behalf_of: EntityRef | None = None
    via_agent: EntityRef | None = None


def question_of(request: AccessRequest, published: Published) -> Question:
    """The request, typed. Raises `Refused`, or `ValueRefused` for a value that has no place in the schema."""
    action = published.actions.get(request.action)
    if action is None:
        raise Refused(Reason.UNKNOWN_ACTION, "action: no tool server and no application has it")
    given = _foreign(request) if action[3] is None else _given(request, action[3], published)
    entity = request.resource
    resource = cedar_ref(entity.ref)
    claimed = None
    if entity.attributes or resource[0] in published.vocabulary.relations:
        claimed = _claimed(entity, resource, action, published)
    return _made(Question, (request, action, resource, claimed, given, published))


def party_of(
    entity: Entity, question: Question, on_behalf_of: EntityRef | None = None, via_agent: EntityRef | None = None
) -> Party:
    """A principal as registered. Raises `Refused` for one that nobody knows.

    Another application's caller may bring subjects, and say of them what is not known.
    """
    ref = cedar_ref(entity.ref)
    known = question.published.facts.known.get(ref)
    if question.action.tool is None and entity.attributes:
        claims = named_attributes(entity)
        registered = known or _UNKNOWN
        known = Known({**claims, **registered.attributes}, registered.ancestors)
    if known is None:
        raise Refused(Reason.ENTITY_MISSING, "subject: not registered")
    return _made(Party, (ref, known, on_behalf_of, via_agent))


def query_of(question: Question, party: Party, names: frozenset[str] | None) -> Query:
    """One side's question, with these names of the context, or with all."""
    _, action, resource, claimed, _, published = question
    context = _context(question, party, names)
    if claimed is None and action.tool is not None:
        return _made(Query, (party[0], action[0], resource, context, published.entities))
    own = {party.ref: party.known}
    if claimed is not None:
        own[resource] = claimed
    if resource.type in published.vocabulary.relations:
        for one in (party.ref, party.on_behalf_of, party.via_agent):
            if one is not None:
                own[one] = _related(one, own.get(one) or published.entities.get(one) or _UNKNOWN, question)
    entities: Lookup = Overlay(own, published.entities)
    return Query(party.ref, action.ref, resource, context, entities)


def _context(question: Question, party: Party, names: frozenset[str] | None) -> dict[str, Value]:
    if question.action.tool is None:
        return _foreign_context(question, party)
    request, action, _, _, given, _ = question
    spoken, of_request, of_parties = _fields(names)
    context: dict[str, Value] = {}
    for name in spoken:
        if name in given:
            context[name] = given[name]
    for name, field in of_request:
        value = field(request, action)
        if value is not None:
            context[name] = value
    for name, at in of_parties:
        ref = party[at]
        if ref is not None:
            context[name] = ref
    return context


@lru_cache(maxsize=4096)
def _fields(
    names: frozenset[str] | None,
) -> tuple[tuple[str, ...], tuple[tuple[str, _Field], ...], tuple[tuple[str, int], ...]]:
    """How to make each. Another application's policy may look for what no tool call has: it fails."""
    return (
        tuple(name for name in _SPOKEN if names is None or name in names),
        tuple((name, field) for name, field in _FIELDS.items() if names is None or name in names),
        tuple((name, at) for name, at in _PARTIES.items() if names is None or name in names),
    )


def _foreign_context(question: Question, party: Party) -> dict[str, Value]:
    """What the caller says, and of the parties what the application's schema has a place for."""
    known = question.published.application
    parties = {"on_behalf_of": party.on_behalf_of, "via_agent": party.via_agent}
    part = known.by_action.get(question.action.ref.id) if known is not None else None
    spoken = {name: ref for name, ref in parties.items() if ref and part is not None and name in part.names}
    return {**question.given, **spoken}


def _oauth(request: AccessRequest, _action: ActionFacts) -> Value:
    status = request.oauth
    if status is None:
        return None
    return {"mode": _MODES[status.mode], "scopes": _scopes(status.scopes), "consent": status.consent}


_MODES = {mode: mode.value for mode in OauthMode}


@lru_cache(maxsize=4096)
def _scopes(scopes: frozenset[str]) -> CedarSet:
    return CedarSet(scopes)


_Field: TypeAlias = Callable[[AccessRequest, ActionFacts], Value]
_SPOKEN = ("input", "caller", "source_ip")
_PARTIES = {"on_behalf_of": Party._fields.index("on_behalf_of"), "via_agent": Party._fields.index("via_agent")}
_FIELDS: dict[str, _Field] = {
    "oauth": _oauth,
    "tool": lambda _, action: action.facts,
    "now": lambda request, _: moment_of(request.at),
    "weekday": lambda request, _: request.at.astimezone(UTC).isoweekday(),
    "depth": lambda request, _: len(request.chain),
    "chain": lambda request, _: CedarSet([EntityRef(AGENT, name) for name in request.chain]),
    "deployment": lambda request, _: request.deployment,
}


def _given(request: AccessRequest, arguments: Callable[[object], Value], published: Published) -> dict[str, Value]:
    """What the caller says, all of it, whether or not a policy looks at it: wrong is wrong."""
    given: dict[str, Value] = {"input": arguments(request.arguments)}
    if request.source is not None:
        given["source_ip"] = _address(request.source)
    if request.context:
        given["caller"] = published.caller(request.context)
    return given


def _foreign(request: AccessRequest) -> dict[str, Value]:
    if request.arguments:
        raise Refused(Reason.SCHEMA_VIOLATION, "arguments: only a tool takes them")
    return named_attributes(Entity(ref=EntityRef("context", ""), attributes=request.context))


def _claimed(entity: Entity, ref: EntityRef, action: ActionFacts, published: Published) -> Known:
    """The resource with the caller's claims and its relations."""
    relations = published.vocabulary.relations.get(ref.type)
    known = published.facts.known.get(ref) or _UNKNOWN
    claims = _claims(entity, ref, action, published) if entity.attributes else {}
    to = {name: relation_ref(ref, name) for name in relations or ()}
    return Known({**claims, **known.attributes, **to}, known.ancestors)


def _claims(entity: Entity, ref: EntityRef, action: ActionFacts, published: Published) -> Mapping[str, Value]:
    if action.tool is None:
        return named_attributes(entity)
    mapper = published.properties.get(ref.type)
    return mapper(entity.attributes) if mapper is not None else {}  # type: ignore[return-value]  # of a record's shape


def _related(ref: EntityRef, known: Known, question: Question) -> Known:
    """The same, in the relations to the resource that they have, themselves or by what they are in."""
    held = question.published.facts.relations.held(known.ancestors | {ref}, question.resource)
    return known._replace(ancestors=known.ancestors | {relation_ref(question.resource, name) for name in held})


@lru_cache(maxsize=4096)
def _address(text: str) -> Network:
    try:
        found = network(text)
    except EvaluationError:
        raise Refused(Reason.SCHEMA_VIOLATION, "source: not an IP address") from None
    if found.prefix != found.bits:
        raise Refused(Reason.SCHEMA_VIOLATION, "source: a network, not an address")
    return found
