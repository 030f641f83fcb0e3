"""A draft becomes a finding: with its address, its cause, its expiry and its fix."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leasehold.model.deployments import Deployment
from leasehold.model.grants import Grant
from leasehold.model.objects import Spec
from leasehold.review.causes import cause_of_absence, cause_of_change, cause_of_presence
from leasehold.review.declared import Declared
from leasehold.review.differences import NOTHING, Difference
from leasehold.review.entitlements import Entitlements, collapsed
from leasehold.review.findings import Cause, DriftClass, Finding, Fix, fingerprint, risk_at
from leasehold.review.fixes import fix_for_declared, fix_for_unmanaged
from leasehold.review.history import History
from leasehold.review.risk import Assessment
from leasehold.review.worlds import Key, Live


@dataclass(frozen=True, slots=True)
class Draft:
    """What is the matter, before anyone asks who did it and how to mend it."""

    class_: DriftClass
    key: Key
    agent: str | None
    sentence: str
    assessment: Assessment
    difference: Difference | None = None
    gains: Entitlements = NOTHING
    losses: Entitlements = NOTHING
    cause_key: Key | None = None


class Dressing:
    """Looks up around an object what a finding tells beside the difference itself."""

    def __init__(self, declared: Declared, live: Live, history: History) -> None:
        self._declared, self._live, self._history = declared, live, history

    def finding(self, draft: Draft) -> Finding:
        """The finding that a draft becomes."""
        kind, name = draft.key
        source = self._declared.by_key.get(draft.key)
        stored = self._live.stored.get(draft.key)
        gains, losses = collapsed(draft.gains), collapsed(draft.losses)
        return Finding(
            fingerprint=fingerprint(draft.class_, draft.agent, kind, name, gains, losses),
            class_=draft.class_,
            risk=risk_at(draft.assessment.rank),
            factors=tuple(dict.fromkeys(draft.assessment.factors)),
            sentence=draft.sentence,
            agent=draft.agent,
            now_can=gains,
            no_longer_can=losses,
            changes=draft.difference.deltas if draft.difference is not None else (),
            kind=kind,
            name=name,
            address=source.address if source is not None else None,
            stack=source.stack if source is not None else None,
            managed_by=stored.stack if stored is not None else None,
            cause=self._cause(draft),
            expires_at=_expiry(stored.spec if stored is not None else None),
            fix=self._fix(draft),
        )

    def _cause(self, draft: Draft) -> Cause | None:
        if draft.difference is None:
            return self._latest(draft.cause_key) if draft.cause_key is not None else None
        versions = self._history.since(*draft.key, 0)
        match draft.difference.presence:
            case DriftClass.MISSING:
                return cause_of_absence(versions)
            case DriftClass.UNMANAGED:
                return cause_of_presence(versions)
            case _:
                return cause_of_change(versions, draft.difference.deltas)

    def _latest(self, key: Key) -> Cause | None:
        versions = self._history.since(*key, 0)
        return Cause(versions[-1].by, versions[-1].at, versions[-1].operation) if versions else None

    def _fix(self, draft: Draft) -> Fix:
        source, stored = self._declared.by_key.get(draft.key), self._live.stored.get(draft.key)
        if draft.class_ is DriftClass.CONFLICT:
            return Fix("keep the resource in one stack, and `terraform state rm` it in the others")
        if draft.class_ is DriftClass.ORPHAN:
            return Fix(f"name an active owner and a review date for agent {draft.key[1]}, or remove the agent")
        if draft.class_ is DriftClass.OVERSTAY and source is not None:
            return Fix("remove the resource from the code, or move its expires_at, then terraform apply")
        if source is not None:
            return fix_for_declared(source, stored.spec if stored is not None else None)
        if stored is None:
            return Fix("terraform apply")
        claimed = draft.agent in self._declared.claimed_agents
        return fix_for_unmanaged(draft.key, stored.spec, claimed=claimed)


def _expiry(spec: Spec | None) -> datetime | None:
    return spec.expires_at if isinstance(spec, Grant | Deployment) else None
