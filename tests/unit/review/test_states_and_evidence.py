"""What a finding tells beside the difference: its states, who did it and how, how far it reaches, what it weighs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.review.worlds import (
    ALICE,
    CI,
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
)

from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.grants import Ceiling
from leasehold.model.kinds import Kind
from leasehold.model.leases import LeaseUse
from leasehold.model.records import AuditRecord
from leasehold.model.tools import Action, Tool
from leasehold.review.findings import DriftClass, Risk

GITHUB = "https://mcp.example.com/github"


@pytest.fixture
def registry():
    return Registry()


def states(finding):
    return {str(one) for one in finding.states}


def use(agent="triage", audience=GITHUB, scopes=("mcp:tool:delete_branch:delete",), count=1, last_at=TOUCHED):
    return LeaseUse(agent=agent, audience=audience, scopes=frozenset(scopes), count=count, last_at=last_at)


def test_an_object_that_was_deleted_behind_the_code_is_a_ghost_and_one_that_never_lived_is_not(registry):
    registry.delete(Kind.GRANTS, READ.id)
    never = {(Kind.GRANTS, DELETE.id): DELETE}
    found = {one.name: states(one) for one in drift(registry, declare(organisation() | never)).findings}
    assert found == {READ.id: {"missing", "narrowed", "ghost"}, DELETE.id: {"missing", "narrowed"}}


def test_a_hand_made_grant_past_its_end_is_in_every_state_that_it_is_in(registry):
    registry.write(Kind.GRANTS, DELETE.id, replace(DELETE, expires_at=NOW))
    findings = drift(registry).findings
    assert {one.class_ for one in findings} == {DriftClass.UNMANAGED, DriftClass.OVERSTAY}
    assert all(states(one) == {"unmanaged", "overstay"} for one in findings)
    assert {one.states[0] for one in findings} == {one.class_ for one in findings}


def test_a_scope_that_gained_one_thing_and_lost_another_is_wider_and_narrower(registry):
    registry.change(Kind.SCOPES, "issues", tools=frozenset({"delete_branch"}), resources=frozenset({"repo:web"}))
    assert states(only(drift(registry))) == {"widened", "narrowed"}


def test_a_ceiling_and_a_binding_and_a_tool_server_say_so(registry):
    registry.change(Kind.CEILINGS, "payments", scopes=frozenset({"issues"}))
    registry.change(Kind.TRUST_ISSUERS, "k8s-prod", single_use=False)
    tools = organisation()[Kind.TOOL_SERVERS, "github"].tools
    schema = '{"type": "object", "properties": {"force": {"type": "boolean"}}}'
    touched = {**tools, "delete_branch": Tool(action=Action.DELETE, input_schema=schema)}
    registry.change(Kind.TOOL_SERVERS, "github", tools=touched)
    report = drift(registry)
    found = {one.kind: states(one) for one in report.findings}
    assert found[Kind.CEILINGS] == {"narrowed", "ceiling"}
    assert found[Kind.TRUST_ISSUERS] == {"widened", "binding"}
    assert found[Kind.TOOL_SERVERS] == {"changed", "tool_surface"}
    assert {str(state): count for state, count in report.summary.states.items() if count} == {
        "narrowed": 1, "ceiling": 1, "widened": 1, "binding": 1, "changed": 1, "tool_surface": 1,
    }  # fmt: skip


def test_a_policy_whose_effect_nobody_can_tell_is_unproven_and_lowers_the_coverage(registry):
    registry.change(Kind.POLICIES, "guards", document="permit(principal, action, resource);\n")
    report = drift(registry)
    assert states(only(report)) == {"changed", "unproven"}
    assert [(gap.what, gap.count) for gap in report.coverage.gaps] == [("change", 1)]
    assert report.coverage.pct == report.summary.coverage_pct < 100
    assert report.coverage.judged == report.coverage.total - 1


def test_what_no_report_can_see_is_said_and_does_not_count(registry):
    coverage = drift(registry).coverage
    assert (coverage.pct, coverage.gaps) == (100.0, ())
    assert [one.what for one in coverage.out_of_sight] == ["credential profile", "policy", "tool server"]


def test_one_gap_among_many_objects_never_rounds_away(registry):
    many = {(Kind.OWNERS, f"o-{number}"): organisation()[Kind.OWNERS, "alice"] for number in range(3_000)}
    for key, spec in many.items():
        registry.write(*key, spec, by=CI, stack="prod")
    registry.change(Kind.POLICIES, "guards", document="permit(principal, action, resource);\n")
    assert drift(registry, declare(organisation() | many)).coverage.pct == 99.9


def test_a_tool_that_the_server_lists_no_more_is_named_with_who_took_it_away(registry):
    tools = dict(organisation()[Kind.TOOL_SERVERS, "github"].tools)
    del tools["create_issue"]
    registry.change(Kind.TOOL_SERVERS, "github", tools=tools)
    gone = organisation()[Kind.TOOL_SERVERS, "github"]
    objects = organisation() | {(Kind.TOOL_SERVERS, "github"): replace(gone, tools=tools)}
    finding = only(drift(registry, declare(objects)))
    assert (finding.class_, finding.kind, finding.name) == (DriftClass.TOOL_SURFACE, Kind.SCOPES, "issues")
    assert finding.sentence == "scope `issues` names `create_issue`, which tool server `github` does not list"
    assert finding.cause is not None
    assert (finding.cause.actor, finding.cause.at) == (ALICE, TOUCHED)
    assert finding.blast.agents == 1


def test_a_grant_that_names_what_was_never_listed_has_no_culprit(registry):
    wrong = replace(READ, tools=frozenset({"read_file", "unknown"}))
    registry.write(Kind.GRANTS, wrong.id, wrong, by=CI, stack="prod")
    objects = organisation() | {
        (Kind.GRANTS, wrong.id): wrong,
        (Kind.GRANT_SETS, "triage"): replace(
            organisation()[Kind.GRANT_SETS, "triage"], grants=frozenset({READ.id, SCOPED.id, wrong.id})
        ),
    }
    finding = only(drift(registry, declare(objects)))
    assert (finding.class_, finding.agent, finding.cause) == (DriftClass.TOOL_SURFACE, "triage", None)


def test_a_cause_says_by_which_door_token_binding_and_run(registry):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    issue = AuditEvent(
        at=TOUCHED, principal=ALICE, action="exchange", kind="leases", name=f"lease-of-{ALICE}", outcome=Outcome.OK,
        detail={"binding": "people", "run": "acme/web run 7"},
    )  # fmt: skip
    ended = replace(issue, action="revoke", detail={})
    registry.events["leases", issue.name] = [AuditRecord(100, ended), AuditRecord(99, issue)]
    cause = only(drift(registry)).cause
    assert cause is not None
    assert (cause.actor, cause.at, cause.operation) == (ALICE, TOUCHED, "create")
    assert (cause.via, cause.stack, cause.binding) == ("registry API", None, "people")
    assert (cause.run, cause.lease, cause.approved_by) == ("acme/web run 7", issue.name, None)
    assert cause.event == registry.events["grants", DELETE.id][0].sequence


def test_a_write_of_another_stack_came_through_terraform(registry):
    registry.write(Kind.GRANTS, DELETE.id, DELETE, by="ci:other", stack="other")
    cause = only(drift(registry)).cause
    assert cause is not None
    assert (cause.via, cause.stack) == ("terraform", "other")


def test_events_of_other_revisions_are_not_taken_for_the_culprit(registry):
    registry.write(Kind.GRANTS, DELETE.id, DELETE, by="oidc:mallory@example.com")
    registry.write(Kind.GRANTS, DELETE.id, replace(DELETE, justification="x"), by=CI)
    cause = only(drift(registry)).cause
    assert cause is not None
    assert (cause.actor, cause.lease) == ("oidc:mallory@example.com", "lease-of-oidc:mallory@example.com")


def test_reach_counts_what_could_be_used_for_the_difference_and_nothing_else(registry):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    registry.live_leases = [use(count=3), use(scopes=["mcp:tool:read_file:read"], count=50)]
    last = NOW - timedelta(minutes=9)
    registry.taken_leases = [
        use(count=40, last_at=last), use(count=2), use(audience="https://other.example.com", count=9),
        use(agent="scout", count=9), use(last_at=NOW - timedelta(days=31)),
    ]  # fmt: skip
    finding = only(drift(registry))
    blast = finding.blast
    assert (blast.agents, blast.resources, blast.live_leases) == (1, 1, 3)
    assert (blast.used, blast.used_days, blast.last_used) == (42, 30, last)


def test_a_score_is_the_sum_of_its_parts_and_stays_within_its_level(registry):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    quiet = only(drift(registry))
    registry.live_leases, registry.taken_leases = [use(count=10**6)], [use(count=10**9)]
    busy = only(drift(registry))
    for one in (quiet, busy):
        assert one.score.value == sum(part.points for part in one.score.parts) <= 100
        assert all(part.because for part in one.score.parts)
    assert quiet.score.value < busy.score.value
    assert (quiet.risk, quiet.fingerprint) == (busy.risk, busy.fingerprint) == (Risk.CRITICAL, quiet.fingerprint)
    assert {part.factor for part in busy.score.parts} == {"access", "reach", "in use", "lasting", "actor"}


def test_no_score_of_a_lower_level_outweighs_one_of_a_higher(registry):
    registry.live_leases = registry.taken_leases = [use(scopes=["mcp:tool:read_file:read"], count=100)]
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    registry.delete(Kind.GRANTS, READ.id)
    registry.change(Kind.SCOPES, "issues", description="x")
    findings = drift(registry).findings
    assert [one.score.value for one in findings] == sorted((one.score.value for one in findings), reverse=True)
    assert [one.risk.rank for one in findings] == sorted((one.risk.rank for one in findings), reverse=True)


def test_the_reach_of_an_object_without_an_agent_is_that_of_all_beneath_it(registry):
    low = {(Kind.CEILINGS, "payments"): Ceiling(principal="team:payments", scopes=frozenset({"issues"}))}
    objects = organisation() | low
    del objects[Kind.GRANTS, READ.id]
    registry.delete(Kind.GRANTS, READ.id)
    assert only(drift(registry, declare(objects))).blast.agents == 1
