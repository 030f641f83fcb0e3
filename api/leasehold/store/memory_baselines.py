"""Baselines of what lies beyond the registry, on a dict that the unit of work owns, commits and rolls back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping

from leasehold.model.outside import Baseline


class MemoryBaselines:
    """One baseline per credential profile."""

    def __init__(self, baselines: MutableMapping[str, Baseline]) -> None:
        self._baselines = baselines

    def find_all(self, profiles: Iterable[str]) -> Mapping[str, Baseline]:
        """Those of the profiles that have one."""
        return {name: self._baselines[name] for name in profiles if name in self._baselines}

    def put(self, baseline: Baseline) -> None:
        """Replace the baseline of a profile."""
        self._baselines[baseline.profile] = baseline
