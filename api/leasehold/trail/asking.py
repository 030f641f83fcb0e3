"""Asks the trail: events by whom and what they are about, how far it is signed for, and proofs out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from leasehold.model.errors import NotFound
from leasehold.model.trail.checkpoints import Checkpoint
from leasehold.model.trail.queries import Found, Place, TrailQuery
from leasehold.model.trail.tree import consistency_proof, inclusion_proof
from leasehold.trail.exporting import subtree
from leasehold.trail.ports import Store


@dataclass(frozen=True, slots=True)
class FoundPage:
    """Events, newest first; `before` is where to go on, None on the last page."""

    items: Sequence[Found]
    before: Place | None


@dataclass(frozen=True, slots=True)
class Inclusion:
    """That an event is in the tree that a checkpoint speaks of."""

    position: int
    leaf: bytes
    proof: Sequence[bytes]
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Consistency:
    """That the trail of one size is the beginning of the one that a checkpoint speaks of."""

    size: int
    proof: Sequence[bytes]
    checkpoint: Checkpoint


def find_events(store: Store, query: TrailQuery, before: Place | None, limit: int) -> FoundPage:
    """A page of events."""
    with store.read() as unit:
        found = unit.trail.search(query, before, limit + 1)
    return FoundPage(found[:limit], found[limit - 1].place if len(found) > limit else None)


def last_checkpoint(store: Store) -> Checkpoint:
    """The newest checkpoint. Raises `NotFound` while there is none."""
    with store.read() as unit:
        last = unit.trail.last_checkpoint()
    if last is None:
        raise NotFound("checkpoint", "")
    return last


def prove_inclusion(store: Store, position: int) -> Inclusion:
    """That the event at this place is signed for. Raises `NotFound` if it is not yet."""
    with store.read() as unit:
        last = unit.trail.last_checkpoint()
        if last is None or position >= last.size:
            raise NotFound("audit event", str(position))
        leaf = unit.trail.hashes(0, position, 1)[0]
        proof = inclusion_proof(position, last.size, partial(subtree, unit.trail))
    return Inclusion(position, leaf, proof, last)


def prove_consistency(store: Store, size: int) -> Consistency:
    """That the trail goes on from a checkpoint of this size. Raises `NotFound` beyond what is signed for."""
    with store.read() as unit:
        last = unit.trail.last_checkpoint()
        if last is None or size > last.size:
            raise NotFound("checkpoint", str(size))
        proof = consistency_proof(size, last.size, partial(subtree, unit.trail))
    return Consistency(size, proof, last)
