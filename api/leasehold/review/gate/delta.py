"""What a plan changes, in one notation: the same change has the same digest, however often it is planned.

What is not known yet is part of it, as far as it is known: the approval of one unknown is not that of another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from leasehold.model.deployments import Deployment
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.receipts import Transition, root_of
from leasehold.review.attributes import Flat, deltas_between, flattened
from leasehold.review.worlds import Key, World

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str).encode


_LABELS = frozenset({"commit", "run_url"})
SINCE_BASE = "base"  # no kind either
UNPROVEN = "unproven"  # no kind: nothing that is written has a place under it, and several may go by one name


@dataclass(frozen=True, slots=True)
class SemanticDelta:
    """Each object that would mean something else, with a digest of what it means before and after.

    `outlines` are of those that are not wholly known, with what is known of them; `since_base` of those that are new to
    the base alone, because they live already.
    """

    objects: Mapping[Key, tuple[str, str]]
    outlines: tuple[tuple[str, str], ...] = ()
    since_base: Mapping[Key, tuple[str, str]] = field(default_factory=dict)

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
        known = [Transition(kind.value, name, *pair) for (kind, name), pair in sorted(self.objects.items())]
        unknown = [Transition(UNPROVEN, f"{name}@{digest}", "", digest) for name, digest in sorted(self.outlines)]
        base = [Transition(SINCE_BASE, f"{key[0]}/{key[1]}", *pair) for key, pair in sorted(self.since_base.items())]
        return [*known, *unknown, *base]


def semantic_delta(
    was: World, now: World, keys: Iterable[Key], outlines: Iterable[tuple[str, str]] = ()
) -> SemanticDelta:
    """What differs in meaning among these objects. Layout, order and defaults never do."""
    found: dict[Key, tuple[str, str]] = {}
    for kind, name in sorted(set(keys)):
        before, after = was.find(kind, name), now.find(kind, name)
        if before == after:
            continue
        left, right = _meant(before), _meant(after)
        if left is None or right is None or deltas_between(left, right):
            found[kind, name] = _digest(left), _digest(right)
    return SemanticDelta(found, tuple(outlines))


def meaning(spec: Spec | None) -> str:
    """A digest of all that a spec says, the same for two that mean the same; empty for what is not there."""
    return _digest(_meant(spec))


def means_the_same(before: Spec | None, after: Spec | None) -> bool:
    """True of an object that is there before and after, and says nothing else."""
    left, right = _meant(before), _meant(after)
    return left is not None and right is not None and not deltas_between(left, right)


def _meant(spec: Spec | None) -> Flat | None:
    """What a spec says. Of a deployment not which run brought it: each run plans anew, with a name of its own."""
    if spec is None:
        return None
    flat = flattened(spec)
    return {path: flat[path] for path in flat.keys() - _LABELS} if isinstance(spec, Deployment) else flat


def outline(kind: Kind, name: str | None, values: Mapping[str, object]) -> tuple[str, str]:
    """What is known of an object that is not wholly known."""
    return f"{kind.value}/{name or ''}", _digest({"values": _unordered(values)})


def _unordered(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _unordered(one) for key, one in value.items() if one is not None}
    return sorted(map(_unordered, value), key=_canonical) if isinstance(value, list) else value


def _digest(flat: Flat | None) -> str:
    return "" if flat is None else "sha256:" + hashlib.sha256(_canonical(flat).encode()).hexdigest()
