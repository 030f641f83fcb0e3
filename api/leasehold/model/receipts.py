"""Receipts of plans: which changes were let through, each provable by itself without showing the others.

The changes of a plan are the leaves of a tree of hashes (RFC 9162 §2.1.1 shows the like); its root names the whole. A
receipt is signed over the root. Whoever writes one object shows the receipt and the few hashes that lead from that
object's change to the root: a change that is not in the tree has no such hashes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.model.errors import InvalidValue, LeaseholdError

RECEIPT_TYPE = "leasehold-plan-receipt+jwt"
RECEIPT_HEADER, PROOF_HEADER = "Leasehold-Receipt", "Leasehold-Receipt-Proof"
_PROOF = re.compile(r"[LR][0-9a-f]{64}(?:\.[LR][0-9a-f]{64}){0,39}")
_written = json.JSONEncoder(separators=(",", ":")).encode
_LEAF, _NODE = b"\x00", b"\x01"  # a leaf can never be passed off as a node


@dataclass(frozen=True, slots=True)
class Transition:
    """One object that comes to mean something else: digests of what it means before and after, empty if not there."""

    kind: str
    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Presented:
    """What a writer shows: an unverified receipt, and the proof for the object that is written (`-` for none)."""

    unverified_receipt: str = field(repr=False)
    proof: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a pipeline keeps of a review: an unverified receipt, and the proofs of its objects by `kind/name`."""

    unverified_receipt: str = field(repr=False)
    proofs: Mapping[str, str] = field(default_factory=dict)

    def presented(self, kind: str, name: str) -> Presented:
        """What the write of one object shows. Raises `InvalidValue`."""
        return Presented(self.unverified_receipt, parse_proof(self.proofs.get(f"{kind}/{name}", "-")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """That a change was approved, as a registry remembers it: by whom, for which stacks, under which rules."""

    receipt: str
    delta: str
    stacks: frozenset[str]
    rules: str
    by: str
    at: datetime
    until: datetime


class ReceiptRefused(LeaseholdError):
    """A write needs a receipt of a reviewed plan, and has none that covers it."""

    code = "receipt_refused"


@dataclass(frozen=True, slots=True)
class Tree:
    """The root of some transitions, and the way from each of them to it."""

    root: str
    proofs: Mapping[tuple[str, str], str]


def tree_of(transitions: Sequence[Transition]) -> Tree:
    """The tree of these transitions, whatever their order."""
    ordered = _ordered(transitions)
    levels = list(_levels(ordered))
    steps: list[list[str]] = [[] for _ in ordered]
    for height, level in enumerate(levels[:-1]):
        hexes = [one.hex() for one in level]
        for at, way in enumerate(steps):
            place = at >> height
            other = place ^ 1
            if other < len(level):
                way.append(("L" if other < place else "R") + hexes[other])
    proofs = {(one.kind, one.name): ".".join(way) for one, way in zip(ordered, steps, strict=True)}
    return Tree(_named(levels[-1]), proofs)


def root_of(transitions: Sequence[Transition]) -> str:
    """The root of their tree alone: it costs a fraction of all the ways to it."""
    *_, last = _levels(_ordered(transitions))
    return _named(last)


def leads_to(transition: Transition, proof: str, root: str) -> bool:
    """True iff the transition is one of the tree's."""
    found = _leaf(transition)
    for step in proof.split(".") if proof else ():
        other = bytes.fromhex(step[1:])
        found = _node(other, found) if step[0] == "L" else _node(found, other)
    return f"sha256:{found.hex()}" == root


def parse_proof(text: str) -> str:
    """A proof as a header has it; `-` is the empty one. Raises `InvalidValue`."""
    if text != "-" and not _PROOF.fullmatch(text):
        raise InvalidValue("a proof is `-`, or steps of L or R and 64 hex digits with dots between")
    return "" if text == "-" else text


def _ordered(transitions: Sequence[Transition]) -> list[Transition]:
    return sorted(transitions, key=lambda one: (one.kind, one.name, one.before, one.after))


def _levels(ordered: Sequence[Transition]) -> Iterator[list[bytes]]:
    """From the leaves to the root."""
    level = [_leaf(one) for one in ordered]
    yield level
    while len(level) > 1:
        level = [
            _node(level[at], level[at + 1]) if at + 1 < len(level) else level[at] for at in range(0, len(level), 2)
        ]
        yield level


def _named(top: list[bytes]) -> str:
    root = top[0] if top else hashlib.sha256(b"").digest()
    return f"sha256:{root.hex()}"


def _leaf(one: Transition) -> bytes:
    text = _written([one.kind, one.name, one.before, one.after])
    return hashlib.sha256(_LEAF + text.encode()).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()
