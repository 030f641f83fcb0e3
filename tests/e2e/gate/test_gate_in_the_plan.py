"""`terraform plan` with a gate in the configuration: the registry's verdict, in its own words, before any apply."""

from __future__ import annotations

import json

import pytest
from tests.e2e.drift.conftest import CommandLine
from tests.e2e.provider.stack import Stack, base
from tests.fakes.registry_http import LiveRegistry

pytestmark = pytest.mark.terraform
GATE = """\
resource "leasehold_gate" "this" {
  depends_on = [leasehold_deployment.bot, leasehold_ceiling.bot, leasehold_trust_issuer.k8s]
}
"""
CONFIGURATION = base("").replace('oidc         = { subject = "ci-prod" }', 'oidc         = { subject = "bot" }') + GATE


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
    return Stack(tmp_path_factory.mktemp("stack"), provider_artefact.read_bytes(), registry, "prod", "ci-prod")


def words(said):
    """Terraform breaks lines and draws a frame around what it is told."""
    return " ".join(said.replace("│", " ").split())


def verdict(stack, registry, tmp_path):
    """What `leasehold review` says of the same plan."""
    (tmp_path / "ci").write_text(registry.oidc_token("ci-prod"))
    plan = tmp_path / "plan.json"
    plan.write_text(stack.run_raw("show", "-json", "tfplan").stdout)
    done = CommandLine(registry, tmp_path / "ci")("review", plan, "--stack", "prod", "--gate", "--json")
    return json.loads(done.stdout)["gate"]


def test_what_needs_approval_is_told_at_plan_as_the_command_tells_it_and_applied(stack, registry, tmp_path):
    stack.write(CONFIGURATION)
    said = words(stack.run("plan", "-no-color", "-out", "tfplan"))
    gate = verdict(stack, registry, tmp_path)
    assert gate["verdict"] == "needs_approval"
    assert said.count("Warning: Plan needs approval") == 1
    for finding in gate["findings"]:
        assert words(f"- {finding['check']}: {finding['sentence']}") in said
    assert "leasehold review plan.json --stack prod --gate --receipt receipt.json" in said
    stack.run("apply", "-no-color", "tfplan")
    assert "bot/github.read_file@repo:web" in registry.names("grants")


def test_a_plan_without_changes_is_not_reviewed(stack):
    assert "Warning" not in stack.plan(CONFIGURATION, expect=0)


def test_what_the_rules_deny_stops_the_plan(stack, registry):
    late = CONFIGURATION.replace('review_by = "2027-05-01"', 'review_by = "2020-05-01"')
    said = words(stack.plan(late, expect=1))
    assert "Error: Plan denied by the gate" in said
    assert "- review_overdue: the review of agent `bot` was due on 2020-05-01" in said
    assert registry.call("GET", "/v1/agents/bot")["review_by"] == "2027-05-01"


def test_grants_that_are_declared_no_more_are_in_the_review(stack):
    """Their end is planned where the gate cannot see it: the registry knows what the stack leaves behind."""
    without = CONFIGURATION.replace("leasehold_grant.read.id, leasehold_grant.scope.id", "")
    for name in ("read", "scope"):
        head, _, rest = without.partition(f'resource "leasehold_grant" "{name}" {{')
        without = head + rest.partition("}\n")[2]
    said = words(stack.plan(without, expect=2))
    assert "- mass_change: 2 of 2 grants are taken away at once" in said


def test_a_stack_with_a_gate_is_destroyed_like_any_other(stack, registry):
    stack.run("destroy", "-auto-approve", "-no-color")
    assert "bot/github.read_file@repo:web" not in registry.names("grants")
