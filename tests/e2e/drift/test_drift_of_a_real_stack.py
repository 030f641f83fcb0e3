"""From `terraform apply` over a change behind its back to a report, and back to clean by each way out."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import jsonschema
import pytest
from tests.e2e.provider.stack import base
from tests.fakes.simulated_issuer import pull_request

SCHEMAS = Path(__file__).parents[3] / "schemas"
BY_HAND = {
    "agent": "bot",
    "tool_server": "github",
    "tools": ["create_issue"],
    "resources": ["repo:api"],
}
BY_HAND_NAME = "bot/github.create_issue@repo:api"
WORLD = """
resource "leasehold_policy" "guards" {
  name       = "guards"
  side       = "agent"
  document   = "forbid(principal, action == Action::\\"github/delete_branch\\", resource);\\n"
  depends_on = [leasehold_tool_server.github]
  assertions = {
    deny = [{ agent = "bot", tool_server = "github", tool = "delete_branch", arguments = "{ \\"b\\": 1 }" }]
  }
}
resource "leasehold_user" "ada" {
  name       = "ada"
  ids        = ["ada@idp"]
  attributes = { level = 3, active = true, labels = ["b", "a"], none = null, limit = { decimal = "50.25" } }
}
resource "leasehold_resource" "minutes" {
  name       = "minutes"
  type       = "document"
  foreign_id = "42 / é"
}
resource "leasehold_relation" "owner" {
  subject  = "user:ada"
  relation = "owner"
  object   = "document:42 / é"
}
"""
CONFIGURATION = WORLD + base("").replace(
    "scope      = leasehold_scope.reader.name", 'scope = leasehold_scope.reader.name\n  resources = ["repo:web"]'
)
pytestmark = pytest.mark.terraform


@pytest.fixture
def applied(stack):
    """The stack as it is in code, whatever an earlier test left."""
    (stack.root / "adopted.tf").unlink(missing_ok=True)
    stack.apply(CONFIGURATION)
    return stack


def drift(leasehold, stack, *more):
    return leasehold("drift", "--state", f"prod={stack.root}/terraform.tfstate", *more)


def report_of(done):
    return json.loads(done.stdout)


def put_by_hand(leasehold):
    done = leasehold("object", "put", "grants", BY_HAND_NAME, "--file", "-", stdin=json.dumps(BY_HAND))
    assert done.returncode == 0, done.stderr


def plan_json(stack, tmp_path):
    stack.run("plan", "-no-color", "-out", "tfplan")
    path = tmp_path / "plan.json"
    path.write_text(stack.run_raw("show", "-json", "tfplan").stdout)
    return path


def test_a_stack_as_applied_is_clean_however_it_is_read(leasehold, applied, tmp_path):
    done = drift(leasehold, applied, "--strict", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert report_of(done)["summary"]["equivalent"] == 15
    assert leasehold("drift", "--plan", f"prod={plan_json(applied, tmp_path)}", "--strict").returncode == 0
    shown = tmp_path / "state.json"
    shown.write_text(applied.run_raw("show", "-json").stdout)
    assert leasehold("drift", "--state", f"prod={shown}", "--strict").returncode == 0


def test_a_grant_made_by_hand_is_found_named_and_reverted_by_the_next_apply(leasehold, applied):
    put_by_hand(leasehold)
    done = drift(leasehold, applied, "--json", "--fail-on", "medium")
    assert done.returncode == 3
    report = report_of(done)
    jsonschema.validate(report, json.loads((SCHEMAS / "drift.schema.json").read_text()))
    (finding,) = report["findings"]
    assert finding["class"] == "unmanaged"
    assert finding["sentence"] == "agent `bot` can now `create_issue` on `repo:api`"
    assert finding["factors"] == ["write", "out of band"]
    who = leasehold("whoami", "--json")
    assert finding["cause"]["actor"] == json.loads(who.stdout)["id"]
    assert finding["cause"]["operation"] == "create"
    assert (finding["cause"]["via"], finding["cause"]["stack"]) == ("registry API", None)
    assert finding["cause"]["binding"] == finding["cause"]["actor"].partition(":")[2]
    assert finding["cause"]["lease"]
    assert finding["cause"]["event"] > 0
    assert set(finding["states"]) == {"unmanaged", "widened"}
    assert drift(leasehold, applied, "--markdown").stdout.startswith("<!-- leasehold:drift stack=prod -->\n")
    assert finding["fix"]["revert"] == "terraform apply"
    applied.apply()
    assert drift(leasehold, applied).returncode == 0


def test_a_refreshed_state_does_not_hide_it(leasehold, applied):
    put_by_hand(leasehold)
    applied.run("apply", "-refresh-only", "-auto-approve", "-no-color")
    done = drift(leasehold, applied, "--json")
    assert [one["name"] for one in report_of(done)["findings"]] == [BY_HAND_NAME]


def test_a_grant_made_by_hand_is_adopted_with_the_code_that_the_report_gives(leasehold, applied):
    put_by_hand(leasehold)
    (finding,) = report_of(drift(leasehold, applied, "--json"))["findings"]
    adopted = finding["fix"]["adopt_hcl"] + finding["fix"]["import"]
    claimed = CONFIGURATION.replace(
        "leasehold_grant.scope.id]", "leasehold_grant.scope.id, leasehold_grant.bot_github_create_issue_repo_api.id]"
    )
    assert claimed != CONFIGURATION
    applied.write(adopted, "adopted.tf")
    applied.run("fmt", "-check", "adopted.tf")
    said = applied.apply(claimed)
    assert "1 imported" in said
    assert drift(leasehold, applied).returncode == 0


def test_a_binding_and_a_ceiling_changed_by_hand_are_found(leasehold, applied, registry):
    stranger = {"trust_issuer": "idp", "agent": "bot", "oidc": {"subject": "mallory"}}
    registry.create("workload-bindings", "backdoor", stranger)
    registry.create("scopes", "all", {"tool_server": "github", "tools": ["delete_branch"], "resources": ["repo:web"]})
    registry.change("ceilings", "bot", scopes=["reader", "all"])
    report = report_of(drift(leasehold, applied, "--json"))
    found = {(one["class"], one["kind"], one["name"]) for one in report["findings"]}
    assert found == {("unmanaged", "workload-bindings", "backdoor"), ("widened", "ceilings", "bot")}
    assert all(one["cause"] for one in report["findings"])
    for command in {one["fix"]["revert"] for one in report["findings"]} - {"terraform apply"}:
        program, *arguments = shlex.split(command)
        assert program == "leasehold"
        assert leasehold(*arguments).returncode == 0
    applied.apply()
    assert drift(leasehold, applied).returncode == 0
    assert leasehold("object", "delete", "scopes", "all").returncode == 0


def test_what_was_deleted_by_hand_is_missing(leasehold, applied):
    assert leasehold("object", "delete", "deployments", "bot-prod").returncode == 0
    (finding,) = report_of(drift(leasehold, applied, "--json"))["findings"]
    assert (finding["class"], finding["kind"], finding["cause"]["operation"]) == ("missing", "deployments", "delete")


def test_a_destroyed_stack_leaves_nothing_to_report(leasehold, applied):
    applied.run("destroy", "-auto-approve", "-no-color")
    assert drift(leasehold, applied).returncode == 0


def test_a_review_tells_what_the_plan_would_change_and_revert(leasehold, applied, tmp_path):
    put_by_hand(leasehold)
    applied.write(
        CONFIGURATION.replace('["read_file", "create_issue"]', '["read_file", "create_issue", "delete_branch"]')
    )
    plan = plan_json(applied, tmp_path)
    done = leasehold("review", f"prod={plan}", "--json", "--fail-on", "high", "--strict")
    assert done.returncode == 3
    report = report_of(done)
    jsonschema.validate(report, json.loads((SCHEMAS / "plan-review.schema.json").read_text()))
    (change,) = report["access"]
    assert change["sentence"] == (
        "agent `bot` can now `delete_branch` on `repo:web`, and can no longer `create_issue` on `repo:api`"
    )
    assert [one["name"] for one in report["reversals"]] == [BY_HAND_NAME]


def test_a_pull_request_run_may_ask_and_may_not_write(leasehold, applied, registry, tmp_path):
    token = tmp_path / "pr.jwt"
    token.write_text(registry.github.token(**pull_request()))
    as_pull_request = {"LEASEHOLD_OIDC_TOKEN_FILE": str(token), "LEASEHOLD_STACK": "prod"}
    state = f"prod={applied.root}/terraform.tfstate"
    assert leasehold("drift", "--state", state, **as_pull_request).returncode == 0
    done = leasehold("object", "delete", "grants", "bot/reader@repo:web", **as_pull_request)
    assert done.returncode == 1
    assert "(forbidden)" in done.stderr


def test_a_stranger_learns_nothing(leasehold, applied):
    done = drift(leasehold, applied, "--json")
    assert done.returncode == 0
    stranger = leasehold("drift", "--state", f"prod={applied.root}/terraform.tfstate", LEASEHOLD_TOKEN="e30.e30.e30")
    assert (stranger.returncode, stranger.stdout) == (1, "")
    assert "(unauthenticated)" in stranger.stderr
    assert "e30.e30.e30" not in stranger.stderr


def test_a_policy_changed_by_hand_is_high_and_tells_the_line(leasehold, applied):
    live = json.loads(leasehold("object", "get", "policies", "guards", "--json").stdout)
    document = live["document"].replace("forbid", "// forbid\nforbid")
    body = {"side": "agent", "mode": "log_only", "document": document}
    put = leasehold("object", "put", "policies", "guards", "--file", "-", stdin=json.dumps(body))
    assert put.returncode == 0, put.stderr
    (finding,) = report_of(drift(leasehold, applied, "--json"))["findings"]
    assert (finding["class"], finding["risk"]) == ("changed", "high")
    assert finding["factors"][0] == "decisions may differ"
    assert "`document` differs from line 1 on" in finding["sentence"]
    applied.apply()
    assert drift(leasehold, applied).returncode == 0
