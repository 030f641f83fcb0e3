"""The use cases of this room: one look at the registry, one at the world beyond it, one report. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from leasehold.model.calls import CallUses
from leasehold.model.credentials import CredentialProfile
from leasehold.model.errors import NotFound
from leasehold.model.kinds import Kind
from leasehold.model.leases import LeaseUse
from leasehold.model.observations import Observation
from leasehold.model.outside import Footprint, Look, Trace
from leasehold.model.principal import Principal
from leasehold.model.records import AuditRecord, Version
from leasehold.review.comparing import Sides, compare
from leasehold.review.declared import Declared
from leasehold.review.drift import Picture, find_drift
from leasehold.review.gate.approvals import approvals_of
from leasehold.review.gate.delta import SemanticDelta, semantic_delta
from leasehold.review.gate.rules import USUAL, Rules, Verdict
from leasehold.review.handed_out import HandedOut
from leasehold.review.outside import NOTHING_SEEN, Outside, footprints, visible_profiles
from leasehold.review.plan_review import Judged, PlanReview
from leasehold.review.ports import Observer, Recalled, Recollection, Store, View
from leasehold.review.replays import WITHHELD, PlanReplay, may_recall
from leasehold.review.reports import DriftReport
from leasehold.review.since_base import Asked, judge
from leasehold.review.worlds import Key, Live, World, live_picture

_LOOKS = 5
_CALLS = 10_000  # the newest on record are looked at, whatever the report is about
NOBODY_LOOKED = "this registry does not look at other systems"


class Blind:
    """Stands where nothing beyond the registry can be seen."""

    def look(self, profiles: Mapping[str, CredentialProfile], _now: datetime) -> Mapping[str, Look]:
        """Nothing was seen."""
        return dict.fromkeys(profiles, Look(problem=NOBODY_LOOKED))

    def trace(self, profiles: Mapping[str, tuple[CredentialProfile, Footprint]]) -> Mapping[str, Trace]:
        """Nobody was asked."""
        return dict.fromkeys(profiles, Trace(problem=NOBODY_LOOKED))


class Reviews:
    """Drift and plan reviews over a store. Every platform role may read all that a report is made of."""

    def __init__(
        self,
        store: Store,
        observer: Observer | None = None,
        rules: Rules = USUAL,
        recollection: Recollection | None = None,
    ) -> None:
        self._store, self._rules, self._recollection = store, rules, recollection
        self._observer = observer if observer is not None else Blind()

    def drift(self, declared: Declared, now: datetime) -> DriftReport:
        """What stacks declare against what lives at `now`."""
        outside = self._outside(declared, now)
        with self._store.read() as view:
            live = _look(view, now)
            seen, handed = _seen(view, live), _handed_out(view)
            return find_drift(Picture(declared, live, view.versions, _Evidence(view), outside, seen, handed))

    def plan(
        self, declared: Declared, now: datetime, author: Principal | None = None, base: Declared | None = None
    ) -> PlanReview:
        """What an apply of the plans would change in access, and whether the rules let it."""
        return self.judged(declared, now, author, base).review

    def judged(
        self, declared: Declared, now: datetime, author: Principal | None, base: Declared | None = None
    ) -> Judged:
        """The same, with the change that was judged."""
        recalled = self._recalled(author)
        with self._store.read() as view:
            live = _look(view, now)
            picture = Picture(declared, live, view.versions, seen=_seen(view, live))
            judged = judge(picture, Asked(rules=self._rules, author=author, base=base), recalled)
            if judged.review.gate.verdict is not Verdict.NEEDS_APPROVAL:
                return judged
            approvals = approvals_of(judged.delta, _Evidence(view), view.versions)
            return replace(judged, approvals=tuple(approvals))

    def change(self, declared: Declared, gone: Iterable[Key]) -> SemanticDelta:
        """What part of a plan changes: some objects as they would be, and some that would be gone."""
        keys, removed = {*declared.by_key, *gone}, set(gone)
        with self._store.read() as view:
            stored = {key: view.objects.find(*key) for key in sorted(keys)}
        was = {key: one.spec for key, one in stored.items() if one is not None}
        kept = {key: spec for key, spec in was.items() if key not in removed}
        now = kept | {key: one.spec for key, one in declared.by_key.items()}
        return semantic_delta(World(was), World(now), keys, declared.outlines)

    def _recalled(self, author: Principal | None) -> Recalled | PlanReplay | None:
        """Decisions on record, for whoever may have them explained; nothing is read of them for others."""
        if self._recollection is None or not self._rules.replayed:
            return None
        permit = may_recall(author)
        return self._recollection.recall(permit, self._rules.replayed) if permit is not None else WITHHELD

    def compared(self, sides: Sides, now: datetime, author: Principal | None = None) -> PlanReview:
        """What one version of stacks and policies lets agents do that the other does not."""
        with self._store.read() as view:
            live = Picture(sides.head.declared, _look(view, now), view.versions)
            return compare(sides, live, self._rules, author)

    def policy_at(self, name: str, revision: int) -> Version:
        """A policy as it was. Raises `NotFound` for a revision that never lived, or that took it away."""
        with self._store.read() as view:
            found = next(iter(view.versions.since(Kind.POLICIES, name, revision)), None)
        if found is None or found.revision != revision or found.spec is None:
            raise NotFound("policy", f"{name}@{revision}")
        return found

    def _outside(self, declared: Declared, now: datetime) -> Outside:
        """Other systems take their time: no transaction is open meanwhile."""
        if not any(kind is Kind.CREDENTIAL_PROFILES for kind, _ in declared.by_key):
            return NOTHING_SEEN
        with self._store.read() as view:
            profiles = view.objects.list(Kind.CREDENTIAL_PROFILES)
        wanted = {one.name: spec for one, spec in visible_profiles(declared, live_picture(profiles, 0, now))}
        if not wanted:
            return NOTHING_SEEN
        looks = self._observer.look(wanted, now)
        with self._store.read() as view:
            baselines = view.baselines.find_all(looks)
        seen = Outside(baselines, looks)
        sought = {name: (wanted[name], footprint) for name, footprint in footprints(wanted, seen, now).items()}
        return replace(seen, traces=self._observer.trace(sought)) if sought else seen


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What one view holds of the past."""

    view: View

    def done(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Sequence[AuditRecord]]:
        return self.view.audit.done(keys)

    def uses(self, agents: Iterable[str], since: datetime) -> Sequence[LeaseUse]:
        return self.view.lease_uses.taken(agents, since)

    def live(self, agents: Iterable[str], now: datetime) -> Sequence[LeaseUse]:
        return self.view.lease_uses.live(agents, now)

    def calls(self, since: datetime) -> CallUses:
        return self.view.audit.calls(since, _CALLS)


def _handed_out(view: View) -> HandedOut:
    """Authority that is no object."""
    return HandedOut(view.connections.shared(), view.promotions.every(), view.registrations.every())


def _seen(view: View, live: Live) -> Mapping[str, Observation]:
    """What tool servers were seen to show."""
    return view.observations.latest(name for kind, name in live.stored if kind is Kind.TOOL_SERVERS)


def _look(view: View, now: datetime) -> Live:
    """All live objects. A store that shows each read a newer state is asked again, until no write came between."""
    for _ in range(_LOOKS):
        revision = view.changes.latest()
        objects = [one for kind in Kind for one in view.objects.list(kind)]
        complete = view.changes.latest() == revision
        if complete:
            break
    return live_picture(objects, revision, now, complete=complete)
