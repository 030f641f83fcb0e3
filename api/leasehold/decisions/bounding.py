"""Whose grants say something else after a change to what bounds them: only those agents are read again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from leasehold.decisions.ports import UnitOfWork
from leasehold.decisions.reading import Seen
from leasehold.model.access import applies
from leasehold.model.grants import Ceiling
from leasehold.model.kinds import Kind
from leasehold.model.people import Agent, Owner
from leasehold.model.tools import Scope

_NONE: frozenset[str] = frozenset()


def bound_anew(unit: UnitOfWork, before: Seen, after: Seen, names: Mapping[Kind, Iterable[str]]) -> frozenset[str]:
    """The agents with grants that a change to these owners, tool servers, scopes or ceilings bounds anew.

    What a ceiling reached before the change counts as much as what it reaches now. A grant or an agent that is new,
    changed or gone is a change of its own, and not looked for here.
    """
    changed = {kind: frozenset(names.get(kind, ())) for kind in Kind}
    found = set(_granted(unit, Kind.TOOL_SERVERS, changed[Kind.TOOL_SERVERS]))
    found |= set(_granted(unit, Kind.SCOPES, changed[Kind.SCOPES] | _on(changed[Kind.TOOL_SERVERS], after)))
    owners = after.of(Kind.OWNERS, Owner)
    ceilings = [*_ceilings(before, changed), *_ceilings(after, changed)]
    for name, agent in after.of(Kind.AGENTS, Agent).items():
        owner = owners[agent.owner]
        if agent.owner in changed[Kind.OWNERS] or any(
            applies(one, agent_name=name, agent=agent, owner=owner) for one in ceilings
        ):
            found.add(name)
    return frozenset(found)


def _granted(unit: UnitOfWork, kind: Kind, names: Iterable[str]) -> Iterator[str]:
    """The agents with a grant that refers to one of these; a grant's name begins with its agent's."""
    for name in names:
        for referring, referrer in unit.objects.referrers(kind, name):
            if referring is Kind.GRANTS:
                yield referrer.partition("/")[0]


def _on(servers: frozenset[str], seen: Seen) -> frozenset[str]:
    """The scopes on these tool servers. One that was moved elsewhere has changed itself."""
    if not servers:
        return _NONE
    return frozenset(name for name, scope in seen.of(Kind.SCOPES, Scope).items() if scope.tool_server in servers)


def _ceilings(seen: Seen, changed: Mapping[Kind, frozenset[str]]) -> Iterator[Ceiling]:
    """Ceilings that changed, or of which a scope did."""
    for name, ceiling in seen.of(Kind.CEILINGS, Ceiling).items():
        if name in changed[Kind.CEILINGS] or not changed[Kind.SCOPES].isdisjoint(ceiling.scopes):
            yield ceiling
