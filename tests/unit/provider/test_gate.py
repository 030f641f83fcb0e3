"""The gate in the plan: one review of all of it, none without a change, and the registry's own words."""

import json

import pytest
from tests.fakes.provider_host import Terraform, unavailable
from tests.unit.review.test_review_doors import Client
from tests.unit.review.test_verdict_vectors import EACH, app, by_the_command_line

from leasehold.model.plain import plain
from leasehold.review.declared import NAMED_AFTER
from leasehold_provider.base import read_base
from leasehold_provider.client import Answer
from leasehold_provider.protocol import UNKNOWN, DiagnosticError
from leasehold_provider.receipt import Receipt
from leasehold_provider.registry import Registry
from leasehold_provider.retry import Retry
from leasehold_provider.session import DevelopmentSession

GRANT = {"agent": "triage", "tool_server": "github", "tools": ["read_file"], "resources": ["repo:web"]}
GIVEN = Receipt("token", {})
AGENT = {"name": "bot", "owner": "alice", "review_by": "2020-01-01"}


def reviews(client):
    return client.count("POST", "/v1/plan-reviews")


def test_what_needs_approval_is_one_warning_that_says_how_to_get_it(terraform, client):
    terraform.plan("leasehold_grant", {**GRANT, "tools": ["create_issue"]}).ok()
    outcome = terraform.plan("leasehold_gate", {})
    assert outcome.ok() == {"id": "prod"}
    (warning,) = outcome.warnings
    assert "- new_access: agent `triage` can now `create_issue` on `repo:web`" in warning
    assert "leasehold review plan.json --stack prod --gate --receipt receipt.json" in warning
    assert reviews(client) == 1


def test_what_the_rules_deny_stops_the_plan(terraform):
    terraform.plan("leasehold_agent", AGENT).ok()
    (error,) = terraform.plan("leasehold_gate", {}).errors
    assert error.startswith("Plan denied by the gate: ")
    assert "- review_overdue: the review of agent `bot` was due on 2020-01-01" in error


def test_everything_that_is_planned_is_in_the_one_review(terraform, client):
    for number in range(30):
        terraform.plan("leasehold_grant", {**GRANT, "resources": [f"repo:{number}"]}).ok()
    terraform.plan("leasehold_gate", {})
    (body,) = [body for sent, body in zip(client.requests, client.bodies, strict=True) if "plan-reviews" in sent[1]]
    ((stack,)) = json.loads(body)["stacks"]
    assert (stack["stack"], len(stack["resources"])) == ("prod", 30)


def test_a_plan_without_changes_asks_for_no_review(terraform, client):
    state = terraform.create("leasehold_grant", GRANT)
    gate = terraform.create("leasehold_gate", {})
    walk = Terraform(client)
    walk.read("leasehold_grant", state).ok()
    walk.plan("leasehold_grant", GRANT, state).ok()
    assert walk.plan("leasehold_gate", {}, gate).ok() == gate
    assert reviews(client) == 0


def test_an_object_that_is_declared_no_more_is_a_change(terraform, client):
    kept = terraform.create("leasehold_grant", GRANT)
    terraform.create("leasehold_grant", {**GRANT, "resources": ["repo:gone"]})
    walk = Terraform(client)
    walk.read("leasehold_grant", kept).ok()
    walk.plan("leasehold_grant", GRANT, kept).ok()
    walk.run.provider.run.registry.live._load()
    walk.plan("leasehold_gate", {}).ok()
    assert reviews(client) == 1


def test_the_walk_that_applies_asks_for_nothing(terraform, client):
    """It plans again what it writes, and only that: the rest would look as if it went."""
    terraform.create("leasehold_grant", GRANT)
    terraform.plan("leasehold_gate", {}).ok()
    assert reviews(client) == 0


def test_what_is_not_known_yet_is_unproven_and_never_left_out(terraform):
    terraform.plan("leasehold_grant", {**GRANT, "resources": UNKNOWN}).ok()
    (warning,) = terraform.plan("leasehold_gate", {}).warnings
    assert "- unproven: `leasehold_grant` is unproven: `resources` not known at plan" in warning


def test_a_registry_that_does_not_answer_stops_the_plan(terraform, client):
    terraform.plan("leasehold_grant", GRANT).ok()
    client.faults = [unavailable] * 20
    with pytest.raises(DiagnosticError, match="Registry unavailable"):
        terraform.plan("leasehold_gate", {})


def test_without_a_stack_there_is_nothing_to_review(client):
    with pytest.raises(DiagnosticError, match="No stack"):
        Terraform(client, stack=None).plan("leasehold_gate", {})


def test_destroying_asks_for_nothing(terraform, client):
    gate = terraform.create("leasehold_gate", {})
    assert terraform.plan("leasehold_gate", None, gate).ok() is None
    assert terraform.apply("leasehold_gate", None, None, gate).ok() is None
    assert reviews(client) == 0


def held(client, receipt=None):
    """A walk of a stack whose writes need the receipt of a reviewed plan."""
    walk = Terraform(client, stack="held")
    session = DevelopmentSession("held", stack="held")
    walk.provider.run.start(Registry(client, Retry(walk._sleep), session, receipt))
    return walk


def planned(walk, *grants):
    for grant in grants:
        walk.plan("leasehold_grant", grant).ok()
    return walk.plan("leasehold_gate", {})


def approved(registry, *grants, rows=()):
    """The receipt of a plan of these grants and rows alone, approved."""
    rows = [*rows, *({"type": "leasehold_grant", "address": "leasehold_grant.x", "values": one} for one in grants)]
    body = {"stacks": [{"stack": "held", "resources": rows}]}
    asked = registry.send("POST", "/v1/plan-reviews", "held", json=body).json()["receipt"]
    path = f"/v1/plan-reviews/{asked['id']}:approve"
    token = registry.send("POST", path, "approver", json={"receipt": asked["token"]}).json()["token"]
    return Receipt(token, asked["objects"])


CREATES, DELETES = ({**GRANT, "tools": [tool]} for tool in ("create_issue", "delete_branch"))


def test_a_plan_that_is_covered_by_the_receipt_that_it_shows_is_said_nothing_of(client, registry):
    assert planned(held(client, approved(registry, CREATES)), CREATES).diagnostics == []


def test_a_plan_that_was_approved_is_said_nothing_of_even_if_no_receipt_is_shown(client, registry):
    approved(registry, CREATES)
    assert planned(held(client), CREATES).diagnostics == []


REFUSED = "Receipt does not cover this plan: "
ADVICE = "leasehold review plan.json --stack held --gate --receipt receipt.json"


def test_what_was_added_after_the_approval_stops_the_plan_itself_without_a_gate(client, registry):
    walk = held(client, approved(registry, CREATES))
    assert walk.plan("leasehold_grant", CREATES).diagnostics == []
    (error,) = walk.plan("leasehold_grant", DELETES).errors
    assert error.startswith(REFUSED)
    assert "is not changed as it was reviewed: review the plan again." in error
    assert ADVICE in error
    assert client.count("PUT") == 0


def test_what_goes_and_was_not_approved_stops_the_plan_too(client, registry):
    state = held(client, approved(registry, CREATES, DELETES)).create("leasehold_grant", CREATES)
    walk = held(client, approved(registry, CREATES, DELETES))
    (error,) = walk.plan("leasehold_grant", None, state).errors
    assert error.startswith(REFUSED)


def test_what_is_not_known_yet_is_covered_as_far_as_it_was_reviewed(client, registry):
    seen = held(client)
    for _ in range(2):
        seen.plan("leasehold_grant", {**CREATES, "resources": UNKNOWN}).ok()
    receipt = approved(registry, rows=seen.run.resources["leasehold_gate"].rows())
    assert held(client, receipt).plan("leasehold_grant", {**CREATES, "resources": UNKNOWN}).diagnostics == []
    (error,) = held(client, receipt).plan("leasehold_grant", {**DELETES, "resources": UNKNOWN}).errors
    assert error.startswith(REFUSED)


def test_the_walk_that_applies_asks_the_registry_nothing_more_than_to_write(client, registry):
    walk = held(client, approved(registry, CREATES, DELETES))
    walk.create("leasehold_grant", CREATES)
    asked = client.count("POST", "/v1/receipts:check")
    walk.plan("leasehold_grant", DELETES)
    assert client.count("POST", "/v1/receipts:check") == asked


@pytest.mark.parametrize("stack", ["prod", None])
def test_where_no_rule_asks_for_a_receipt_the_registry_is_asked_once_at_most(client, stack):
    walk = Terraform(client)
    session = DevelopmentSession("prod", stack=stack)
    walk.provider.run.start(Registry(client, Retry(walk._sleep), session, GIVEN))
    for number in range(3):
        assert walk.plan("leasehold_grant", {**GRANT, "resources": [f"repo:{number}"]}).diagnostics == []
    assert client.count("POST", "/v1/receipts:check") == (stack is not None)


def test_what_lives_of_the_stack_and_no_state_knows_stops_the_plan_at_the_gate(client, registry):
    """No resource is planned for it, so that only the whole plan shows that it would go."""
    receipt = approved(registry, CREATES)
    held(client, approved(registry, DELETES)).create("leasehold_grant", DELETES)
    (error,) = planned(held(client, receipt), CREATES).errors
    assert error.startswith(REFUSED)
    assert ADVICE in error


def test_a_live_object_that_changed_after_the_approval_stops_the_plan_too(client, registry):
    state = held(client, approved(registry, CREATES)).create("leasehold_grant", CREATES)
    ends = {**CREATES, "expires_at": "2026-12-01T00:00:00Z"}
    receipt = approved(registry, ends)
    registry.change("grants", state["id"], {**CREATES, "justification": "by hand"}, 1)
    walk = held(client, receipt)
    (error,) = walk.plan("leasehold_grant", ends, walk.read("leasehold_grant", state).ok()).errors
    assert "is not changed as it was reviewed" in error


def test_the_rest_of_an_apply_that_stopped_half_way_is_covered(client, registry):
    receipt = approved(registry, CREATES, DELETES)
    state = held(client, receipt).create("leasehold_grant", CREATES)
    again = held(client, receipt)
    again.plan("leasehold_grant", CREATES, state).ok()
    assert planned(again, DELETES).diagnostics == []


def test_a_receipt_that_covers_nothing_is_a_warning_where_no_rule_asks_for_one(client):
    walk = Terraform(client)
    walk.provider.run.start(Registry(client, Retry(walk._sleep), DevelopmentSession("prod", stack="prod"), GIVEN))
    outcome = planned(walk, CREATES)
    assert (outcome.errors, len(outcome.warnings)) == ([], 1)


class Served:
    """Posts to an application as a viewer."""

    def __init__(self, served):
        self.client = Client(served)

    def send(self, _method, path, *, headers, body=None, timeout=0):  # noqa: ARG002  nothing waits
        sent = {"Authorization": "Bearer viewer", "Content-Type": headers["Content-Type"]}
        answer = self.client.post(path, content=body, headers=sent)
        return Answer(answer.status_code, {}, answer.content)


def listed(text):
    """The findings of a diagnostic, line by line."""
    _, _, detail = text.partition(": ")
    return [line for line in detail.splitlines() if line.startswith("- ")]


def saved_base(vector, folder):
    """The base branch as the command line saves it for the provider."""
    by_the_command_line(vector, folder)
    return read_base(str(folder / "saved.json")) if "base" in vector else None


@EACH
def test_the_verdict_is_the_registrys_to_the_letter(path, tmp_path):
    """The shared corpus, as the provider tells it."""
    vector = json.loads(path.read_text())
    served, planned = app(vector)
    walk = Terraform(Served(served), DevelopmentSession("viewer", stack="prod"))
    run = walk.provider.run
    run.start(Registry(Served(served), Retry(walk._sleep), run.registry.session, base=saved_base(vector, tmp_path)))
    run.changes_planned = True
    for (kind, name), spec in planned.items():
        key = NAMED_AFTER.get(kind, "name")
        run.plan(kind.value, name, {**plain(spec), key: name})
    outcome = walk.plan("leasehold_gate", {})
    findings = vector["expected"]["gate"]["findings"]
    for verdict, said in (("deny", outcome.errors), ("needs_approval", outcome.warnings)):
        expected = [f"- {one['check']}: {one['sentence']}" for one in findings if one["verdict"] == verdict]
        assert [line for text in said for line in listed(text)] == expected


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"stacks": {}}', '{"stacks": [1]}', "[" * 5000])
def test_a_file_that_is_no_base_stops_the_run_and_is_not_repeated(tmp_path, text):
    (tmp_path / "base.json").write_text(text)
    with pytest.raises(DiagnosticError, match="Base cannot be read") as stopped:
        read_base(str(tmp_path / "base.json"))
    assert "--save-base" in stopped.value.diagnostic.detail
    assert text not in stopped.value.diagnostic.detail or not text


def test_a_base_that_is_not_there_stops_the_run(tmp_path):
    with pytest.raises(DiagnosticError, match="Base cannot be read"):
        read_base(str(tmp_path / "base.json"))
    assert read_base(None) is None
