"""Which questions it raises that facts moved: of whom and of what policies may decide otherwise, saying the same.

A person, a thing, a group, an agent that is known otherwise, or that somebody is related to who was not. What is
alike is asked once: people of whom the same is known before and after, and whom no policy names; as things.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

from cedarpy import pst

from leasehold.model.entities import AGENT, GATHERINGS, USER, EntityRef
from leasehold.model.patterns import covers
from leasehold.model.policies import PolicySide
from leasehold.policy.cedar.index import ref_of
from leasehold.policy.cedar.known import Known, same_known
from leasehold.policy.cedar.naming import cedar_name
from leasehold.policy.cedar.reading import attributes_named
from leasehold.policy.proving.questions import Holder, holdings, spoken
from leasehold.policy.proving.terms import NotModelled
from leasehold.policy.published import Published
from leasehold.policy.relating import StoredRelations

Ends = Mapping[tuple[EntityRef, str], frozenset[EntityRef]]
_MOST, _TOO_MANY = 20_000, "facts about too many people and things move at once"
_NOT_THINGS = GATHERINGS | {AGENT, USER}


class Matter(NamedTuple):
    """Whom an agent acts for (None: itself) and on what (None: on whatever else), and how many others are alike.

    `apart` are the things that are asked about by name. `untold`: why nobody can say whom and what it is.
    """

    user: EntityRef | None
    resource: EntityRef | None
    apart: frozenset[EntityRef] = frozenset()
    alike: int = 0
    untold: str = ""


@dataclass(frozen=True, slots=True)
class _Looks:
    """What the policies about one action look at: attributes and relations by name, entities by id, on which sides."""

    attributes: frozenset[str]
    named: frozenset[EntityRef]
    sides: frozenset[PolicySide]


class Raised:
    """The facts of two versions, compared once."""

    def __init__(self, old: Published, new: Published) -> None:
        self._both = old, new
        self.looks = cache(self._looks)
        self._near = cache(self._related_to)
        self._people_alike = cache(self._alike)
        self._known = cache(lambda ref: tuple(_seen(one.facts.known.get(ref)) for one in self._both))

    @cached_property
    def moved(self) -> Mapping[EntityRef, tuple[Known | None, Known | None]]:
        """Every entity that is known otherwise."""
        was, now = (one.facts.known for one in self._both)
        if was is now:
            return {}
        pairs = ((ref, was.get(ref), now.get(ref)) for ref in was.keys() | now.keys())
        return {ref: (before, after) for ref, before, after in pairs if not same_known(before, after)}

    @cached_property
    def ends(self) -> tuple[Ends, Ends]:
        """Who is named in relations, in either version. Raises `NotModelled` for relations that are kept elsewhere."""
        return _ends(self._both[0]), _ends(self._both[1])

    @cached_property
    def retied(self) -> Mapping[tuple[EntityRef, str], frozenset[EntityRef]]:
        """Every relation that somebody has in one version alone, and who."""
        was, now = self.ends
        none = frozenset[EntityRef]()
        moved = {place: was.get(place, none) ^ now.get(place, none) for place in was.keys() | now.keys()}
        return {place: who for place, who in moved.items() if who}

    def is_quiet(self) -> bool:
        """True if all facts are the same."""
        return not self.moved and not self.retied

    def matters(self, action: str, agent: EntityRef) -> list[Matter]:
        """All that is to be asked of an agent's calls of a tool. Raises `NotModelled` where that is too much."""
        looks = self.looks(action)
        if not looks.sides or self.is_quiet():
            return []
        asked = set(self._asked(agent, looks))
        if len(asked) > _MOST:
            raise NotModelled(_TOO_MANY)
        return sorted(self._distinct(asked, action, agent, looks), key=lambda one: (str(one.user), str(one.resource)))

    def has_ties(self, action: str) -> bool:
        """True if policies about the action look at relations."""
        return bool(self.looks(action).attributes & self._relations)

    def _asked(self, agent: EntityRef, looks: _Looks) -> Iterator[tuple[EntityRef | None, EntityRef | None]]:
        """Whom and what it may bear on, one by one."""
        moved = {ref for ref in self.moved if self._is_seen(ref, looks)}
        retied = {place: who for place, who in self.retied.items() if place[1] in looks.attributes}
        for_all = agent in moved or any(ref.type in GATHERINGS for ref in moved)
        things = {ref for ref in moved if ref.type not in _NOT_THINGS}
        people = {ref for ref in moved if ref.type == USER}
        for (target, _), who in retied.items():
            mine = agent in who or bool(who & self._above(agent))
            others = {one for one in who if one.type == USER}
            if target.type == USER:
                people.add(target)
            elif target.type in GATHERINGS:
                for_all = True
            elif mine or any(one.type in GATHERINGS for one in who):
                things.add(target)
            else:
                yield from ((user, target) for user in others if PolicySide.USER in looks.sides)
        yield from self._pairs(self._people if for_all else people, things, agent, looks)
        if agent in moved:
            yield from ((None, thing) for thing in self._near(agent, looks))

    def _pairs(
        self, people: Iterable[EntityRef], things: set[EntityRef], agent: EntityRef, looks: _Looks
    ) -> Iterator[tuple[EntityRef | None, EntityRef | None]]:
        if PolicySide.AGENT in looks.sides:
            yield from ((None, thing) for thing in things)
        if PolicySide.USER not in looks.sides:
            return  # nobody lets an agent do anything for a person
        if not looks.attributes & self._relations:
            yield from ((user, None) for user in people)
            yield from ((user, thing) for user in self._people_alike(looks) for thing in things)
            return
        if len(things) * len(self._people) > _MOST:
            raise NotModelled(_TOO_MANY)
        for user in people:
            yield user, None
            yield from ((user, thing) for thing in self._near(user, looks) | self._near(agent, looks))
        yield from ((user, thing) for user in self._people for thing in things)

    @cached_property
    def _people(self) -> frozenset[EntityRef]:
        return frozenset(ref for one in self._both for ref in one.facts.known if ref.type == USER)

    def _alike(self, looks: _Looks) -> Mapping[EntityRef, int]:
        """One of those people who are alike to policies, with how many there are."""
        first: dict[Hashable, EntityRef] = {}
        many: dict[EntityRef, int] = {}
        for one in sorted(self._people):
            rep = first.setdefault(self._kind(one, looks), one)
            many[rep] = many.get(rep, 0) + 1
        return many

    def _above(self, ref: EntityRef) -> frozenset[EntityRef]:
        """Everything that it is in, in either version."""
        known = (one.facts.known.get(ref) for one in self._both)
        return frozenset[EntityRef]().union(*(one.ancestors for one in known if one is not None))

    def _related_to(self, ref: EntityRef, looks: _Looks) -> frozenset[EntityRef]:
        """The things that it may be related to, itself, by its groups, or by those of a login."""
        if not looks.attributes & self._relations:
            return frozenset()
        who = self._above(ref) | {ref}
        return frozenset(
            target
            for ends in self.ends
            for (target, name), those in ends.items()
            if name in looks.attributes and target.type not in _NOT_THINGS
            if who & those or (ref.type == USER and any(one.type in GATHERINGS for one in those))
        )

    @cached_property
    def _relations(self) -> frozenset[str]:
        return frozenset(name for ends in self.ends for _, name in ends)

    def _is_seen(self, ref: EntityRef, looks: _Looks) -> bool:
        """True unless what moved of it is nothing that these policies look at."""
        was, now = self.moved[ref]
        if was is None or now is None:
            return True
        names = {name for name in was.attributes.keys() | now.attributes.keys() if was.differs(now, name)}
        groups = was.ancestors ^ now.ancestors
        ties = bool(looks.attributes & self._relations)
        return bool(names & looks.attributes or groups & looks.named or (groups and ties))

    def _looks(self, action: str) -> _Looks:
        templates, sides = list[pst.Template](), set[PolicySide]()
        for side in PolicySide:
            said = [one.statement.template for version in self._both for _, one in spoken(version, side, action)]
            if said:
                sides.add(side)
            templates += said
        attributes = frozenset[str]().union(*map(attributes_named, templates))
        return _Looks(attributes, frozenset(ref for one in templates for ref in _named(one)), frozenset(sides))

    def _distinct(
        self,
        asked: Iterable[tuple[EntityRef | None, EntityRef | None]],
        action: str,
        agent: EntityRef,
        looks: _Looks,
    ) -> Iterator[Matter]:
        """One of those that are decided alike, with the number of the others."""
        held = [one for of in self._both for one in holdings(of, PolicySide.AGENT, action, Holder(agent))]
        patterns = {one.rule.resource for one in held}
        rules = [(cedar_name(kind), rest) for kind, _, rest in (one.partition(":") for one in sorted(patterns))]
        apart = _apart(asked)
        found: dict[Hashable, Matter] = {}
        for user, thing in sorted(asked, key=str):
            aside = apart.get(user, frozenset()) if thing is None else frozenset[EntityRef]()
            key = self._kind(user, looks), self._kind(thing, looks, rules), self._ties(user, agent, thing, looks), aside
            first = found.get(key, Matter(user, thing, aside, -1))
            found[key] = first._replace(alike=first.alike + self._many(user, thing, looks))
        yield from found.values()

    def _many(self, user: EntityRef | None, thing: EntityRef | None, looks: _Looks) -> int:
        """How many people one stands for who is asked about with a thing."""
        if user is None or thing is None or looks.attributes & self._relations:
            return 1
        return self._people_alike(looks).get(user, 1)

    def _kind(self, ref: EntityRef | None, looks: _Looks, rules: Iterable[tuple[str, str]] = ()) -> Hashable:
        """What policies and grants see of it, in both versions."""
        if ref is None or ref in looks.named:
            return ref
        return ref.type, self._known(ref), tuple(kind == ref.type and covers(rest, ref.id) for kind, rest in rules)

    def _ties(self, user: EntityRef | None, agent: EntityRef, thing: EntityRef | None, looks: _Looks) -> Hashable:
        """How the three are related, in both versions."""
        if not looks.attributes & self._relations:
            return None
        found: list[Hashable] = []
        for version, ends in zip(self._both, self.ends, strict=True):
            known = version.facts.known
            for target in (thing, user):
                for party in (agent, user):
                    if target is not None and party is not None:
                        above = known[party].ancestors if party in known else frozenset()
                        found.append(version.facts.relations.held(above | {party}, target))
                if target is not None:
                    found.append(_groups_to(target, ends))
        return tuple(found)


def _ends(version: Published) -> Ends:
    relations = version.facts.relations
    if not isinstance(relations, StoredRelations):
        raise NotModelled("relations that are kept elsewhere")
    return relations.ends()


def _groups_to(target: EntityRef, ends: Ends) -> Hashable:
    """The groups that are named as having a relation to it."""
    return frozenset(
        (name, one) for (to, name), those in ends.items() if to == target for one in those if one.type in GATHERINGS
    )


def _apart(
    asked: Iterable[tuple[EntityRef | None, EntityRef | None]],
) -> Mapping[EntityRef | None, frozenset[EntityRef]]:
    """The things that are asked about by name, for each person."""
    apart: dict[EntityRef | None, set[EntityRef]] = {}
    for user, thing in asked:
        if thing is not None:
            apart.setdefault(user, set()).add(thing)
    return {user: frozenset(things) for user, things in apart.items()}


def _seen(known: Known | None) -> Hashable:
    if known is None:
        return None
    return tuple(
        sorted((name, type(one).__name__, str(one)) for name, one in known.attributes.items())
    ), known.ancestors


def _named(template: pst.Template) -> Iterator[EntityRef]:
    """Every entity that a policy writes out, in its scope too."""
    for scope in (template.principal, template.resource):
        match scope:
            case pst.ScopeEq(entity) | pst.ScopeIn(entity) | pst.ScopeIsIn(_, entity):
                yield ref_of(entity)
            case _:
                pass
    yield from (ref_of(uid) for clause in template.clauses for uid in pst.entity_uids(clause))
