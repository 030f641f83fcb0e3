"""PyPI's Terraform behind our launcher is a `terraform` like any other: statuses, streams, variables and signals."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
import toolchain
from toolchain import terraform
from toolchain.places import terraform_platform

pytestmark = pytest.mark.terraform

_CONFIGURATION = """
variable "word" { default = "first" }
resource "terraform_data" "word" { input = var.word }
output "word" { value = terraform_data.word.output }
"""
_SLOW = """
resource "terraform_data" "quick" {}
resource "terraform_data" "slow" {
  depends_on = [terraform_data.quick]
  provisioner "local-exec" { command = "touch started; exec sleep 60" }
}
"""


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """The toolchain's environment with PyPI's Terraform in front."""
    return toolchain.environment(terraform_from="packaged")


@pytest.fixture
def run(tmp_path, environment):
    """Run `terraform` in a folder with a small configuration."""
    (tmp_path / "main.tf").write_text(_CONFIGURATION)

    def run_terraform(*arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["terraform", *arguments],
            cwd=tmp_path,
            env=environment | variables,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run_terraform


def test_it_says_its_version_and_platform(run):
    said = json.loads(run("version", "-json").stdout)
    assert tuple(map(int, said["terraform_version"].split(".")[:2])) >= terraform.OLDEST
    assert said["platform"] == terraform_platform()


def test_a_whole_life_has_terraforms_own_statuses(run):
    assert run("init", "-input=false").returncode == 0
    assert run("validate").returncode == 0
    assert run("plan", "-detailed-exitcode", "-out=plan").returncode == 2
    assert json.loads(run("show", "-json", "plan").stdout)["resource_changes"][0]["address"] == "terraform_data.word"
    assert run("apply", "-input=false", "plan").returncode == 0
    assert run("plan", "-detailed-exitcode").returncode == 0
    assert json.loads(run("output", "-json").stdout)["word"]["value"] == "first"
    assert (
        "terraform.io/builtin/terraform" in json.loads(run("providers", "schema", "-json").stdout)["provider_schemas"]
    )
    assert run("destroy", "-auto-approve").returncode == 0


def test_a_mistake_ends_with_status_one_and_a_message_on_standard_error(run):
    failed = run("plan", "-no-such-option")
    assert failed.returncode == 1
    assert "no-such-option" in failed.stderr


def test_it_asks_and_reads_the_answer_from_standard_input(run):
    run("init")
    assert "Apply cancelled" in run("apply", stdin="no\n").stdout
    assert run("apply", stdin="yes\n").returncode == 0


def test_its_environment_variables_work(run, tmp_path):
    run("init")
    assert run("plan", TF_CLI_ARGS_plan="-detailed-exitcode", TF_VAR_word="other").returncode == 2
    run("version", TF_LOG="DEBUG", TF_LOG_PATH=str(tmp_path / "log"))
    assert "Terraform version" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("request_to_stop", [signal.SIGINT, signal.SIGTERM])
def test_a_request_to_stop_ends_it_gracefully_with_its_state_saved(run, tmp_path, environment, request_to_stop):
    (tmp_path / "main.tf").write_text(_SLOW)
    run("init")
    apply = subprocess.Popen(
        ["terraform", "apply", "-auto-approve", "-no-color"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    _wait_for(tmp_path / "started", apply)
    apply.send_signal(request_to_stop)
    said, _ = apply.communicate(timeout=60)
    assert apply.returncode == 1
    assert "Gracefully shutting down" in said
    assert "terraform_data.quick" in run("state", "list").stdout


def _wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, f"terraform ended early:\n{process.communicate()[0]}"
        assert time.monotonic() < deadline, f"`{path.name}` did not appear"
        time.sleep(0.05)


def test_children_of_terraform_see_the_signals_of_a_fresh_process(run, tmp_path):
    # Python ignores SIGPIPE; a provider or a local-exec that inherited that would never end in a broken pipe.
    (tmp_path / "main.tf").write_text(
        'resource "terraform_data" "child" {\n'
        '  provisioner "local-exec" { command = "cat /proc/self/status > status" }\n'
        "}\n"
    )
    run("init")
    assert run("apply", "-auto-approve").returncode == 0
    ignored = (tmp_path / "status").read_text().partition("SigIgn:")[2].split()[0]
    assert int(ignored, 16) & (1 << (signal.SIGPIPE - 1)) == 0


def test_nothing_in_the_callers_folder_is_imported(run, tmp_path):
    (tmp_path / "ctypes.py").write_text("raise SystemExit('shadowed')\n")
    assert run("version", PYTHONPATH=str(tmp_path), PYTHONSTARTUP=str(tmp_path / "ctypes.py")).returncode == 0
