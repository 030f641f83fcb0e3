"""What a drift report finds, and what it rightly keeps quiet about."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.review.worlds import (
    ALICE,
    DELETE,
    NOW,
    READ,
    SCOPED,
    TOUCHED,
    Registry,
    declare,
    drift,
    only,
    organisation,
    role_binding,
)

from leasehold.model.grants import Ceiling, Grant, GrantSet
from leasehold.model.kinds import Kind
from leasehold.model.people import AgentState
from leasehold.model.principal import Role
from leasehold.model.tools import Action, Tool
from leasehold.model.trust import KubernetesSubject
from leasehold.review.declared import Declared, DeclaredObject
from leasehold.review.findings import DriftClass, Risk, Unproven


@pytest.fixture
def registry():
    return Registry()


def without(*keys):
    return declare({key: spec for key, spec in organisation().items() if key not in keys})


def test_what_lives_as_declared_is_counted_and_not_shown(registry):
    report = drift(registry)
    assert report.findings == ()
    assert report.summary.equivalent == len(organisation())
    assert report.summary.coverage_pct == 100.0
    assert report.summary.max_risk is None


def test_a_grant_made_by_hand_is_unmanaged_and_names_who_made_it(registry):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    finding = only(drift(registry))
    assert finding.class_ is DriftClass.UNMANAGED
    assert finding.risk is Risk.CRITICAL
    assert finding.factors == ("destructive action", "standing", "production", "out of band")
    assert finding.sentence == "agent `triage` can now `delete_branch` on `repo:web`"
    assert [(one.tool, one.action, one.resource) for one in finding.now_can] == [
        ("delete_branch", Action.DELETE, "repo:web")
    ]
    assert finding.cause is not None
    assert (finding.cause.actor, finding.cause.at, finding.cause.operation) == (ALICE, TOUCHED, "create")


def test_a_refreshed_claim_that_lists_the_hand_made_grant_does_not_hide_it(registry):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    objects = organisation() | {
        (Kind.GRANT_SETS, "triage"): GrantSet(grants=frozenset({READ.id, SCOPED.id, DELETE.id}))
    }
    assert only(drift(registry, declare(objects))).name == DELETE.id


def test_two_hand_made_grants_of_the_same_access_do_not_hide_each_other(registry):
    both = Grant(
        agent="triage",
        tool_server="github",
        tools=frozenset({"delete_branch", "read_file"}),
        resources=frozenset({"repo:web"}),
    )
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    registry.write(Kind.GRANTS, both.id, both)
    assert {finding.name for finding in drift(registry).findings} == {DELETE.id, both.id}
    assert all(one.now_can for one in drift(registry).findings)


def test_a_grant_of_another_stack_is_unmanaged_only_where_the_set_is_claimed(registry):
    registry.write(Kind.GRANTS, DELETE.id, DELETE, stack="other")
    assert only(drift(registry)).managed_by == "other"
    assert drift(registry, without((Kind.GRANT_SETS, "triage"))).summary.unmanaged == 1  # the claim itself is left over


def test_a_grant_of_another_stack_that_the_claim_names_is_no_drift(registry):
    registry.write(Kind.GRANTS, DELETE.id, DELETE, stack="other")
    objects = organisation() | {
        (Kind.GRANT_SETS, "triage"): GrantSet(grants=frozenset({READ.id, SCOPED.id, DELETE.id}))
    }
    assert drift(registry, declare(objects)).findings == ()


def test_a_grant_that_adds_nothing_is_still_unmanaged_but_low(registry):
    again = replace(READ, tools=frozenset({"read_file", "unknown_tool"}))
    registry.write(Kind.GRANTS, again.id, again)
    finding = only(drift(registry))
    assert (finding.class_, finding.risk, finding.now_can) == (DriftClass.UNMANAGED, Risk.LOW, ())


def test_a_deleted_grant_is_missing_and_names_who_deleted_it(registry):
    registry.delete(Kind.GRANTS, READ.id)
    finding = only(drift(registry))
    assert finding.class_ is DriftClass.MISSING
    assert finding.sentence == "agent `triage` can no longer `read_file` on `repo:web`"
    assert finding.cause is not None
    assert (finding.cause.actor, finding.cause.operation) == (ALICE, "delete")
    assert finding.fix.revert == "terraform apply"


def test_what_was_never_applied_is_missing_without_a_culprit(registry):
    finding = only(drift(registry, declare(organisation() | {(Kind.GRANTS, DELETE.id): DELETE})))
    assert (finding.class_, finding.cause) == (DriftClass.MISSING, None)


def test_a_grant_that_lives_longer_than_declared_is_widened(registry):
    until = {(Kind.GRANTS, READ.id): replace(READ, expires_at=NOW + timedelta(days=1))}
    finding = only(drift(registry, declare(organisation() | until)))
    assert (finding.class_, finding.factors) == (DriftClass.WIDENED, ("never expires",))


def test_a_grant_that_lives_shorter_than_declared_is_narrowed(registry):
    registry.change(Kind.GRANTS, READ.id, expires_at=NOW + timedelta(days=1))
    finding = only(drift(registry))
    assert finding.class_ is DriftClass.NARROWED
    assert finding.expires_at == NOW + timedelta(days=1)


def test_a_wider_scope_shows_as_what_each_agent_gained(registry):
    registry.change(Kind.SCOPES, "issues", tools=frozenset({"create_issue", "delete_branch"}))
    finding = only(drift(registry))
    assert (finding.class_, finding.agent, finding.kind, finding.name) == (
        DriftClass.WIDENED,
        "triage",
        Kind.SCOPES,
        "issues",
    )
    assert "`delete_branch` on `repo:web`, through scope `issues`" in finding.sentence


def test_a_narrower_scope_shows_as_what_each_agent_lost(registry):
    registry.change(Kind.SCOPES, "issues", resources=frozenset({"repo:web"}))
    finding = only(drift(registry))
    assert (finding.class_, finding.now_can) == (DriftClass.NARROWED, ())
    assert [one.resource for one in finding.no_longer_can] == ["repo:api"]


def test_a_scope_that_says_the_same_in_other_words_is_only_changed(registry):
    registry.change(Kind.SCOPES, "issues", description="issues")
    finding = only(drift(registry))
    assert (finding.class_, finding.risk) == (DriftClass.CHANGED, Risk.LOW)
    assert [(one.path, one.declared, one.live) for one in finding.changes] == [("description", "", "issues")]


def test_a_lowered_ceiling_is_narrowed_for_the_agents_beneath(registry):
    registry.change(Kind.CEILINGS, "payments", scopes=frozenset({"issues"}))
    finding = only(drift(registry))
    assert (finding.class_, finding.agent, finding.kind) == (DriftClass.NARROWED, "triage", Kind.CEILINGS)
    assert finding.cause is not None
    assert finding.cause.actor == ALICE


def test_a_raised_ceiling_is_widened_even_if_nobody_reaches_it_yet(registry):
    low = {(Kind.CEILINGS, "payments"): Ceiling(principal="team:payments", scopes=frozenset({"issues"}))}
    low[Kind.GRANTS, READ.id] = READ
    objects = organisation() | low
    del objects[Kind.GRANTS, READ.id]
    registry.delete(Kind.GRANTS, READ.id)
    finding = only(drift(registry, declare(objects)))
    assert (finding.class_, finding.agent, finding.factors) == (DriftClass.WIDENED, None, ("ceiling raised",))


def test_a_ceiling_that_is_gone_lets_out_what_it_withheld(registry):
    objects = organisation() | {(Kind.CEILINGS, "cap"): Ceiling(principal="organization", scopes=frozenset({"issues"}))}
    finding = only(drift(registry, declare(objects)))
    assert finding.class_ is DriftClass.MISSING
    assert finding.sentence == "agent `triage` can now `read_file` on `repo:web`, through ceiling `cap`"


def test_a_hand_made_ceiling_that_withholds_something_is_shown_and_one_that_does_not_is_not(registry):
    registry.write(Kind.CEILINGS, "wide", Ceiling(principal="organization", scopes=frozenset({"anything"})))
    assert drift(registry).findings == ()
    registry.write(Kind.CEILINGS, "cap", Ceiling(principal="organization", scopes=frozenset({"issues"})))
    assert only(drift(registry)).name == "cap"


def test_a_binding_that_lost_a_pin_lets_another_subject_in(registry):
    loose = KubernetesSubject(namespace="payments", service_account="triage", any_uid=True)
    registry.change(Kind.WORKLOAD_BINDINGS, "triage-k8s", kubernetes=loose)
    finding = only(drift(registry))
    assert (finding.class_, finding.risk) == (DriftClass.WIDENED, Risk.HIGH)
    assert (
        finding.sentence
        == "service account `payments/triage` (whatever its uid) of `k8s-prod` can now become agent `triage`"
    )
    assert finding.now_can, "whoever becomes the agent can do what it can"


def test_a_binding_that_gained_a_pin_is_narrowed(registry):
    loose = KubernetesSubject(namespace="payments", service_account="triage", any_uid=True)
    key = (Kind.WORKLOAD_BINDINGS, "triage-k8s")
    declared = organisation()
    finding = only(drift(registry, declare(declared | {key: replace(declared[key], kubernetes=loose)})))
    assert (finding.class_, finding.now_can) == (DriftClass.NARROWED, ())


def test_a_hand_made_binding_to_a_declared_agent_is_unmanaged(registry):
    stranger = replace(
        organisation()[Kind.WORKLOAD_BINDINGS, "triage-k8s"],
        kubernetes=KubernetesSubject(namespace="evil", service_account="bot", any_uid=True),
    )
    registry.write(Kind.WORKLOAD_BINDINGS, "backdoor", stranger)
    finding = only(drift(registry))
    assert (finding.class_, finding.risk, finding.agent) == (DriftClass.UNMANAGED, Risk.CRITICAL, "triage")
    assert (
        finding.sentence == "service account `evil/bot` (whatever its uid) of `k8s-prod` can now become agent `triage`"
    )


def test_a_hand_made_role_is_no_drift_of_a_stack_that_declares_no_roles(registry):
    registry.write(Kind.WORKLOAD_BINDINGS, "bootstrap", role_binding())
    assert drift(registry).findings == ()


def test_a_hand_made_role_is_unmanaged_for_a_stack_that_declares_roles(registry):
    viewer = role_binding(Role.VIEWER)
    registry.write(Kind.WORKLOAD_BINDINGS, "viewer", viewer, stack="prod")
    registry.write(Kind.WORKLOAD_BINDINGS, "backdoor", role_binding())
    finding = only(drift(registry, declare(organisation() | {(Kind.WORKLOAD_BINDINGS, "viewer"): viewer})))
    assert (finding.name, finding.risk) == ("backdoor", Risk.CRITICAL)
    assert finding.sentence == "subject `mallory` of `k8s-prod` can now act as security-admin"


def test_other_keys_of_a_trust_issuer_are_critical(registry):
    registry.change(Kind.TRUST_ISSUERS, "k8s-prod", jwks='{"keys": [{"kty": "EC"}]}')
    finding = only(drift(registry))
    assert (finding.class_, finding.risk, finding.factors) == (
        DriftClass.WIDENED,
        Risk.CRITICAL,
        ("other keys are believed",),
    )


def test_the_same_keys_written_differently_are_no_drift(registry):
    registry.change(Kind.TRUST_ISSUERS, "k8s-prod", jwks='{\n  "keys":[]\n}')
    assert drift(registry).findings == ()


@pytest.mark.parametrize(
    ("changes", "class_"),
    [
        ({"single_use": False}, DriftClass.WIDENED),
        ({"allow_private": True}, DriftClass.WIDENED),
        ({"audiences": frozenset({"leasehold", "other"})}, DriftClass.WIDENED),
        ({"max_token_ttl": 600}, DriftClass.NARROWED),
        ({"algorithms": frozenset({"RS256", "RS512"})}, DriftClass.WIDENED),
    ],
)
def test_a_trust_issuer_that_believes_more_is_widened(registry, changes, class_):
    registry.change(Kind.TRUST_ISSUERS, "k8s-prod", **changes)
    assert only(drift(registry)).class_ is class_


def test_a_suspended_agent_is_narrowed_and_a_resumed_one_widened(registry):
    agent = organisation()[Kind.AGENTS, "triage"]
    registry.change(Kind.AGENTS, "triage", state=AgentState.SUSPENDED)
    assert only(drift(registry)).class_ is DriftClass.NARROWED
    suspended = {(Kind.AGENTS, "triage"): replace(agent, state=AgentState.SUSPENDED)}
    assert only(drift(Registry(), declare(organisation() | suspended))).class_ is DriftClass.WIDENED


def test_longer_tokens_are_widened(registry):
    agent = organisation()[Kind.AGENTS, "triage"]
    declared = declare(organisation() | {(Kind.AGENTS, "triage"): replace(agent, max_ttl=60)})
    assert only(drift(registry, declared)).class_ is DriftClass.WIDENED


def test_a_tool_server_at_another_address_is_high(registry):
    registry.change(Kind.TOOL_SERVERS, "github", url="https://evil.example.com")
    finding = only(drift(registry))
    assert (finding.class_, finding.risk) == (DriftClass.WIDENED, Risk.HIGH)


def test_a_tool_that_got_another_action_shows_as_access_of_that_action(registry):
    tools = organisation()[Kind.TOOL_SERVERS, "github"].tools
    registry.change(Kind.TOOL_SERVERS, "github", tools={**tools, "read_file": Tool(action=Action.DELETE)})
    finding = only(drift(registry))
    assert (finding.class_, [one.action for one in finding.now_can]) == (DriftClass.WIDENED, [Action.DELETE])


def test_an_owners_team_that_changed_answers_to_other_developers(registry):
    registry.change(Kind.OWNERS, "alice", team="other")
    finding = only(drift(registry))
    assert (finding.class_, finding.risk, finding.factors) == (
        DriftClass.CHANGED,
        Risk.MEDIUM,
        ("another team answers",),
    )


def test_a_leftover_of_the_stack_itself_is_unmanaged(registry):
    report = drift(registry, without((Kind.SCOPES, "issues"), (Kind.GRANTS, SCOPED.id)))
    assert {(one.class_, one.name) for one in report.findings} == {
        (DriftClass.UNMANAGED, "issues"),
        (DriftClass.UNMANAGED, SCOPED.id),
    }


def test_objects_of_other_stacks_and_agents_are_nobodys_drift(registry):
    other = organisation()[Kind.AGENTS, "triage"]
    registry.write(Kind.AGENTS, "other", other, stack="elsewhere")
    registry.write(Kind.GRANTS, "other/issues", Grant(agent="other", scope="issues"))
    assert drift(registry).findings == ()


def test_an_object_declared_by_two_stacks_is_a_conflict(registry):
    scope = organisation()[Kind.SCOPES, "issues"]
    twice = DeclaredObject(Kind.SCOPES, "issues", scope, "leasehold_scope.issues", "app")
    one = declare()
    finding = only(drift(registry, Declared(frozenset({"prod", "app"}), (*one.objects, twice))))
    assert (finding.class_, finding.risk) == (DriftClass.CONFLICT, Risk.HIGH)
    assert "`prod` and `app`" in finding.sentence


def test_the_state_of_another_stack_is_never_taken_for_clean(registry):
    """Given under a wrong name, or taken over behind the code: all is as it is declared, and somebody else's."""
    report = drift(registry, declare(stack="lab"))
    assert {one.class_ for one in report.findings} == {DriftClass.CONFLICT}
    assert (len(report.findings), report.summary.equivalent) == (len(organisation()), 0)
    assert "is declared by `lab` and managed by `prod`" in report.findings[0].sentence
    assert {one.managed_by for one in report.findings} == {"prod"}


def test_what_another_stack_took_over_is_found_with_who_did_it(registry):
    scope = organisation()[Kind.SCOPES, "issues"]
    registry.delete(Kind.SCOPES, "issues", at=NOW - timedelta(minutes=2))
    registry.write(Kind.SCOPES, "issues", scope, by="ci-lab", at=NOW - timedelta(minutes=1), stack="lab")
    finding = only(drift(registry))
    assert (finding.class_, finding.managed_by) == (DriftClass.CONFLICT, "lab")
    assert (finding.cause.actor, finding.cause.at) == ("ci-lab", NOW - timedelta(minutes=1))
    assert "terraform state rm" in finding.fix.revert


def test_what_was_made_by_hand_and_is_declared_since_is_nobodys_conflict(registry):
    scope = organisation()[Kind.SCOPES, "issues"]
    registry.delete(Kind.SCOPES, "issues")
    registry.write(Kind.SCOPES, "issues", scope)
    assert drift(registry).findings == ()


def test_several_stacks_are_compared_at_once(registry):
    base = {key: spec for key, spec in organisation().items() if key[0] not in {Kind.GRANTS, Kind.GRANT_SETS}}
    rest = {key: spec for key, spec in organisation().items() if key not in base}
    for key, spec in rest.items():
        registry.write(*key, spec, stack="app")
    both = Declared(frozenset({"prod", "app"}), (*declare(base).objects, *declare(rest, "app").objects))
    assert drift(registry, both).findings == ()
    for key, spec in rest.items():
        registry.write(*key, spec, stack="prod")
    assert drift(registry, declare(base)).summary.unmanaged == len(rest)


def test_what_is_unknown_is_unproven_and_never_passes_for_compared(registry):
    key = (Kind.GRANTS, READ.id)
    objects = {k: v for k, v in organisation().items() if k != key}
    unproven = Unproven("leasehold_grant.read", "prod", ("expires_at",))
    report = drift(registry, declare(objects, unproven=(unproven,), unproven_keys=frozenset({key})))
    assert report.findings == ()
    assert (report.summary.unproven, report.summary.coverage_pct) == (1, 94.7)


def test_the_fingerprint_stays_when_only_times_and_people_differ():
    first, second = Registry(), Registry()
    first.write(Kind.GRANTS, DELETE.id, DELETE)
    second.write(Kind.GRANTS, DELETE.id, DELETE, by="oidc:bob@example.com", at=NOW)
    assert only(drift(first)).fingerprint == only(drift(second)).fingerprint


def test_the_worst_comes_first(registry):
    registry.change(Kind.SCOPES, "issues", description="words")
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    assert [one.risk for one in drift(registry).findings] == [Risk.CRITICAL, Risk.LOW]


def test_the_cause_is_whoever_changed_what_differs_not_whoever_wrote_last(registry):
    registry.change(Kind.SCOPES, "issues", tools=frozenset({"create_issue", "read_file"}))
    described = replace(registry.stored[Kind.SCOPES, "issues"].spec, description="later")
    registry.write(Kind.SCOPES, "issues", described, by="oidc:bob@example.com", at=NOW)
    declared = replace(organisation()[Kind.SCOPES, "issues"], description="later")
    finding = only(drift(registry, declare(organisation() | {(Kind.SCOPES, "issues"): declared})))
    assert finding.cause is not None
    assert (finding.cause.actor, finding.cause.at) == (ALICE, TOUCHED)
