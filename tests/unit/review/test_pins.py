"""What tool servers show against their pins, in drift with the way out; what plans approve or give, in the gate."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.review.worlds import DELETE, NOW, Registry, declare, drift, only, organisation

from leasehold.model.clients import DpopUse
from leasehold.model.kinds import Kind
from leasehold.model.observations import Observation
from leasehold.model.pins import ToolPin
from leasehold.model.tool_surfaces import surface_of
from leasehold.model.tools import Pinning
from leasehold.review.findings import DriftClass, Risk
from leasehold.review.gate.rules import USUAL, Check, Rules, Verdict
from leasehold.review.plan_review import review_plan

LISTED = [{"name": "read_file"}, {"name": "create_issue"}, {"name": "delete_branch"}]
KEY = (Kind.TOOL_SERVERS, "github")


def observation(tools=LISTED, instructions="", **more):
    surface = surface_of(list(tools), instructions)
    return Observation(server="github", surface=surface, first_at=NOW, last_at=NOW, by="leasehold:gateway", **more)


def shows(*tools, instructions="", **more):
    registry = Registry()
    registry.seen["github"] = observation(tools, instructions, **more)
    return registry


def test_what_is_as_approved_is_no_finding_and_in_sight():
    report = drift(shows(*LISTED))
    assert report.findings == ()
    assert "tool server" not in [one.what for one in report.coverage.out_of_sight]
    assert ("tool server", "what it lists itself") in [
        (one.what, one.why) for one in drift(Registry()).coverage.out_of_sight
    ]


def test_a_rug_pull_is_found_with_what_changed_and_the_way_out():
    schema = {"type": "object", "properties": {"force": {"type": "boolean"}}}
    found = only(drift(shows({"name": "read_file", "inputSchema": schema}, *LISTED[1:], {"name": "drop_all"})))
    assert (found.class_, found.kind, found.name, found.risk) == (
        DriftClass.TOOL_SURFACE, Kind.TOOL_SERVERS, "github", Risk.MEDIUM,
    )  # fmt: skip
    assert found.sentence == (
        "tool server `github` shows what nobody approved: `drop_all` is new; `read_file` changed (argument `force` "
        "added, optional (`boolean`)) (hidden and denied until approved)"
    )
    assert found.fix.revert == "leasehold tools diff github; then leasehold tools approve github, or the pin in code"
    assert ("drop_all/name", None, '"drop_all"') in [(one.path, one.declared, one.live) for one in found.changes]
    assert found.blast.agents == 1


@pytest.mark.parametrize(
    ("registry", "said", "risk"),
    [
        (shows(*LISTED, instructions="Obey."), "other instructions", Risk.MEDIUM),
        (shows(*LISTED[1:]), "`read_file` is no longer listed", Risk.LOW),
        (shows(problem="a tool is listed twice"), "its list is refused whole, `a tool is listed twice`", Risk.MEDIUM),
        (shows({"name": "read_file", "description": "x" * 300_000}, *LISTED[1:]), "changed (unreadable)", Risk.MEDIUM),
        (shows(*LISTED, *({"name": f"n{at}"} for at in range(9))), "6 more", Risk.MEDIUM),
    ],
    ids=["instructions", "gone", "refused", "unreadable", "many"],
)
def test_whatever_differs_is_found(registry, said, risk):
    found = only(drift(registry))
    assert (said in found.sentence, found.risk) == (True, risk)


def test_without_a_pin_what_was_seen_is_told_and_what_was_not_is_no_noise():
    objects = {key: spec for key, spec in organisation().items() if key[0] is not Kind.TOOL_PINS}
    registry = shows(*LISTED)
    del registry.stored[Kind.TOOL_PINS, "github"]
    found = only(drift(registry, declare(objects)))
    assert (found.risk, found.factors) == (Risk.LOW, ("nobody approved its tools",))
    registry.seen.clear()
    assert drift(registry, declare(objects)).findings == ()


def test_what_is_only_observed_is_in_use_and_graver():
    objects = organisation()
    objects[KEY] = replace(objects[KEY], pinning=Pinning.OBSERVE)
    registry = shows(*LISTED, {"name": "drop_all"})
    registry.write(*KEY, objects[KEY], by="ci", stack="prod")
    found = only(drift(registry, declare(objects)))
    assert (found.risk, "in use, as it is only observed" in found.sentence) == (Risk.HIGH, True)


def test_another_change_is_another_finding_and_the_same_one_keeps_its_name():
    one, same, other = (only(drift(shows(*LISTED, {"name": name}))).fingerprint for name in ("a", "a", "b"))
    assert (one == same, one == other) == (True, False)
    later = shows(*LISTED, {"name": "a"})
    later.seen["github"] = replace(later.seen["github"], last_at=NOW + timedelta(days=1))
    assert only(drift(later)).fingerprint == one


def test_what_another_stack_answers_for_is_its_own():
    objects = {key: spec for key, spec in organisation().items() if key[0] is Kind.OWNERS}
    registry = shows(*LISTED, {"name": "a"})
    assert all(one.class_ is not DriftClass.TOOL_SURFACE for one in drift(registry, declare(objects, "other")).findings)


def test_loosening_a_server_is_a_widening():
    registry = Registry()
    registry.change(*KEY, pinning=Pinning.OBSERVE)
    found = only(drift(registry))
    assert (found.class_, found.factors) == (DriftClass.WIDENED, ("tools are used without a pin",))


def test_a_server_that_takes_bearer_tokens_again_is_a_widening_and_one_that_takes_none_any_more_is_not():
    objects = organisation()
    objects[KEY] = replace(objects[KEY], dpop=DpopUse.REQUIRED)
    registry = Registry()
    registry.write(*KEY, objects[KEY])
    assert drift(registry, declare(objects)).findings == ()
    registry.change(*KEY, dpop=DpopUse.OFF)
    found = only(drift(registry, declare(objects)))
    assert (found.class_, found.factors) == (DriftClass.WIDENED, ("tokens without proof of possession",))
    stricter = Registry()
    stricter.change(*KEY, dpop=DpopUse.REQUIRED)
    assert only(drift(stricter)).factors == ("tokens need proof",)


# The gate.


def gate(registry, objects, rules=USUAL):
    report = review_plan(registry.picture(declare(objects)), rules)
    return [(one.check, one.verdict, one.sentence) for one in report.gate.findings]


def told(found, check):
    return [sentence for of, _, sentence in found if of is check]


def pinned(*tools, instructions=""):
    surface = json.dumps({"tools": [{"name": name} for name in tools], "instructions": instructions})
    text = ToolPin(surface=surface, justification="x")
    return organisation() | {(Kind.TOOL_PINS, "github"): text}


def test_a_plan_that_approves_other_tools_needs_approval():
    names = ("read_file", "create_issue", "delete_branch", "a", "b", "c", "d")
    found = gate(Registry(), pinned(*names, instructions="Be brief."))
    said = "the pin of `github` newly approves `a`, `b`, `c`, 1 more, its instructions"
    assert (Check.CHANGED_TOOL, Verdict.NEEDS_APPROVAL, said) in found
    fewer = gate(Registry(), pinned("read_file", "create_issue"))
    assert told(fewer, Check.CHANGED_TOOL) == []


def gaining(objects=None):
    return (objects or organisation()) | {(Kind.GRANTS, DELETE.id): DELETE}


def test_a_tool_that_is_gained_and_not_what_was_approved_needs_approval():
    registry = shows(LISTED[0], LISTED[1], {"name": "delete_branch", "title": "Tidy up"})
    found = gate(registry, gaining())
    assert told(found, Check.CHANGED_TOOL) == [
        "agent `triage` gains `delete_branch` of `github`, which is not what was approved"
    ]
    assert told(gate(shows(*LISTED, instructions="Obey."), gaining()), Check.CHANGED_TOOL)
    assert told(gate(shows(*LISTED), gaining()), Check.CHANGED_TOOL) == []
    assert told(gate(registry, organisation()), Check.CHANGED_TOOL) == []


def test_a_tool_that_no_pin_approves_is_denied_where_the_rules_have_it():
    said = "agent `triage` gains `delete_branch` of `github`, which no pin approves"
    registry, pin = Registry(), pinned("read_file", "create_issue")
    strict = Rules(checks={Check.UNPINNED_TOOL: Verdict.DENY})
    assert told(gate(registry, gaining(pin)), Check.UNPINNED_TOOL) == []  # the gateway hides it
    assert (Check.UNPINNED_TOOL, Verdict.DENY, said) in gate(registry, gaining(pin), strict)
    assert told(gate(registry, gaining(), strict), Check.UNPINNED_TOOL) == []
    del registry.stored[Kind.TOOL_PINS, "github"]
    bare = {key: spec for key, spec in gaining().items() if key[0] is not Kind.TOOL_PINS}
    assert told(gate(registry, bare, strict), Check.UNPINNED_TOOL) == [said]
