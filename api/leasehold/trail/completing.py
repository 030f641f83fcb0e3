"""Whom an event is about, as far as the registry knows: looked up when it gets its place, never on its way there.

A lease tells its agent, its person and its deployment, a deployment its agent, an agent its owner: as it was when it
happened, for every version of every object is kept. What an event says itself counts more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime

from leasehold.model.events import AuditEvent
from leasehold.model.kinds import Kind
from leasehold.model.leases import Lease
from leasehold.model.records import AuditRecord, Version
from leasehold.model.trail.queries import Facets, facets_of
from leasehold.trail.ports import UnitOfWork

_MANY = 10_000
_OF_AGENTS = frozenset({Kind.DEPLOYMENTS.value, Kind.WORKLOAD_BINDINGS.value})
_Key = tuple[Kind, str]


class Parties:
    """Looks up. What was read is kept until the registry changes."""

    def __init__(self) -> None:
        self._histories: dict[_Key, Sequence[Version]] = {}
        self._sequence = -1

    def of(self, unit: UnitOfWork, records: Sequence[AuditRecord]) -> list[Facets]:
        """Whom each of these events is about. Raises `Unavailable`."""
        events = [record.event for record in records]
        said = [facets_of(event) for event in events]
        leases = unit.leases.find_all({one.lease for one in said if one.lease is not None})
        known = [_with_lease(one, leases.get(one.lease or "")) for one in said]
        above = [_above(one, event) for one, event in zip(known, events, strict=True)]
        self._read(unit, (key for keys in above for key in keys))
        agents = [
            one.agent or self._named(keys, "agent", event.at)
            for one, keys, event in zip(known, above, events, strict=True)
        ]
        self._read(unit, ((Kind.AGENTS, agent) for agent in agents if agent is not None))
        return [
            replace(one, agent=agent, owner=one.owner or self._owner(agent, event.at))
            for one, agent, event in zip(known, agents, events, strict=True)
        ]

    def _owner(self, agent: str | None, at: datetime) -> str | None:
        return self._named([(Kind.AGENTS, agent)], "owner", at) if agent is not None else None

    def _read(self, unit: UnitOfWork, keys: Iterable[_Key]) -> None:
        """Have the versions of these names. Of what is not there, that is remembered too."""
        sequence = unit.changes.latest()
        if sequence != self._sequence or len(self._histories) > _MANY:
            self._histories, self._sequence = {}, sequence
        if missing := {key for key in keys if key not in self._histories}:
            self._histories |= dict.fromkeys(missing, ()) | dict(unit.versions.histories(missing))

    def _named(self, keys: Iterable[_Key], attribute: str, at: datetime) -> str | None:
        for key in keys:
            value = _then(self._histories[key], at).get(attribute)
            if isinstance(value, str):
                return value
        return None


def _with_lease(said: Facets, lease: Lease | None) -> Facets:
    """With what the lease tells that the event does not."""
    if lease is None:
        return said
    owner = next((one.node for one in lease.ancestors if one.node.startswith("owner:")), None)
    told = Facets(
        agent=lease.agent,
        user=lease.subject.removeprefix("user:") if lease.subject.startswith("user:") else None,
        owner=owner.removeprefix("owner:") if owner is not None else None,
        deployment=lease.deployment,
    )
    return Facets(**{one.name: getattr(said, one.name) or getattr(told, one.name) for one in fields(Facets)})


def _above(known: Facets, event: AuditEvent) -> list[_Key]:
    """The objects that name the agent, where the event does not."""
    if known.agent is not None:
        return []
    own = [(Kind(event.kind), event.name)] if event.kind in _OF_AGENTS and event.name else []
    return own or ([(Kind.DEPLOYMENTS, known.deployment)] if known.deployment is not None else [])


def _then(history: Sequence[Version], at: datetime) -> Mapping[str, object]:
    """What an object said at a moment; of what was gone by then, its last word."""
    specs = [(version.at, version.spec) for version in history if version.spec is not None]
    before = [spec for since, spec in specs if since <= at]
    return before[-1] if before else (specs[0][1] if specs else {})
