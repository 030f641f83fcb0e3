"""One look at the registry: whole, or said not to be."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from tests.unit.review.worlds import NOW, Registry, declare

from leasehold.review.reviews import Reviews


class BusyStore:
    """A store that is written to while it is read, `writes` times."""

    def __init__(self, writes):
        self.registry, self.objects, self.changes = Registry(), self, self
        self.versions, self.revision, self.writes = self.registry, 42, writes
        self.audit = self.lease_uses = self.baselines = self.observations = self.registry
        self.promotions = self.connections = self.registrations = self.registry

    @contextmanager
    def read(self):
        yield self

    def list(self, kind, **_):
        if self.writes:
            self.writes -= 1
            self.revision += 1
        return [one for (of, _), one in self.registry.stored.items() if of is kind]

    def latest(self):
        return self.revision


@pytest.mark.parametrize("review", [Reviews.drift, Reviews.plan])
def test_a_look_that_a_write_came_into_is_taken_again(review):
    report = review(Reviews(BusyStore(writes=3)), declare(), NOW)
    assert report.snapshot.complete
    assert report.snapshot.revision == 45


@pytest.mark.parametrize("review", [Reviews.drift, Reviews.plan])
def test_a_registry_that_never_rests_gives_a_report_that_says_so(review):
    assert not review(Reviews(BusyStore(writes=10_000)), declare(), NOW).snapshot.complete
