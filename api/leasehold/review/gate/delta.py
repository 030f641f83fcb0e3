"""What a plan changes, in one notation: the same change has the same digest, however often it is planned."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from leasehold.model.objects import Spec
from leasehold.model.receipts import Transition, root_of
from leasehold.review.attributes import Flat, deltas_between, flattened
from leasehold.review.worlds import Key, World

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str).encode


@dataclass(frozen=True, slots=True)
class SemanticDelta:
    """Each object that would mean something else, with a digest of what it means before and after."""

    objects: Mapping[Key, tuple[str, str]]

    @property
    def keys(self) -> frozenset[Key]:
        """The objects that would mean something else."""
        return frozenset(self.objects)

    @property
    def digest(self) -> str:
        """The name of the whole delta."""
        return root_of(self.transitions)

    @property
    def transitions(self) -> list[Transition]:
        """The delta as the leaves of a tree."""
        return [Transition(kind.value, name, *pair) for (kind, name), pair in sorted(self.objects.items())]


def semantic_delta(was: World, now: World, keys: Iterable[Key]) -> SemanticDelta:
    """What differs in meaning among these objects. Layout, order and defaults never do."""
    found: dict[Key, tuple[str, str]] = {}
    for kind, name in sorted(set(keys)):
        before, after = was.find(kind, name), now.find(kind, name)
        if before == after:
            continue
        left, right = (None if spec is None else flattened(spec) for spec in (before, after))
        if left is None or right is None or deltas_between(left, right):
            found[kind, name] = _digest(left), _digest(right)
    return SemanticDelta(found)


def meaning(spec: Spec | None) -> str:
    """A digest of all that a spec says, the same for two that mean the same; empty for what is not there."""
    return _digest(None if spec is None else flattened(spec))


def _digest(flat: Flat | None) -> str:
    return "" if flat is None else "sha256:" + hashlib.sha256(_canonical(flat).encode()).hexdigest()
