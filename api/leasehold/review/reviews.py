"""The use cases of this room: one look at the registry, one at the world beyond it, one report. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from leasehold.model.credentials import CredentialProfile
from leasehold.model.kinds import Kind
from leasehold.model.leases import LeaseUse
from leasehold.model.observations import Observation
from leasehold.model.outside import Look
from leasehold.model.principal import Principal
from leasehold.model.records import AuditRecord
from leasehold.review.declared import Declared
from leasehold.review.drift import Picture, find_drift
from leasehold.review.gate.rules import USUAL, Rules
from leasehold.review.outside import Outside, visible_profiles
from leasehold.review.plan_review import Judged, PlanReview, judge_plan
from leasehold.review.ports import Observer, Store, View
from leasehold.review.reports import DriftReport
from leasehold.review.worlds import Live, live_picture

_LOOKS = 5
NOBODY_LOOKED = "this registry does not look at other systems"


class Blind:
    """Stands where nothing beyond the registry can be seen."""

    def look(self, profiles: Mapping[str, CredentialProfile], _now: datetime) -> Mapping[str, Look]:
        """Nothing was seen."""
        return dict.fromkeys(profiles, Look(problem=NOBODY_LOOKED))


class Reviews:
    """Drift and plan reviews over a store. Every platform role may read all that a report is made of."""

    def __init__(self, store: Store, observer: Observer | None = None, rules: Rules = USUAL) -> None:
        self._store, self._rules = store, rules
        self._observer = observer if observer is not None else Blind()

    def drift(self, declared: Declared, now: datetime) -> DriftReport:
        """What stacks declare against what lives at `now`."""
        looks = self._looks(declared, now)
        with self._store.read() as view:
            outside = Outside(view.baselines.find_all(looks), looks)
            live = _look(view, now)
            return find_drift(Picture(declared, live, view.versions, _Evidence(view), outside, _seen(view, live)))

    def plan(self, declared: Declared, now: datetime, author: Principal | None = None) -> PlanReview:
        """What an apply of the plans would change in access, and whether the rules let it."""
        return self.judged(declared, now, author).review

    def judged(self, declared: Declared, now: datetime, author: Principal | None) -> Judged:
        """The same, with the change that was judged."""
        with self._store.read() as view:
            live = _look(view, now)
            return judge_plan(Picture(declared, live, view.versions, seen=_seen(view, live)), self._rules, author)

    def _looks(self, declared: Declared, now: datetime) -> Mapping[str, Look]:
        """Other systems take their time: no transaction is open meanwhile."""
        if not any(kind is Kind.CREDENTIAL_PROFILES for kind, _ in declared.by_key):
            return {}
        with self._store.read() as view:
            profiles = view.objects.list(Kind.CREDENTIAL_PROFILES)
        live = live_picture(profiles, 0, now)
        wanted = {one.name: spec for one, spec in visible_profiles(declared, live)}
        return self._observer.look(wanted, now) if wanted else {}


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
