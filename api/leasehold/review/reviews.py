"""The use cases of this room: one look at the registry, one report. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from leasehold.model.kinds import Kind
from leasehold.model.principal import Principal
from leasehold.review.declared import Declared
from leasehold.review.drift import Picture, find_drift
from leasehold.review.findings import DriftReport
from leasehold.review.gate.rules import USUAL, Rules
from leasehold.review.plan_review import Judged, PlanReview, judge_plan
from leasehold.review.ports import Store, View
from leasehold.review.worlds import Live, live_picture

_LOOKS = 5
Report = TypeVar("Report", DriftReport, Judged)


class Reviews:
    """Drift and plan reviews over a store. Every platform role may read all that a report is made of."""

    def __init__(self, store: Store, rules: Rules = USUAL) -> None:
        self._store, self._rules = store, rules

    def drift(self, declared: Declared, now: datetime) -> DriftReport:
        """What stacks declare against what lives at `now`."""
        return self._reviewed(declared, now, find_drift)

    def plan(self, declared: Declared, now: datetime, author: Principal | None = None) -> PlanReview:
        """What an apply of the plans would change in access, and whether the rules let it."""
        return self.judged(declared, now, author).review

    def judged(self, declared: Declared, now: datetime, author: Principal | None) -> Judged:
        """The same, with the change that was judged."""
        return self._reviewed(declared, now, lambda picture: judge_plan(picture, self._rules, author))

    def _reviewed(self, declared: Declared, now: datetime, review: Callable[[Picture], Report]) -> Report:
        with self._store.read() as view:
            return review(Picture(declared, _look(view, now), view.versions))


def _look(view: View, now: datetime) -> Live:
    """All live objects. A store that shows each read a newer state is asked again, until no write came between."""
    for _ in range(_LOOKS):
        revision = view.changes.latest()
        objects = [one for kind in Kind for one in view.objects.list(kind)]
        complete = view.changes.latest() == revision
        if complete:
            break
    return live_picture(objects, revision, now, complete=complete)
