"""How often an agent, a person and an agent on one tool may call: token buckets, a bounded number of them.

Buckets are this process's own. Of `replicas` each lets its part through, so that all of them together let no more than
one would; no call waits for another process.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil

from leasehold.mcp.refusals import LIMITED, Refused

MANY = 50_000
_DESTRUCTIVE_SHARE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many per minute on the average, and so many at once."""

    per_minute: float
    burst: float

    @property
    def tighter(self) -> Rate:
        """For tools that destroy: a tenth of it, and one at once at least."""
        return Rate(per_minute=self.per_minute / _DESTRUCTIVE_SHARE, burst=max(1.0, self.burst / _DESTRUCTIVE_SHARE))


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """Of everything that one agent asks for, of everything for one person, and of one agent on one tool."""

    agent: Rate = Rate(per_minute=6_000, burst=1_000)
    user: Rate = Rate(per_minute=3_000, burst=500)
    tool: Rate = Rate(per_minute=3_000, burst=500)


class Rates:
    """The buckets. Full ones are forgotten first: that takes nothing from anybody.

    INVARIANT: in any `t` minutes `replicas` of these let no more through together than `per_minute * t + burst`, where
    a burst is one for each of them at least.
    """

    def __init__(self, limits: RateLimits, replicas: int = 1, many: int = MANY) -> None:
        self.limits, self._replicas, self._many = limits, replicas, many
        self._buckets: OrderedDict[tuple[str, ...], tuple[float, float]] = OrderedDict()

    def take(self, keys: list[tuple[tuple[str, ...], Rate]], now: float) -> None:
        """Take one of each bucket as often as it is named, or of none. `now` is monotonic seconds. Raises `Refused`."""
        left: dict[tuple[str, ...], float] = {}
        wait = 0.0
        for key, rate in keys:
            left[key] = level = (left[key] if key in left else self._level(key, rate, now)) - 1
            wait = max(wait, -60.0 * self._replicas * level / rate.per_minute)
        if wait > 0:
            headers = {"retry-after": str(max(1, ceil(wait)))}
            raise Refused(429, LIMITED, "too many calls: try again later", reason="rate_limited", headers=headers)
        for key, level in left.items():
            self._buckets[key] = (level, now)
            self._buckets.move_to_end(key)
        while len(self._buckets) > self._many:
            self._buckets.popitem(last=False)

    def _level(self, key: tuple[str, ...], rate: Rate, now: float) -> float:
        found, burst = self._buckets.get(key), min(rate.burst, max(1.0, rate.burst / self._replicas))
        if found is None:
            return burst
        return min(burst, found[0] + (now - found[1]) * rate.per_minute / (60.0 * self._replicas))
