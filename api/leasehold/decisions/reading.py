"""The registry as decisions see it: read whole once, then change by change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from leasehold.decisions.ports import UnitOfWork
from leasehold.model.access import applies, reach_of_grant
from leasehold.model.ceilings import within_ceilings
from leasehold.model.directory import Relation, Resource, User
from leasehold.model.entities import AGENT, EntityRef
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.people import Agent, Owner
from leasehold.model.policies import Policy
from leasehold.model.records import Filters
from leasehold.model.tools import Scope
from leasehold.policy.holdings import HeldReach
from leasehold.policy.material import PolicyText, text_of

READ = (
    Kind.OWNERS,
    Kind.AGENTS,
    Kind.TOOL_SERVERS,
    Kind.TOOL_PINS,
    Kind.SCOPES,
    Kind.CEILINGS,
    Kind.POLICIES,
    Kind.USERS,
    Kind.RESOURCES,
    Kind.RELATIONS,
)
"""Kept in memory. Grants are not: there can be millions, and what they say is in the holdings."""
PAGE = 5000
S = TypeVar("S", bound=Spec)


@dataclass(frozen=True, slots=True)
class Seen:
    """Every object that decisions depend on, but for grants, as of one change of the registry."""

    sequence: int
    objects: Mapping[Kind, Mapping[str, Spec]]

    def of(self, kind: Kind, noun: type[S]) -> dict[str, S]:
        """The objects of one kind by name."""
        return {name: spec for name, spec in self.objects[kind].items() if isinstance(spec, noun)}


def read_all(unit: UnitOfWork) -> Seen:
    """All of it."""
    objects = {kind: {one.name: one.spec for one in unit.objects.list(kind)} for kind in READ}
    return Seen(unit.changes.latest(), objects)


def read_again(unit: UnitOfWork, seen: Seen, names: Mapping[Kind, Iterable[str]], sequence: int) -> Seen:
    """The same, with these objects as they are now, or gone."""
    objects = dict(seen.objects)
    for kind in READ:
        if wanted := set(names.get(kind, ())):
            found = {name: stored.spec for name, stored in unit.objects.named(kind, wanted).items()}
            objects[kind] = {n: s for n, s in objects[kind].items() if n not in wanted} | found
    return Seen(sequence, objects)


def policy_texts(seen: Seen) -> tuple[PolicyText, ...]:
    """The policies as they are published."""
    return tuple(text_of(name, one) for name, one in sorted(seen.of(Kind.POLICIES, Policy).items()))


def read_grants(unit: UnitOfWork, seen: Seen) -> Iterator[HeldReach]:
    """What every agent holds."""
    bounds = _Bounds(seen)
    after = ""
    while page := unit.objects.list(Kind.GRANTS, after=after, limit=PAGE):
        for one in page:
            yield from bounds.held(one.name, one.spec)
        after = page[-1].name


def read_grants_of(unit: UnitOfWork, seen: Seen, agents: frozenset[str]) -> dict[str, list[HeldReach]]:
    """What these agents hold, each with an entry."""
    bounds = _Bounds(seen)
    found: dict[str, list[HeldReach]] = {agent: [] for agent in agents}
    for one in unit.objects.list(Kind.GRANTS, filters=Filters(agents=agents)):
        for held in bounds.held(one.name, one.spec):
            found[held.holder.id].append(held)
    return found


def held_of(seen: Seen, grants: Mapping[str, Spec]) -> Iterator[HeldReach]:
    """What these grants come to, by name."""
    bounds = _Bounds(seen)
    for name, grant in sorted(grants.items()):
        yield from bounds.held(name, grant)


class _Bounds:
    """Grants, held under the ceilings that bound their agents."""

    def __init__(self, seen: Seen) -> None:
        self._agents, self._owners = seen.of(Kind.AGENTS, Agent), seen.of(Kind.OWNERS, Owner)
        self._scopes, self._ceilings = seen.of(Kind.SCOPES, Scope), seen.of(Kind.CEILINGS, Ceiling)
        self._over: dict[str, Mapping[str, Ceiling]] = {}

    def held(self, name: str, grant: Spec) -> Iterator[HeldReach]:
        if not isinstance(grant, Grant) or grant.agent not in self._agents:
            return
        for reach in within_ceilings(reach_of_grant(grant, self._scopes), self._above(grant.agent), self._scopes):
            holder = EntityRef(AGENT, grant.agent)
            yield HeldReach(holder=holder, reach=reach, name=name, expires_at=grant.expires_at)

    def _above(self, name: str) -> Mapping[str, Ceiling]:
        known = self._over.get(name)
        if known is None:
            agent = self._agents[name]
            owner = self._owners[agent.owner]
            known = {
                ceiling: one
                for ceiling, one in self._ceilings.items()
                if applies(one, agent_name=name, agent=agent, owner=owner)
            }
            self._over[name] = known
        return known


def directory_objects(seen: Seen) -> tuple[Mapping[str, User], list[Resource], list[Relation]]:
    """People, things and relations."""
    return (
        seen.of(Kind.USERS, User),
        list(seen.of(Kind.RESOURCES, Resource).values()),
        list(seen.of(Kind.RELATIONS, Relation).values()),
    )
