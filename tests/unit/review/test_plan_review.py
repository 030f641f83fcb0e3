"""What a plan review says of an apply that has not happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.unit.review.worlds import ALICE, DELETE, NOW, READ, SCOPED, Registry, declare, organisation, review

from leasehold.model.grants import Ceiling, GrantSet
from leasehold.model.kinds import Kind
from leasehold.model.people import Owner
from leasehold.model.trust import KubernetesSubject
from leasehold.review.findings import Risk, Unproven

CLAIM = (Kind.GRANT_SETS, "triage")


def test_a_plan_without_change_changes_nothing():
    report = review(Registry(), declare())
    assert (report.access, report.foundations, report.reversals) == ((), (), ())
    assert report.summary.max_risk is None


def test_a_new_grant_is_said_in_one_sentence():
    report = review(Registry(), declare(organisation() | {(Kind.GRANTS, DELETE.id): DELETE}))
    (change,) = report.access
    assert change.sentence == "agent `triage` can now `delete_branch` on `repo:web`"
    assert (change.risk, change.factors) == (Risk.CRITICAL, ("destructive action", "standing", "production"))
    assert report.summary.gains == 1


def test_a_grant_that_ends_is_less_risky_than_a_standing_one():
    ends = replace(DELETE, expires_at=NOW + timedelta(hours=1))
    (change,) = review(Registry(), declare(organisation() | {(Kind.GRANTS, ends.id): ends})).access
    assert "standing" not in change.factors


def test_a_removed_grant_is_a_loss():
    objects = {key: spec for key, spec in organisation().items() if key != (Kind.GRANTS, SCOPED.id)}
    (change,) = review(Registry(), declare(objects)).access
    assert change.gains == ()
    assert (
        change.sentence == "agent `triage` can no longer `create_issue` on `repo:api` and `create_issue` on `repo:web`"
    )


def test_a_hand_made_grant_that_the_claim_does_not_name_would_be_reverted():
    registry = Registry()
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    report = review(registry, declare())
    (reversal,) = report.reversals
    assert (reversal.name, reversal.agent) == (DELETE.id, "triage")
    assert reversal.cause is not None
    assert reversal.cause.actor == ALICE
    assert [one.tool for one in report.access[0].losses] == ["delete_branch"]


def test_without_a_claim_a_hand_made_grant_stays():
    registry = Registry()
    registry.delete(*CLAIM)
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    objects = {key: spec for key, spec in organisation().items() if key != CLAIM}
    assert review(registry, declare(objects)).reversals == ()


def test_a_claim_takes_nothing_from_another_stack():
    registry = Registry()
    registry.write(Kind.GRANTS, DELETE.id, DELETE, stack="other")
    assert review(registry, declare()).access == ()


def test_a_wider_scope_is_a_gain_of_every_agent_that_holds_it():
    scope = replace(organisation()[Kind.SCOPES, "issues"], tools=frozenset({"create_issue", "read_file"}))
    (change,) = review(Registry(), declare(organisation() | {(Kind.SCOPES, "issues"): scope})).access
    assert change.sentence == "agent `triage` can now `read_file` on `repo:api`"


def test_a_new_subject_of_an_agent_is_a_foundation():
    key = (Kind.WORKLOAD_BINDINGS, "second")
    binding = replace(
        organisation()[Kind.WORKLOAD_BINDINGS, "triage-k8s"],
        kubernetes=KubernetesSubject(namespace="payments", service_account="second", any_uid=True),
    )
    (change,) = review(Registry(), declare(organisation() | {key: binding})).foundations
    assert (
        change.sentence
        == "service account `payments/second` (whatever its uid) of `k8s-prod` can now become agent `triage`"
    )
    assert change.address == "leasehold_workload_binding.second"


def test_a_ceiling_taken_away_is_high():
    objects = {key: spec for key, spec in organisation().items() if key[0] is not Kind.CEILINGS}
    (change,) = review(Registry(), declare(objects)).foundations
    assert (change.sentence, change.risk) == ("ceiling `payments` is removed", Risk.HIGH)


def test_a_changed_ceiling_names_what_changes():
    ceiling = {(Kind.CEILINGS, "payments"): Ceiling(principal="organization", scopes=frozenset({"anything"}))}
    (change,) = review(Registry(), declare(organisation() | ceiling)).foundations
    assert change.sentence == "ceiling `payments` changes `principal`"


def test_programs_without_a_key_that_may_act_as_an_agent_are_a_foundation():
    """Whether the agent changes or comes with it; and that they may no longer is told, too."""
    key = Kind.AGENTS, "triage"
    opened = organisation() | {key: replace(organisation()[key], public_clients=True)}

    (change,) = review(Registry(), declare(opened)).foundations
    assert (change.kind, change.name, change.risk) == (Kind.AGENTS, "triage", "high")
    assert change.sentence == (
        "any program on a person's computer can now act as agent `triage` for people who consent to it"
    )
    live = Registry()
    live.write(*key, opened[key])
    (closed,) = review(live, declare(organisation())).foundations
    assert closed.risk == "low"
    assert closed.sentence == "no program without a key can act as agent `triage` any more"
    assert review(live, declare(opened)).foundations == ()


def test_a_new_owner_is_told_and_harmless():
    bob = {(Kind.OWNERS, "bob"): Owner(display_name="Bob", email="bob@example.com", team="payments")}
    (change,) = review(Registry(), declare(organisation() | bob)).foundations
    assert (change.sentence, change.risk) == ("owner `bob` is added", Risk.LOW)


def test_what_the_plan_does_not_know_is_unproven_and_neither_gained_nor_lost():
    objects = {key: spec for key, spec in organisation().items() if key != (Kind.GRANTS, READ.id)}
    unproven = Unproven("leasehold_grant.read", "prod", ("expires_at",))
    keys = frozenset({(Kind.GRANTS, READ.id)})
    report = review(Registry(), declare(objects, unproven=(unproven,), unproven_keys=keys))
    assert report.access == ()
    assert report.unproven == (unproven,)
    assert report.summary.coverage_pct < 100


def test_an_empty_set_of_grants_takes_everything_away():
    objects = {k: v for k, v in organisation().items() if k[0] is not Kind.GRANTS} | {
        CLAIM: GrantSet(grants=frozenset())
    }
    (change,) = review(Registry(), declare(objects)).access
    assert len(change.losses) == 3
