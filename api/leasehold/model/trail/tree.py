"""The Merkle tree over the audit trail (RFC 6962 §2.1): grown leaf by leaf, its proofs made and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

EMPTY_ROOT = hashlib.sha256(b"").digest()
HASH_BYTES = 32
TILE = 8
"""Subtrees of 2^8, 2^16, … leaves are kept, so that a proof reads hundreds of hashes and not millions."""
Subtrees = Callable[[int, int], bytes]
"""The hash over the leaves from `index << level` to `index + 1 << level`, by level and index."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Subtree:
    """The hash of a complete subtree: of the leaves from `index << level` on."""

    level: int
    index: int
    hash: bytes


class Frontier:
    """The roots of the complete subtrees that a tree falls into, the largest first. All that growing it needs."""

    __slots__ = ("peaks", "size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """A tree of `size` leaves. Raises `ValueError` if it falls into another number of subtrees."""
        if len(peaks) != size.bit_count() or any(len(peak) != HASH_BYTES for peak in peaks):
            raise ValueError("these are not the subtrees of a tree of that size")
        self.size, self.peaks = size, list(peaks)

    def append(self, leaf: bytes) -> list[Subtree]:
        """Grow by one leaf hash; the subtrees of 2^8, 2^16, … leaves that it completes."""
        self.peaks.append(leaf)
        self.size += 1
        count, level, complete = self.size, 0, list[Subtree]()
        while not count & 1:
            right = self.peaks.pop()
            self.peaks[-1] = node_hash(self.peaks[-1], right)
            count, level = count >> 1, level + 1
            if level % TILE == 0:
                complete.append(Subtree(level, count - 1, self.peaks[-1]))
        return complete

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def peaks(size: int, subtrees: Subtrees) -> list[bytes]:
    """The subtrees that a tree of `size` leaves falls into, the largest first."""
    return [subtrees(level, start >> level) for level, start in _parts(0, size)]


def inclusion_proof(position: int, size: int, subtrees: Subtrees) -> list[bytes]:
    """That the leaf at `position` is in the tree of `size` leaves (RFC 6962 §2.1.1). Raises `ValueError`."""
    if not 0 <= position < size:
        raise ValueError("no such leaf")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if position < middle:
            path.append(_range_hash(middle, end, subtrees))
            end = middle
        else:
            path.append(_range_hash(start, middle, subtrees))
            start = middle
    return path[::-1]


def consistency_proof(old: int, size: int, subtrees: Subtrees) -> list[bytes]:
    """That the tree of `old` leaves is the beginning of that of `size` (RFC 6962 §2.1.2). Raises `ValueError`."""
    if not 0 < old <= size:
        raise ValueError("no such tree")
    path: list[bytes] = []
    start, end, known = 0, size, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range_hash(middle, end, subtrees))
            end = middle
        else:
            path.append(_range_hash(start, middle, subtrees))
            start, known = middle, False
    return ([] if known else [_range_hash(start, end, subtrees)]) + path[::-1]


def includes(leaf: bytes, position: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows that the leaf is in the tree (RFC 9162 §2.1.3.2)."""
    if not 0 <= position < size:
        return False
    node, last, found = position, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(step, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, step)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def extends(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the old tree is the beginning of the new one (RFC 9162 §2.1.4.2)."""
    if old == size:
        return not proof and old_root == root
    if not 0 < old < size or not proof:
        return False
    path = [old_root, *proof] if not old & (old - 1) else list(proof)
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_found = found = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old_found, found = node_hash(step, old_found), node_hash(step, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, step)
        node, last = node >> 1, last >> 1
    return last == 0 and old_found == old_root and found == root


def _range_hash(start: int, end: int, subtrees: Subtrees) -> bytes:
    parts = [subtrees(level, at >> level) for level, at in _parts(start, end)]
    found = parts[-1]
    for part in reversed(parts[:-1]):
        found = node_hash(part, found)
    return found


def _parts(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The complete subtrees, as level and first leaf, of a range that starts where one of its size may."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start
        start += 1 << level


def _split(size: int) -> int:
    """The largest power of two smaller than `size`, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)
