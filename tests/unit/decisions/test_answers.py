"""The control plane's questions: explained, reversed, tried, replayed; and to whom."""

import pytest
from tests.fakes.decision_point import call
from tests.fakes.registry import GRANT, USER

CAP = (
    '@id("cap") forbid(principal, action == Action::"github/refund", resource) '
    'when { context.input.amount.greaterThan(decimal("50.0")) };'
)
ROUTES = [
    ("GET", "/v1/decisions/x", None),
    ("POST", "/v1/decisions:replay", {}),
    ("POST", "/v1/policies:test", {"cases": [{"expect": "deny", "agent": "a", "tool": "t", "resource": "r:1"}]}),
    ("GET", "/v1/access:who-can?action=github/read_file", None),
    ("GET", "/v1/access:what-can?agent=triage", None),
]


def send(world, method, path, body, caller):
    return world.call(method, path, caller, **({"json": body} if body is not None else {}))


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_the_anonymous_caller_is_refused(world, method, path, body):
    assert send(world, method, path, body, None).status_code == 401


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_who_may_not_read_policy_is_refused_and_it_is_on_record(world, method, path, body):
    others = ["viewer", "alice", "approver"] + (["pep"] if "access:" not in path else [])
    for caller in others:
        assert send(world, method, path, body, caller).status_code == 403
        assert world.registry.audit()[0]["outcome"] == "denied"
    assert send(world, method, path, body, "auditor").status_code in {200, 404}


@pytest.fixture
def refunds(world):
    """The agent may refund, up to a cap."""
    world.registry.grant({**GRANT, "tools": ["refund"]})
    world.must("policies", "caps", {"document": CAP, "side": "agent"})
    return world


def test_a_decision_is_explained_with_the_line_and_the_condition_that_held(refunds):
    asked = refunds.decide(**call("refund", arguments={"amount": 70, "note": "s3cr3t"}))
    refunds.recorder.close()
    answer = refunds.call("GET", f"/v1/decisions/{asked['context']['evaluation_id']}", "auditor")
    explained = answer.json()
    assert (explained["decision"], explained["reason"], explained["policies_unchanged"]) == (False, "forbidden", True)
    (policy,) = explained["policies"]
    assert (policy["id"], policy["policy"], policy["line"], policy["applied"]) == ("caps/cap", "caps", 1, True)
    assert policy["conditions"][0]["held"] is True
    assert "s3cr3t" not in answer.text
    assert refunds.call("GET", "/v1/decisions/nothing", "auditor").status_code == 404


def test_who_can_tells_every_way_with_its_conditions(refunds):
    items = refunds.call("GET", "/v1/access:who-can?action=github/refund&resource=repo:web", "auditor").json()["items"]
    assert [(one["holder"], one["resource"]) for one in items] == [("agent:triage", "repo:web")]
    assert (
        items[0]["unless"] == ['(context.input.amount).greaterThan(decimal("50.0"))'] or "50.0" in items[0]["unless"][0]
    )
    nowhere = refunds.call("GET", "/v1/access:who-can?action=github/refund&resource=repo:secret", "auditor").json()
    assert nowhere["items"] == []
    assert nowhere["known"]
    unheard_of = refunds.call("GET", "/v1/access:who-can?action=x/y", "auditor").json()
    assert (unheard_of["total"], unheard_of["known"]) == (0, False)
    assert refunds.call("GET", "/v1/access:who-can?action=x/y&resource=web", "auditor").status_code == 400


def test_what_can_pages_through_all_that_an_agent_can_do(refunds):
    refunds.registry.grant({**GRANT, "tools": ["create_issue"]})
    seen, cursor = [], ""
    while True:
        found = refunds.call("GET", f"/v1/access:what-can?agent=triage&limit=1&cursor={cursor}", "auditor").json()
        seen += [one["action"] for one in found["items"]]
        if (cursor := found["next_cursor"]) is None:
            break
    assert seen == ["github/create_issue", "github/read_file", "github/refund"]
    assert found["known"]
    assert not refunds.call("GET", "/v1/access:what-can?agent=nobody", "auditor").json()["known"]
    assert refunds.call("GET", "/v1/access:what-can", "auditor").status_code == 400
    assert refunds.call("GET", "/v1/access:what-can?agent=a&user=b", "auditor").status_code == 400


def test_what_a_person_can_do_comes_from_the_policies_of_their_side(refunds):
    document = 'permit(principal == user::"rick", action == Action::"github/refund", resource);'
    refunds.must("policies", "people", {"document": document, "side": "user"})
    for user in ("rick", USER["ids"][0]):
        found = refunds.call("GET", f"/v1/access:what-can?user={user}", "auditor").json()
        assert [(one["holder"], one["action"]) for one in found["items"]] == [("user:rick", "github/refund")]
        assert found["items"][0]["id"] == USER["ids"][0]
        assert found["known"]
    assert not refunds.call("GET", "/v1/access:what-can?user=nobody", "auditor").json()["known"]


CASES = [
    {"name": "small", "expect": "allow", "agent": "triage", "tool_server": "github", "tool": "refund",
     "resource": "repo:web", "arguments": {"amount": 49.99}},
    {"name": "large", "expect": "deny", "reason": "forbidden", "policy": "caps/cap", "agent": "triage",
     "tool": "github/refund", "resource": "repo:web", "arguments": {"amount": 50.01}},
]  # fmt: skip


def table(world, **body):
    return world.call("POST", "/v1/policies:test", "auditor", json=body)


def test_a_table_is_decided_on_what_lives(refunds):
    report = table(refunds, cases=CASES).json()
    assert (report["passed"], report["failed"]) == (2, 0)
    wrong = [
        {**CASES[0], "arguments": {"amount": 60}},
        {**CASES[1], "reason": "nothing_granted"},
        {**CASES[1], "policy": "x"},
    ]
    report = table(refunds, cases=wrong).json()
    assert report["failed"] == 3
    assert "expected allow, decided deny (forbidden)" in report["cases"][0]["complaint"]
    assert report["cases"][0]["would_pass"] == {"amount": 50}


def test_a_table_is_decided_on_policies_as_they_would_be_and_nothing_is_written(refunds):
    before = refunds.registry.changes(), refunds.registry.audit()
    relaxed = {"caps": {"document": CAP.replace("50.0", "90.0"), "side": "agent"}}
    report = table(
        refunds, policies=relaxed, cases=[{**CASES[1], "expect": "allow", "reason": "granted", "policy": "grant:x"}]
    )
    assert "to determine it" in report.json()["cases"][0]["complaint"]
    assert (
        table(refunds, policies={"caps": None}, cases=[{**CASES[0], "arguments": {"amount": 900}}]).json()["failed"]
        == 0
    )
    assert (refunds.registry.changes(), refunds.registry.audit()) == before


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "cases"),
        ({"cases": []}, "cases"),
        ({"cases": [5]}, "cases.0"),
        ({"cases": [{**CASES[0], "expect": "maybe"}]}, "cases.0.expect"),
        ({"cases": [{**CASES[0], "expected": "allow"}]}, "cases.0.expected"),
        ({"cases": [{**CASES[0], "resource": "web"}]}, "cases.0.resource"),
        ({"cases": [{**CASES[0], "at": "yesterday"}]}, "cases.0.at"),
        ({"cases": [{**CASES[0], "arguments": 5}]}, "cases.0.arguments"),
        ({"cases": [{"expect": "allow", "tool": "github/refund", "resource": "repo:web"}]}, "cases.0"),
        ({"cases": CASES, "policies": []}, "policies"),
        ({"cases": CASES, "policies": {"p": {"document": "permit(", "side": "agent"}}}, "policies.p"),
        ({"cases": CASES, "more": 1}, "more"),
    ],
)
def test_a_table_that_is_none_is_refused_at_its_place(refunds, body, where):
    answer = table(refunds, **body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"].startswith(where)


def test_recorded_decisions_are_replayed_on_other_policies_and_the_flips_listed(refunds):
    for amount in (10, 60, 80):
        refunds.later(1)
        refunds.decide(**call("refund", arguments={"amount": amount, "note": "s3cr3t"}))
    refunds.recorder.close()
    same = refunds.call("POST", "/v1/decisions:replay", "auditor", json={}).json()
    assert (same["replayed"], same["flips"]) == (3, [])
    relaxed = {"policies": {"caps": {"document": CAP.replace("50.0", "70.0"), "side": "agent"}}}
    answer = refunds.call("POST", "/v1/decisions:replay", "auditor", json=relaxed)
    report = answer.json()
    assert (report["newly_allowed"], report["newly_denied"], len(report["flips"])) == (1, 0, 1)
    assert (report["flips"][0]["before"], report["flips"][0]["after"]) == ("forbidden", "granted")
    assert "s3cr3t" not in answer.text
    stricter = {"policies": {"caps": {"document": CAP.replace("50.0", "5.0"), "side": "agent"}}, "limit": 2}
    report = refunds.call("POST", "/v1/decisions:replay", "auditor", json=stricter).json()
    assert (report["replayed"], report["newly_denied"]) == (2, 0)
    assert refunds.call("POST", "/v1/decisions:replay", "auditor", json={"limit": 0}).status_code == 422
