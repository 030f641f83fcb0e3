"""Exceptions: a finding is accepted until a day, by whoever answers for it, and is never out of sight."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.review.worlds import ALICE, DELETE, NOW, READ, TOUCHED, Registry, declare, drift, only, organisation

from leasehold.model.exceptions import DriftException
from leasehold.model.kinds import Kind
from leasehold.model.trust import TrustIssuer
from leasehold.review.drift import find_drift
from leasehold.review.findings import DriftClass, Risk

UNTIL = NOW + timedelta(days=7)
DECLARED = {key: spec for key, spec in organisation().items() if key[0] is not Kind.DRIFT_EXCEPTIONS}


@pytest.fixture
def registry():
    found = Registry()
    found.delete(Kind.DRIFT_EXCEPTIONS, "noise")
    return found


def accept(registry, finding, *, until=UNTIL, name="incident", at=TOUCHED):
    spec = DriftException(fingerprint=finding.fingerprint, reason="incident 4711", expires_at=until)
    registry.write(Kind.DRIFT_EXCEPTIONS, name, spec, at=at)


def report_at(registry, now):
    return find_drift(registry.picture(declare(DECLARED), now=now))


def report(registry):
    return report_at(registry, NOW)


def test_an_accepted_finding_is_shown_with_its_end_and_counts_as_no_open_one(registry):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    accept(registry, only(report(registry)))
    found = report(registry)
    finding = only(found)
    assert finding.accepted is not None
    assert (finding.accepted.until, finding.accepted.by) == (UNTIL, ALICE)
    assert (finding.accepted.exception, finding.accepted.reason) == ("incident", "incident 4711")
    assert (found.summary.accepted, found.summary.unmanaged, found.summary.max_risk) == (1, 0, None)
    assert finding.risk is Risk.CRITICAL, "accepting a finding does not make it harmless"
    assert sum(found.summary.states.values()) == 0


def test_an_exception_that_has_ended_makes_it_a_finding_again_and_says_so(registry):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    accept(registry, only(report(registry)))
    finding = only(report_at(registry, UNTIL))
    assert finding.accepted is None
    assert finding.lapsed is not None
    assert finding.lapsed.until == UNTIL
    assert report_at(registry, UNTIL).summary.max_risk is Risk.CRITICAL
    accept(registry, finding, until=UNTIL + timedelta(days=1), name="again", at=UNTIL)
    assert only(report_at(registry, UNTIL)).accepted.exception == "again"


def test_an_end_beyond_the_longest_exception_is_cut_whatever_the_store_holds(registry):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    accept(registry, only(report(registry)), until=NOW + timedelta(days=3_650))
    finding = only(report(registry))
    assert finding.accepted.until == TOUCHED + timedelta(days=30)
    assert only(report_at(registry, TOUCHED + timedelta(days=30))).accepted is None


def test_accepted_findings_stand_behind_all_open_ones(registry):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    accept(registry, only(report(registry)))
    registry.change(Kind.SCOPES, "issues", description="x")
    findings = report(registry).findings
    assert [one.accepted is None for one in findings] == [True, False]


@pytest.mark.parametrize(
    "worse",
    [
        {"document": "permit(principal, action, resource);\n"},
        {"document": "permit(principal, action, resource) when { true };\n"},
    ],
)
def test_whoever_accepts_one_hand_made_policy_accepts_no_other_text_under_its_name(registry, worse):
    loose = replace(DECLARED[Kind.POLICIES, "guards"], description="a note")
    registry.write(Kind.POLICIES, "loose", loose)
    accept(registry, only(report(registry)))
    assert only(report(registry)).accepted is not None
    registry.change(Kind.POLICIES, "loose", **worse)
    assert only(report(registry)).accepted is None


def test_whoever_accepts_other_keys_accepts_no_third_ones(registry):
    registry.change(Kind.TRUST_ISSUERS, "k8s-prod", jwks='{"keys": [{"kty": "EC"}]}')
    accept(registry, only(report(registry)))
    assert only(report(registry)).accepted is not None
    registry.change(Kind.TRUST_ISSUERS, "k8s-prod", jwks='{"keys": [{"kty": "RSA"}]}')
    assert isinstance(registry.stored[Kind.TRUST_ISSUERS, "k8s-prod"].spec, TrustIssuer)
    assert only(report(registry)).accepted is None


def test_whoever_accepts_that_a_grant_ends_later_does_not_accept_that_it_never_ends(registry):
    ends = {(Kind.GRANTS, READ.id): replace(READ, expires_at=NOW + timedelta(days=1))}
    registry.change(Kind.GRANTS, READ.id, expires_at=NOW + timedelta(days=2))
    accept(registry, only(drift(registry, declare(DECLARED | ends))))
    registry.change(Kind.GRANTS, READ.id, expires_at=NOW + timedelta(days=3))
    assert only(drift(registry, declare(DECLARED | ends))).accepted is not None
    registry.change(Kind.GRANTS, READ.id, expires_at=None)
    assert only(drift(registry, declare(DECLARED | ends))).accepted is None


def test_nobody_accepts_that_they_may_accept_nor_that_two_stacks_fight(registry):
    noise = organisation()[Kind.DRIFT_EXCEPTIONS, "noise"]
    key = (Kind.DRIFT_EXCEPTIONS, "noise")
    registry.write(*key, replace(noise, reason="something else"))
    declared = declare(DECLARED | {key: noise})
    finding = only(drift(registry, declared))
    assert (finding.fix.exception, finding.class_) == (None, DriftClass.CHANGED)
    accept(registry, finding, name="sly")
    found = drift(registry, declared).findings
    assert {one.name: one.accepted for one in found} == {"noise": None, "sly": None}


def test_an_exception_made_by_hand_is_unmanaged_where_a_stack_declares_exceptions(registry):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    accept(registry, only(report(registry)), name="by-hand")
    noise = organisation()[Kind.DRIFT_EXCEPTIONS, "noise"]
    registry.write(Kind.DRIFT_EXCEPTIONS, "noise", noise, by="ci", stack="prod")
    found = {one.name: one.class_ for one in drift(registry).findings}
    assert found["by-hand"] is DriftClass.UNMANAGED


def test_the_fix_names_the_finding_and_the_longest_end(registry):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    finding = only(report(registry))
    assert finding.fix.except_days_max == 30
    assert finding.fingerprint in finding.fix.exception
    assert 'resource "leasehold_drift_exception"' in finding.fix.exception
