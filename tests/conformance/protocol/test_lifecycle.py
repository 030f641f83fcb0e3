"""Managed resources under a real terraform: create, no change, update, replace, import, move, upgrade, destroy."""

import json
import signal

import pytest
from tests.fakes.terraform_workspace import Workspace, until

pytestmark = pytest.mark.terraform

EVERYTHING = """
resource "sample_thing" "a" {
  name             = "a"
  ratio            = 0.1
  tags             = ["b", "a"]
  labels           = { x = "y" }
  ports            = [2, 1]
  shape            = { x = 1, y = 2.5 }
  anything         = { deep = [1, "two", null], m = tomap({ a = 1 }), s = toset(["q"]) }
  secret           = "sesame"
  password_wo      = "abracadabra"
  password_version = 1
  one              = { host = "h" }
  row              = [{ host = "h1" }, { host = "h2", port = 81 }]
  bag              = [{ host = "h1" }, { host = "h2", port = 81 }]
  dict             = { k = { host = "h1", key_wo = "simsalabim" } }
  rule { port = 1 }
  rule {
    port = 2
    open = false
  }
}
"""
SHUFFLED = EVERYTHING.replace('["b", "a"]', '["a", "b"]').replace(
    'bag              = [{ host = "h1" }, { host = "h2", port = 81 }]',
    'bag              = [{ host = "h2", port = 81 }, { host = "h1", port = 80 }]',
)


def test_a_thing_with_everything_is_created_and_the_second_plan_is_empty(workspace: Workspace) -> None:
    workspace.apply(EVERYTHING)
    workspace.plan(expect=0)
    workspace.plan(SHUFFLED, expect=0)
    instance = workspace.instance()
    attributes = instance["attributes"]
    assert attributes["id"] == "thing-a"
    assert attributes["ratio"] == 0.1
    assert attributes["one"] == {"host": "h", "port": 80, "address": "thing-a", "seen": "thing-a"}
    assert [element["port"] for element in attributes["row"]] == [80, 81]
    assert attributes["anything"]["value"] == {"deep": [1, "two", None], "m": {"a": 1}, "s": ["q"]}


def test_write_only_values_reach_the_provider_and_no_file_of_terraform(workspace: Workspace) -> None:
    workspace.apply(EVERYTHING)
    workspace.run("plan", "-out=saved", "-no-color")
    assert json.loads((workspace.store / "thing-a.json").read_text())["password_length"] == len("abracadabra")
    state = (workspace.root / "terraform.tfstate").read_text()
    assert "abracadabra" not in state
    assert "simsalabim" not in state
    assert "sesame" in state  # sensitive is not write-only: Terraform stores it


def test_an_update_keeps_what_is_kept_and_renews_what_is_computed(workspace: Workspace) -> None:
    workspace.apply(EVERYTHING)
    before = workspace.instance()["attributes"]
    changed = EVERYTHING.replace("rule { port = 1 }", "size = 2\n  rule { port = 1 }")
    said = workspace.plan(changed)
    assert "1 to change" in said
    assert "~ stamp" in said
    assert "~ id" not in said
    assert "~ address" not in said
    workspace.apply()
    after = workspace.instance()["attributes"]
    assert after["id"] == before["id"]
    assert after["stamp"] != before["stamp"]
    assert after["kind"] == "plain"
    workspace.plan(expect=0)


def test_private_state_survives_from_create_to_update(workspace: Workspace) -> None:
    workspace.apply('resource "sample_thing" "a" { name = "a" }')
    workspace.apply('resource "sample_thing" "a" {\n name = "a"\n size = 3\n}')
    assert 'updated thing-a private={"made": "by create"}' in workspace.journal()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('name             = "a"', 'name             = "z"', "name"),
        ('one              = { host = "h" }', 'one              = { host = "i" }', "host"),
        ('row              = [{ host = "h1" }', 'row              = [{ host = "i1" }', "host"),
        ('dict             = { k = { host = "h1"', 'dict             = { k = { host = "i1"', "host"),
        ('bag              = [{ host = "h1" }', 'bag              = [{ host = "i1" }', "bag"),
        ("rule { port = 1 }", "size = 99\n  rule { port = 1 }", "size"),
    ],
)
def test_a_change_that_cannot_be_made_in_place_replaces(workspace: Workspace, old: str, new: str, reason: str) -> None:
    assert old in EVERYTHING
    workspace.apply(EVERYTHING)
    said = workspace.plan(EVERYTHING.replace(old, new))
    assert "1 to add, 0 to change, 1 to destroy" in said
    assert "# forces replacement" in said
    assert reason in said


def test_a_replacement_is_carried_out_and_settles(workspace: Workspace) -> None:
    workspace.apply(EVERYTHING)
    workspace.apply(EVERYTHING.replace('name             = "a"', 'name             = "z"'))
    workspace.plan(expect=0)
    assert [line for line in workspace.journal() if line.startswith(("created", "deleted"))] == [
        "created thing-a",
        "deleted thing-a",
        "created thing-z",
    ]


def test_drift_is_seen_and_something_gone_is_created_again(workspace: Workspace) -> None:
    workspace.apply('resource "sample_thing" "a" { name = "a" }')
    stored = json.loads((workspace.store / "thing-a.json").read_text())
    (workspace.store / "thing-a.json").write_text(json.dumps({**stored, "size": 7}))
    assert "7 -> 1" in workspace.plan()
    (workspace.store / "thing-a.json").unlink()
    assert "1 to add" in workspace.plan()


def test_destroy_warns_first_and_removes_everything(workspace: Workspace) -> None:
    workspace.apply(EVERYTHING)
    said = workspace.run("destroy", "-auto-approve", "-no-color")
    assert "Going away" in said
    assert "deleted thing-a" in workspace.journal()
    assert workspace.state()["resources"] == []


def test_import_by_id_is_followed_by_an_empty_plan(workspace: Workspace) -> None:
    workspace.apply('resource "sample_thing" "a" { name = "a" }')
    (workspace.root / "terraform.tfstate").unlink()
    workspace.write('resource "sample_thing" "a" { name = "a" }\nimport {\n to = sample_thing.a\n id = "thing-a"\n}')
    said = workspace.plan()
    assert "1 to import, 0 to add, 0 to change, 0 to destroy" in said
    workspace.apply()
    workspace.plan(expect=0)
    workspace.write('resource "sample_thing" "a" { name = "a" }\nimport {\n to = sample_thing.a\n id = "thing-q"\n}')
    (workspace.root / "terraform.tfstate").unlink()
    assert "There is no thing-q." in workspace.plan(expect=1)


def test_import_by_identity_is_followed_by_an_empty_plan(
    workspace: Workspace, terraform_version: tuple[int, int]
) -> None:
    if terraform_version < (1, 12):
        pytest.skip("identity came with Terraform 1.12")
    workspace.apply('resource "sample_thing" "a" { name = "a" }')
    assert workspace.instance()["identity"] == {"id": "thing-a"}
    (workspace.root / "terraform.tfstate").unlink()
    workspace.write(
        'resource "sample_thing" "a" { name = "a" }\nimport {\n to = sample_thing.a\n identity = { id = "thing-a" }\n}'
    )
    assert "1 imported, 0 added, 0 changed, 0 destroyed" in workspace.apply()
    workspace.plan(expect=0)
    assert workspace.instance()["identity"] == {"id": "thing-a"}


def test_an_older_terraform_does_not_see_identity_at_all(
    workspace: Workspace, terraform_version: tuple[int, int]
) -> None:
    workspace.apply('resource "sample_thing" "a" { name = "a" }')
    assert ("identity" in workspace.instance()) == (terraform_version >= (1, 12))


def test_an_object_of_another_type_moves_in(workspace: Workspace) -> None:
    workspace.apply('resource "terraform_data" "old" { input = "thing-moved" }')
    workspace.write('resource "sample_thing" "a" { name = "moved" }', "made.tf")
    (workspace.store / "thing-moved.json").write_text(json.dumps({"id": "thing-moved", "name": "moved", "size": 1}))
    said = workspace.plan("moved {\n from = terraform_data.old\n to = sample_thing.a\n}")
    assert "terraform_data.old has moved to sample_thing.a" in said
    assert "0 to add, 0 to change, 0 to destroy" in said
    workspace.apply()
    assert workspace.instance()["attributes"]["id"] == "thing-moved"


def test_a_type_that_cannot_move_in_is_named(workspace: Workspace) -> None:
    workspace.apply('resource "sample_thing" "a" { name = "a" }')
    said = workspace.plan(
        'resource "terraform_data" "b" {}\nmoved {\n from = sample_thing.a\n to = terraform_data.b\n}', expect=1
    )
    assert "terraform_data" in said


def test_a_state_of_an_older_version_is_upgraded(workspace: Workspace) -> None:
    workspace.apply('resource "sample_thing" "a" { name = "a" }')
    state = workspace.state()
    instance = state["resources"][0]["instances"][0]
    instance["schema_version"] = 1
    instance["attributes"]["title"] = instance["attributes"].pop("name")
    instance["attributes"]["dropped_long_ago"] = True
    (workspace.root / "terraform.tfstate").write_text(json.dumps({**state, "serial": state["serial"] + 1}))
    workspace.plan(expect=0)
    workspace.run("apply", "-refresh-only", "-auto-approve", "-no-color")
    assert workspace.instance()["schema_version"] == 2
    assert workspace.instance()["attributes"]["name"] == "a"


def test_what_half_exists_after_a_failure_is_in_the_state(workspace: Workspace) -> None:
    said = workspace.apply('resource "sample_thing" "a" {\n name = "a"\n fail = "half"\n}', expect=1)
    assert "Half done" in said
    assert 'fail = "half"' in said  # the path led terraform to the line
    assert workspace.instance()["status"] == "tainted"
    assert workspace.instance()["attributes"]["id"] == "thing-a"


def test_an_unexpected_exception_is_a_diagnostic_without_its_text(workspace: Workspace) -> None:
    said = workspace.apply(
        'resource "sample_thing" "a" {\n name = "a"\n fail = "create"\n secret = "open"\n}', expect=1
    )
    assert "ApplyResourceChange failed with ValueError" in said
    assert "hunter2" not in said
    assert "did not respond" not in said


def test_a_failed_update_keeps_the_state_as_it_was(workspace: Workspace) -> None:
    workspace.apply('resource "sample_thing" "a" { name = "a" }')
    said = workspace.apply('resource "sample_thing" "a" {\n name = "a"\n fail = "update"\n size = 5\n}', expect=1)
    assert "Refused" in said
    assert workspace.instance()["attributes"]["size"] == 1


def test_complaints_about_the_configuration_point_at_their_line(workspace: Workspace) -> None:
    said = workspace.plan(
        'resource "sample_thing" "a" {\n name = "much-longer-than-twenty-characters"\n labels = { "sys/x" = "y" }\n'
        ' password_wo = "p"\n}',
        expect=1,
    )
    assert 'name = "much-longer-than-twenty-characters" at most 20 characters, not 34' in said
    assert 'labels = { "sys/x" = "y" } Labels may not start with sys/.' in said
    assert 'password_wo = "p" Set password_version beside password_wo.' in said
    assert "Planned failure" in workspace.plan(
        'resource "sample_thing" "a" {\n name = "a"\n fail = "plan"\n}', expect=1
    )
    said = workspace.plan(
        'provider "sample" { greeting = "refuse" }\nresource "sample_thing" "a" { name = "a" }', expect=1
    )
    assert "Not welcome" in said


def test_ctrl_c_during_apply_keeps_the_state(workspace: Workspace) -> None:
    workspace.write('resource "sample_thing" "a" {\n name = "a"\n delay = 30\n}')
    running = workspace.start("apply", "-auto-approve", "-no-color")
    workspace.wait_for("waiting")
    said = workspace.interrupt(running)
    assert "Interrupt received" in said
    assert "told to stop" in workspace.journal()
    assert workspace.instance()["attributes"]["id"] == "thing-a"
    assert workspace.providers_running() == []


def test_a_killed_terraform_leaves_no_process_and_no_open_ticket(workspace: Workspace) -> None:
    workspace.write(
        'ephemeral "sample_ticket" "t" { holder = "me" }\nresource "sample_thing" "a" {\n name = "a"\n delay = 30\n'
        " password_wo = ephemeral.sample_ticket.t.code\n password_version = 1\n}"
    )
    running = workspace.start("apply", "-auto-approve", "-no-color")
    workspace.wait_for("waiting")
    assert workspace.providers_running()
    running.send_signal(signal.SIGKILL)
    running.communicate()
    until(lambda: workspace.providers_running() == [], "the provider outlives terraform")
    opened, closed = workspace.opened_and_closed()
    assert opened == closed
    assert len(opened) == 2
    assert [path.name for path in workspace.folder.glob("plugin*")] == ["plugins"]
