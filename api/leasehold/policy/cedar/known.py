"""What is known of entities, typed, with everything that each is in, however far above."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from leasehold.model.entities import Entity, EntityRef
from leasehold.policy.cedar.mapping import ValueRefused, mapped
from leasehold.policy.cedar.naming import cedar_ref
from leasehold.policy.cedar.values import CedarSet, Value

_NO_ONE: frozenset[EntityRef] = frozenset()


class Known(NamedTuple):
    """One entity: its attributes, and every entity that it is in."""

    attributes: Mapping[str, Value]
    ancestors: frozenset[EntityRef]

    def differs(self, other: Known, name: str) -> bool:
        """True if an attribute is not the same of both: Python alone takes `true` for `1`."""
        pair = self.attributes.get(name), other.attributes.get(name)
        return type(pair[0]) is not type(pair[1]) or pair[0] != pair[1]


def same_known(one: Known | None, other: Known | None) -> bool:
    """True if the same is known of both."""
    if one is None or other is None or one is other:
        return one is other
    return one == other and not any(one.differs(other, name) for name in one.attributes)


class Lookup(Protocol):
    """Where an engine finds entities. A plain dict is one."""

    def get(self, ref: EntityRef, /) -> Known | None:
        """What is known of it."""
        ...


class Overlay:
    """Entities of one question, before those that everybody knows."""

    __slots__ = ("_known", "_own")

    def __init__(self, own: Mapping[EntityRef, Known], known: Lookup) -> None:
        self._own, self._known = own, known

    def get(self, ref: EntityRef, /) -> Known | None:
        """What is known of it, here or there."""
        return self._own.get(ref) or self._known.get(ref)


def known_entities(entities: Iterable[Entity]) -> dict[EntityRef, Known]:
    """All of them, their ancestors closed.

    Raises `ValueRefused` for an attribute that Cedar has no value for, and for what is in itself: Cedar knows no such
    thing, and what a policy would see of it depended on where one begins.
    """
    parents: dict[EntityRef, frozenset[EntityRef]] = {}
    attributes: dict[EntityRef, Mapping[str, Value]] = {}
    shared: dict[frozenset[EntityRef], frozenset[EntityRef]] = {}
    for one in entities:
        ref = cedar_ref(one.ref)
        of = frozenset(map(cedar_ref, one.parents)) if one.parents else _NO_ONE
        parents[ref] = shared.setdefault(of, of)
        attributes[ref] = named_attributes(one)
    closed: dict[frozenset[EntityRef], frozenset[EntityRef]] = {}
    for of in shared:
        _close(of, parents, closed)
    return {ref: Known(attributes[ref], closed[of]) for ref, of in parents.items()}


def named_attributes(entity: Entity) -> dict[str, Value]:
    """The entity's attributes, typed. Raises `ValueRefused` with its type, and the attribute's name."""
    try:
        return {name: _renamed(value) for name, value in mapped(entity.attributes).items()}
    except ValueRefused as refused:
        raise ValueRefused(f"{entity.ref.type}.{refused.path}", refused.why) from None


def refs_in(value: Value) -> Iterator[EntityRef]:
    """Every entity that a value names, at any depth."""
    match value:
        case EntityRef():
            yield value
        case dict():
            for one in value.values():
                yield from refs_in(one)
        case CedarSet():
            yield from (one for one in value if isinstance(one, EntityRef))


def _renamed(value: Value) -> Value:
    match value:
        case EntityRef():
            return cedar_ref(value)
        case dict():
            return {name: _renamed(one) for name, one in value.items()}
        case CedarSet():
            return CedarSet(_renamed(one) for one in value)
        case _:
            return value


def _close(
    of: frozenset[EntityRef],
    parents: Mapping[EntityRef, frozenset[EntityRef]],
    closed: dict[frozenset[EntityRef], frozenset[EntityRef]],
) -> None:
    """Everything above, however far: of each set of parents once, those above it first."""
    waiting, begun = [of], set[frozenset[EntityRef]]()
    while waiting:
        now = waiting[-1]
        above = [parents[one] for one in now if one in parents]
        open_ = [one for one in above if one not in closed]
        if now in closed or not open_:
            closed.setdefault(now, now.union(*(closed[one] for one in above if one in closed)))
            waiting.pop()
        elif now in begun:
            raise ValueRefused(str(next(one for one in sorted(now) if _comes_round(one, parents))), "is in itself")
        else:
            begun.add(now)
            waiting += open_


def _comes_round(start: EntityRef, parents: Mapping[EntityRef, frozenset[EntityRef]]) -> bool:
    seen, waiting = set[EntityRef](), [start]
    while waiting:
        above = parents.get(waiting.pop(), _NO_ONE) - seen
        seen |= above
        waiting += above
    return start in seen
