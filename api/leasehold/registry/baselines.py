"""When a credential profile is applied, what it points to is looked at and recorded: drift is measured against that.

The look takes its time and can fail, so it comes after the write and in a transaction of its own. A later write that
leaves the target alone records nothing: otherwise a change over there would be taken for granted by the next edit here.
"""

from __future__ import annotations

from datetime import datetime

from leasehold.model.credentials import AwsSession, CredentialProfile, GitHubInstallation
from leasehold.model.kinds import Kind
from leasehold.model.outside import Baseline, Look, target_digest
from leasehold.policy.decision import Permit
from leasehold.registry.journal import attempt, record_success
from leasehold.registry.ports import Observer, Store
from leasehold.registry.writes import Written


def record_baseline(store: Store, permit: Permit, written: Written, observer: Observer, now: datetime) -> None:
    """Record what a profile points to, if it is new, points elsewhere, or was never seen."""
    stored = written.view.stored
    spec = stored.spec
    if not isinstance(spec, CredentialProfile) or not isinstance(spec.target, AwsSession | GitHubInstallation):
        return
    target = target_digest(spec)
    if not written.created and _stands(store, stored.name, target):
        return
    look = observer.look({stored.name: spec}, now).get(stored.name, Look(problem="nobody looked"))
    baseline = Baseline(
        profile=stored.name, target=target, facts=look.facts, problem=look.problem, at=now, by=permit.principal.id
    )
    event = attempt(permit.principal, "observe", Kind.CREDENTIAL_PROFILES, stored.name, now)
    with store.begin() as unit:
        live = unit.objects.find(Kind.CREDENTIAL_PROFILES, stored.name)
        if live is not None and live.revision == stored.revision:  # else another write has its own look
            unit.baselines.put(baseline)
            record_success(unit, event, stored.revision)


def _stands(store: Store, profile: str, target: str) -> bool:
    with store.read() as unit:
        found = unit.baselines.find_all((profile,)).get(profile)
    return found is not None and found.target == target and found.facts is not None
