"""Asks policy for a permit, and remembers the denial of a write."""

from __future__ import annotations

from datetime import datetime

from leasehold.model.principal import Principal
from leasehold.policy.decision import Permit
from leasehold.policy.platform import PlatformAction, decide_platform
from leasehold.registry.journal import attempt, recording_failure
from leasehold.registry.ports import Store
from leasehold.registry.teams import require

_READS = frozenset({PlatformAction.READ})


def authorize(
    store: Store, principal: Principal, action: PlatformAction, kind: str, name: str, now: datetime
) -> Permit:
    """The permit. Raises `Forbidden`."""
    answer = decide_platform(principal, action, kind)
    if action in _READS:
        return require(answer)
    with recording_failure(store, attempt(principal, action.value, kind, name, now)):
        return require(answer)
