"""May this caller give a deployment's sign of life, and does that bring it back? Pure."""

from __future__ import annotations

from dataclasses import dataclass

from leasehold.model.leases import Lease
from leasehold.policy.decision import Deny, Permit
from leasehold.policy.platform import within_teams


@dataclass(frozen=True, slots=True)
class BeatPermit:
    """One sign of life. `revives`: it also brings back a deployment that missed one. Only this module makes one."""

    deployment: str
    revives: bool


def decide_beat_by_agent(lease: Lease | None, deployment: str) -> BeatPermit | Deny:
    """May the holder of this lease say that the deployment lives? If the lease hangs on it; the dead stay dead."""
    if lease is None or lease.deployment != deployment:
        return Deny("a workload gives signs of life of its own deployment")
    return BeatPermit(deployment, revives=False)


def decide_beat_by_principal(permit: Permit, deployment: str, team: str | None) -> BeatPermit | Deny:
    """May a platform principal say so? Whoever may write the deployment; `team` is that of its agent's owner."""
    answer = within_teams(permit, (team,))
    return answer if isinstance(answer, Deny) else BeatPermit(deployment, revives=True)
