"""Who takes leases for what, in memory: asked of the leases, and of a count per day of those that are gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from datetime import datetime

from leasehold.model.leases import Lease, LeaseUse, Node, is_alive

Place = tuple[str, str, frozenset[str], int]
Counted = tuple[int, datetime]


class MemoryLeaseUses:
    """`LeaseUses` of one transaction."""

    def __init__(
        self,
        leases: Mapping[str, Lease],
        uses: MutableMapping[Place, Counted],
        generations: Mapping[Node, int],
    ) -> None:
        self._leases, self._uses, self._generations = leases, uses, generations

    def taken(self, agents: Iterable[str], since: datetime) -> Sequence[LeaseUse]:
        """What was taken since then, to the day; what is no longer held too."""
        wanted = frozenset(agents)
        kept = [one for one in self._leases.values() if one.issued_at >= since]
        counted = [
            LeaseUse(agent=agent, audience=audience, scopes=scopes, count=count, last_at=last_at)
            for (agent, audience, scopes, day), (count, last_at) in self._uses.items()
            if agent in wanted and day >= since.toordinal()
        ]
        return [*_summed(one for one in kept if one.agent in wanted), *counted]

    def live(self, agents: Iterable[str], now: datetime) -> Sequence[LeaseUse]:
        """What lives now: neither expired nor revoked, and every ancestor of the generation of its issue."""
        wanted = frozenset(agents)
        return _summed(
            one for one in self._leases.values() if one.agent in wanted and is_alive(one, self._generations, now)
        )

    def count(self, before: datetime) -> None:
        """Keep a count of the leases that expired before then. They must be dropped in the same transaction."""
        for lease in self._leases.values():
            if lease.agent is not None and lease.expires_at < before:
                place = (lease.agent, lease.audience, lease.scopes, lease.issued_at.toordinal())
                count, last_at = self._uses.get(place, (0, lease.issued_at))
                self._uses[place] = (count + 1, max(last_at, lease.issued_at))

    def forget(self, before: datetime) -> int:
        """Drop counts of days before then; how many."""
        gone = [place for place in self._uses if place[-1] < before.toordinal()]
        for place in gone:
            del self._uses[place]
        return len(gone)


def _summed(leases: Iterable[Lease]) -> list[LeaseUse]:
    last: dict[tuple[str, str, frozenset[str]], datetime] = {}
    counts: Counter[tuple[str, str, frozenset[str]]] = Counter()
    for lease in leases:
        if lease.agent is not None:
            place = (lease.agent, lease.audience, lease.scopes)
            counts[place] += 1
            last[place] = max(last.get(place, lease.issued_at), lease.issued_at)
    return [
        LeaseUse(agent=place[0], audience=place[1], scopes=place[2], count=count, last_at=last[place])
        for place, count in counts.items()
    ]
