"""What this server knows to stand in each cluster, and since when it has heard nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from leasehold.model.workloads import STALE_SECONDS, Sighting, Standing, Workload, WorkloadKind


@dataclass(slots=True)
class _Seen:
    """The uids of one kind in one cluster. Time is in seconds of a monotonic clock."""

    present: set[str]
    heard_at: float


class Sightings:
    """Written by whoever follows a cluster, read by every exchange, in any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, WorkloadKind], _Seen] = {}

    def replace(self, trust_issuer: str, kind: WorkloadKind, present: Iterable[str]) -> None:
        """This is all there is."""
        self._seen[trust_issuer, kind] = _Seen(set(present), self._clock())

    def change(self, trust_issuer: str, kind: WorkloadKind, sighting: Sighting) -> None:
        """One object came or went, or nothing did and the cluster said so."""
        seen = self._seen[trust_issuer, kind]
        if sighting.uid is not None:
            (seen.present.add if sighting.present else seen.present.discard)(sighting.uid)
        seen.heard_at = self._clock()

    def heard(self, trust_issuer: str, kind: WorkloadKind) -> None:
        """The cluster answered."""
        if (seen := self._seen.get((trust_issuer, kind))) is not None:
            seen.heard_at = self._clock()

    def forget(self, trust_issuer: str, kind: WorkloadKind) -> None:
        """Nobody follows this any more."""
        self._seen.pop((trust_issuer, kind), None)

    def standing(self, workload: Workload) -> Standing:
        """Whether the workload is there."""
        seen = self._seen.get((workload.trust_issuer, workload.kind))
        if seen is None or self._clock() - seen.heard_at > STALE_SECONDS:
            return Standing.UNHEARD
        return Standing.STANDS if workload.uid in seen.present else Standing.GONE
