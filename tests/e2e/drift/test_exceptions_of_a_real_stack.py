"""A finding accepted in code, on a real Terraform: applied, resting, changed, imported, changed by hand, gone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.e2e.provider.stack import base

pytestmark = pytest.mark.terraform
BY_HAND = {"agent": "bot", "tool_server": "github", "tools": ["create_issue"], "resources": ["repo:api"]}
NAME = "bot/github.create_issue@repo:api"
CONFIGURATION = base("").replace(
    "scope      = leasehold_scope.reader.name", 'scope = leasehold_scope.reader.name\n  resources = ["repo:web"]'
)


def ahead(days):
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def exception(fingerprint, **changes):
    given = {"fingerprint": fingerprint, "reason": "incident 4711", "expires_at": ahead(7), **changes}
    lines = "".join(f"  {key} = {json.dumps(value)}\n" for key, value in given.items())
    return f'resource "leasehold_drift_exception" "incident" {{\n  name = "incident"\n{lines}}}\n'


def report_of(leasehold, stack, *more):
    done = leasehold("drift", "--state", f"prod={stack.root}/terraform.tfstate", "--json", *more)
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def found(leasehold, stack):
    """The stack as in code, and a grant by hand of which its claim is silent: the next plan would take it away."""
    (stack.root / "incident.tf").unlink(missing_ok=True)
    stack.apply(CONFIGURATION)
    put = leasehold("object", "put", "grants", NAME, "--file", "-", stdin=json.dumps(BY_HAND))
    assert put.returncode == 0, put.stderr
    code, report = report_of(leasehold, stack)
    assert code == 2
    (finding,) = report["findings"]
    yield finding
    (stack.root / "incident.tf").unlink(missing_ok=True)
    stack.apply()
    assert report_of(leasehold, stack)[0] == 0


def accept(stack, text):
    (stack.root / "incident.tf").write_text(text)
    stack.run("apply", "-auto-approve", "-no-color", "-target=leasehold_drift_exception.incident")


def test_a_finding_is_accepted_in_code_and_is_back_when_the_code_goes(leasehold, stack, found):
    accept(stack, exception(found["fingerprint"]))
    code, report = report_of(leasehold, stack, "--fail-on", "low")
    assert code == 0
    (finding,) = report["findings"]
    assert (finding["name"], finding["fingerprint"]) == (NAME, found["fingerprint"])
    assert (finding["accepted"]["exception"], finding["accepted"]["reason"]) == ("incident", "incident 4711")
    assert report["summary"]["accepted"] == 1
    resting = ("plan", "-no-color", "-detailed-exitcode", "-target=leasehold_drift_exception.incident")
    assert stack.run_raw(*resting).returncode == 0

    longer = ahead(9)
    accept(stack, exception(found["fingerprint"], expires_at=longer))
    assert report_of(leasehold, stack)[1]["findings"][0]["accepted"]["until"] == longer

    stack.run("state", "rm", "leasehold_drift_exception.incident")
    stack.run("import", "-no-color", "leasehold_drift_exception.incident", "incident")
    assert stack.run_raw(*resting).returncode == 0


def test_an_exception_changed_by_hand_is_drift_of_its_own(leasehold, stack, found):
    accept(stack, exception(found["fingerprint"]))
    live = json.loads(leasehold("object", "get", "drift-exceptions", "incident", "--json").stdout)
    body = {"fingerprint": live["fingerprint"], "reason": "for ever", "expires_at": ahead(29)}
    put = leasehold("object", "put", "drift-exceptions", "incident", "--file", "-", stdin=json.dumps(body))
    assert put.returncode == 0, put.stderr
    drifted = {one["name"]: one for one in report_of(leasehold, stack)[1]["findings"]}
    assert (drifted["incident"]["class"], drifted["incident"]["accepted"]) == ("widened", None)
    assert {one["path"] for one in drifted["incident"]["changes"]} == {"expires_at", "reason"}
    accept(stack, exception(found["fingerprint"]))  # the way back that the report names
    assert [one["name"] for one in report_of(leasehold, stack)[1]["findings"]] == [NAME]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"expires_at": ahead(31)}, "at most 30 days ahead"),
        ({"expires_at": "2026-01-01T00:00:00Z"}, "must lie ahead"),
        ({"reason": " "}, "must say why"),
        ({"fingerprint": "sha256:short"}, "64 hex digits"),
    ],
)
def test_what_ends_late_or_says_nothing_is_refused_and_leaves_nothing(leasehold, stack, found, changes, said):
    (stack.root / "incident.tf").write_text(exception(**{"fingerprint": found["fingerprint"], **changes}))
    done = stack.run_raw("apply", "-auto-approve", "-no-color", "-target=leasehold_drift_exception.incident")
    assert done.returncode != 0
    assert said in " ".join((done.stdout + done.stderr).replace("│", " ").split())
    assert leasehold("object", "get", "drift-exceptions", "incident").returncode != 0
