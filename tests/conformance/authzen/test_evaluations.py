"""Decisions, one and several at a time."""

import pytest
from tests.conformance.requirements import proves
from tests.fakes.decision_point import call

READ, WRONG = {"type": "repo", "id": "web"}, {"type": "repo", "id": "secret"}
AGENT = {"type": "agent", "id": "triage"}
DELETE = {"name": "github/delete_branch"}


def decisions(answer):
    assert answer.status_code == 200, answer.text
    return [one["decision"] for one in answer.json()["evaluations"]]


def boxcar(world, *items, semantic=None, **defaults):
    options = {"options": {"evaluations_semantic": semantic}} if semantic is not None else {}
    given = {"subject": AGENT, "action": {"name": "github/read_file"}, "resource": READ, **defaults}
    return world.ask("evaluations", {**given, **options, "evaluations": list(items)})


@proves("eval-decision", "eval-deny-200")
def test_a_permit_and_a_denial_are_both_answers(world):
    permit, denial = world.ask("evaluation", call("read_file")), world.ask("evaluation", call("read_file", "repo:api"))
    assert (permit.status_code, permit.json()["decision"]) == (200, True)
    assert (denial.status_code, denial.json()["decision"]) == (200, False)
    assert denial.json()["context"]["reason"] == "resource_not_granted"


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": {"type": "agent", "id": "nobody"}},
        {"subject": {"type": "ghost", "id": "triage"}},
        {"action": {"name": "github/format_disk"}},
        {"action": {"name": "x" * 10_000}},
        {"resource": {"type": "repo", "id": "\u202egoat"}},
        {"resource": {"type": "__entity", "id": "web"}},
        {"context": {"source_ip": "300.1.1.1"}},
        {"context": {"chain": "triage"}},
        {"context": {"user": 5}},
        {"context": {"oauth": {"mode": "magic"}}},
        {"action": {"name": "github/read_file", "properties": {"arguments": "all"}}},
        {"action": {"name": "github/read_file", "properties": {"arguments": {"__extn": {"fn": "ip", "arg": "::"}}}}},
    ],
    ids=repr,
)
@proves("eval-deny-200")
def test_what_nobody_understands_is_denied_and_never_an_error(world, changed):
    answer = world.ask("evaluation", {**call("read_file"), **changed})
    assert (answer.status_code, answer.json()["decision"]) == (200, False)


@proves("bounded")
def test_defaults_that_would_be_decided_and_kept_a_thousand_times_are_refused(world):
    """One body of a megabyte would be a gigabyte of questions."""
    context = {"tags": [str(number) for number in range(2_000)]}
    assert decisions(boxcar(world, *[{}] * 10, context=context)) == [True] * 10
    answer = boxcar(world, *[{}] * 1_000, context=context)
    assert (answer.status_code, "defaults written out" in answer.text) == (400, True)


@proves("boxcar-defaults", "boxcar-order", "boxcar-all")
def test_each_evaluation_has_the_defaults_of_all_in_order(world):
    answer = boxcar(world, {}, {"resource": WRONG}, {"action": DELETE}, {"subject": {"type": "agent", "id": "no"}})
    assert decisions(answer) == [True, False, True, False]


@proves("boxcar-override")
def test_an_object_replaces_the_default_whole(world):
    arguments = {"name": "github/read_file", "properties": {"arguments": {"path": {"__entity": {}}}}}
    assert decisions(boxcar(world, {}, {"action": {"name": "github/read_file"}}, action=arguments)) == [False, True]


@pytest.mark.parametrize("none", [{}, {"evaluations": []}])
@proves("boxcar-single")
def test_without_evaluations_it_is_a_single_one(world, none):
    answer = world.ask("evaluations", {**call("read_file"), **none})
    assert answer.json()["decision"] is True
    assert "evaluations" not in answer.json()
    assert world.ask("evaluations", {"subject": AGENT, **none}).status_code == 400


@proves("boxcar-all", "boxcar-deny", "boxcar-permit")
def test_the_semantics_say_where_it_ends(world):
    items = ({}, {"resource": WRONG}, {}, {"resource": WRONG})
    assert decisions(boxcar(world, *items, semantic="execute_all")) == [True, False, True, False]
    assert decisions(boxcar(world, *items, semantic="deny_on_first_deny")) == [True, False]
    assert decisions(boxcar(world, *items[1:], semantic="permit_on_first_permit")) == [False, True]
    for wrong in ("first_wins", 1, None, ["execute_all"]):
        body = {**call("read_file"), "options": {"evaluations_semantic": wrong}, "evaluations": [{}]}
        assert world.ask("evaluations", body).status_code == 400


@proves("boxcar-errors")
def test_what_is_no_question_is_denied_in_its_place(world):
    answer = boxcar(world, {}, {"resource": {"type": "repo"}}, 5, {"context": []}, {})
    assert decisions(answer) == [True, False, False, False, True]
    errors = [one["context"].get("error") for one in answer.json()["evaluations"]]
    assert [error["status"] if error else None for error in errors] == [None, 400, 400, 400, None]
    assert decisions(boxcar(world, {}, 5, {}, semantic="deny_on_first_deny")) == [True, False]
    assert decisions(boxcar(world, 5, {}, 5, semantic="permit_on_first_permit")) == [False, True]


@proves("boxcar-errors")
def test_more_questions_than_anybody_asks_at_once_are_a_bad_request(world):
    assert boxcar(world, *([{}] * 1001)).status_code == 400
    assert world.ask("evaluations", {**call("read_file"), "evaluations": {}}).status_code == 400


@proves("obligations-deny")
def test_a_forbid_that_holds_tells_what_is_to_be_done_about_the_attempt(world):
    """And nothing else does: not a permit whose conditions are not met, not the side that would have allowed."""
    user = (
        '@id("alarm") @obligation("notification") @obligation_to("security@example.com") @obligation_body("tried")\n'
        'forbid(principal, action == Action::"github/read_file", resource) when { context has via_agent };\n'
        '@id("owed") @obligation("step-up") @obligation_acr_value("loa3")\n'
        'permit(principal, action == Action::"github/read_file", resource);'
    )
    agent = (
        '@id("narrow") @obligation("step-up") @obligation_acr_value("loa3")\n'
        'permit(principal, action == Action::"github/delete_branch", resource) when { context.depth > 9 };\n'
        '@id("read") @obligation("session_termination") @obligation_subject("x")\n'
        'permit(principal, action == Action::"github/read_file", resource);'
    )
    world.must("policies", "people", {"document": user, "side": "user"})
    world.must("policies", "agents", {"document": agent, "side": "agent"})
    denied = world.decide(**call("read_file", context={"user": "rick"}))
    assert denied["decision"] is False
    told = {"to": "security@example.com", "body": "tried"}
    owed = [{"id": "people/alarm", "type": "notification", "properties": told}]
    assert denied["context"]["obligations"] == owed
    assert "obligations" not in world.decide(**call("delete_branch"))["context"]
    assert "obligations" not in world.decide(**call("read_file", "repo:other"))["context"]


@proves("obligations")
def test_an_annotation_of_what_let_a_call_through_is_owed_by_the_enforcement_point(world):
    document = (
        '@id("careful") @obligation("step-up") @obligation_acr_value("urn:example:loa:3")\n'
        'permit(principal, action == Action::"github/delete_branch", resource);'
    )
    world.must("policies", "steps", {"document": document, "side": "agent"})
    owed = world.decide(**call("delete_branch"))["context"]["obligations"]
    assert owed == [{"id": "steps/careful", "type": "step-up", "properties": {"acr_value": "urn:example:loa:3"}}]
    assert "obligations" not in world.decide(**call("read_file"))["context"]
    assert "obligations" not in world.decide(**call("delete_branch", "repo:api"))["context"]
