"""A stack that is applied with a receipt alone: reviewed by its pipeline, approved by a person, applied as it was."""

from __future__ import annotations

import json

import pytest
from tests.e2e.drift.conftest import CommandLine
from tests.e2e.gate.test_gate_in_the_plan import GATE
from tests.e2e.provider.stack import Stack, base
from tests.fakes.registry_http import LiveRegistry

pytestmark = pytest.mark.terraform
RULES = {"receipts": ["prod"], "mass_agents": 50}
CONFIGURATION = base("").replace('oidc         = { subject = "ci-prod" }', 'oidc         = { subject = "bot" }')

# What an attacker adds after the approval: nothing refers to it, and Terraform may write it last.
MORE = """\
resource "leasehold_owner" "mallory" {
  name         = "mallory"
  display_name = "Mallory"
  email        = "mallory@example.com"
  team         = "web"
}
"""
UNSEEN = (
    MORE.replace('"mallory@', '"${terraform_data.known_later.id}@') + 'resource "terraform_data" "known_later" {}\n'
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry")
    (folder / "rules.json").write_text(json.dumps(RULES))
    running = LiveRegistry(folder)
    running.environment = {"LEASEHOLD_GATE_RULES": str(folder / "rules.json")}
    try:
        running.furnish()
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def stack(tmp_path_factory, registry, provider_artefact):
    return Stack(tmp_path_factory.mktemp("stack"), provider_artefact.read_bytes(), registry, "prod", "ci-prod")


@pytest.fixture
def people(tmp_path, registry):
    """The command line as the pipeline, and as an administrator."""
    made = []
    for who in ("ci-prod", "admin"):
        (tmp_path / who).write_text(registry.oidc_token(who))
        made.append(CommandLine(registry, tmp_path / who))
    return made


def reviewed(stack, pipeline, tmp_path, configuration):
    stack.write(configuration)
    stack.run("plan", "-no-color", "-out", "tfplan")
    plan = tmp_path / "plan.json"
    plan.write_text(stack.run_raw("show", "-json", "tfplan").stdout)
    receipt = tmp_path / "receipt.json"
    return pipeline("review", plan, "--stack", "prod", "--gate", "--receipt", receipt, "--json"), receipt


def apply(stack, expect, **environment):
    return stack.run("apply", "-auto-approve", "-no-color", expect=expect, **environment)


def test_what_was_reviewed_and_approved_is_applied_and_nothing_else(stack, people, registry, tmp_path):
    pipeline, admin = people
    done, receipt = reviewed(stack, pipeline, tmp_path, CONFIGURATION)
    assert done.returncode == 4, done.stdout + done.stderr
    assert json.loads(done.stdout)["gate"]["verdict"] == "needs_approval"

    assert "need the receipt" in apply(stack, 1)
    assert "not approved" in apply(stack, 1, LEASEHOLD_RECEIPT_FILE=str(receipt))
    refused = pipeline("approve", receipt)
    assert refused.returncode == 1
    assert "approves" in refused.stderr

    approved = tmp_path / "approved.json"
    yes = admin("approve", receipt, "--out", approved)
    assert yes.returncode == 0, yes.stderr
    wider = CONFIGURATION.replace('resources   = ["repo:web"]', 'resources   = ["repo:api"]')
    untouched = registry.call("GET", "/v1/snapshot")["objects"]
    for attack in (wider, wider + GATE, CONFIGURATION + MORE, CONFIGURATION + UNSEEN):
        stack.write(attack)
        said = apply(stack, 1, LEASEHOLD_RECEIPT_FILE=str(approved))
        assert "Receipt does not cover this plan" in said
        assert "is not changed as it was reviewed" in said
        assert registry.call("GET", "/v1/snapshot")["objects"] == untouched
    stack.write(CONFIGURATION.replace('commit = "c0ffee"', 'commit = "merged"\n  run_url = "https://ci.example.com/8"'))
    apply(stack, 0, LEASEHOLD_RECEIPT_FILE=str(approved))
    assert registry.get("deployments", "bot-prod")["commit"] == "merged"
    assert "bot/github.read_file@repo:web" in registry.names("grants")
    assert "bot/github.read_file@repo:api" not in registry.names("grants")
    events = registry.call("GET", "/v1/audit/events?limit=1000")["items"]
    assert any(one["action"] == "approve" and one["outcome"] == "ok" for one in events)
    assert any(one["outcome"] == "denied" and "receipt_refused" in (one["reason"] or "") for one in events)


def test_a_plan_that_changes_no_access_needs_nobody(stack, people, tmp_path):
    pipeline, _ = people
    renamed = CONFIGURATION.replace("opens an issue", "opens an issue, politely")
    done, receipt = reviewed(stack, pipeline, tmp_path, renamed)
    assert done.returncode == 0, done.stdout + done.stderr
    apply(stack, 0, LEASEHOLD_RECEIPT_FILE=str(receipt))


def test_an_unknown_that_was_reviewed_lets_the_rest_be_applied_and_is_not_written_unseen(
    stack, people, registry, tmp_path
):
    """The command and the provider outline what is not known yet alike: from a plan's JSON, and from Terraform."""
    pipeline, admin = people
    further = CONFIGURATION.replace("opens an issue", "opens one") + UNSEEN
    done, receipt = reviewed(stack, pipeline, tmp_path, further)
    assert json.loads(done.stdout)["unproven"][0]["address"] == "leasehold_owner.mallory"
    approved = tmp_path / "approved.json"
    assert admin("approve", receipt, "--out", approved).returncode == 0
    said = apply(stack, 1, LEASEHOLD_RECEIPT_FILE=str(approved))
    assert "`owners/mallory` is not changed as it was reviewed" in " ".join(said.split())
    assert registry.get("tool-servers", "github")["tools"]["create_issue"]["description"] == "opens one"
    assert "mallory" not in registry.names("owners")


def test_a_denied_plan_exits_with_5_and_nobody_can_approve_it(stack, people, tmp_path):
    pipeline, admin = people
    late = CONFIGURATION.replace('review_by = "2027-05-01"', 'review_by = "2020-05-01"')
    done, receipt = reviewed(stack, pipeline, tmp_path, late)
    assert done.returncode == 5
    refused = admin("approve", receipt)
    assert refused.returncode == 1
    assert "deny" in refused.stderr


def test_a_file_that_is_no_receipt_stops_the_run_before_it_starts(stack, tmp_path):
    (tmp_path / "junk.json").write_text('{"token": 1}')
    assert "Receipt cannot be read" in apply(stack, 1, LEASEHOLD_RECEIPT_FILE=str(tmp_path / "junk.json"))


def test_a_saved_plan_is_refused_once_something_else_lives_and_its_approval_holds_for_the_same_change(
    stack, people, registry, tmp_path
):
    pipeline, admin = people
    here, there = "https://mcp.example.com/github", "https://mcp.example.com/moved"
    moved = CONFIGURATION.replace(f'"{here}"', f'"{there}"')
    done, receipt = reviewed(stack, pipeline, tmp_path, moved)
    assert done.returncode == 4, done.stdout + done.stderr
    approved = tmp_path / "approved.json"
    assert admin("approve", receipt, "--out", approved).returncode == 0
    granted = {"LEASEHOLD_RECEIPT_FILE": str(approved)}

    registry.change("tool-servers", "github", url="https://mcp.example.com/by-hand")  # between approval and apply
    before = registry.get("tool-servers", "github")
    stack.run("apply", "-no-color", "tfplan", expect=1, **granted)
    assert registry.get("tool-servers", "github") == before
    assert "Receipt does not cover this plan" in apply(stack, 1, **granted)  # planned anew: from by-hand to moved
    assert registry.get("tool-servers", "github") == before

    registry.change("tool-servers", "github", url=here)
    assert "need the receipt" in apply(stack, 1)
    stack.run("plan", "-no-color", "-out", "again")
    stack.run("apply", "-no-color", "again", **granted)
    assert registry.get("tool-servers", "github")["url"] == there
