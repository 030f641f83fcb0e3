"""Every cluster that a trust issuer asks to be watched is followed, until it asks no more.

Any number of servers may do so on one database: each knows for itself what stands, and the first to see that something
is gone ends it for all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Thread

from leasehold.clusters.ending import end_workloads, forget_workloads
from leasehold.clusters.following import Followed, Follower
from leasehold.clusters.ports import Clusters, Store, UnitOfWork
from leasehold.clusters.sightings import Sightings
from leasehold.model.kinds import Kind
from leasehold.model.leases import Node
from leasehold.model.trust import TrustIssuer
from leasehold.model.workloads import WorkloadKind, issuer_of, nodes_of

LOOK_EVERY_SECONDS = 1.0
_FORGET_EVERY = timedelta(minutes=1)
_log = logging.getLogger(__name__)


class Watches:
    """Starts and stops followers, each in a thread of its own."""

    def __init__(
        self, *, store: Store, clusters: Clusters, sightings: Sightings, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._clusters = clusters
        self._sightings = sightings
        self._clock = clock
        self._running: dict[Followed, _Running] = {}
        self._stop = Event()
        self._thread = Thread(target=self._run, name="leasehold-watches", daemon=True)
        self._looked: set[Followed] | None = None
        self._forgot_at: datetime | None = None

    def start(self) -> None:
        """Look again and again until closed."""
        self._thread.start()

    def close(self) -> None:
        """Follow nothing any more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        for followed in list(self._running):
            self._end(followed)

    def look(self) -> None:
        """Follow what is asked for now, and nothing else. Raises `Unavailable`."""
        with self._store.read() as unit:
            wanted = _wanted(unit)
            left = _left(unit, wanted) if wanted != self._looked else frozenset()
        for followed in self._running.keys() - wanted:
            self._end(followed)
        for followed in wanted - self._running.keys():
            self._begin(followed)
        if left:
            end_workloads(self._store, left, "not watched any more", self._clock())
        self._looked = wanted
        self._forget()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except Exception as error:  # noqa: BLE001  the next look may succeed
                _log.warning("clusters were not looked at: %s", type(error).__name__)
            self._stop.wait(LOOK_EVERY_SECONDS)

    def _begin(self, followed: Followed) -> None:
        _log.info("following %s of cluster %s", followed.kind.value, followed.trust_issuer)
        follower = Follower(
            followed, clusters=self._clusters, store=self._store, sightings=self._sightings, clock=self._clock
        )
        self._running[followed] = running = _Running(follower)
        running.thread.start()

    def _end(self, followed: Followed) -> None:
        self._running.pop(followed).stop()
        self._sightings.forget(followed.trust_issuer, followed.kind)

    def _forget(self) -> None:
        now = self._clock()
        if self._forgot_at is None or now - self._forgot_at >= _FORGET_EVERY:
            self._forgot_at = now
            forget_workloads(self._store, now)


@dataclass(slots=True)
class _Running:
    """A follower at work."""

    follower: Follower
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    thread: Thread = field(init=False)
    task: asyncio.Task[None] = field(init=False)

    def __post_init__(self) -> None:
        self.task = self.loop.create_task(self.follower.run())
        self.thread = Thread(target=self._work, name="leasehold-follower", daemon=True)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.task.cancel)
        self.thread.join()

    def _work(self) -> None:
        try:
            self.loop.run_until_complete(asyncio.wait([self.task]))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
        finally:
            self.loop.close()


def _wanted(unit: UnitOfWork) -> set[Followed]:
    issuers = [(one.name, one.spec) for one in unit.objects.list(Kind.TRUST_ISSUERS)]
    return {
        Followed(name, issuer, kind)
        for name, issuer in issuers
        if isinstance(issuer, TrustIssuer)
        for kind in issuer.watch
    }


def _left(unit: UnitOfWork, wanted: set[Followed]) -> frozenset[Node]:
    """What hangs on clusters, and would hang there for ever, because nobody watches them any more."""
    watched = {(one.trust_issuer, one.kind) for one in wanted}
    return frozenset(
        node
        for kind in WorkloadKind
        for node in unit.workloads.standing(nodes_of(kind))
        if (issuer_of(node), kind) not in watched
    )
