"""Assertions of policies, asked of the decision point before anything is published."""

import pytest
from tests.fakes.decision_point import call
from tests.fakes.registry import USER

FORBID = 'forbid(principal, action == Action::"github/read_file", resource);'
READS = {"agent": "triage", "tool_server": "github", "tool": "read_file", "resource": "repo:web"}


def checked(world, document=FORBID, **assertions):
    body = {"policies": [{"name": "stop", "side": "agent", "document": document, "assertions": assertions}]}
    answer = world.call("POST", "/v1/policies:check", json=body)
    assert answer.status_code == 200, answer.text
    (one,) = answer.json()["policies"]
    return one["problems"]


def test_what_holds_once_the_policy_is_published_is_no_problem(world):
    assert world.decide(**call("read_file"))["decision"]
    assert checked(world, deny=[READS]) == []
    assert world.decide(**call("read_file"))["decision"]


def test_what_does_not_hold_is_said_by_its_path(world):
    (problem,) = checked(world, deny=[READS], allow=[READS])
    assert (problem["path"], problem["message"]) == ("assertions.allow.0", "decided: forbidden")
    assert problem["unknown"] is False


def test_what_may_come_with_the_same_run_is_unknown_and_not_wrong(world):
    (problem,) = checked(world, allow=[{**READS, "agent": "to-come"}])
    assert (problem["path"], problem["unknown"]) == ("assertions.allow.0", True)


def test_a_denial_of_what_is_not_there_holds(world):
    assert checked(world, deny=[{**READS, "agent": "to-come"}]) == []


def test_a_document_that_cannot_be_published_is_told_alone(world):
    problems = checked(world, document="forbid(", allow=[READS])
    assert [one["path"] for one in problems] == ["document"]


@pytest.mark.parametrize("context", ["{}", '{"region": "eu"}'])
def test_the_context_of_an_assertion_is_asked_with(world, context):
    document = (
        'forbid(principal, action == Action::"github/read_file", resource) '
        'unless { context has caller && context.caller has region && context.caller.region == "eu" };'
    )
    problems = checked(world, document=document, allow=[{**READS, "context": context}])
    assert bool(problems) is (context == "{}")


def test_another_applications_question_is_asserted_by_whatever_id_its_subject_has(world):
    action = "action look appliesTo { principal: [user], resource: [todo] };"
    schema = f"entity user; entity todo = {{ owner: String }}; {action}"
    document = 'permit(principal == user::"rick", action == Action::"look", resource) when { resource.owner == "r" };'
    looks = {"subject": f"user:{USER['ids'][0]}", "action": "look", "resource": "todo:1"}
    looks |= {"properties": '{"owner": "r"}'}
    other = {**looks, "properties": '{"owner": "m"}'}
    body = {"name": "todo", "side": "user", "document": document, "schema": schema}
    for assertions, wrong in (({"allow": [looks], "deny": [other]}, []), ({"allow": [other]}, ["assertions.allow.0"])):
        answer = world.call("POST", "/v1/policies:check", json={"policies": [{**body, "assertions": assertions}]})
        (one,) = answer.json()["policies"]
        assert [problem["path"] for problem in one["problems"]] == wrong, one
