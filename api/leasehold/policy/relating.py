"""Relations of the registry's own: who is owner, viewer, member of what, directly, by a group, or through another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from leasehold.model.entities import ACTS_ON_BEHALF_OF, GATHERINGS, USER, EntityRef, Relations, Relationship
from leasehold.policy.cedar.known import Known
from leasehold.policy.cedar.naming import cedar_ref
from leasehold.policy.cedar.vocabulary import relation_ref

_NONE: frozenset[str] = frozenset()


class StoredRelations:
    """Relations out of relationships, all in memory. `Relations` of the model says what they answer."""

    def __init__(self, relationships: Iterable[Relationship] = ()) -> None:
        self._of: dict[EntityRef, dict[str, set[tuple[EntityRef, str | None]]]] = {}
        self._names: dict[str, set[str]] = {}
        for one in relationships:
            target = cedar_ref(one.object)
            subjects = self._of.setdefault(target, {}).setdefault(one.relation, set())
            subjects.add((cedar_ref(one.subject), one.through))
            self._names.setdefault(target.type, set()).add(one.relation)

    def names(self, object_type: str) -> frozenset[str]:
        """Every relation that some object of the type has."""
        return frozenset(self._names.get(object_type, ()))

    def types(self) -> frozenset[str]:
        """Every type of object that has relations."""
        return frozenset(self._names)

    def ends(self) -> Mapping[tuple[EntityRef, str], frozenset[EntityRef]]:
        """Every relation to every target, with all that are named as having it, themselves or through another."""
        return {(target, name): self._ends(target, name) for target, of in self._of.items() for name in of}

    def held(self, subjects: frozenset[EntityRef], target: EntityRef) -> frozenset[str]:
        """The relations to the target that one of the subjects has."""
        of = self._of.get(target)
        if of is None:
            return _NONE
        return frozenset(name for name in of if self._holds(subjects, target, name))

    def targets(self, subjects: frozenset[EntityRef], relation: str) -> frozenset[EntityRef]:
        """Everything that one of the subjects has the relation to."""
        having = (target for target, of in self._of.items() if relation in of)
        return frozenset(target for target in having if self._holds(subjects, target, relation))

    def _ends(self, target: EntityRef, relation: str) -> frozenset[EntityRef]:
        seen, found, waiting = set[tuple[EntityRef, str]](), set[EntityRef](), [(target, relation)]
        while waiting:
            place = waiting.pop()
            if place not in seen:
                seen.add(place)
                of = self._of.get(place[0], {}).get(place[1], ())
                found |= {subject for subject, through in of if through is None}
                waiting += [(subject, through) for subject, through in of if through is not None]
        return frozenset(found)

    def _holds(self, subjects: frozenset[EntityRef], target: EntityRef, relation: str) -> bool:
        seen: set[tuple[EntityRef, str]] = set()
        waiting = [(target, relation)]
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            for subject, through in self._of.get(place[0], {}).get(place[1], ()):
                if through is None and subject in subjects:
                    return True
                if through is not None:
                    waiting.append((subject, through))
        return False


NO_RELATIONS = StoredRelations()


def related(
    ref: EntityRef, known: Known, target: tuple[EntityRef, frozenset[EntityRef]], relations: Relations
) -> Known:
    """The same, in the relations to the target that they have, themselves or by what they are in.

    Who acts on behalf of a group does so for each that is in it; nothing else is passed on to members.
    """
    who = known.ancestors | {ref}
    to, above = target
    held = relations.held(who, to)
    if to.type == USER and ACTS_ON_BEHALF_OF not in held:
        types = relations.types()
        groups = (one for one in above if one.type in types and one.type in GATHERINGS)
        if any(ACTS_ON_BEHALF_OF in relations.held(who, one) for one in groups):
            held |= {ACTS_ON_BEHALF_OF}
    return known._replace(ancestors=known.ancestors | {relation_ref(to, name) for name in held})
