"""What tool servers were seen to show, on a dict that the unit of work owns, commits and rolls back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import replace

from leasehold.model.observations import KEPT, Marked, Marks, Observation

Kept = MutableMapping[tuple[str, str], Observation]


class MemoryObservations:
    """The newest surfaces of each server, by server and digest."""

    def __init__(self, observations: Kept) -> None:
        self._observations = observations

    def latest(self, servers: Iterable[str]) -> Mapping[str, Observation]:
        """The newest observation of each of these servers that was ever seen."""
        return {server: found[-1] for server in servers if (found := self._of(server))}

    def marks(self) -> Marks:
        """The newest observation of every server, without what it says."""
        newest = self.latest({server for server, _ in self._observations})
        return {server: Marked(digest=one.digest, last_at=one.last_at) for server, one in newest.items()}

    def put(self, observation: Observation) -> None:
        """Remember one. Seen before, it keeps when it was seen first; of each server the newest are kept."""
        key = (observation.server, observation.digest)
        before = self._observations.get(key)
        first_at = before.first_at if before is not None else observation.first_at
        self._observations.pop(key, None)  # what is written last stands last
        self._observations[key] = replace(observation, first_at=first_at)
        for one in self._of(observation.server)[:-KEPT]:
            del self._observations[one.server, one.digest]

    def _of(self, server: str) -> list[Observation]:
        return [one for (of, _), one in self._observations.items() if of == server]
