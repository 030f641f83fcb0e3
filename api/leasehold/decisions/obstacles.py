"""What stands in the way of publishing: a tool whose schema nobody can read, attributes that contradict, circles.

Written all the same, it would leave nothing to decide on, and so deny everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from leasehold.decisions.assembling import State, facts_in
from leasehold.decisions.reading import Seen
from leasehold.model.directory import Relation, Resource, User, entity_id
from leasehold.model.entities import ACTS_ON_BEHALF_OF, USER
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.tools import ToolServer
from leasehold.policy.assessing import vocabulary_of
from leasehold.policy.cedar.mapping import ValueRefused, native
from leasehold.policy.cedar.naming import cedar_name, cedar_ref
from leasehold.policy.cedar.shapes import EMPTY, ShapesDiffer, joined, record_of_all
from leasehold.policy.cedar.statements import DocumentRefused
from leasehold.policy.directory import attributes_of, entity_ref, joins
from leasehold.policy.material import FactsRefused, tools_of


def obstacles(name: str, spec: ToolServer | User | Resource | Relation, state: State) -> Iterator[str]:
    """Why nothing could be published beside this object."""
    if isinstance(spec, ToolServer):
        yield from _of_tools(name, spec, state)
    elif isinstance(spec, Relation):
        yield from _of_relation(spec, state)
    else:
        yield from _of_attributes(name, spec, state)


def _of_tools(name: str, server: ToolServer, state: State) -> Iterator[str]:
    facts = replace(state.published.facts, tools=tuple(tools_of({name: server})))
    try:
        vocabulary_of(facts)
    except DocumentRefused as refused:
        yield from (f"{one.document}: {one.message}" for one in refused.problems)


def _of_relation(relation: Relation, state: State) -> Iterator[str]:
    type_ = entity_id(relation.object, "object").type
    if relation.relation == ACTS_ON_BEHALF_OF:  # to a group, it is one to the people in it
        type_ = USER
    shape = state.published.facts.types.get(cedar_name(type_), EMPTY)
    if relation.relation in {name for name, _ in shape.fields}:
        yield f"`{relation.relation}` is an attribute of `{type_}`, and cannot be a relation to it"
    if joins(relation):
        yield from _in_itself(relation.subject, [relation.object], state)


def _of_attributes(name: str, spec: User | Resource, state: State) -> Iterator[str]:
    type_, facts = cedar_name(spec.type), state.published.facts
    attributes = attributes_of(spec)
    if isinstance(spec, Resource):
        yield from _in_itself(f"{spec.type}:{spec.foreign_id}", spec.parents, state)
    ours = {ACTS_ON_BEHALF_OF} if type_ == USER else set[str]()
    for one in sorted((facts.relations.names(type_) | ours) & attributes.keys()):
        yield f"`{one}` is a relation to `{spec.type}`, and cannot be an attribute of it"
    try:
        shape = record_of_all([{key: native(value) for key, value in attributes.items()}])
        joined(facts.types.get(type_, EMPTY), shape)
    except ValueRefused as refused:
        yield str(refused)
    except ShapesDiffer:
        yield from _exactly(name, spec, state)


def _in_itself(below: str, above: Iterable[str], state: State) -> Iterator[str]:
    """Cedar knows nothing that is in itself, and no engine has to decide what that means."""
    named, known = entity_ref(state.directory, below), state.published.facts.known
    for one in above:
        ref = entity_ref(state.directory, one)
        found = known.get(cedar_ref(ref))
        if ref == named or (found is not None and cedar_ref(named) in found.ancestors):
            yield f"`{one}` is in `{below}` already: nothing is in itself"


def _exactly(name: str, spec: User | Resource, state: State) -> Iterator[str]:
    """It contradicts what is there; that may be what it replaces, and nothing else."""
    kind = Kind.USERS if isinstance(spec, User) else Kind.RESOURCES
    objects: Mapping[Kind, Mapping[str, Spec]] = {
        **state.seen.objects,
        kind: {**state.seen.objects[kind], name: spec},
    }
    try:
        facts_in(Seen(state.sequence, objects), ())
    except FactsRefused as refused:
        yield str(refused)
