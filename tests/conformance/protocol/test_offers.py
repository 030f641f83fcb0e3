"""Ephemeral resources, functions, data sources, lists and the plugin's own manners under a real terraform."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.fakes.terraform_workspace import Workspace, terraform_executable

pytestmark = pytest.mark.terraform

_TICKET = 'ephemeral "sample_ticket" "t" {\n holder = "me"\n lifetime = %s\n}\n'
_USES_TICKET = """
resource "sample_thing" "a" {
  name             = "a"
  password_wo      = ephemeral.sample_ticket.t.code
  password_version = 1
  %s
}
"""


def test_a_ticket_is_opened_used_and_closed(workspace: Workspace) -> None:
    workspace.apply(_TICKET % "null" + _USES_TICKET % "")
    opened, closed = workspace.opened_and_closed()
    assert opened == closed
    assert len(opened) == 2  # terraform opens at plan and again at apply
    assert "code-" not in (workspace.root / "terraform.tfstate").read_text()


def test_a_ticket_is_renewed_while_it_is_needed(workspace: Workspace) -> None:
    workspace.apply(_TICKET % "0.5" + _USES_TICKET % "delay = 2")
    assert [line for line in workspace.journal() if line.startswith("renewed")]
    opened, closed = workspace.opened_and_closed()
    assert opened == closed


def test_after_a_failed_apply_no_ticket_is_left_open(workspace: Workspace) -> None:
    workspace.apply(_TICKET % "null" + _USES_TICKET % 'fail = "half"', expect=1)
    opened, closed = workspace.opened_and_closed()
    assert opened == closed
    assert len(opened) == 2
    assert workspace.journal()[-1] == "end"


def test_what_was_opened_before_open_failed_is_closed(workspace: Workspace) -> None:
    said = workspace.plan('ephemeral "sample_ticket" "t" { holder = "nobody" }', expect=1)
    assert "Nobody may hold a ticket." in said
    opened, closed = workspace.opened_and_closed()
    assert opened == closed
    assert len(opened) == 1


def test_a_function_takes_a_variable_number_of_arguments(workspace: Workspace) -> None:
    workspace.apply('output "o" { value = provider::sample::join("-", { prefix = "p:" }, "a", "b", "c") }')
    assert workspace.state()["outputs"]["o"]["value"] == "p:a-b-c"


def test_a_function_error_names_the_argument(workspace: Workspace) -> None:
    said = workspace.plan('output "o" { value = provider::sample::join("-", null, "a", "b-b") }', expect=1)
    assert "while calling provider::sample::join" in said
    assert re.search(r'Invalid value for "words" parameter: must not contain', said)


def test_a_data_source_reads_warns_and_objects_with_a_path(workspace: Workspace) -> None:
    workspace.apply(
        'resource "sample_thing" "a" { name = "a" }\ndata "sample_thing" "d" { id = sample_thing.a.id }\n'
        'output "o" { value = data.sample_thing.d.name }'
    )
    assert workspace.state()["outputs"]["o"]["value"] == "a"
    said = workspace.plan('data "sample_thing" "d" { id = "thing-q" }', expect=1)
    assert 'data "sample_thing" "d" { id = "thing-q" } There is no thing-q.' in said


def test_a_list_streams_identities_and_objects(workspace: Workspace, terraform_version: tuple[int, int]) -> None:
    if terraform_version < (1, 14):
        pytest.skip("list resources came with Terraform 1.14")
    workspace.apply('resource "sample_thing" "a" {\n count = 7\n name = "x${count.index}"\n}')
    workspace.write(
        'list "sample_thing" "all" {\n provider = sample\n include_resource = true\n limit = 5\n'
        ' config { prefix = "x" }\n}\n',
        "all.tfquery.hcl",
    )
    done = subprocess.run(
        [terraform_executable(), "query", "-json"],
        cwd=workspace.root,
        env=workspace.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    found = [event["list_resource_found"] for event in events if event["type"] == "list_resource_found"]
    assert [item["identity"] for item in found] == [{"id": f"thing-x{index}"} for index in range(5)]
    assert found[0]["display_name"] == "Thing x0"
    assert found[0]["resource_object"]["size"] == 1
    assert "listing limit=5 include=True" in workspace.journal()


def test_the_schema_is_told_whole(workspace: Workspace) -> None:
    workspace.write("")
    said = subprocess.run(
        [terraform_executable(), "providers", "schema", "-json"],
        cwd=workspace.root,
        env=workspace.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    offered = json.loads(said)["provider_schemas"]["example.com/tests/sample"]
    thing = offered["resource_schemas"]["sample_thing"]
    assert thing["version"] == 2
    nestings = {
        name: item["nested_type"]["nesting_mode"]
        for name, item in thing["block"]["attributes"].items()
        if "nested_type" in item
    }
    assert nestings == {"one": "single", "row": "list", "bag": "set", "dict": "map"}
    assert thing["block"]["attributes"]["password_wo"]["write_only"]
    assert offered["functions"]["join"]["variadic_parameter"]["name"] == "words"
    assert "sample_ticket" in offered["ephemeral_resource_schemas"]


def test_a_terraform_that_does_not_prove_itself_is_not_served(workspace: Workspace) -> None:
    workspace.plan('resource "sample_thing" "a" { name = "a" }', expect=1, TF_DISABLE_PLUGIN_TLS="1")
    assert workspace.journal() == []


def test_a_debug_run_serves_many_terraforms(workspace: Workspace) -> None:
    sample = Path(__file__).parents[2] / "fakes" / "sample_provider.py"
    provider = Path(__file__).parents[3] / "provider"
    running = subprocess.Popen(
        [sys.executable, "-S", str(sample), "--debug"],
        env={**workspace.environment, "PYTHONPATH": str(provider)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stdout is not None
        name, _, quoted = running.stdout.readline().strip().partition("=")
        attachment = {name: quoted.strip("'")}
        for _ in range(2):
            workspace.plan('resource "sample_thing" "a" { name = "a" }', expect=2, **attachment)
        workspace.plan('ephemeral "sample_ticket" "t" { holder = "me" }', expect=0, **attachment)
    finally:
        running.terminate()
        running.communicate(timeout=20)
    assert running.returncode == 0
    opened, closed = workspace.opened_and_closed()
    assert opened == closed
    assert len(opened) == 1


def test_run_by_hand_it_says_what_it_is(workspace: Workspace) -> None:
    done = subprocess.run(
        [str(workspace.folder / "plugins" / "terraform-provider-sample")],
        env=workspace.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "This program is a Terraform provider." in done.stderr
