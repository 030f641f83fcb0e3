"""Policies and the world they speak of, with Terraform, our provider and the registry together."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.terraform

SCHEMA = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "integer", "maximum": 50}}}
WORLD = """\
resource "leasehold_tool_server" "pay" {
  name = "%(p)spay"
  url  = "https://mcp.example.com/%(p)spay"
  tools = {
    refund = {
      action       = "write"
      input_schema = file("refund.json")
      annotations  = { title = "Refund", destructive_hint = true }
    }
  }
}
resource "leasehold_policy" "guards" {
  name       = "%(p)sguards"
  side       = "agent"
  document   = file("guards.cedar")
  depends_on = [leasehold_tool_server.pay]
  assertions = {
    deny = [{
      agent       = "bot"
      tool_server = "%(p)spay"
      tool        = "refund"
      arguments   = jsonencode({ b = "x", a = 51 })
    }, { subject = "user:%(p)sada", action = "can_read", resource = "todo:1" }]
  }
}
resource "leasehold_user" "ada" {
  name       = "%(p)sada"
  ids        = ["%(p)sada@idp", "CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs-%(p)s"]
  roles      = ["editor", "admin"]
  attributes = {
    region = "EU"
    level  = 3
    active = true
    labels = ["b", "a"]
    limit  = { decimal = "50.25" }
  }
}
resource "leasehold_resource" "minutes" {
  name       = "%(p)sminutes"
  type       = "document"
  foreign_id = "%(p)s42 / é"
  parents    = ["folder:b", "folder:a"]
}
resource "leasehold_relation" "owner" {
  subject  = "user:${leasehold_user.ada.name}"
  relation = "owner"
  object   = "${leasehold_resource.minutes.type}:${leasehold_resource.minutes.foreign_id}"
}
"""
GUARDS = """\
// Nobody refunds more than fifty.
@id("fifty")
forbid(principal, action == Action::"%(p)spay/refund", resource)
when { context.input has a && context.input.a > 50 };
"""


def declare(stack, prefix, **changes):
    (stack.root / "refund.json").write_text(changes.get("schema", json.dumps(SCHEMA)))
    (stack.root / "guards.cedar").write_text(changes.get("document", GUARDS % {"p": prefix}))
    return WORLD % {"p": prefix}


def test_what_is_declared_lives_then_rests_then_goes(registry, make_stack):
    stack = make_stack(registry)
    assert "5 added" in stack.apply(declare(stack, "pol-"))
    assert "No changes" in stack.plan(expect=0)
    assert registry.get("policies", "pol-guards")["document"] == GUARDS % {"p": "pol-"}
    assert registry.get("users", "pol-ada")["attributes"] == {
        "region": "EU",
        "level": 3,
        "active": True,
        "labels": ["a", "b"],
        "limit": {"decimal": "50.25"},
    }
    tuple_ = stack.state()["leasehold_relation.owner"]["id"]
    assert tuple_ == "document:pol-42%20/%20%C3%A9#owner@user:pol-ada"
    assert registry.get("relations", tuple_)["stack"] == "prod"

    changed = declare(stack, "pol-", document=(GUARDS % {"p": "pol-"}).replace("50", "40"))
    stack.apply(changed.replace("level  = 3", "level  = 4").replace('["folder:b", "folder:a"]', '["folder:a"]'))
    assert "a > 40" in registry.get("policies", "pol-guards")["document"]
    assert registry.get("users", "pol-ada")["attributes"]["level"] == 4
    assert "5 destroyed" in stack.run("destroy", "-auto-approve", "-no-color")
    assert not [n for k in ("policies", "users", "resources", "relations") for n in registry.names(k) if "pol-" in n]


def test_layout_order_and_spelling_never_show(registry, make_stack):
    stack = make_stack(registry)
    stack.apply(declare(stack, "calm2-"))
    respelled = (
        declare(stack, "calm2-", schema=json.dumps(SCHEMA, indent=4, sort_keys=True))
        .replace('["b", "a"]', '["a", "b"]')
        .replace('["editor", "admin"]', '["admin", "editor"]')
        .replace('jsonencode({ b = "x", a = 51 })', '"{\\n \\"a\\": 51, \\"b\\": \\"x\\"}"')
    )
    assert "No changes" in stack.plan(respelled, expect=0)


def test_a_change_made_elsewhere_shows_in_the_plan_and_is_reverted(own_registry, make_stack):
    registry = own_registry  # no other user has an `active` of another type
    stack = make_stack(registry)
    stack.apply(declare(stack, "behind-"))
    registry.change("policies", "behind-guards", mode="log_only")
    registry.change("users", "behind-ada", roles=["root"], attributes={"active": 1})
    registry.change("resources", "behind-minutes", parents=[])
    said = stack.plan()
    assert '"log_only" -> "enforce"' in said
    assert '- "root"' in said
    assert "3 to change" in said
    stack.apply()
    assert registry.get("policies", "behind-guards")["mode"] == "enforce"
    assert registry.get("users", "behind-ada")["attributes"]["active"] is True
    assert "No changes" in stack.plan(expect=0)


def test_everything_can_be_imported_and_then_nothing_changes(registry, make_stack):
    stack = make_stack(registry)
    stack.apply(declare(stack, "taken2-"))
    ids = {address: values["id"] for address, values in stack.state().items()}
    (stack.root / "terraform.tfstate").unlink()
    blocks = "".join(f'import {{\n  to = {address}\n  id = "{name}"\n}}\n' for address, name in ids.items())
    said = stack.apply(declare(stack, "taken2-") + blocks)
    assert "5 imported, 0 added" in said, said
    assert "0 destroyed" in said
    assert "No changes" in stack.plan(declare(stack, "taken2-"), expect=0)


def test_a_document_that_cannot_be_read_stops_the_plan_with_file_and_line(registry, make_stack):
    stack = make_stack(registry)
    stack.apply(declare(stack, "line-"))
    broken = (GUARDS % {"p": "line-"}).replace("> 50", "> ")
    said = stack.plan(declare(stack, "line-", document=broken), expect=1)
    assert "Policy refused" in said
    assert "on main.tf line 15" in said
    assert "line 4, column 51 of the document: unexpected token `}`" in said
    assert registry.get("policies", "line-guards")["document"] == GUARDS % {"p": "line-"}


def test_a_tool_that_is_misspelt_stops_the_plan(registry, make_stack):
    stack = make_stack(registry)
    wrong = GUARDS % {"p": "typo2-"}
    said = stack.plan(declare(stack, "typo2-", document=wrong.replace("refund", "refunt")), expect=1)
    assert "tool server `typo2-pay` lists no tool `refunt`; did you mean" in said.replace("\n", " ")


def test_a_saved_plan_is_refused_once_the_policy_changed(registry, make_stack):
    stack = make_stack(registry)
    stack.apply(declare(stack, "stale2-"))
    declare(stack, "stale2-", document=(GUARDS % {"p": "stale2-"}).replace("50", "60"))
    stack.run("plan", "-no-color", "-out=saved")
    registry.change("policies", "stale2-guards", description="changed meanwhile")
    said = stack.run("apply", "-no-color", "saved", expect=1)
    assert "Live object changed since the plan" in said


def test_what_a_server_lists_is_declared_as_imported(registry, make_stack):
    stack = make_stack(registry)
    hard = 'a "${b}" %{c} \\ \u0008 é'
    tools = [{"name": "search", "description": hard, "inputSchema": {**SCHEMA, "description": hard}}]
    (stack.root / "tools.json").write_text(json.dumps({"tools": tools}))
    command = [sys.executable, "-m", "leasehold.cli.main", "tools", "import", str(stack.root / "tools.json")]
    done = subprocess.run(
        [*command, "--name", "imported", "--url", "https://imported.example.com"],
        capture_output=True,
        text=True,
        check=True,
    )
    stack.apply(done.stdout)
    live = registry.get("tool-servers", "imported")["tools"]["search"]
    assert json.loads(live["input_schema"])["description"] == hard
    assert live["description"] == 'a "${b}" %{c} \\  é'
    assert "No changes" in stack.plan(expect=0)


def test_json_as_the_cdk_writes_it_means_the_same(registry, make_stack):
    golden = json.loads((Path(__file__).parents[2] / "golden" / "synth" / "platform.json").read_text())["resource"]
    kinds = ("tool_server", "policy", "user", "resource", "relation")
    resources = {f"leasehold_{kind}": golden[f"leasehold_{kind}"] for kind in kinds}
    stack = make_stack(registry)
    stack.write("")
    stack.write(json.dumps({"resource": resources}), "cdk.tf.json")
    assert "7 added" in stack.apply()
    assert "No changes" in stack.plan(expect=0)
    schema = json.loads(registry.get("tool-servers", "github")["tools"]["read_file"]["input_schema"])
    assert schema["properties"]["path"]["default"] == "${HOME}"
    assert registry.get("users", "ada")["attributes"]["limit"] == {"decimal": "50.0"}
    assert "7 destroyed" in stack.run("destroy", "-auto-approve", "-no-color")
