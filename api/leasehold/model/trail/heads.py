"""How long the trail is, and how far those have come who are told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leasehold.model.records import AuditRecord
from leasehold.model.trail.queries import Facets
from leasehold.model.trail.records import NOTHING_BEFORE, Seal, SealedRecord, record_bytes
from leasehold.model.trail.tree import Frontier, Subtree, leaf_hash


@dataclass(frozen=True, slots=True)
class TrailHead:
    """The end of the trail: how many events have a place, the last leaf, and the subtrees that they fall into."""

    size: int = 0
    leaf: bytes = NOTHING_BEFORE
    peaks: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far an anchor or a receiver has come. `state` is its own, as JSON."""

    name: str
    position: int
    state: str = "{}"


@dataclass(frozen=True, slots=True)
class Extension:
    """What the trail grows by: events at their places, the subtrees that they complete, and its end then."""

    sealed: Sequence[SealedRecord]
    subtrees: Sequence[Subtree]
    head: TrailHead


def extend(head: TrailHead, records: Sequence[AuditRecord], abouts: Sequence[Facets]) -> Extension:
    """The trail grown by these events, in this order, each with whom it is about. Pure: nothing is written."""
    frontier, leaf = Frontier(head.size, head.peaks), head.leaf
    sealed, subtrees = list[SealedRecord](), list[Subtree]()
    for record, about in zip(records, abouts, strict=True):
        position = frontier.size
        leaf = leaf_hash(record_bytes(record, position, leaf, about))
        subtrees += frontier.append(leaf)
        sealed.append(SealedRecord(Seal(position, record.sequence, leaf, about), record))
    return Extension(sealed, subtrees, TrailHead(frontier.size, leaf, tuple(frontier.peaks)))
