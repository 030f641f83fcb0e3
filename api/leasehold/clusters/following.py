"""One kind of object in one cluster, followed for as long as it is asked for: listed once, then watched.

| what happens | what is done |
|---|---|
| a watch ends | the next one starts where it ended |
| a watch breaks | the same, after a growing pause; the second time in a row everything is listed anew |
| the cluster forgot the version, or says what nobody understands | everything is listed anew |
| ten minutes have passed | the same: a watch behind a version that a restored cluster has not reached is silent |
| a list | what hung on anything that is not in it ends |
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta

from leasehold.clusters.ending import end_workloads
from leasehold.clusters.ports import Clusters, Store
from leasehold.clusters.sightings import Sightings
from leasehold.model.errors import Unavailable
from leasehold.model.leases import Node
from leasehold.model.trust import TrustIssuer
from leasehold.model.workloads import ClusterForgot, ClusterSilent, Sighting, Workload, WorkloadKind, nodes_of

SHORTEST_PAUSE, LONGEST_PAUSE = 0.25, 15.0
LIST_EVERY = timedelta(minutes=10)
_SHORTEST_WATCH = 1.0
_WAITING = 1000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Followed:
    """What is followed: one kind in the cluster of a trust issuer, as that is written now."""

    trust_issuer: str
    issuer: TrustIssuer
    kind: WorkloadKind


class Follower:
    """Follows. `pause` is replaced by tests, which wait for nothing."""

    def __init__(
        self,
        followed: Followed,
        *,
        clusters: Clusters,
        store: Store,
        sightings: Sightings,
        clock: Callable[[], datetime],
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._followed = followed
        self._clusters = clusters
        self._store = store
        self._sightings = sightings
        self._clock = clock
        self._pause = pause
        self._version: str | None = None
        self._listed_at = clock()
        self._failures = 0

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            await self.round()

    async def round(self) -> None:
        """One list, if one is due, and one watch; then a pause if either failed."""
        try:
            if self._version is None or self._clock() - self._listed_at >= LIST_EVERY:
                self._version = await self._list()
                self._listed_at = self._clock()
            began = asyncio.get_running_loop().time()
            await self._watch(self._version)
            self._failures = 0
            if asyncio.get_running_loop().time() - began < _SHORTEST_WATCH:
                await self._pause(SHORTEST_PAUSE)  # something on the way ends every watch at once
        except ClusterForgot as error:
            self._version = None
            await self._failed(error)
        except (ClusterSilent, Unavailable) as error:
            if self._failures:  # a cluster restored from a backup refuses versions that it has not reached yet
                self._version = None
            await self._failed(error)
        except Exception as error:  # noqa: BLE001  a follower that stops would leave the dead alive
            self._version = None
            await self._failed(error)

    async def _list(self) -> str:
        followed = self._followed
        # INVARIANT: what stands is read before the list is asked for. What another server learns of meanwhile is not
        # in question; what stood before and is not in the list is gone.
        with self._store.read() as unit:
            standing = unit.workloads.standing(nodes_of(followed.kind, followed.trust_issuer))
        listing = await self._clusters.list(followed.issuer, followed.kind)
        self._sightings.replace(followed.trust_issuer, followed.kind, listing.present)
        end_workloads(self._store, standing - {self._node(uid) for uid in listing.present}, "not there", self._clock())
        return listing.version

    async def _watch(self, version: str) -> None:
        followed = self._followed
        watched = self._clusters.watch(followed.issuer, followed.kind, version)
        async with aclosing(_batches(watched)) as batches:
            async for batch in batches:
                self._apply(batch)
                self._failures = 0
        self._sightings.heard(followed.trust_issuer, followed.kind)

    def _apply(self, batch: Sequence[Sighting]) -> None:
        # INVARIANT: whoever asks whether a workload stands hears of its end before the store is asked for its node. An
        # exchange that was told "stands" before has the node written by then, and its lease ends with it.
        for sighting in batch:
            self._sightings.change(self._followed.trust_issuer, self._followed.kind, sighting)
        gone = {self._node(one.uid) for one in batch if one.uid is not None and not one.present}
        if gone:
            end_workloads(self._store, gone, "deleted", self._clock())
        self._version = batch[-1].version  # only now: what was not ended is told again

    async def _failed(self, error: Exception) -> None:
        self._failures += 1
        said = str(error) if isinstance(error, ClusterSilent | Unavailable) else type(error).__name__
        _log.warning("%s of cluster %s: %s", self._followed.kind.value, self._followed.trust_issuer, said)
        if self._failures > 1 or not isinstance(error, ClusterForgot):
            await self._pause(min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** min(self._failures - 1, 10)))

    def _node(self, uid: str) -> Node:
        return Workload(self._followed.trust_issuer, self._followed.kind, uid).node


async def _batches(sightings: AsyncGenerator[Sighting]) -> AsyncGenerator[Sequence[Sighting]]:
    """Everything that came while the last batch was worked on, as one."""
    queue: asyncio.Queue[Sighting | Exception | None] = asyncio.Queue(_WAITING)
    reader = asyncio.create_task(_read(sightings, queue))
    try:
        while True:
            came = [await queue.get()]
            while not queue.empty():
                came.append(queue.get_nowait())
            if batch := [one for one in came if isinstance(one, Sighting)]:
                yield batch
            last = came[-1]
            if isinstance(last, Exception):
                raise last
            if last is None:
                return
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _read(sightings: AsyncGenerator[Sighting], queue: asyncio.Queue[Sighting | Exception | None]) -> None:
    try:
        async with aclosing(sightings):
            async for sighting in sightings:
                await queue.put(sighting)
    except Exception as error:  # noqa: BLE001  raised again by whoever waits
        await queue.put(error)
    else:
        await queue.put(None)
