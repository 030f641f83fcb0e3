"""The end of workloads: one generation up, and everything that hung on one is dead at the next look."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from leasehold.clusters.ports import Store
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.leases import Node
from leasehold.model.workloads import STANDING_GENERATION, issuer_of

KEPT = timedelta(minutes=15)
"""How long it is remembered that a workload is gone: longer than any server may go on without having heard of it."""

_AT_ONCE = 200  # other writers get their turn between


def end_workloads(store: Store, nodes: Iterable[Node], reason: str, now: datetime) -> int:
    """End what hangs on these nodes, durable before this returns; how many ended here. Raises `Unavailable`.

    A node on which nothing ever hung is left alone, and so is one that another server ended.
    """
    with store.read() as unit:
        known = unit.nodes.generations(nodes)
    standing = sorted(node for node, generation in known.items() if generation == STANDING_GENERATION)
    batches = (standing[at : at + _AT_ONCE] for at in range(0, len(standing), _AT_ONCE))
    return sum(_end(store, batch, reason, now) for batch in batches)


def forget_workloads(store: Store, now: datetime) -> int:
    """Forget those that are long gone; how many. Raises `Unavailable`."""
    with store.begin() as unit:
        return unit.workloads.forget(now - KEPT)


def _end(store: Store, nodes: Iterable[Node], reason: str, now: datetime) -> int:
    ended = 0
    with store.begin() as unit:
        for node in nodes:
            if unit.workloads.end(node, now):
                unit.nodes.bump(node)
                unit.audit.append(_ended(node, reason, now))
                ended += 1
    return ended


def _ended(node: Node, reason: str, now: datetime) -> AuditEvent:
    return AuditEvent(
        at=now,
        principal=f"cluster:{issuer_of(node)}",
        action="end",
        kind="workloads",
        name=node,
        outcome=Outcome.OK,
        reason=reason,
    )
