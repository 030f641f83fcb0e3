"""Both reports in their three forms, to the letter. `LEASEHOLD_TEST_UPDATE_GOLDEN=1` writes them anew."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.cli.terraform import Backend, leasehold, shown_plan, state_file
from tests.unit.review.test_review_doors import Store
from tests.unit.review.worlds import DELETE, READ, Registry, organisation

from leasehold.model.arguments import ArgumentConstraint
from leasehold.model.kinds import Kind
from leasehold.model.people import OwnerState
from leasehold.model.trust import KubernetesSubject

HERE = Path(__file__).parent
WIDTH = 100


@pytest.fixture
def drifted():
    registry = Registry()
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    registry.delete(Kind.GRANTS, READ.id)
    loose = KubernetesSubject(namespace="payments", service_account="triage", any_uid=True)
    registry.change(Kind.WORKLOAD_BINDINGS, "triage-k8s", kubernetes=loose)
    registry.change(Kind.SCOPES, "issues", description="<b>@security</b> [ok](https://evil.example)")
    return Backend(Store(registry))


def write(tmp_path, document):
    path = tmp_path / "document.json"
    path.write_text(json.dumps(document))
    return f"prod={path}"


def check(name, found):
    """Compare with the golden file; the first difference fails the test."""
    path = HERE / name
    if os.environ.get("LEASEHOLD_TEST_UPDATE_GOLDEN"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("form", "name"), [("--json", "drift.json"), ("--markdown", "drift.md"), (None, "drift.txt")])
def test_a_drift_report_reads_as_it_always_did(drifted, tmp_path, form, name):
    arguments = ["drift", "--state", write(tmp_path, state_file()), *([form] if form else [])]
    code, out, err = leasehold(*arguments, answer=drifted, width=WIDTH)
    assert (code, err) == (2, "")
    check(name, out)


@pytest.mark.parametrize(("form", "name"), [("--markdown", "clean.md"), (None, "clean.txt")])
def test_a_clean_report_reads_as_it_always_did(tmp_path, form, name):
    arguments = ["drift", "--state", write(tmp_path, state_file()), *([form] if form else [])]
    code, out, _ = leasehold(*arguments, answer=Backend(Store(Registry())), width=WIDTH)
    assert code == 0
    check(name, out)


def test_two_reports_of_one_state_are_the_same_to_the_letter(drifted, tmp_path):
    arguments = ["drift", "--state", write(tmp_path, state_file()), "--json"]
    assert leasehold(*arguments, answer=drifted) == leasehold(*arguments, answer=drifted)


def test_the_order_of_a_state_changes_nothing(drifted, tmp_path):
    forwards, backwards = state_file(), state_file()
    backwards["resources"].reverse()
    first = leasehold("drift", "--state", write(tmp_path, forwards), "--json", answer=drifted)
    assert first == leasehold("drift", "--state", write(tmp_path, backwards), "--json", answer=drifted)


@pytest.mark.parametrize(
    ("form", "name"), [("--json", "review.json"), ("--markdown", "review.md"), (None, "review.txt")]
)
def test_a_plan_review_reads_as_it_always_did(drifted, tmp_path, form, name):
    objects = organisation()
    objects[Kind.OWNERS, "alice"] = replace(objects[Kind.OWNERS, "alice"], state=OwnerState.ACTIVE, team="platform")
    plan = shown_plan(objects)
    address = plan["planned_values"]["root_module"]["resources"][0]["address"]
    plan["resource_changes"] = [{"address": address, "change": {"after_unknown": {"revision": True}}}]
    arguments = ["review", write(tmp_path, plan), *([form] if form else [])]
    code, out, err = leasehold(*arguments, answer=drifted, width=WIDTH)
    assert (code, err) == (0, "")
    check(f"../review/{name}", out)


@pytest.mark.parametrize(
    ("form", "name"), [("--json", "limits.json"), ("--markdown", "limits.md"), (None, "limits.txt")]
)
def test_limits_on_arguments_read_as_they_always_did(tmp_path, form, name):
    registry = Registry()
    hostile = "`*x*` <b>@ops</b> [ok](https://evil.example) |"
    limits = {"amount": ArgumentConstraint(max=50), hostile: ArgumentConstraint(one_of=frozenset({hostile, "EUR"}))}
    live = replace(DELETE, constraints=limits)
    registry.write(Kind.GRANTS, live.id, live)
    registry.change(Kind.SCOPES, "issues", constraints={"title": ArgumentConstraint(prefixes=frozenset({"[bot] "}))})
    arguments = ["drift", "--state", write(tmp_path, state_file()), *([form] if form else [])]
    code, out, err = leasehold(*arguments, answer=Backend(Store(registry)), width=WIDTH)
    assert (code, err) == (2, "")
    check(name, out)
