"""The live objects in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from datetime import datetime

from leasehold.model.directory import ForeignId, identities
from leasehold.model.errors import NotFound
from leasehold.model.kinds import Kind
from leasehold.model.objects import Reference, Spec, Stored, agent_of
from leasehold.model.records import EVERYTHING, Filters

Key = tuple[Kind, str]


class MemoryObjects:
    """`Objects` of one transaction."""

    def __init__(
        self, objects: MutableMapping[Key, Stored[Spec]], references: MutableMapping[Key, frozenset[Key]]
    ) -> None:
        self._objects = objects
        self._references = references

    def get(self, kind: Kind, name: str) -> Stored[Spec]:
        """The live object. Raises `NotFound`."""
        if (found := self.find(kind, name)) is None:
            raise NotFound(kind.singular, name)
        return found

    def find(self, kind: Kind, name: str) -> Stored[Spec] | None:
        """The live object, or None."""
        return self._objects.get((kind, name))

    def list(
        self, kind: Kind, *, after: str = "", limit: int | None = None, filters: Filters = EVERYTHING
    ) -> Sequence[Stored[Spec]]:
        """Objects in the order of their names, from the first one behind `after`."""
        found = [o for o in self._objects.values() if o.kind is kind and o.name > after and _matches(o, filters)]
        return sorted(found, key=lambda stored: stored.name)[:limit]

    def named(self, kind: Kind, names: Iterable[str]) -> Mapping[str, Stored[Spec]]:
        """Those of `names` that live."""
        return {name: self._objects[kind, name] for name in names if (kind, name) in self._objects}

    def names(self, kind: Kind, filters: Filters = EVERYTHING) -> Sequence[str]:
        """The names of all objects of a kind, in order."""
        return [stored.name for stored in self.list(kind, filters=filters)]

    def put(self, stored: Stored[Spec], refers_to: Iterable[Reference]) -> None:
        """Create or overwrite an object, and what it refers to."""
        key = (stored.kind, stored.name)
        self._objects[key] = stored
        self._references[key] = frozenset((r.kind, r.name) for r in refers_to)

    def delete(self, kind: Kind, name: str) -> None:
        """Forget an object; its versions stay."""
        self._objects.pop((kind, name), None)
        self._references.pop((kind, name), None)

    def referrers(self, kind: Kind, name: str) -> Sequence[Key]:
        """Who refers to an object, in order."""
        return sorted(key for key, targets in self._references.items() if (kind, name) in targets)

    def bearer(self, kind: Kind, identity: ForeignId) -> str | None:
        """The name of the object of a kind that bears a foreign identity."""
        bearers = (o.name for o in self._objects.values() if o.kind is kind and identity in identities(o.spec))
        return next(bearers, None)

    def expired(self, kind: Kind, now: datetime) -> int:
        """How many objects of a kind have passed their expiry."""
        expiries = (getattr(o.spec, "expires_at", None) for o in self._objects.values() if o.kind is kind)
        return sum(at is not None and at <= now for at in expiries)


def _matches(stored: Stored[Spec], filters: Filters) -> bool:
    return (
        (filters.stack is None or stored.stack == filters.stack)
        and (filters.managed is None or (stored.stack is not None) == filters.managed)
        and (filters.agents is None or agent_of(stored.name, stored.spec) in filters.agents)
        and all(getattr(stored.spec, name, None) == value for name, value in filters.tuple.items())
    )
