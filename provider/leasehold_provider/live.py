"""The live objects as one run sees them: few reads single, many reads from one snapshot.

The first object is read alone; the second asks for the whole snapshot of the stack, once, while other readers wait.
What the snapshot lacks is read alone before it counts as gone: a snapshot holds what the stack manages and refers to,
not everything. What we write is written through, so that a later check in the same run sees it.
"""

from __future__ import annotations

from threading import Lock

from .protocol import DiagnosticError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Object = dict[str, Any]
    Key = tuple[str, str]
    Fetch = Callable[[str, str], Object | None]
    FetchSnapshot = Callable[[], dict[str, list[Object]]]
    FetchAll = Callable[[str], list[Object] | None]

_SINGLE_MISSES = 4
"""After so many objects of a kind that the snapshot lacks, the whole kind is listed once: a plan that creates a
thousand agents asks whether any of them exists in one read, not in a thousand."""


class LiveObjects:
    """What one run knows of the registry. Objects are shared, never changed in place."""

    def __init__(self, fetch: Fetch, fetch_snapshot: FetchSnapshot, fetch_all: FetchAll) -> None:
        self._fetch = fetch
        self._fetch_snapshot = fetch_snapshot
        self._fetch_all = fetch_all
        self._lock = Lock()
        self._first: Key | None = None
        self._known: dict[Key, Object | None] = {}
        self._complete: set[str] = set()
        self._misses: dict[str, int] = {}
        self._loaded = False
        self._failure: DiagnosticError | None = None

    def find(self, kind: str, name: str) -> Object | None:
        """The live object, or None if there is none."""
        key = (kind, name)
        if not self._read_alone(key):
            self._load()
        known = self._known.get(key)
        if known is not None or key in self._known or kind in self._complete:
            return known
        return self._look_closer(key)

    def _read_alone(self, key: Key) -> bool:
        with self._lock:
            if self._first is None:
                self._first = key
            return self._first == key

    def _load(self) -> None:
        """Read the snapshot, once; a failure is not tried again by each of a thousand resources."""
        if self._loaded:
            return
        with self._lock:
            if self._failure is not None:
                raise self._failure
            if self._loaded:
                return
            try:
                snapshot = self._fetch_snapshot()
            except DiagnosticError as failed:
                self._failure = failed
                raise
            for kind, objects in snapshot.items():
                for item in objects:  # what this run wrote or read alone meanwhile is newer
                    self._known.setdefault((kind, item["name"]), item)
            self._loaded = True

    def _look_closer(self, key: Key) -> Object | None:
        kind, name = key
        self._misses[kind] = self._misses.get(kind, 0) + 1
        if self._misses[kind] > _SINGLE_MISSES and self._list(kind):
            return self._known.get(key)
        found = self._fetch(kind, name)
        with self._lock:
            return self._known.setdefault(key, found)

    def _list(self, kind: str) -> bool:
        """List a kind whole, once; False if there are too many objects to."""
        with self._lock:
            if kind in self._complete:
                return True
            objects = self._fetch_all(kind)
            if objects is None:
                self._misses[kind] = -(10**9)  # not asked again in this run
                return False
            for item in objects:
                self._known.setdefault((kind, item["name"]), item)
            self._complete.add(kind)
            return True

    def all(self, kind: str) -> list[Object]:
        """Every live object of a kind; where there are too many to list, those that the snapshot holds."""
        self._list(kind)
        return [item for (of, _), item in list(self._known.items()) if of == kind and item is not None]

    def of_agent(self, kind: str, agent: str) -> list[Object]:
        """Every object of a kind that belongs to an agent, as the snapshot has it."""
        self._load()
        return [
            item
            for (of, _), item in list(self._known.items())
            if of == kind and item is not None and item.get("agent") == agent
        ]

    def managed_by(self, stack: str) -> list[Key]:
        """What a stack manages, as far as it was read: asks nothing."""
        every = list(self._known.items())
        return [key for key, item in every if item is not None and item.get("managed_by") == stack]

    def saw(self, kind: str, objects: Iterable[Object]) -> None:
        """Remember what was listed; what this run wrote is newer."""
        with self._lock:
            for item in objects:
                self._known.setdefault((kind, item["name"]), item)

    def wrote(self, kind: str, item: Object) -> None:
        """Remember what the registry answered to a write."""
        with self._lock:
            self._known[(kind, item["name"])] = item

    def gone(self, kind: str, names: Iterable[str]) -> None:
        """Remember that objects are deleted."""
        with self._lock:
            self._known.update(dict.fromkeys(((kind, name) for name in names), None))
