"""Leases and first uses in memory, on dicts that the unit of work owns, commits and rolls back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from datetime import datetime

from leasehold.model.leases import Lease, lease_node
from leasehold.store.bumps import ENDED_GENERATION, Bumps


class MemoryLeases:
    """Leases by id. What ends one is on its way into the revocation stream."""

    def __init__(self, leases: MutableMapping[str, Lease], bumps: Bumps) -> None:
        self._leases = leases
        self._bumps = bumps

    def add(self, lease: Lease) -> None:
        """Remember a lease. Its id must be new."""
        if lease.id in self._leases:
            raise ValueError("a lease is remembered once")
        if lease.status is not None and any(one.status == lease.status for one in self._leases.values()):
            raise ValueError("a place in a status list is given once")
        self._leases[lease.id] = lease

    def add_all(self, leases: Sequence[Lease]) -> None:
        """Remember leases."""
        for lease in leases:
            self.add(lease)

    def find(self, lease_id: str) -> Lease | None:
        """The lease with this id."""
        return self._leases.get(lease_id)

    def find_all(self, lease_ids: Iterable[str]) -> Mapping[str, Lease]:
        """Those of `lease_ids` that exist, by id."""
        return {i: self._leases[i] for i in lease_ids if i in self._leases}

    def on_status_list(self, list_id: str, at: datetime) -> Sequence[Lease]:
        """Leases with a place in a status list that are not expired at `at`."""
        return [
            one for one in self._leases.values() if one.status and one.status.list == list_id and at < one.expires_at
        ]

    def revoke(self, lease_id: str, at: datetime) -> None:
        """End a lease. The first revocation counts; an unknown lease is none of our business (RFC 7009 §2.2)."""
        lease = self._leases.get(lease_id)
        if lease is not None and lease.revoked_at is None:
            self._leases[lease_id] = replace(lease, revoked_at=at)
            self._bumps.add(lease_node(lease_id), ENDED_GENERATION)

    def forget(self, before: datetime) -> int:
        """Drop leases that expired before `before`; how many."""
        gone = [i for i, lease in self._leases.items() if lease.expires_at < before]
        for lease_id in gone:
            del self._leases[lease_id]
        return len(gone)


class MemoryReplays:
    """Which subject tokens were used, until when, by issuer and digest."""

    def __init__(self, uses: MutableMapping[tuple[str, str], datetime]) -> None:
        self._uses = uses

    def first_use(self, issuer: str, digest: str, expires_at: datetime) -> bool:
        """True iff this is the first use; remembered until `expires_at`, the token's expiry plus leeway."""
        return bool(self.first_uses({(issuer, digest): expires_at}))

    def first_uses(self, uses: Mapping[tuple[str, str], datetime]) -> frozenset[tuple[str, str]]:
        """Those of `uses`, by issuer and digest, that are the first."""
        first = frozenset(use for use in uses if use not in self._uses)
        self._uses.update({use: uses[use] for use in first})
        return first

    def forget(self, before: datetime) -> int:
        """Drop uses whose token can no longer be presented; how many."""
        gone = [use for use, expires_at in self._uses.items() if expires_at < before]
        for use in gone:
            del self._uses[use]
        return len(gone)
