"""What has outlived its reason: orphans, and permissions past their end."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from tests.unit.review.worlds import ALICE, CI, NOW, READ, Registry, declare, drift, only, organisation

from leasehold.model.kinds import Kind
from leasehold.model.people import OwnerState
from leasehold.review.findings import DriftClass


@pytest.fixture
def registry():
    return Registry()


def without(*keys):
    return declare({key: spec for key, spec in organisation().items() if key not in keys})


def test_a_disabled_owner_orphans_the_agent_and_names_who_disabled_them(registry):
    registry.change(Kind.OWNERS, "alice", state=OwnerState.DISABLED)
    report = drift(registry)
    orphan = next(one for one in report.findings if one.class_ is DriftClass.ORPHAN)
    assert orphan.sentence == "agent `triage` is orphaned: its owner `alice` is disabled"
    assert orphan.cause is not None
    assert orphan.cause.actor == ALICE
    assert report.summary.narrowed == 1


def test_an_agent_whose_review_is_overdue_is_an_orphan(registry):
    overdue = replace(organisation()[Kind.AGENTS, "triage"], review_by=date(2026, 11, 21))
    registry.write(Kind.AGENTS, "triage", overdue, by=CI)
    finding = only(drift(registry, declare(organisation() | {(Kind.AGENTS, "triage"): overdue})))
    assert (finding.class_, finding.factors) == (DriftClass.ORPHAN, ("review overdue",))


def test_an_agent_is_not_overdue_on_the_day_of_its_review(registry):
    today = replace(organisation()[Kind.AGENTS, "triage"], review_by=NOW.date())
    registry.write(Kind.AGENTS, "triage", today, by=CI)
    assert drift(registry, declare(organisation() | {(Kind.AGENTS, "triage"): today})).findings == ()


def test_an_equipped_agent_without_a_deployment_is_an_orphan(registry):
    registry.delete(Kind.DEPLOYMENTS, "triage-prod")
    finding = only(drift(registry, without((Kind.DEPLOYMENTS, "triage-prod"))))
    assert finding.factors == ("no live deployment",)


def test_a_grant_past_its_expiry_overstays(registry):
    ended = replace(READ, expires_at=NOW)
    registry.write(Kind.GRANTS, READ.id, ended, by=CI)
    finding = only(drift(registry, declare(organisation() | {(Kind.GRANTS, READ.id): ended})))
    assert (finding.class_, finding.name, finding.expires_at) == (DriftClass.OVERSTAY, READ.id, NOW)


def test_a_deployment_past_its_expiry_overstays(registry):
    key = (Kind.DEPLOYMENTS, "triage-prod")
    ended = replace(organisation()[key], expires_at=NOW)
    registry.write(*key, ended, by=CI)
    finding = only(drift(registry, declare(organisation() | {key: ended})))
    assert (finding.class_, finding.kind) == (DriftClass.OVERSTAY, Kind.DEPLOYMENTS)


def test_a_deployment_yet_to_come_makes_no_orphan(registry):
    registry.delete(Kind.DEPLOYMENTS, "triage-prod")
    assert [one.class_ for one in drift(registry).findings] == [DriftClass.MISSING]
