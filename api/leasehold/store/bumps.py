"""Nodes bumped in a transaction, on their way into the revocation stream.

Whoever bumps a node or ends a lease need not think of the stream: the unit of work empties this into it right before it
commits. The audit event that follows a bump in its transaction says who did it and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from leasehold.model.events import AuditEvent
from leasehold.model.leases import Node
from leasehold.model.revocations import RevocationEvent

ENDED_GENERATION = 1
"""Of a lease's own node. It has no row before; every token of the lease carries, unsaid, generation 0 of it."""


@dataclass(frozen=True, slots=True)
class _Cause:
    """Who bumped, why and when."""

    actor: str
    reason: str
    at: datetime


class Bumps:
    """The bumps of one transaction, each node once, in the order of the first."""

    def __init__(self) -> None:
        self._generations: dict[Node, int] = {}
        self._causes: dict[Node, _Cause] = {}
        self.changed = False
        """True once the transaction wrote to the registry, whether or not that ends anything."""

    def add(self, node: Node, generation: int) -> None:
        """Remember a bump."""
        self._generations[node] = max(generation, self._generations.get(node, 0))

    def explain(self, event: AuditEvent) -> None:
        """Give a cause to all that have none yet."""
        reason = event.reason or str(event.detail.get("reason") or f"{event.action} {event.kind}/{event.name}")
        cause = _Cause(event.principal, reason, event.at)
        for node in self._generations.keys() - self._causes.keys():
            self._causes[node] = cause

    def events(self, last: int, now: datetime) -> Sequence[RevocationEvent]:
        """The events behind sequence `last`; `now` is the time of those that nobody explained."""
        unexplained = _Cause("", "", now)
        return [
            RevocationEvent(
                sequence=sequence,
                node=node,
                generation=generation,
                reason=(cause := self._causes.get(node, unexplained)).reason,
                actor=cause.actor,
                at=cause.at,
            )
            for sequence, (node, generation) in enumerate(self._generations.items(), start=last + 1)
        ]

    def __bool__(self) -> bool:
        return bool(self._generations)
