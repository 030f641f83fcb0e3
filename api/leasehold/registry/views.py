"""Live objects with what is computed about them, in a number of reads that does not grow with theirs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from leasehold.model.access import is_live
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.leases import deployment_node
from leasehold.model.objects import Spec, Stored
from leasehold.model.pins import ToolPin
from leasehold.model.records import Filters
from leasehold.registry.ports import UnitOfWork
from leasehold.registry.writes import View


def view(unit: UnitOfWork, stored: Stored[Spec], now: datetime) -> View:
    """One object with its computed attributes."""
    return views(unit, stored.kind, [stored], now)[0]


def views(unit: UnitOfWork, kind: Kind, found: Sequence[Stored[Spec]], now: datetime) -> list[View]:
    """Objects of one kind with their computed attributes."""
    match kind:
        case Kind.DEPLOYMENTS:
            epochs = unit.nodes.generations(deployment_node(s.name) for s in found)
            return [View(s, {"epoch": epochs.get(deployment_node(s.name), 0)}) for s in found]
        case Kind.GRANT_SETS:
            live = live_grants(unit, frozenset(s.name for s in found))
            return [View(s, {"live_grants": live.get(s.name, [])}) for s in found]
        case Kind.GRANTS:
            return [View(s, {"expired": isinstance(s.spec, Grant) and not is_live(s.spec, now)}) for s in found]
        case Kind.TOOL_PINS:
            return [View(s, {"digest": s.spec.digest} if isinstance(s.spec, ToolPin) else {}) for s in found]
        case _:
            return [View(s) for s in found]


def live_grants(unit: UnitOfWork, agents: frozenset[str]) -> dict[str, list[str]]:
    """The grants of each agent by name, sorted. One that has expired still lives here until it is deleted."""
    by_agent: dict[str, list[str]] = {}
    for name in unit.objects.names(Kind.GRANTS, Filters(agents=agents)) if agents else ():
        by_agent.setdefault(name.partition("/")[0], []).append(name)  # a grant's name starts with its agent's
    return by_agent
