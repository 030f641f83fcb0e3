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

from collections.abc import Iterator
from functools import partial

from leasehold.model.trail.records import NOTHING_BEFORE, SealedRecord, canonical_bytes, record_bytes
from leasehold.model.trail.tree import TILE, node_hash, peaks
from leasehold.trail.ports import Store, Trail

FORMAT = "leasehold-audit/1"
_AT_ONCE = 1000


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
    return b'{"leaf":"%b","record":%b}\n' % (leaf, record_bytes(sealed.record, sealed.seal.position, previous))
