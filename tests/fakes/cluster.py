"""A cluster in memory: objects with uids and versions, a list of them and every change, as an API server has them.

Passes the contract that real API servers pass (`tests/contract/test_clusters.py`). A watch ends when all is told:
whoever follows comes again. `unreachable` and `garbled` are what tests do to it; `forget` forgets all that happened.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from leasehold.model.trust import TrustIssuer
from leasehold.model.workloads import ClusterForgot, ClusterSilent, Listing, Sighting, WorkloadKind


@dataclass(frozen=True)
class Thing:
    """One object. `ending`: its deletion began."""

    kind: WorkloadKind
    name: str
    uid: str
    version: int
    ending: bool = False


@dataclass(frozen=True)
class Event:
    """One change, with the object as it was then."""

    type: str
    thing: Thing


class Cluster:
    """What there is, and how it came to be so. Any thread may change it."""

    def __init__(self) -> None:
        self.things: dict[tuple[WorkloadKind, str], Thing] = {}
        self.events: list[Event] = []
        self.version = 100
        self.oldest = 100
        self.news = threading.Condition()
        self.unreachable = False
        self.garbled = False
        self.asked: list[str] = []

    def create(self, kind: WorkloadKind, name: str) -> str:
        """A new object; its uid."""
        return self._tell("ADDED", Thing(kind, name, str(uuid.uuid4()), 0)).uid

    def touch(self, kind: WorkloadKind, name: str) -> None:
        """Change something about an object."""
        self._tell("MODIFIED", self.things[kind, name])

    def begin_deletion(self, kind: WorkloadKind, name: str) -> None:
        """Delete with grace: the object is still there, with a `deletionTimestamp`."""
        self._tell("MODIFIED", replace(self.things[kind, name], ending=True))

    def delete(self, kind: WorkloadKind, name: str) -> None:
        """Delete at once."""
        self._tell("DELETED", self.things[kind, name])

    def forget(self) -> None:
        """Forget all that happened."""
        with self.news:
            self.oldest, self.events = self.version, []

    def restore(self, version: int) -> None:
        """Go on from a backup: with what there is, at an earlier version."""
        with self.news:
            self.version = self.oldest = version
            self.events = []

    def since(self, kind: WorkloadKind, version: int) -> list[Event] | None:
        """What happened behind a version; None if that is too long ago to know."""
        if version < self.oldest:
            return None
        return [event for event in self.events if event.thing.kind is kind and event.thing.version > version]

    def of(self, kind: WorkloadKind) -> list[Thing]:
        """Every object of a kind."""
        return [thing for (of, _), thing in sorted(self.things.items()) if of is kind]

    def _tell(self, what: str, thing: Thing) -> Thing:
        with self.news:
            self.version += 1
            told = replace(thing, version=self.version)
            self.things[told.kind, told.name] = told
            if what == "DELETED":
                del self.things[told.kind, told.name]
            self.events.append(Event(what, told))
            self.news.notify_all()
        return told

    # The port of `leasehold.clusters`.

    async def list(self, _issuer: TrustIssuer, kind: WorkloadKind) -> Listing:
        self._ask("list")
        present = frozenset(thing.uid for thing in self.of(kind) if not thing.ending)
        return Listing(present, str(self.version))

    async def watch(self, _issuer: TrustIssuer, kind: WorkloadKind, version: str) -> AsyncGenerator[Sighting]:
        self._ask(f"watch {version}")
        events = self.since(kind, int(version))
        if events is None:
            raise ClusterForgot("410 Gone")
        for event in events:
            there = event.type != "DELETED" and not event.thing.ending
            yield Sighting(event.thing.uid, present=there, version=str(event.thing.version))
        if self.garbled:
            raise ClusterForgot("an answer is not JSON")
        yield Sighting(None, present=True, version=str(self.version))

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.unreachable:
            raise ClusterSilent("the request failed: ConnectError")
