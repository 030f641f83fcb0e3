"""The whole live picture, or all of it that concerns one stack, as of one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from leasehold.model.access import applies
from leasehold.model.grants import Ceiling
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec, Stored, references
from leasehold.model.people import Agent, Owner
from leasehold.model.records import Filters
from leasehold.registry.policies import version_now
from leasehold.registry.ports import Store, UnitOfWork
from leasehold.registry.views import views
from leasehold.registry.writes import View

_OF_AGENTS = (Kind.GRANTS, Kind.GRANT_SETS, Kind.WORKLOAD_BINDINGS, Kind.DEPLOYMENTS)
Found = dict[Kind, dict[str, Stored[Spec]]]


@dataclass(frozen=True, slots=True)
class Mark:
    """What a picture depends on: two pictures of one mark and one stack are equal.

    Time alone turns a grant into an expired one, so that their number counts too.
    """

    sequence: int
    expired: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every object by kind, in the order of names; the version is of all policies, whatever the stack."""

    mark: Mark
    stack: str | None
    policy_version: str
    objects: Mapping[Kind, Sequence[View]]


def take_snapshot(store: Store, stack: str | None, unless: Mark | None, now: datetime) -> Snapshot | None:
    """The picture, or None if the caller has it already."""
    with store.read() as unit:
        mark = Mark(unit.changes.latest(), unit.objects.expired(Kind.GRANTS, now))
        if mark == unless:
            return None
        found = _everything(unit) if stack is None else _of_stack(unit, stack)
        objects = {k: views(unit, k, [found[k][n] for n in sorted(found[k])], now) for k in Kind}
        return Snapshot(mark, stack, version_now(unit), objects)


def _everything(unit: UnitOfWork) -> Found:
    return {kind: _by_name(unit.objects.list(kind)) for kind in Kind}


def _of_stack(unit: UnitOfWork, stack: str) -> Found:
    found = {kind: _by_name(unit.objects.list(kind, filters=Filters(stack=stack))) for kind in Kind}
    agents = {name: s.spec for name, s in found[Kind.AGENTS].items() if isinstance(s.spec, Agent)}
    for kind in _OF_AGENTS:
        found[kind].update(_by_name(unit.objects.list(kind, filters=Filters(agents=frozenset(agents)))))
    found[Kind.CEILINGS].update(_ceilings_over(unit, agents))
    _close(unit, found)
    return found


def _ceilings_over(unit: UnitOfWork, agents: Mapping[str, Agent]) -> dict[str, Stored[Spec]]:
    owners = unit.objects.named(Kind.OWNERS, {agent.owner for agent in agents.values()})
    bounded = [(n, a, o.spec) for n, a in agents.items() if isinstance((o := owners[a.owner]).spec, Owner)]
    return {
        c.name: c
        for c in unit.objects.list(Kind.CEILINGS)
        if isinstance(c.spec, Ceiling)
        and any(applies(c.spec, agent_name=n, agent=a, owner=o) for n, a, o in bounded if isinstance(o, Owner))
    }


def _close(unit: UnitOfWork, found: Found) -> None:
    """Add what the found objects refer to, and what that refers to, until nothing is missing."""
    fresh = [stored for by_name in found.values() for stored in by_name.values()]
    while fresh:
        missing: dict[Kind, set[str]] = {}
        for reference in (r for stored in fresh for r in references(stored.name, stored.spec)):
            if reference.name not in found[reference.kind]:
                missing.setdefault(reference.kind, set()).add(reference.name)
        fresh = []
        for kind, names in missing.items():
            added = unit.objects.named(kind, names)
            found[kind].update(added)
            fresh.extend(added.values())


def _by_name(listed: Sequence[Stored[Spec]]) -> dict[str, Stored[Spec]]:
    return {stored.name: stored for stored in listed}
