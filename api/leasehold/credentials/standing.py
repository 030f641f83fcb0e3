"""Does what a credential hangs on still stand? Its lease, every node above that, and its profile."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import datetime

from leasehold.authn.registry_tokens import live_leases
from leasehold.credentials.ports import UnitOfWork
from leasehold.credentials.records import profile_ancestor
from leasehold.model.external import ExternalCredential
from leasehold.model.leases import Node


def fallen(unit: UnitOfWork, records: Sequence[ExternalCredential], now: datetime) -> list[ExternalCredential]:
    """Those of the records that nothing holds up any more, in a number of reads that does not grow with theirs."""
    alive = live_leases(unit, {one.lease for one in records}, now)
    profiles = unit.nodes.generations({profile_ancestor(one)[0] for one in records})
    return [one for one in records if not _stands(one, alive, profiles, now)]


def _stands(one: ExternalCredential, alive: Container[str], profiles: Mapping[Node, int], now: datetime) -> bool:
    node, generation = profile_ancestor(one)
    return one.lease in alive and profiles.get(node) == generation and now < one.lease_expires_at
