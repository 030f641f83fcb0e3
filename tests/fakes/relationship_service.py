"""A relationship service that speaks as OpenFGA does (tuples, usersets, check, read), and the port on top of it."""

from __future__ import annotations

from collections.abc import Iterable

from leasehold.model.entities import EntityRef, Relationship
from leasehold.policy.cedar.naming import cedar_ref


class RelationshipService:
    """`user` of a tuple is `type:id`, or `type:id#relation` for everybody who has that relation."""

    def __init__(self, relationships: Iterable[Relationship]) -> None:
        self._tuples = {
            (f"{one.subject}#{one.through}" if one.through else str(one.subject), one.relation, str(one.object))
            for one in relationships
        }

    def check(self, user: str, relation: str, target: str) -> bool:
        """Whether `user` has it, by every userset that leads there."""
        reached, size = {user}, 0
        while len(reached) != size:
            size = len(reached)
            reached |= {f"{to}#{name}" for user_, name, to in self._tuples if user_ in reached}
        return f"{target}#{relation}" in reached

    def read(self) -> Iterable[tuple[str, str]]:
        """Every relation and object that some tuple names."""
        return {(relation, target) for _, relation, target in self._tuples}


class ServedRelations:
    """`Relations` of the model, each answer put together from checks."""

    def __init__(self, service: RelationshipService) -> None:
        self._service = service

    def types(self) -> frozenset[str]:
        """Every type of object that has relations."""
        return frozenset(cedar_ref(_ref(target)).type for _, target in self._service.read())

    def names(self, object_type: str) -> frozenset[str]:
        """Every relation that some object of the type has."""
        return frozenset(name for name, target in self._service.read() if cedar_ref(_ref(target)).type == object_type)

    def held(self, subjects: frozenset[EntityRef], target: EntityRef) -> frozenset[str]:
        """The relations to the target that one of the subjects has."""
        there = ((name, one) for name, one in self._service.read() if cedar_ref(_ref(one)) == target)
        return frozenset(name for name, one in there if self._one_has(subjects, name, one))

    def targets(self, subjects: frozenset[EntityRef], relation: str) -> frozenset[EntityRef]:
        """Everything that one of the subjects has the relation to."""
        there = (target for name, target in self._service.read() if name == relation)
        return frozenset(cedar_ref(_ref(one)) for one in there if self._one_has(subjects, relation, one))

    def _one_has(self, subjects: frozenset[EntityRef], relation: str, target: str) -> bool:
        return any(self._service.check(str(one), relation, target) for one in subjects)


def _ref(text: str) -> EntityRef:
    type_, _, id_ = text.partition(":")
    return EntityRef(type_, id_)
