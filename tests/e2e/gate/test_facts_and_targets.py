"""Real plans that change what policies read, and plans of one target: what Terraform wrote, reviewed."""

from __future__ import annotations

import json

import pytest
from tests.e2e.drift.conftest import CommandLine
from tests.e2e.gate.test_gate_in_the_plan import CONFIGURATION, words
from tests.e2e.provider.stack import Stack
from tests.fakes.registry_http import LiveRegistry

pytestmark = pytest.mark.terraform
PEOPLE = """\
resource "leasehold_user" "bob" {
  name  = "bob"
  ids   = ["bob-at-idp"]
  roles = %s
}
resource "leasehold_policy" "people" {
  name       = "people"
  side       = "user"
  document   = <<-CEDAR
    permit(principal in role::"support", action == Action::"github/read_file", resource);
  CEDAR
  depends_on = [leasehold_tool_server.github]
}
"""
BEFORE, AFTER = (
    CONFIGURATION.replace("leasehold_trust_issuer.k8s]", "leasehold_trust_issuer.k8s, leasehold_user.bob]")
    + PEOPLE % roles
    for roles in ("[]", '["support"]')
)
SAID = "agent `bot` can now call `github/read_file` on `repo:api` for `bob`, as facts change"


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    running = LiveRegistry(tmp_path_factory.mktemp("registry"))
    try:
        running.furnish()
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def stack(tmp_path_factory, registry, provider_artefact):
    made = Stack(tmp_path_factory.mktemp("stack"), provider_artefact.read_bytes(), registry, "prod", "ci-prod")
    made.write(BEFORE)
    made.run("apply", "-auto-approve", "-no-color")
    return made


def reviewed(stack, registry, tmp_path):
    (tmp_path / "ci").write_text(registry.oidc_token("ci-prod"))
    plan = tmp_path / "plan.json"
    plan.write_text(stack.run_raw("show", "-json", "tfplan").stdout)
    return json.loads(CommandLine(registry, tmp_path / "ci")("review", plan, "--stack", "prod", "--json").stdout)


def test_a_role_that_a_plan_gives_is_told_at_plan_and_in_the_review(stack, registry, tmp_path):
    stack.write(AFTER)
    said = words(stack.run("plan", "-no-color", "-out", "tfplan"))
    assert f"- facts_widen: {SAID}" in said
    report = reviewed(stack, registry, tmp_path)
    assert SAID in [one["sentence"] for one in report["gate"]["findings"]]
    (proof,) = [one for one in report["proofs"] if one["facts"]]
    assert (proof["movement"], proof["user"], proof["witness"]["tool"]) == ("widens", "bob", "read_file")


def test_a_plan_of_one_target_takes_nothing_else_away(stack, registry, tmp_path):
    stack.write(AFTER)
    stack.run("plan", "-no-color", "-target", "leasehold_user.bob", "-out", "tfplan")
    report = reviewed(stack, registry, tmp_path)
    assert (report["access"], report["foundations"]) == ([], [])
    assert SAID in [one["sentence"] for one in report["gate"]["findings"]]


def test_a_plan_of_a_refresh_alone_changes_nothing(stack, registry, tmp_path):
    stack.write(AFTER)
    stack.run("plan", "-no-color", "-refresh-only", "-out", "tfplan")
    report = reviewed(stack, registry, tmp_path)
    assert (report["access"], report["foundations"], report["proofs"]) == ([], [], [])


def test_a_plan_that_destroys_all_leaves_nothing_behind(stack, registry, tmp_path):
    stack.write(BEFORE)
    stack.run("plan", "-no-color", "-destroy", "-out", "tfplan")
    report = reviewed(stack, registry, tmp_path)
    assert [one["agent"] for one in report["access"]] == ["bot"]
    assert not [one for one in report["gate"]["findings"] if "left behind" in one["sentence"]]


def test_what_terraform_forgets_is_left_behind_by_the_next_plan(stack, registry, tmp_path):
    head, _, rest = BEFORE.partition('resource "leasehold_policy" "people" {')
    forgotten = head + rest.partition("}\n")[2]
    stack.write(forgotten + "removed {\n  from = leasehold_policy.people\n  lifecycle {\n    destroy = false\n  }\n}\n")
    stack.run("apply", "-auto-approve", "-no-color")
    stack.write(forgotten)
    stack.run("plan", "-no-color", "-out", "tfplan")
    said = [one["sentence"] for one in reviewed(stack, registry, tmp_path)["gate"]["findings"]]
    assert "policy `people` is left behind: no code declares it, and the plan does not take it away" in said
