"""The trail as lines that prove themselves: records with their leaf hashes, and every checkpoint at its place.

| line | what |
|---|---|
| first | `format`, `origin`, `start`, `end`, and what lies before `start`: `previous` and the `peaks` of its tree |
| event | `leaf` and the `record` that hashes to it, or `pruned` |
| checkpoint | the signed note, right behind the last event that it speaks of |

A line is canonical JSON, and so is the record in it: what was hashed are the bytes between `"record":` and the last
brace.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial

from leasehold.model.events import AuditEvent
from leasehold.model.trail.records import NOTHING_BEFORE, SealedRecord, canonical_bytes, record_bytes
from leasehold.model.trail.tree import TILE, node_hash, peaks
from leasehold.policy.decision import Permit
from leasehold.trail.own_events import begun
from leasehold.trail.ports import CatchingUp, Store, Trail

FORMAT = "leasehold-audit/1"
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What to export: from a position or a time on, to before one; None for the beginning and the end.

    Of an end that is said twice, the position counts.
    """

    start: int | None = None
    end: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """An export that was begun: the positions, and the event that tells of it until it is finished."""

    places: range
    event: AuditEvent


def begin_export(store: Store, sealer: CatchingUp, permit: Permit, window: Window, now: datetime) -> Begun:
    """What to export, all of it signed for. That somebody begins to export it is an event, and one of these.

    Raises `Unavailable`.
    """
    detail = {name: str(value) for name, value in asdict(window).items() if value is not None}
    event = begun(permit, "export", "", now, detail)
    with store.begin() as unit:
        unit.audit.append(event)
    signed = sealer.catch_up()
    with store.read() as unit:
        start = _place(unit.trail, window.start, window.since, 0)
        end = _place(unit.trail, window.end, window.until, signed)
    places = range(min(start, signed), _signed_end(store, max(start, min(end, signed))))
    return Begun(places, replace(event, detail={**detail, "places": [places.start, places.stop]}))


def _place(trail: Trail, position: int | None, at: datetime | None, default: int) -> int:
    if position is not None or at is None:
        return position if position is not None else default
    found = trail.first_at(at)
    return found if found is not None else trail.head().size


def _signed_end(store: Store, end: int) -> int:
    """The next size that a checkpoint speaks of: an export ends with one."""
    with store.read() as unit:
        found = unit.trail.checkpoints(end, sys.maxsize, 1)
    return found[0].size if found else end


def export_lines(store: Store, origin: str, start: int, end: int) -> Iterator[bytes]:
    """The events from `start` to before `end`, which a checkpoint must speak of. Lines end with a newline."""
    with store.read() as unit:
        before = unit.trail.hashes(0, start - 1, 1)[0] if start else NOTHING_BEFORE
        roots = peaks(start, partial(subtree, unit.trail))
    header = {
        "format": FORMAT,
        "origin": origin,
        "start": start,
        "end": end,
        "previous": before.hex(),
        "peaks": [root.hex() for root in roots],
    }
    yield canonical_bytes(header) + b"\n"
    previous = before
    for at in range(start, end, _AT_ONCE):
        until = min(at + _AT_ONCE, end)
        with store.read() as unit:
            sealed = unit.trail.range(at, until)
            checkpoints = {one.size: one for one in unit.trail.checkpoints(at + 1, until, _AT_ONCE)}
        for one in sealed:
            yield _line(one, previous)
            previous = one.seal.leaf
            if (checkpoint := checkpoints.get(one.seal.position + 1)) is not None:
                yield canonical_bytes({"checkpoint": checkpoint.note}) + b"\n"


def subtree(trail: Trail, level: int, index: int) -> bytes:
    """The hash of 2^level leaves, out of what is kept at the next lower level that is kept."""
    kept = level - level % TILE
    hashes = list(trail.hashes(kept, index << (level - kept), 1 << (level - kept)))
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def _line(sealed: SealedRecord, previous: bytes) -> bytes:
    leaf = sealed.seal.leaf.hex().encode()
    if sealed.record is None:
        return b'{"leaf":"%b","pruned":%d}\n' % (leaf, sealed.seal.position)
    seal = sealed.seal
    record = record_bytes(sealed.record, seal.position, previous, seal.about, seal.version)
    return b'{"leaf":"%b","record":%b}\n' % (leaf, record)
