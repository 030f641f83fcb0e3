"""Terraform, our provider and the registry together: plan, apply, drift, stale plans, import, destroy."""

import json
import os

import pytest
from tests.e2e.provider.stack import base

pytestmark = pytest.mark.terraform


def test_what_is_declared_lives_then_rests_then_goes(registry, make_stack):
    stack = make_stack(registry)
    said = stack.apply(base("life-"))
    assert "11 added" in said
    assert registry.get("agents", "life-bot")["stack"] == "prod"
    registry.door.requests.clear()
    said = stack.plan(expect=0)
    assert "No changes" in said
    assert registry.door.count("GET") <= 2, registry.door.requests
    grants = sorted(stack.state()["leasehold_agent_grants_exclusive.bot"]["grants"])
    assert grants == ["life-bot/life-github.read_file@repo:web", "life-bot/life-reader"]
    assert registry.get("grant-sets", "life-bot")["live_grants"] == grants

    epoch = stack.state()["leasehold_deployment.bot"]["epoch"]
    stack.apply(base("life-").replace("c0ffee", "decaf"))
    assert stack.state()["leasehold_deployment.bot"]["epoch"] == epoch + 1

    assert "11 destroyed" in stack.run("destroy", "-auto-approve", "-no-color")
    assert not [name for kind in ("agents", "owners", "grants") for name in registry.names(kind) if "life-" in name]


def test_order_case_of_sets_and_spelling_of_times_never_show(registry, make_stack):
    stack = make_stack(registry)
    stack.apply(base("calm-"))
    respelled = (
        base("calm-")
        .replace('["read_file", "create_issue"]', '["create_issue", "read_file"]')
        .replace('["repo:web", "repo:api"]', '["repo:api", "repo:web"]')
        .replace('"2030-01-01T02:00:00+02:00"', '"2030-01-01T00:00:00.000Z"')
        .replace(
            "[leasehold_grant.read.id, leasehold_grant.scope.id]",
            "[leasehold_grant.scope.id, leasehold_grant.read.name]",
        )
        .replace('create_issue  = { action = "write", ', 'create_issue = { action = "write", ')
        .replace('{ action = "read" }', '{ action = "read", description = "" }')
    )
    assert "No changes" in stack.plan(respelled, expect=0)


def test_a_change_made_elsewhere_shows_in_the_plan_and_is_reverted(registry, make_stack):
    stack = make_stack(registry)
    stack.apply(base("drift-"))
    registry.change("agents", "drift-bot", max_ttl=60, description="tuned by hand")
    said = stack.plan()
    assert "max_ttl = 60 -> 300" in said
    assert '"tuned by hand"' in said
    stack.apply()
    assert registry.get("agents", "drift-bot")["max_ttl"] == 300
    assert "No changes" in stack.plan(expect=0)


def test_a_grant_made_elsewhere_is_removed_by_the_exclusive_claim(registry, make_stack):
    stack = make_stack(registry)
    stack.apply(base("claim-"))
    name = "claim-bot/claim-github.create_issue@repo:api"
    spec = {"agent": "claim-bot", "tool_server": "claim-github", "tools": ["create_issue"], "resources": ["repo:api"]}
    registry.create("grants", name, spec)
    said = stack.plan()
    assert f'- "{name}"' in said
    assert "1 to change" in said
    stack.apply()
    assert name not in registry.names("grants")
    assert "No changes" in stack.plan(expect=0)


def test_a_saved_plan_is_refused_once_the_live_object_changed(registry, make_stack):
    stack = make_stack(registry)
    stack.apply(base("stale-"))
    stack.write(base("stale-").replace("2027-05-01", "2027-06-01"))
    stack.run("plan", "-no-color", "-out=saved")
    registry.change("agents", "stale-bot", description="changed meanwhile")
    said = stack.run("apply", "-no-color", "saved", expect=1)
    assert "Live object changed since the plan" in said
    assert 'description: "" -> "changed meanwhile"' in said
    assert "by oidc:role-admin" in said
    assert registry.get("agents", "stale-bot")["review_by"] == "2027-05-01"


def test_a_saved_plan_is_refused_once_a_grant_appeared(registry, make_stack):
    stack = make_stack(registry)
    stack.apply(base("late-"))
    without = base("late-").replace("[leasehold_grant.read.id, leasehold_grant.scope.id]", "[leasehold_grant.read.id]")
    stack.write(without)
    stack.run("plan", "-no-color", "-out=saved")
    name = "late-bot/late-github.create_issue@repo:api"
    spec = {"agent": "late-bot", "tool_server": "late-github", "tools": ["create_issue"], "resources": ["repo:api"]}
    registry.create("grants", name, spec)
    said = stack.run("apply", "-no-color", "saved", expect=1)
    assert "Live object changed since the plan" in said
    assert f"`{name}` added by oidc:role-admin" in said
    assert name in registry.names("grants")


def test_everything_can_be_imported_and_then_nothing_changes(registry, make_stack):
    stack = make_stack(registry)
    stack.apply(base("import-"))
    ids = {address: values["id"] for address, values in stack.state().items()}
    (stack.root / "terraform.tfstate").unlink()
    blocks = "".join(f'import {{\n  to = {address}\n  id = "{name}"\n}}\n' for address, name in ids.items())
    said = stack.apply(base("import-") + blocks)
    assert "11 imported, 0 added, 0 changed, 0 destroyed" in said, said
    assert "No changes" in stack.plan(base("import-"), expect=0)


def test_an_object_that_exists_is_not_overwritten_and_the_error_says_how_to_import_it(registry, make_stack):
    spec = {"display_name": "Bob", "email": "bob@example.com", "team": "web"}
    registry.create("owners", "taken-bob", spec)
    stack = make_stack(registry)
    said = stack.plan(
        'resource "leasehold_owner" "bob" {\n  name = "taken-bob"\n  display_name = "B"\n'
        '  email = "b@example.com"\n  team = "ops"\n}\n',
        expect=1,
    )
    assert "Object exists already" in said
    assert "terraform import <this resource's address> taken-bob" in said


def test_an_object_of_another_stack_is_refused_by_name(registry, make_stack):
    make_stack(registry, "staging").apply(base("foreign-"))
    said = make_stack(registry).plan(
        'resource "leasehold_owner" "alice" {\n  name = "foreign-alice"\n  display_name = "A"\n'
        '  email = "a@example.com"\n  team = "web"\n}\n'
        'resource "leasehold_agent_grants_exclusive" "bot" {\n  agent = "foreign-bot"\n  grants = []\n}\n',
        expect=1,
    )
    assert "owners/foreign-alice is managed by stack `staging`" in said
    assert "Stack `staging` claims all grants of agent `foreign-bot` already" in said


def test_a_plan_tells_typing_errors_at_their_place(registry, make_stack):
    stack = make_stack(registry)
    wrong = base("typo-").replace('tools       = ["read_file"]', 'tools       = ["read_fil"]')
    said = stack.plan(wrong, expect=1)
    assert "Unknown tool" in said
    assert "Did you mean `read_file`?" in said
    assert "on main.tf line" in said


def test_a_plan_refuses_a_grant_above_a_ceiling_that_lives(registry, make_stack):
    stack = make_stack(registry)
    stack.apply(base("above-"))
    wider = base("above-").replace('tools       = ["read_file"]', 'tools       = ["delete_branch"]')
    said = stack.plan(wider, expect=1)
    assert "The ceiling `above-bot` does not allow `delete_branch` of `above-github` on `repo:web`" in said


def test_a_replaced_grant_swaps_edges_in_one_apply(registry, make_stack):
    stack = make_stack(registry)
    stack.apply(base("swap-"))
    stack.apply(base("swap-").replace('resources   = ["repo:web"]\n  expires', 'resources   = ["repo:api"]\n  expires'))
    assert registry.get("grant-sets", "swap-bot")["live_grants"] == [
        "swap-bot/swap-github.read_file@repo:api",
        "swap-bot/swap-reader",
    ]
    stack.run("apply", "-auto-approve", "-no-color", "-replace=leasehold_grant.scope")
    assert "No changes" in stack.plan(expect=0)


def test_data_sources_and_functions_tell_what_is_live(registry, make_stack):
    stack = make_stack(registry)
    spec = {"agent": "told-bot", "tool_server": "told-github", "tools": ["create_issue"], "resources": ["repo:api"]}
    stack.apply(base("told-"))
    registry.create("grants", "told-bot/told-github.create_issue@repo:api", spec)
    stack.write(
        """
data "leasehold_effective_access" "bot" { agent = "told-bot" }
data "leasehold_unmanaged_grants" "bot" { agent = "told-bot" }
output "told" {
  value = {
    access    = sort(distinct([for one in data.leasehold_effective_access.bot.access : "${one.tool} ${one.resource}"]))
    unmanaged = [for one in data.leasehold_unmanaged_grants.bot.grants : "${one.name} by ${one.updated_by}"]
    covers    = provider::leasehold::covers("repo:*", "repo:web")
    id        = provider::leasehold::grant_id("told-bot", "told-github", ["b", "a"], ["repo:web"])
    spiffe    = provider::leasehold::spiffe_id("acme.example", "told-bot")
  }
}
""",
        "told.tf",
    )
    stack.run("apply", "-auto-approve", "-no-color", "-target=data.leasehold_effective_access.bot")
    stack.run("apply", "-refresh-only", "-auto-approve", "-no-color")
    told = json.loads(stack.run_raw("output", "-json", "told").stdout)
    both = ("create_issue", "read_file")
    assert told["access"] == [f"{tool} {resource}" for tool in both for resource in ("repo:api", "repo:web")]
    assert told["unmanaged"] == ["told-bot/told-github.create_issue@repo:api by oidc:role-admin"]
    assert told["covers"] is True
    assert told["id"] == "told-bot/told-github.a+b@repo:web"
    assert told["spiffe"] == "spiffe://acme.example/agent/told-bot"


def test_nothing_is_ever_written_beside_the_executable(registry, make_stack):
    stack = make_stack(registry)
    before = stack.artefact.read_bytes()
    stack.apply(base("beside-"))
    stack.plan(expect=0)
    assert [path.name for path in stack.artefact.parent.iterdir()] == [stack.artefact.name]
    assert stack.artefact.read_bytes() == before
    stack.run("init", "-no-color", "-lockfile=readonly")
    assert os.access(stack.artefact, os.X_OK)
