"""Plan reviews that make decisions on record again: what turns, who is told, and that nobody else can find out."""

from dataclasses import replace
from itertools import count

import pytest
from tests.fakes.decision_point import DecisionWorld, call
from tests.fakes.registry import GRANT
from tests.unit.review.worlds import NOW, Registry, declare, organisation

from leasehold.decisions.recounting import SECONDS, Recollection
from leasehold.keys.sealing import FileSealer
from leasehold.policy.replaying import Recount, Turned
from leasehold.review.gate.rules import USUAL, Check, Rules, Verdict, rules_of
from leasehold.review.plan_review import judge_plan

CAP = (
    '@id("cap") forbid(principal, action == Action::"github/refund", resource) '
    'when {{ context.input.amount.greaterThan(decimal("{}.0")) }};'
)


@pytest.fixture
def refunds(world):
    """Six refunds on record, of 10 to 60, under a cap of 50: the last was denied."""
    world.registry.grant({**GRANT, "tools": ["refund"]})
    world.must("policies", "caps", {"document": CAP.format(50), "side": "agent"})
    for amount in range(10, 70, 10):
        world.later(1)
        world.decide(**call("refund", arguments={"amount": amount, "note": "s3cr3t"}))
    world.recorder.close()
    return world


def reviewed(world: DecisionWorld, cap: int, caller: str = "auditor"):
    policy = {"name": "caps", "document": CAP.format(cap), "side": "agent"}
    row = {"type": "leasehold_policy", "address": "leasehold_policy.caps", "values": policy}
    body = {"stacks": [{"stack": "prod", "resources": [row]}]}
    answer = world.call("POST", "/v1/plan-reviews", caller, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def under(world: DecisionWorld, rules: Rules) -> DecisionWorld:
    """The world with a control plane that has other rules."""
    world.rules = rules
    world.__dict__.pop("control", None)
    return world


def findings(report, *checks):
    return [one for one in report["gate"]["findings"] if one["check"] in checks]


REPLAYS = ("replay_allows", "replay_denies", "not_replayed")


def test_calls_that_would_be_denied_are_counted_with_the_newest_as_an_example(refunds):
    report = reviewed(refunds, 30)
    replay = report["replay"]
    assert (replay["replayed"], replay["newly_denied"], replay["newly_allowed"]) == (6, 2, 0)
    (turned,) = replay["turned"]
    assert (turned["agent"], turned["action"], turned["count"]) == ("triage", "github/refund", 2)
    assert turned["principal"] == "agent:triage"
    explained = refunds.call("GET", f"/v1/decisions/{turned['example']}", "auditor").json()
    assert (explained["decision"], explained["at"]) == (True, turned["at"])
    (finding,) = findings(report, *REPLAYS)
    assert (finding["check"], finding["verdict"], finding["agent"]) == ("replay_denies", "needs_approval", "triage")
    assert finding["sentence"] == (
        "2 calls on record of agent `triage`, `github/refund`, would be denied, allowed as things are: "
        f"decision `{turned['example']}` for `agent:triage`"
    )


def test_calls_that_would_be_allowed_are_a_finding_of_their_own(refunds):
    report = reviewed(refunds, 60)
    assert (report["replay"]["newly_allowed"], report["replay"]["newly_denied"]) == (1, 0)
    (finding,) = findings(report, *REPLAYS)
    assert (finding["check"], finding["sentence"].partition(":")[0]) == (
        "replay_allows",
        "1 call on record of agent `triage`, `github/refund`, would be allowed, denied as things are",
    )


def test_a_change_that_turns_nothing_says_how_many_it_looked_at(refunds):
    report = reviewed(refunds, 50)
    assert (report["replay"]["replayed"], report["replay"]["turned"]) == (6, [])
    assert findings(report, *REPLAYS) == []


def test_what_other_policies_did_since_is_not_held_against_the_plan(refunds):
    """The record says allowed, but today it is denied already: the plan does not turn it."""
    refunds.registry.change("policies", "caps", {"document": CAP.format(30), "side": "agent"}, 1)
    assert reviewed(refunds, 30)["replay"]["turned"] == []


def test_no_raw_value_of_a_recorded_call_is_in_a_report(refunds):
    assert "s3cr3t" not in str(reviewed(refunds, 30))


@pytest.mark.parametrize("caller", ["viewer", "alice", "approver"])
def test_who_may_not_have_decisions_explained_cannot_read_arguments_out_of_the_record(refunds, caller):
    """Guessing one amount after another, by whether anything turns: every answer is the same."""
    reports = [reviewed(refunds, cap, caller) for cap in (15, 25, 35)]
    assert all(report["replay"] == {**reports[0]["replay"], "withheld": True} for report in reports)
    assert {report["replay"]["replayed"] for report in reports} == {0}
    assert {report["gate"]["verdict"] for report in reports} == {"auto"}
    assert [findings(report, *REPLAYS) for report in reports] == [[], [], []]


def test_rules_can_ask_for_a_review_by_somebody_who_may_see_the_record(refunds):
    refunds = under(refunds, rules_of({"checks": {"not_replayed": "needs_approval"}}))
    report = reviewed(refunds, 30, "viewer")
    (finding,) = findings(report, *REPLAYS)
    assert (finding["check"], report["gate"]["verdict"]) == ("not_replayed", "needs_approval")
    assert findings(reviewed(refunds, 30, "auditor"), "not_replayed") == []


@pytest.mark.parametrize(("verdict", "expected"), [("auto", "auto"), ("deny", "deny")])
def test_rules_decide_what_a_turned_call_calls_for(refunds, verdict, expected):
    refunds = under(refunds, rules_of({"checks": {"replay_denies": verdict}}))
    report = reviewed(refunds, 30)
    assert (report["gate"]["verdict"], report["replay"]["newly_denied"]) == (expected, 2)


def test_no_more_decisions_are_replayed_than_the_rules_say(refunds):
    refunds = under(refunds, Rules(replayed=1))
    assert reviewed(refunds, 45)["replay"]["replayed"] == 1
    refunds = under(refunds, Rules(replayed=0))
    assert reviewed(refunds, 45)["replay"] is None


def test_a_replay_that_takes_too_long_says_what_it_left_out(refunds):
    ticks = count(0, SECONDS / 3)
    refunds.recollection = Recollection(refunds.store, refunds.vault, lambda: next(ticks))
    refunds = under(refunds, rules_of({"checks": {"not_replayed": "needs_approval"}}))
    report = reviewed(refunds, 50)
    assert (report["replay"]["replayed"], report["replay"]["left_out"]) == (3, 3)
    assert [one["sentence"] for one in findings(report, *REPLAYS)] == [
        "3 of the newest decisions on record were not replayed in time"
    ]


def test_what_another_key_sealed_is_counted_and_stops_nothing(refunds, tmp_path):
    refunds.recollection = Recollection(refunds.store, FileSealer(tmp_path / "other.key"))
    under(refunds, Rules())
    replay = reviewed(refunds, 30)["replay"]
    assert (replay["replayed"], replay["unreadable"], replay["turned"]) == (0, 6, [])


class Recalled:
    """Answers with what it was given."""

    def __init__(self, *turned):
        self.turned = turned

    def recount(self, was, now):
        assert was.published is not now.published
        return Recount(len(self.turned), 0, 0, self.turned)


def judged(*turned):
    return judge_plan(Registry().picture(declare(organisation())), USUAL, None, Recalled(*turned)).review


def test_a_strangers_text_cannot_leave_its_quotation():
    hostile = "agent:x` @everyone [a](http://evil)\u202e"
    report = judged(Turned("id", NOW, allowed=False, agent="x` @everyone", principal=hostile, action="a/b` <img>"))
    (finding,) = report.gate.findings
    inside = finding.sentence.split("`")[1::2]
    assert len(inside) == 4
    assert "@everyone" not in "".join(finding.sentence.split("`")[::2])
    assert "\u202e" not in finding.sentence


def test_a_report_shows_fifty_kinds_of_calls_and_counts_the_rest():
    turned = [Turned(f"id{at}", NOW, at % 2 == 0, f"agent{at}", f"agent:agent{at}", "a/b") for at in range(60)]
    report = judged(*turned)
    assert (len(report.replay.turned), report.replay.newly_allowed, report.replay.newly_denied) == (50, 30, 30)
    more = [one.sentence for one in report.gate.findings if "more calls" in one.sentence]
    assert more == ["10 more calls on record would be allowed, denied as things are"]


def test_every_check_of_the_record_has_a_usual_verdict():
    usual = Rules()
    assert usual.verdict(Check.REPLAY_ALLOWS) is Verdict.NEEDS_APPROVAL
    assert usual.verdict(Check.REPLAY_DENIES) is Verdict.NEEDS_APPROVAL
    assert replace(usual, replayed=5).digest != usual.digest
