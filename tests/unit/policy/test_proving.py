"""Proofs over policies: what moved and what did not, with a call that shows it; and what nobody can tell."""

from dataclasses import replace

import pytest
from tests.fakes.decision_world import MONDAY, TRIAGE, agent_policy, held, published, user_policy
from tests.policy_fuzz.pairs import ACTION, AT, Pair, judged, pairs

from leasehold.model.policies import PolicyMode, PolicyPermits, PolicySide
from leasehold.model.tools import Action
from leasehold.policy.deciding import decision_on
from leasehold.policy.material import CallableTool
from leasehold.policy.proving.comparing import Comparison, Movement
from leasehold.policy.proving.questions import Holder
from leasehold.policy.proving.searching import Bounds
from leasehold.policy.proving.witnesses import allowed, supposed_in_words

USUAL = Bounds()
QUERY, REFUND = "warehouse/query", "billing/refund"
EVERY = 'action in Action::"*", resource'


def proof(old, new, action=QUERY, side=PolicySide.AGENT, bounds=USUAL, **more):
    make = agent_policy if side is PolicySide.AGENT else user_policy
    before = published(*([make(old, **more)] if old else []))
    after = published(*([make(new, **more)] if new else []))
    return Comparison(before, after, MONDAY, bounds).proof(side, action)


def moved(old, new, action=QUERY, **more):
    return proof(old, new, action, **more).movement


def forbid_unless(condition):
    return f"forbid (principal, {EVERY}) unless {{ {condition} }};"


def forbid_when(condition):
    return f"forbid (principal, {EVERY}) when {{ {condition} }};"


def from_network(*networks):
    within = " || ".join(f'context.source_ip.isInRange(ip("{one}"))' for one in networks)
    return forbid_unless(f"context has source_ip && ({within})")


def query_when(condition):
    return f'permit (principal, action == Action::"{QUERY}", resource) when {{ {condition} }};'


def test_a_network_cut_in_two_is_proved_equivalent():
    assert moved(from_network("10.0.0.0/8"), from_network("10.0.0.0/9", "10.128.0.0/9")) is Movement.EQUIVALENT


def test_a_network_with_a_hole_is_narrower():
    old, new = from_network("10.0.0.0/8"), from_network("10.0.0.0/9", "10.128.0.0/10")
    assert moved(old, new) is Movement.NARROWS
    assert moved(new, old) is Movement.WIDENS


def test_a_shorter_prefix_widens_and_the_witness_lies_between():
    found = proof(query_when('context.input.table like "sales_*"'), query_when('context.input.table like "sales*"'))
    assert found.movement is Movement.WIDENS
    table = found.widening.request.arguments["table"]
    assert table.startswith("sales")
    assert not table.startswith("sales_")


def test_a_cent_more_widens_and_the_witness_is_that_cent():
    old, new = (
        f'permit (principal, action == Action::"{REFUND}", resource) '
        f'when {{ context.input.amount.lessThanOrEqual(decimal("{most}")) }};'
        for most in ("50.00", "50.0001")
    )
    found = proof(old, new, REFUND)
    assert (found.movement, str(found.widening.request.arguments["amount"])) == (Movement.WIDENS, "50.0001")


@pytest.mark.parametrize(
    ("old", "new", "movement"),
    [
        ("context.weekday > 5", "context.weekday >= 6", Movement.EQUIVALENT),
        ("context.weekday > 5", "context.weekday > 6", Movement.WIDENS),
        ("context.depth > 1", "context.depth > 0", Movement.NARROWS),
        ("context.depth > 1", 'context.chain.contains(agent::"x")', Movement.BOTH),
        ("context.depth == 0", "context.chain.isEmpty()", Movement.EQUIVALENT),
        ("context has oauth && context.oauth.consent", "context has oauth", Movement.NARROWS),
        ('principal in team::"payments"', 'principal == agent::"triage"', Movement.BOTH),
        ("!context.tool.read_only", "!context.tool.read_only || false", Movement.EQUIVALENT),
        ('context.now < datetime("2027-01-01")', 'context.now < datetime("2026-06-01")', Movement.WIDENS),
        ('context.now.toTime() < duration("1h")', 'context.now.toTime() < duration("2h")', Movement.NARROWS),
    ],
)
def test_what_a_forbid_asks_decides_how_it_moves(old, new, movement):
    assert moved(forbid_when(old), forbid_when(new)) is movement


@pytest.mark.parametrize(
    ("old", "new", "movement"),
    [
        ("context.depth - 1 > 1", "context.depth > 2", Movement.EQUIVALENT),
        (
            'context.now.offset(duration("1h")) < datetime("2027-01-01")',
            'context.now < datetime("2026-12-31T23:00:00Z")',
            Movement.EQUIVALENT,
        ),
        (
            'context.now.durationSince(datetime("2026-01-01")) < duration("1h")',
            'context.now < datetime("2026-01-01T01:00:00Z")',
            Movement.EQUIVALENT,
        ),
        ('context.input.table like "a*b*c"', 'context.input.table like "a*c"', Movement.WIDENS),
        ('context.input.table like "*a"', 'context.input.table like "*"', Movement.WIDENS),
        ('context.input.table like "*a*"', 'context.input.table like "*"', Movement.WIDENS),
        ('context.input.table == "a*"', 'context.input.table like "a\\*"', Movement.EQUIVALENT),
        (
            'context.input has tags && context.input.tags.contains("x")',
            'context.input has tags && context.input.tags.containsAny(["x","y"])',
            Movement.WIDENS,
        ),
        (
            'context.input has tags && context.input.tags.containsAll(["x","y"])',
            'context.input has tags && context.input.tags.contains("x")',
            Movement.WIDENS,
        ),
        ('["x","y"].contains(context.input.table)', 'context.input.table == "x"', Movement.NARROWS),
        (
            'context.input has tags && ["x","y"].containsAny(context.input.tags)',
            'context.input has tags && context.input.tags.containsAny(["x","y"])',
            Movement.EQUIVALENT,
        ),
        (
            'if context.depth > 1 then context.input.table == "a" else true',
            'context.input.table == "a" || context.depth <= 1',
            Movement.EQUIVALENT,
        ),
        ("principal is agent", "true", Movement.EQUIVALENT),
        ('resource == db::"main"', "resource is db", Movement.WIDENS),
        (
            'context has source_ip && context.source_ip == ip("10.0.0.1")',
            'context has source_ip && context.source_ip.isInRange(ip("10.0.0.0/8"))',
            Movement.WIDENS,
        ),
        (
            'context has source_ip && context.source_ip.isInRange(ip("0.0.0.0/0"))',
            "context has source_ip && context.source_ip.isIpv4()",
            Movement.EQUIVALENT,
        ),
        (
            "context has source_ip && context.source_ip.isLoopback()",
            'context has source_ip && context.source_ip.isInRange(ip("127.0.0.0/8"))',
            Movement.NARROWS,
        ),
        ('context has source_ip && context.source_ip.isInRange(ip("fe80::/10"))', "true", Movement.WIDENS),
        (
            'context has on_behalf_of && context.on_behalf_of == user::"ana"',
            "context has on_behalf_of",
            Movement.WIDENS,
        ),
        ("context has on_behalf_of && principal == context.on_behalf_of", "false", Movement.EQUIVALENT),
        ("[1,2].containsAll([context.depth])", "context.depth == 1 || context.depth == 2", Movement.EQUIVALENT),
        ("[true,false].contains(context.tool.read_only)", "true", Movement.EQUIVALENT),
        ("context.input has dry && context.input.dry", "context.input has dry", Movement.WIDENS),
        (
            'context.input has since && context.input.since > datetime("2026-01-01")',
            "context.input has since",
            Movement.WIDENS,
        ),
        (
            'context.now.toDate() == datetime("2026-01-01")',
            'context.now >= datetime("2026-01-01") && context.now < datetime("2026-01-02")',
            Movement.EQUIVALENT,
        ),
        ("context.weekday != 7 && context.weekday != 6", "context.weekday < 6", Movement.EQUIVALENT),
        ("-context.depth < -1", "context.depth > 1", Movement.EQUIVALENT),
        ("context.depth * 2 > 4", "context.depth > 2", Movement.EQUIVALENT),
        (
            'context.chain.contains(agent::"x") || context.chain.contains(agent::"y")',
            'context.chain.containsAny([agent::"x", agent::"y"])',
            Movement.EQUIVALENT,
        ),
        ("{a: context.depth}.a > 1", "context.depth > 1", Movement.UNPROVEN),
        ("context.input.table == context.tool.name", "true", Movement.WIDENS),
        ('principal.owner == "maya"', "principal has owner", Movement.WIDENS),
        ('context has deployment && context.deployment == "x"', "context has deployment", Movement.WIDENS),
        (
            'context has caller && context.caller has region && context.caller.region == "EU"',
            "context has caller && context.caller has region",
            Movement.WIDENS,
        ),
    ],
)
def test_every_operator_moves_what_it_says_or_nobody_claims_a_proof(old, new, movement):
    assert moved(query_when(old), query_when(new)) is movement


def test_a_policy_that_overflows_denies_and_so_does_its_proof():
    plus = query_when("context.input has limit && context.input.limit + 1 > 10")
    plain = query_when("context.input has limit && context.input.limit > 9")
    found = proof(plus, plain)
    assert found.movement is Movement.WIDENS
    assert found.widening.request.arguments["limit"] == 2**63 - 1


def test_a_missing_guard_is_an_error_that_denies():
    guarded = query_when('context.input has limit && context.input.limit > 9 || context.input.table == "a"')
    assert moved(guarded, query_when('context.input.table == "a"')) is Movement.NARROWS


def test_the_first_permit_bounds_what_grants_gave_and_the_second_widens():
    one = query_when('context.input.table == "a"')
    assert moved("", one) is Movement.NARROWS
    assert moved(one, one + query_when('context.input.table == "b"')) is Movement.WIDENS


def test_a_permit_beyond_grants_widens_without_any_grant():
    found = proof("", query_when("true"), permits=PolicyPermits.BEYOND_GRANTS)
    assert found.movement is Movement.WIDENS
    assert found.widening.granted is False


def test_what_only_is_logged_moves_nothing():
    assert moved("", forbid_when("true"), mode=PolicyMode.LOG_ONLY) is Movement.EQUIVALENT


def test_the_users_side_is_proved_by_itself():
    old = f'permit (principal in group::"support", {EVERY});'
    new = f"permit (principal, {EVERY});"
    found = proof(old, new, side=PolicySide.USER)
    assert found.movement is Movement.WIDENS
    assert found.widening.request.subject.ref.type == "user"
    assert moved(old, old, side=PolicySide.USER) is Movement.EQUIVALENT


def test_a_user_policy_on_the_agent_behind_the_call_is_replayed_on_its_side():
    old = f'permit (principal, {EVERY}) when {{ context has via_agent && context.via_agent == agent::"triage" }};'
    new = f"permit (principal, {EVERY}) when {{ context has via_agent }};"
    found = proof(old, new, side=PolicySide.USER)
    assert found.movement is Movement.WIDENS
    assert found.widening.request.subject.ref.type == "agent"
    assert found.widening.request.user.ref.type == "user"


def test_every_witness_is_decided_as_it_claims():
    old, new = published(agent_policy(from_network("10.0.0.0/8"))), published(agent_policy(from_network("0.0.0.0/0")))
    found = list(Comparison(old, new, MONDAY).changed())
    assert len(found) == 4
    for one in found:
        assert allowed(one.widening, PolicySide.AGENT, new)
        assert not allowed(one.widening, PolicySide.AGENT, old)


def test_a_witness_says_what_it_supposes():
    found = proof(query_when('principal in team::"a"'), query_when('principal in team::"b"'))
    words = list(supposed_in_words(found.widening))
    assert any("in `team:b`" in one for one in words)
    assert "a grant of the tool" in words


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("principal in resource.owner", "relation"),
        ('context.input has tags && context.input.tags == ["a"]', "set"),
    ],
)
def test_what_has_no_model_is_unproven_and_never_equivalent(condition, why):
    document = 'permit (principal, action in Action::"*", resource is document);'
    if "owner" in condition:
        old = f'{document} forbid (principal, action in Action::"*", resource is document) when {{ {condition} }};'
        found = proof(document, old, "docs/read")
    else:
        found = proof("", query_when(condition))
    assert found.movement is Movement.UNPROVEN
    assert why in found.why


def test_too_much_to_look_at_is_unproven():
    assert moved("", forbid_when("context.depth > 1"), bounds=Bounds(nodes=2)) is Movement.UNPROVEN


def test_a_solver_that_runs_out_of_steps_is_unproven():
    hard = "context.input has limit && context.input.limit * context.input.limit * context.input.limit == 1000003"
    found = proof("", forbid_when(hard).replace(EVERY, f'action == Action::"{QUERY}", resource'), bounds=Bounds(1, 50))
    assert found.movement is Movement.UNPROVEN
    assert "gave up" in found.why


def test_a_tool_whose_arguments_change_is_unproven():
    other = CallableTool(server="warehouse", name="query", action=Action.READ, input_schema={"type": "object"})
    rule = agent_policy(forbid_when("context.depth > 1"))
    old, new = published(rule), published(rule, tools=[other])
    assert Comparison(old, new, MONDAY).proof(PolicySide.AGENT, QUERY).movement is Movement.UNPROVEN


def test_of_an_agent_its_grants_and_the_policies_are_proved_together():
    old = published(agent_policy(query_when('context.input.table like "sales_*"')))
    new = published(
        agent_policy(query_when('context.input.table like "s*"')),
        grants=held(TRIAGE, ("warehouse", "query", "db:m*", {"table": {"prefix": "sales_q"}}, "triage/less")),
    )
    assert Comparison(old, new, MONDAY).proof(PolicySide.AGENT, QUERY).movement is Movement.WIDENS
    assert Comparison(old, new, MONDAY).proof(PolicySide.AGENT, QUERY, Holder(TRIAGE)).movement is Movement.NARROWS


def test_a_witness_of_an_agent_is_a_call_that_the_decision_point_takes_as_it_is():
    wide = held(TRIAGE, ("billing", "refund", "tool_server:billing", {"amount": {"range": {"max": 75}}}, "triage/more"))
    rule = agent_policy(forbid_when("context.depth > 2"))
    old, new = published(rule), published(rule, grants=wide)
    found = Comparison(old, new, MONDAY).proof(PolicySide.AGENT, REFUND, Holder(TRIAGE))
    request = found.widening.request
    assert found.movement is Movement.WIDENS
    assert 50 < request.arguments["amount"] <= 75
    assert (decision_on(request, old).allowed, decision_on(request, new).allowed) == (False, True)


def test_a_grant_that_lasts_longer_widens():
    short = [
        replace(one, expires_at=MONDAY.replace(day=24)) for one in held(TRIAGE, ("docs", "read", "document:*", {}, "g"))
    ]
    long = [replace(one, expires_at=MONDAY.replace(day=25)) for one in short]
    rule = agent_policy(forbid_when("context.depth > 2"))
    found = Comparison(published(rule, grants=short), published(rule, grants=long), MONDAY).proof(
        PolicySide.AGENT, "docs/read", Holder(TRIAGE)
    )
    assert found.movement is Movement.WIDENS
    assert MONDAY.replace(day=24) <= found.widening.request.at < MONDAY.replace(day=25)


def test_the_same_question_has_the_same_answer_to_the_letter():
    old, new = query_when('context.input.table like "a*"'), query_when('context.input.table like "*a*b"')
    assert proof(old, new) == proof(old, new)


def test_brute_force_agrees_with_random_pairs():
    score = judged(pairs(seed=3, wanted=60))
    assert (score.wrong, score.first) == (0, "")
    assert score.moved > 20
    assert score.unproven <= 6


def test_brute_force_would_notice_a_wrong_proof(monkeypatch):
    swapped = (Pair(one.old, one.new, one.texts) for one in pairs(seed=3, wanted=60))
    proved = Comparison.proof

    def lying(self, side, action, holder=None):
        found = proved(self, side, action, holder)
        return replace(found, movement=Movement.EQUIVALENT)

    monkeypatch.setattr(Comparison, "proof", lying)
    assert judged(swapped).wrong > 0
    assert (ACTION, AT.tzinfo is not None) == ("desk/act", True)
