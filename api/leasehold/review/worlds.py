"""A world: every object of the registry at one moment, real or supposed, without its envelope."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, cast

from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.objects import SPECS, Spec, Stored

S = TypeVar("S")
_KIND_OF: dict[type, Kind] = {noun: kind for kind, noun in SPECS.items()}
Key = tuple[Kind, str]


class World:
    """Objects by kind and name, with the grants of each agent at hand. Never changed in place."""

    def __init__(self, objects: Mapping[Key, Spec]) -> None:
        by_kind: dict[Kind, dict[str, Spec]] = {kind: {} for kind in Kind}
        for (kind, name), spec in objects.items():
            by_kind[kind][name] = spec
        self._by_kind = by_kind
        self._grants = _by_agent(self.of(Grant))

    def of(self, noun: type[S]) -> Mapping[str, S]:
        """All objects of one noun, by name."""
        return cast("Mapping[str, S]", self._by_kind[_KIND_OF[noun]])

    def find(self, kind: Kind, name: str) -> Spec | None:
        """One object, if it is there."""
        return self._by_kind[kind].get(name)

    def grants_of(self, agent: str) -> Mapping[str, Grant]:
        """The grants of an agent, by name; expired ones too."""
        return self._grants.get(agent, {})

    def supposing(self, kind: Kind, name: str, spec: Spec | None) -> World:
        """This world with one object replaced, added, or (None) taken away."""
        other = World.__new__(World)
        changed = dict(self._by_kind[kind])
        changed.pop(name, None)
        if spec is not None:
            changed[name] = spec
        other._by_kind = {**self._by_kind, kind: changed}  # noqa: SLF001  a copy of itself
        other._grants = _by_agent(other.of(Grant)) if kind is Kind.GRANTS else self._grants  # noqa: SLF001
        return other


@dataclass(frozen=True, slots=True)
class Live:
    """What the registry held when it was read at `at` (aware UTC), envelopes included.

    `complete` is False if writes came between the reads, so that this was never all true at once.
    """

    stored: Mapping[Key, Stored[Spec]]
    world: World
    revision: int
    at: datetime
    complete: bool = True


def live_picture(objects: Iterable[Stored[Spec]], revision: int, at: datetime, *, complete: bool = True) -> Live:
    """The live picture out of stored objects; `revision` is the change sequence that they were read at."""
    stored = {(one.kind, one.name): one for one in objects}
    return Live(stored, World({key: one.spec for key, one in stored.items()}), revision, at, complete)


def _by_agent(grants: Mapping[str, Grant]) -> dict[str, dict[str, Grant]]:
    index: dict[str, dict[str, Grant]] = defaultdict(dict)
    for name, grant in grants.items():
        index[grant.agent][name] = grant
    return dict(index)
