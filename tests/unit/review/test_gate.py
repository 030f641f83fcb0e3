"""The gate: what each check finds, and what the rules make of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from tests.unit.review.worlds import DELETE, NOW, READ, Registry, declare, organisation, role_binding

from leasehold.model.errors import InvalidValue
from leasehold.model.grants import Ceiling, Grant, GrantSet
from leasehold.model.kinds import Kind
from leasehold.model.people import Agent, OwnerState
from leasehold.model.policies import Assertion, Assertions, Policy, PolicySide
from leasehold.model.principal import Principal, Role
from leasehold.model.tools import Action, Tool, ToolAnnotations, ToolServer
from leasehold.policy.proving.comparing import Movement
from leasehold.review.findings import Unproven
from leasehold.review.gate.rules import USUAL, Check, Labels, Rules, Separation, Verdict, plain_rules, rules_of
from leasehold.review.plan_review import review_plan

GUARDS = (Kind.POLICIES, "guards")
GITHUB = (Kind.TOOL_SERVERS, "github")


def without_guards(**more):
    objects = {key: spec for key, spec in organisation().items() if key != GUARDS}
    return objects | more


def reviewed(objects, registry=None, rules=USUAL, author=None, **more):
    return review_plan((registry or Registry()).picture(declare(objects, **more)), rules, author)


def found(report, check):
    return [one for one in report.gate.findings if one.check is check]


def one(report, check):
    (finding,) = found(report, check)
    return finding


def granted(**more):
    given = {"agent": "triage", "tool_server": "github", "tools": frozenset({"create_issue"})}
    return Grant(**given, resources=frozenset({"repo:new"}), **more)


def with_grant(grant, objects=None):
    return {**(objects or organisation()), (Kind.GRANTS, grant.id): grant}


def test_a_plan_that_changes_nothing_passes_by_itself():
    gate = reviewed(organisation()).gate
    assert (gate.verdict, gate.findings) == (Verdict.AUTO, ())


def test_new_access_needs_approval_as_its_risk_says():
    report = reviewed(with_grant(granted()))
    assert report.gate.verdict is Verdict.NEEDS_APPROVAL
    assert one(report, Check.NEW_ACCESS).sentence == "agent `triage` can now `create_issue` on `repo:new`"
    lenient = Rules(new_access=dict.fromkeys(USUAL.new_access, Verdict.AUTO))
    assert not found(reviewed(with_grant(granted()), rules=lenient), Check.NEW_ACCESS)


def test_less_access_passes_by_itself():
    objects = {key: spec for key, spec in organisation().items() if key != (Kind.GRANTS, READ.id)}
    objects[Kind.GRANT_SETS, "triage"] = GrantSet(grants=frozenset({"triage/issues"}))
    assert reviewed(objects).gate.verdict is Verdict.AUTO


def test_a_tool_that_nobody_lists_is_denied_and_the_likely_one_named():
    wrong = replace(granted(), tools=frozenset({"create_isue"}))
    report = reviewed(with_grant(wrong))
    assert report.gate.verdict is Verdict.DENY
    said = "names tool `create_isue`, which `github` does not list; did you mean `create_issue`?"
    assert said in one(report, Check.UNKNOWN_REFERENCE).sentence


def test_a_scope_that_is_not_there_is_denied():
    report = reviewed(with_grant(Grant(agent="triage", scope="isues")))
    assert (
        "names scope `isues`, which is not there; did you mean `issues`?"
        in one(report, Check.UNKNOWN_REFERENCE).sentence
    )


def test_a_grant_above_a_ceiling_is_denied_with_what_sticks_out():
    objects = with_grant(DELETE) | {
        (Kind.CEILINGS, "tight"): Ceiling(principal="agent:triage", scopes=frozenset({"issues"}))
    }
    report = reviewed(objects)
    assert any("goes beyond ceiling `tight`: `delete_branch`" in f.sentence for f in found(report, Check.ABOVE_CEILING))


def test_a_lowered_ceiling_is_held_against_grants_that_nobody_touched():
    objects = organisation() | {
        (Kind.CEILINGS, "tight"): Ceiling(principal="agent:triage", scopes=frozenset({"issues"}))
    }
    assert "goes beyond ceiling `tight`" in one(reviewed(objects), Check.ABOVE_CEILING).sentence


def test_duties_that_a_rule_separates_are_not_held_together():
    rule = Separation(name="four eyes", left=("github/create_*",), right=("github/delete_*",))
    report = reviewed(with_grant(DELETE), rules=Rules(separations=(rule,)))
    assert (
        "`github/create_issue` and `github/delete_branch` together (`four eyes`)"
        in one(report, Check.SEPARATION_OF_DUTY).sentence
    )


def test_what_was_held_together_already_is_no_news():
    registry = Registry()
    registry.write(Kind.GRANTS, DELETE.id, DELETE, stack="prod")
    rule = Separation(name="four eyes", left=("github/create_*",), right=("github/delete_*",))
    report = reviewed(with_grant(granted(), with_grant(DELETE)), registry, Rules(separations=(rule,)))
    assert not found(report, Check.SEPARATION_OF_DUTY)


def annotated(*, read_only, open_world):
    hints = ToolAnnotations(read_only_hint=read_only, open_world_hint=open_world)
    return Tool(action=Action.READ if read_only else Action.WRITE, annotations=hints)


TRIO = ToolServer(
    url="https://mcp.example.com/office",
    tools={
        "mailbox": annotated(read_only=True, open_world=False),
        "browse": annotated(read_only=True, open_world=True),
        "send": annotated(read_only=False, open_world=True),
    },
)


def office(*tools):
    grant = Grant(agent="triage", tool_server="office", tools=frozenset(tools), resources=frozenset({"box:all"}))
    scope = organisation()[Kind.SCOPES, "anything"]
    objects = organisation() | {
        (Kind.TOOL_SERVERS, "office"): TRIO,
        (Kind.SCOPES, "office"): replace(scope, tool_server="office", resources=frozenset({"box:*"})),
        (Kind.CEILINGS, "payments"): Ceiling(principal="team:payments", scopes=frozenset({"anything", "office"})),
    }
    return with_grant(grant, objects)


def test_private_data_untrusted_input_and_egress_together_are_denied():
    finding = one(reviewed(office("mailbox", "browse", "send")), Check.TOXIC_TRIO)
    assert finding.verdict is Verdict.DENY
    assert "private data by `office/mailbox`, untrusted input by `office/browse`, egress by `office/send`" in (
        finding.sentence
    )
    assert not found(reviewed(office("mailbox", "browse")), Check.TOXIC_TRIO)


def test_labels_make_a_trio_of_tools_without_annotations():
    labels = Labels(private=("github/read_file",), untrusted=("github/create_issue",), egress=("github/delete_*",))
    assert one(reviewed(with_grant(DELETE), rules=Rules(labels=labels)), Check.TOXIC_TRIO)


def test_the_workload_of_an_agent_is_given_no_platform_role():
    live = organisation()[Kind.WORKLOAD_BINDINGS, "triage-k8s"]
    same = replace(live, agent=None, role=Role.DEVELOPER, teams=frozenset({"payments"}))
    report = reviewed(organisation() | {(Kind.WORKLOAD_BINDINGS, "up"): same})
    assert one(report, Check.SELF_ESCALATION).agent == "triage"
    assert report.gate.verdict is Verdict.DENY


def test_who_asks_for_a_role_for_itself_is_denied_it():
    objects = organisation() | {(Kind.WORKLOAD_BINDINGS, "ci"): role_binding()}
    author = Principal(id="oidc:ci", role=Role.VIEWER, plan_only=True)
    assert one(reviewed(objects, author=author), Check.SELF_ESCALATION)
    assert not found(reviewed(objects), Check.SELF_ESCALATION)


def test_wildcards_and_standing_access_to_production_need_approval():
    wide = granted(allow_wildcard=True, justification="all of them")
    wide = replace(wide, resources=frozenset({"repo:*"}), tools=frozenset({"delete_branch"}))
    report = reviewed(with_grant(wide))
    assert one(report, Check.WILDCARD).verdict is Verdict.NEEDS_APPROVAL
    assert one(report, Check.STANDING_PRODUCTION)


def test_a_tool_that_is_not_what_it_was_needs_approval():
    server = organisation()[GITHUB]
    other = Tool(action=Action.READ, input_schema='{"type": "object", "properties": {"to": {"type": "string"}}}')
    report = reviewed(organisation() | {GITHUB: replace(server, tools={**server.tools, "read_file": other})})
    assert one(report, Check.CHANGED_TOOL).sentence == "tool `read_file` of `github` is not what it was"


def test_tokens_that_live_longer_than_the_rules_have_it_need_approval():
    report = reviewed(organisation() | {(Kind.AGENTS, "new"): Agent(owner="alice", review_by=date(2027, 1, 1))})
    assert not found(report, Check.LONG_TTL)
    short = Rules(max_ttl=120)
    report = reviewed(
        organisation() | {(Kind.AGENTS, "new"): Agent(owner="alice", review_by=date(2027, 1, 1))}, rules=short
    )
    assert one(report, Check.LONG_TTL).agent == "new"


def test_nobody_answers_for_an_agent_whose_owner_is_disabled_or_whose_review_is_past():
    objects = organisation()
    objects[Kind.OWNERS, "bob"] = replace(objects[Kind.OWNERS, "alice"], state=OwnerState.DISABLED)
    objects[Kind.AGENTS, "late"] = Agent(owner="bob", review_by=date(2026, 1, 1))
    report = reviewed(objects)
    assert one(report, Check.OWNER_INACTIVE).agent == "late"
    assert "was due on 2026-01-01" in one(report, Check.REVIEW_OVERDUE).sentence


def asserting(*, deny):
    asked = Assertion(agent="triage", tool_server="github", tool="read_file", resource="repo:web")
    asserted = Assertions(deny=(asked,)) if deny else Assertions(allow=(asked,))
    document = organisation()[GUARDS].document
    return organisation() | {GUARDS: Policy(document=document, side=PolicySide.AGENT, assertions=asserted)}


def test_assertions_are_asked_of_the_decision_point_as_things_would_be():
    assert not found(reviewed(asserting(deny=False)), Check.ASSERTION_FAILED)
    broken = one(reviewed(asserting(deny=True)), Check.ASSERTION_FAILED)
    assert broken.sentence == "policy `guards`: assertions.deny.0 is granted"
    assert broken.verdict is Verdict.DENY


def test_what_another_stack_manages_is_a_conflict():
    report = reviewed(with_grant(replace(READ, justification="mine")), stack="staging")
    assert any("is managed by stack `prod`" in one.sentence for one in found(report, Check.CONFLICT))


def test_too_many_agents_at_once_break_the_circuit():
    objects = organisation()
    for at in range(3):
        objects[Kind.AGENTS, f"a{at}"] = Agent(owner="alice", review_by=date(2027, 1, 1))
        grant = replace(READ, agent=f"a{at}")
        objects[Kind.GRANTS, grant.id] = grant
    assert not found(reviewed(objects), Check.MASS_CHANGE)
    assert one(reviewed(objects, rules=Rules(mass_agents=2)), Check.MASS_CHANGE)


def test_taking_too_much_away_at_once_breaks_the_circuit():
    objects = {key: spec for key, spec in organisation().items() if key[0] is not Kind.GRANTS}
    objects[Kind.GRANT_SETS, "triage"] = GrantSet(grants=frozenset())
    assert one(reviewed(objects), Check.MASS_CHANGE).sentence == "2 of 2 grants are taken away at once"


def test_what_is_not_known_at_plan_is_never_fine():
    unknown = Unproven("leasehold_grant.x", "prod", ("resources",))
    report = reviewed(organisation(), unproven=(unknown,))
    assert one(report, Check.UNPROVEN).verdict is Verdict.NEEDS_APPROVAL


def test_in_production_what_cannot_be_proved_is_denied():
    whole = 'context.chain == [agent::"helper"]'  # a set compared whole has no model
    document = f'permit(principal, action == Action::"github/read_file", resource) when {{ {whole} }};'
    report = reviewed(organisation() | {GUARDS: Policy(document=document, side=PolicySide.AGENT)})
    assert one(report, Check.UNPROVEN_IN_PRODUCTION).agent == "triage"
    assert report.gate.verdict is Verdict.DENY


def test_a_policy_that_goes_widens_and_a_call_shows_it():
    registry = Registry()
    registry.write(Kind.GRANTS, DELETE.id, DELETE, stack="prod")
    report = reviewed(with_grant(DELETE, without_guards()), registry)
    assert report.access == ()
    assert report.gate.verdict is Verdict.NEEDS_APPROVAL
    (mine,) = [one for one in report.proofs if one.agent == "triage"]
    assert (mine.movement, mine.witness.resource) == (Movement.WIDENS, "repo:web")
    said = {one.sentence for one in found(report, Check.POLICY_WIDENS)}
    assert "for agent `triage`, `github/delete_branch` on `repo:web` is allowed that was denied" in said


def test_a_grant_that_a_policy_forbids_gives_nothing_and_is_still_said():
    report = reviewed(with_grant(DELETE))
    (proof,) = report.proofs
    assert (proof.agent, proof.tool, proof.movement) == ("triage", "delete_branch", Movement.EQUIVALENT)
    assert one(report, Check.NEW_ACCESS)


def test_an_agent_that_may_hand_over_gains_hands():
    objects = organisation()
    objects[Kind.AGENTS, "helper"] = Agent(owner="alice", review_by=date(2027, 1, 1))
    mine = replace(READ, agent="helper")
    objects[Kind.GRANTS, mine.id] = mine
    registry = Registry()
    for key in ((Kind.AGENTS, "helper"), (Kind.GRANTS, mine.id)):
        registry.write(*key, objects[key], stack="prod")
    assert reviewed(objects, registry).delegation == ()
    agent = objects[Kind.AGENTS, "triage"]
    objects[Kind.AGENTS, "triage"] = replace(agent, may_delegate_to=frozenset({"helper"}))
    (change,) = reviewed(objects, registry).delegation
    assert change.sentence == "agent `triage` can now have `helper` do `read_file` on `repo:web`"
    objects[Kind.AGENTS, "triage"] = replace(objects[Kind.AGENTS, "triage"], max_delegation_depth=0)
    assert reviewed(objects, registry).delegation == ()


def test_the_same_change_has_the_same_digest_and_another_has_another():
    first, again = reviewed(with_grant(granted())).gate, reviewed(with_grant(granted())).gate
    assert first == again
    assert first.delta != reviewed(with_grant(granted(justification="because"))).gate.delta


def test_names_that_would_break_out_of_a_sentence_stay_in_it():
    hostile = "a`*x*\u202e"
    report = reviewed(organisation(), unproven=(Unproven(hostile, "prod", ("name",)),))
    assert one(report, Check.UNPROVEN).sentence.count("`") == 4


def test_rules_survive_being_written_and_read():
    rules = Rules(
        separations=(Separation(name="x", left=("a/b",), right=("c/*",)),),
        labels=Labels(egress=("m/s",)),
        receipts=("p*",),
    )
    assert rules_of(plain_rules(rules)).digest == rules.digest
    assert rules.digest != USUAL.digest


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ([], "must be an object"),
        ({"cheks": {}}, "is no rule"),
        ({"checks": {"wildcrd": "auto"}}, "is no check"),
        ({"checks": {"wildcard": "yes"}}, "must be auto, needs_approval, deny"),
        ({"checks": {"wildcard": True}}, "must be auto, needs_approval, deny"),
        ({"new_access": {"huge": "auto"}}, "is no risk"),
        ({"separations": [{"name": "x"}]}, "names itself"),
        ({"separations": [{"name": "x", "left": [], "right": ["a/b"]}]}, "must list tools"),
        ({"labels": {"public": ["a/b"]}}, "is no label"),
        ({"labels": {"private": ["ab"]}}, "must list tools"),
        ({"mass_agents": -1}, "whole number"),
        ({"mass_agents": True}, "whole number"),
        ({"receipts": "prod"}, "must list stacks"),
    ],
)
def test_rules_that_are_unclear_are_refused(plain, said):
    with pytest.raises(InvalidValue, match=said):
        rules_of(plain)


def test_a_moment_matters_to_nothing_but_time():
    assert reviewed(organisation()).snapshot.at == NOW
