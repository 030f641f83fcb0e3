"""Policies, users, resources and relations in a drift report: what may decide otherwise is never called harmless."""

from dataclasses import replace

import pytest
from tests.unit.review.worlds import OWNS, Registry, declare, drift, only, organisation, review

from leasehold.model.credentials import Federation
from leasehold.model.directory import Relation
from leasehold.model.kinds import Kind
from leasehold.model.policies import Policy, PolicyMode, PolicySide
from leasehold.review.findings import DriftClass, Risk

GUARDS = organisation()[Kind.POLICIES, "guards"]


@pytest.mark.parametrize(
    ("changes", "factor"),
    [
        ({"document": GUARDS.document.replace("forbid", "permit")}, "decisions may differ"),
        ({"side": PolicySide.USER}, "the other side is judged"),
        ({"mode": PolicyMode.LOG_ONLY}, "mode log_only"),
        ({"schema": "entity User;"}, "decisions may differ"),
    ],
)
def test_a_policy_that_may_decide_otherwise_is_high(changes, factor):
    registry = Registry()
    registry.change(Kind.POLICIES, "guards", **changes)
    finding = only(drift(registry))
    assert (finding.class_, finding.risk) == (DriftClass.CHANGED, Risk.HIGH)
    assert factor in finding.factors


def test_a_policy_that_only_tells_more_of_itself_is_low():
    registry = Registry()
    registry.change(Kind.POLICIES, "guards", description="why")
    assert only(drift(registry)).risk is Risk.LOW


def test_a_document_is_told_by_the_line_that_differs_never_whole():
    registry = Registry()
    registry.change(Kind.POLICIES, "guards", document=f"{GUARDS.document}// {'x' * 5_000}\n")
    assert only(drift(registry)).sentence == "policy `guards`: `document` differs from line 2 on"


def test_a_policy_made_by_hand_bears_on_those_who_declare_policies_and_on_no_others():
    registry = Registry()
    registry.write(
        Kind.POLICIES, "loose", Policy(document="permit(principal, action, resource);", side=PolicySide.AGENT)
    )
    finding = only(drift(registry))
    assert (finding.class_, finding.risk) == (DriftClass.UNMANAGED, Risk.HIGH)
    assert 'resource "leasehold_policy" "loose"' in finding.fix.adopt_hcl
    registry.delete(Kind.POLICIES, "guards")
    without = {key: spec for key, spec in organisation().items() if key[0] is not Kind.POLICIES}
    assert drift(registry, declare(without)).findings == ()


def test_a_policy_deleted_by_hand_is_a_guard_gone():
    registry = Registry()
    registry.delete(Kind.POLICIES, "guards")
    finding = only(drift(registry))
    assert (finding.class_, finding.factors) == (DriftClass.MISSING, ("guard gone",))


@pytest.mark.parametrize(
    ("kind", "name", "changes"),
    [
        (Kind.USERS, "ada", {"roles": frozenset({"root"})}),
        (Kind.USERS, "ada", {"attributes": {"eu": 1}}),
        (Kind.RESOURCES, "minutes", {"parents": frozenset({"folder:public"})}),
    ],
)
def test_what_policies_ask_about_is_of_medium_risk(kind, name, changes):
    registry = Registry()
    registry.change(kind, name, **changes)
    finding = only(drift(registry))
    assert (finding.class_, finding.risk) == (DriftClass.CHANGED, Risk.MEDIUM)
    assert finding.factors == ("decisions may differ",)


def test_a_relation_that_is_gone_is_of_medium_risk_and_its_code_has_no_name():
    registry = Registry()
    registry.delete(Kind.RELATIONS, OWNS.id)
    assert only(drift(registry)).risk is Risk.MEDIUM
    registry = Registry()
    extra = Relation(subject="user:bob", relation="owner", object="document:42")
    registry.write(Kind.RELATIONS, extra.id, extra, stack="prod")
    finding = only(drift(registry))
    assert finding.class_ is DriftClass.UNMANAGED
    assert "name" not in finding.fix.adopt_hcl
    assert 'subject  = "user:bob"' in finding.fix.adopt_hcl


def test_a_relation_by_which_an_agent_acts_for_people_is_told_of_that_agent():
    registry = Registry()
    extra = Relation(subject="agent:triage", relation="acts_on_behalf_of", object="user:ada")
    registry.write(Kind.RELATIONS, extra.id, extra, stack="prod")
    finding = only(drift(registry))
    assert (finding.class_, finding.risk, finding.agent) == (DriftClass.UNMANAGED, Risk.MEDIUM, "triage")
    assert finding.factors == ("decisions may differ",)
    assert 'relation = "acts_on_behalf_of"' in finding.fix.adopt_hcl


@pytest.mark.parametrize(
    ("subject", "through", "who"),
    [
        ("agent:triage", None, "`agent:triage`"),
        ("group:bots", "member", "whoever has `member` of `group:bots`"),
    ],
)
def test_a_plan_says_on_whose_behalf_agents_come_to_act_and_do_no_longer(subject, through, who):
    acts = Relation(subject=subject, relation="acts_on_behalf_of", object="group:board", through=through)
    owns = Relation(subject="user:bob", relation="owner", object="document:42")
    planned = {**organisation(), (Kind.RELATIONS, acts.id): acts, (Kind.RELATIONS, owns.id): owns}
    (change,) = review(Registry(), declare(planned)).foundations
    assert change.sentence == f"{who} acts on behalf of `group:board`, where a policy asks for that"
    assert (change.kind, change.risk, change.factors) == (Kind.RELATIONS, Risk.MEDIUM, ("decisions may differ",))
    assert change.address is not None
    registry = Registry()
    registry.write(Kind.RELATIONS, acts.id, acts, stack="prod")
    (change,) = review(registry, declare()).foundations
    assert change.sentence == f"{who} no longer acts on behalf of `group:board`, where a policy asks for that"


def test_other_schemas_of_tools_are_other_arguments_to_policies():
    registry = Registry()
    github = organisation()[Kind.TOOL_SERVERS, "github"]
    read = replace(github.tools["read_file"], input_schema='{"type": "object"}')
    registry.change(Kind.TOOL_SERVERS, "github", tools={**github.tools, "read_file": read})
    assert "policies see other arguments" in only(drift(registry)).factors


def test_a_credential_profile_changed_by_hand_is_reported():
    registry = Registry()
    registry.change(Kind.CREDENTIAL_PROFILES, "vault", federation=Federation(audience="https://elsewhere.example.com"))
    finding = only(drift(registry))
    assert (finding.risk, finding.factors) == (Risk.HIGH, ("credentials of another cut",))
