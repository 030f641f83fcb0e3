"""The registry's people, things and relations as entities that policies speak of.

INVARIANT: one person is one entity, `user::"<registry name>"`, by whichever of their foreign ids a caller knows them:
a policy that forbids somebody cannot be walked around by another of their ids.
"""

from __future__ import annotations

import decimal
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from leasehold.model.directory import AttributeValue, Decimal, Relation, Resource, User, entity_id
from leasehold.model.entities import AGENT, GATHERINGS, ROLE, TEAM, Entity, EntityRef, Relationship
from leasehold.model.people import Agent, AgentState, Owner, OwnerState

_MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Directory:
    """Who is known by which id. `ids` and `names` are of people, by type in policies."""

    ids: Mapping[EntityRef, str]
    names: Mapping[EntityRef, str]

    def ref(self, type_: str, id_: str) -> EntityRef:
        """The entity that a caller means. An id of somebody goes before a name of somebody."""
        said = EntityRef(type_, id_)
        name = self.ids.get(said)
        return said if name is None else EntityRef(said.type, name)

    def shown(self, ref: EntityRef) -> str:
        """The id by which a caller knows an entity: of a person the first foreign one."""
        return self.names.get(ref, ref.id)

    def is_person(self, ref: EntityRef) -> bool:
        """True for people that the registry knows."""
        return ref in self.names

    def people(self, type_: str) -> Iterator[EntityRef]:
        """All known people of a type."""
        return (ref for ref in self.names if ref.type == type_)


def directory_of(users: Mapping[str, User]) -> Directory:
    """Who is known."""
    ids = {EntityRef(user.type, one): name for name, user in users.items() for one in user.ids}
    names = {EntityRef(user.type, name): min(user.ids) for name, user in users.items()}
    return Directory(ids, names)


def entities_of(
    agents: Mapping[str, Agent],
    owners: Mapping[str, Owner],
    users: Mapping[str, User],
    resources: Iterable[Resource],
    relations: Iterable[Relation],
) -> Iterator[Entity]:
    """Every entity. An agent that is suspended, or whose owner is disabled, is none: nobody decides in its favour."""
    directory = directory_of(users)
    within = _memberships(directory, relations)
    for name, agent in agents.items():
        owner = owners.get(agent.owner)
        if owner is not None and owner.state is OwnerState.ACTIVE and agent.state is AgentState.ACTIVE:
            ref = EntityRef(AGENT, name)
            facts: dict[str, object] = {"owner": agent.owner, "environment": agent.environment}
            yield Entity(
                ref=ref, attributes=facts, parents=within.get(ref, frozenset()) | {EntityRef(TEAM, owner.team)}
            )
    for name, user in users.items():
        ref = EntityRef(user.type, name)
        roles = frozenset(EntityRef(ROLE, role) for role in user.roles)
        yield Entity(ref=ref, attributes=attributes_of(user), parents=roles | within.get(ref, frozenset()))
    for one in resources:
        ref = directory.ref(one.type, one.foreign_id)
        parents = frozenset(entity_ref(directory, parent) for parent in one.parents)
        if not directory.is_person(ref):  # of a person, the user object tells
            yield Entity(ref=ref, attributes=attributes_of(one), parents=parents | within.get(ref, frozenset()))
    yield from _gatherings(users, within)


def relationships_of(directory: Directory, relations: Iterable[Relation]) -> Iterator[Relationship]:
    """Every durable tuple."""
    for one in relations:
        yield Relationship(
            entity_ref(directory, one.object), one.relation, entity_ref(directory, one.subject), one.through
        )


def joins(relation: Relation) -> bool:
    """True if the subject is in the object by it."""
    gathers = entity_id(relation.object, "object").type in GATHERINGS
    return gathers and relation.relation == _MEMBER and relation.through in {None, _MEMBER}


def _memberships(directory: Directory, relations: Iterable[Relation]) -> dict[EntityRef, frozenset[EntityRef]]:
    """`group:eng#member@user:ana` puts Ana into `group::"eng"`; so for teams and roles."""
    found: dict[EntityRef, frozenset[EntityRef]] = {}
    for one in relations:
        if joins(one):
            below, above = entity_ref(directory, one.subject), entity_ref(directory, one.object)
            found[below] = found.get(below, frozenset()) | {above}
    return found


def _gatherings(users: Mapping[str, User], within: Mapping[EntityRef, frozenset[EntityRef]]) -> Iterator[Entity]:
    named = {EntityRef(ROLE, role) for user in users.values() for role in user.roles}
    named |= {one for above in within.values() for one in above}
    named |= {one for one in within if one.type in GATHERINGS}
    yield from (Entity(ref=ref, parents=within.get(ref, frozenset())) for ref in sorted(named))


def attributes_of(spec: User | Resource) -> dict[str, object]:
    """What policies can ask of a person or a thing."""
    email = {"email": spec.email} if isinstance(spec, User) and spec.email is not None else {}
    return {**email, **_attributes(spec.attributes)}


def _attributes(attributes: Mapping[str, AttributeValue]) -> dict[str, object]:
    return {name: _value(value) for name, value in attributes.items()}


def _value(value: AttributeValue) -> object:
    return decimal.Decimal(value.decimal) if isinstance(value, Decimal) else value


def entity_ref(directory: Directory, text: str) -> EntityRef:
    """The entity that `type:id` names in a relation, or among parents."""
    named = entity_id(text, "an entity")
    return directory.ref(named.type, named.id)
