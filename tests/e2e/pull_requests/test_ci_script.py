"""The script as a pipeline runs it: a real shell, a real terraform, a served registry, and a forge."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.provider.stack import Stack, base
from tests.fakes.forge import PROJECT_TOKEN, READS, RUNTIME, WRITES, github_environment, gitlab_environment
from tests.fakes.registry_http import live_registry
from tests.fakes.simulated_issuer import pull_request
from tests.fakes.terraform_workspace import terraform_executable

SCRIPT = Path(__file__).parents[3] / "deploy" / "ci" / "leasehold-ci.sh"
APP = """
import os
from cdktf import App, TerraformStack
from leasehold_cdktf import Agent, LeaseholdProvider, Owner, Scope, ToolServer

app = App()
stack = TerraformStack(app, "prod")
LeaseholdProvider(stack, "leasehold", endpoint=os.environ["LEASEHOLD_ENDPOINT"], stack="prod")
owner = Owner(stack, "alice", display_name="Alice", email="alice@example.com", team="web")
server = ToolServer(stack, "github", url="https://mcp.example.com/github", tools={"read_file": "read"})
Agent(stack, "bot", owner=owner, review_by="2027-05-01", grants=[server.tool("read_file").on("repo:web")])
app.synth()
"""
SHELL = shutil.which("dash") or "/bin/sh"
CONFIGURATION = base("")
WIDER = CONFIGURATION.replace('["read_file", "create_issue"]', '["read_file", "create_issue", "delete_branch"]')
MOVED = CONFIGURATION.replace("https://mcp.example.com/github", "https://mcp.example.com/moved")
BY_HAND = {"agent": "bot", "tool_server": "github", "tools": ["create_issue"], "resources": ["repo:api"]}
BY_HAND_NAME = "bot/github.create_issue@repo:api"
pytestmark = pytest.mark.terraform


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with live_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def stack(tmp_path_factory, registry, provider_artefact):
    return Stack(tmp_path_factory.mktemp("stack"), provider_artefact.read_bytes(), registry, "prod", "ci-prod")


@pytest.fixture
def applied(stack):
    """The stack as it is in code, whatever an earlier test left."""
    stack.apply(CONFIGURATION)
    return stack


class Pipeline:
    """A job with nothing but what its environment says."""

    def __init__(self, folder, forge, stack, registry):
        self.folder, self.forge, self.stack, self.registry = folder, forge, stack, registry
        self.programs = folder / "bin"
        self.programs.mkdir()
        (self.programs / "terraform").symlink_to(terraform_executable())
        (self.programs / "leasehold").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m leasehold.cli.main "$@"\n')
        (self.programs / "leasehold").chmod(0o755)
        self.scratch = folder / "tmp"
        self.scratch.mkdir()

    def __call__(self, phase, forge_environment, **more):
        environment = {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(SCRIPT.parents[2] / "api"),
            "HOME": str(self.folder),
            "TMPDIR": str(self.scratch),
            "TF_CLI_CONFIG_FILE": self.stack.environment["TF_CLI_CONFIG_FILE"],
            "LEASEHOLD_PYTHON": sys.executable,
            "LEASEHOLD_ENDPOINT": self.registry.url,
            "LEASEHOLD_STACK": "prod",
            "LEASEHOLD_CI_DIR": str(self.stack.root),
            **forge_environment,
            **more,
        }
        done = subprocess.run(
            [SHELL, str(SCRIPT), phase],
            env={name: value for name, value in environment.items() if value is not None},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        for secret in (WRITES, READS, PROJECT_TOKEN, RUNTIME):
            assert secret not in done.stdout + done.stderr
        assert "eyJ" not in done.stdout + done.stderr, "a token is in the log"
        assert "Traceback" not in done.stderr
        left = [one for one in self.scratch.iterdir() if one.name.startswith("tmp.")]
        assert not left, "a plan, a state or a token is left behind"
        return done


@pytest.fixture
def pipeline(tmp_path, forge, applied, registry):
    return Pipeline(tmp_path, forge, applied, registry)


@pytest.fixture
def in_pull_request(forge, registry, tmp_path):
    """A GitHub job whose identity may plan and nothing else."""
    forge.identity = lambda audience: registry.github.token(**pull_request()) if audience == registry.url else "wrong"
    return github_environment(forge, tmp_path)


@pytest.fixture
def on_main(forge, registry, tmp_path):
    """A GitHub job that deploys."""
    forge.identity = lambda _: registry.oidc_token("ci-prod")
    event = tmp_path / "push.json"
    environment = github_environment(forge, tmp_path)
    event.write_text('{"ref": "refs/heads/main"}')
    return environment | {"GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(event), "GITHUB_REF": "refs/heads/main"}


def test_a_pull_request_is_told_what_its_plan_would_change(pipeline, applied, forge, in_pull_request):
    applied.write(WIDER)
    done = pipeline("plan", in_pull_request, LEASEHOLD_CI_STATUS="true", LEASEHOLD_CI_REPORTS="reports")
    assert done.returncode == 0, done.stderr
    (comment,) = forge.comments
    assert "agent `bot` can now `delete_branch`" in comment["body"]
    assert "**can now** `delete_branch` on `repo:api`" in comment["body"]
    assert forge.statuses[0]["context"] == "leasehold/review/prod"
    sarif = json.loads((pipeline.folder / "reports" / "leasehold.sarif").read_text())
    assert sarif["runs"][0]["results"][0]["message"]["text"].startswith("agent `bot` can now `delete_branch`")
    assert applied.state()["leasehold_scope.reader"]["tools"] == ["create_issue", "read_file"]


def test_the_gate_fails_the_job(pipeline, applied, in_pull_request):
    applied.write(WIDER)
    assert pipeline("plan", in_pull_request, LEASEHOLD_CI_FAIL_ON="medium").returncode == 3


@pytest.mark.parametrize("as_json", [False, True], ids=["the plan", "its JSON"])
def test_a_plan_that_another_step_saved_is_reviewed(pipeline, applied, forge, in_pull_request, as_json):
    applied.write(WIDER)
    applied.run("plan", "-no-color", "-out", "saved")
    saved = applied.root / "saved"
    if as_json:
        saved = applied.root / "saved.json"
        saved.write_text(applied.run_raw("show", "-json", "saved").stdout)
    done = pipeline("plan", in_pull_request, LEASEHOLD_CI_PLAN=str(saved))
    assert done.returncode == 0, done.stderr
    assert "`delete_branch`" in forge.comments[0]["body"]


def test_a_fork_reads_its_report_in_the_summary(pipeline, applied, forge, registry, tmp_path, in_pull_request):
    applied.write(WIDER)
    environment = github_environment(forge, tmp_path, READS, fork=True)
    done = pipeline("plan", environment)
    assert done.returncode == 0, done.stderr
    assert "comes from a fork" in done.stderr
    assert "agent `bot` can now `delete_branch`" in (tmp_path / "summary.md").read_text()
    assert not forge.comments


def test_a_fork_without_any_identity_is_told_that_nothing_is_known(pipeline, applied, forge, tmp_path):
    """GitHub gives the pull request of a fork no OIDC token, whatever the workflow asks for."""
    applied.write(WIDER)
    bare = dict.fromkeys(("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"))
    done = pipeline("plan", github_environment(forge, tmp_path, READS, fork=True) | bare)
    assert done.returncode == 1
    assert "cannot prove who it is" in done.stderr
    assert "❌ Not known" in (tmp_path / "summary.md").read_text()
    assert "comes from a fork" in (tmp_path / "summary.md").read_text()


def test_a_plan_that_fails_leaves_no_old_report_standing(pipeline, applied, forge, in_pull_request):
    assert pipeline("plan", in_pull_request).returncode == 0
    assert "✅" in forge.comments[0]["body"]
    applied.write('resource "leasehold_owner" "x" {}')
    try:
        done = pipeline("plan", in_pull_request, GITHUB_RUN_ID="501")
    finally:
        applied.write(CONFIGURATION)
    assert done.returncode == 1
    assert "❌ Not known" in forge.comments[0]["body"]
    assert "did the step that writes it succeed" in forge.comments[0]["body"]


def test_an_unreachable_registry_is_told(pipeline, applied, forge, in_pull_request):
    applied.run("plan", "-no-color", "-out", "saved")
    done = pipeline(
        "plan",
        in_pull_request,
        LEASEHOLD_ENDPOINT="http://127.0.0.1:1",
        LEASEHOLD_CI_PLAN=str(applied.root / "saved"),
        LEASEHOLD_CI_AUDIENCE=pipeline.registry.url,
    )
    assert done.returncode == 1
    assert "no answer from the registry" in forge.comments[0]["body"]


def test_a_merge_request_of_gitlab_is_told_too(pipeline, applied, forge, registry):
    applied.write(WIDER)
    token = registry.oidc_token("ci-prod")
    done = pipeline("plan", gitlab_environment(forge, GITLAB_TOKEN=PROJECT_TOKEN, LEASEHOLD_ID_TOKEN=token))
    assert done.returncode == 0, done.stderr
    assert "agent `bot` can now `delete_branch`" in forge.notes[0]["body"]


def test_a_deployment_applies_what_it_reviewed_and_proves_it(pipeline, applied, forge, on_main):
    applied.write(WIDER)
    done = pipeline("deploy", on_main)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "delete_branch" in applied.state()["leasehold_scope.reader"]["tools"]


def test_a_deployment_that_the_gate_stops_applies_nothing(pipeline, applied, on_main):
    applied.write(WIDER)
    done = pipeline("deploy", on_main, LEASEHOLD_CI_FAIL_ON="medium")
    assert done.returncode == 3
    assert "not applied" in done.stderr
    assert "delete_branch" not in applied.state()["leasehold_scope.reader"]["tools"]


def test_a_plan_that_needs_approval_stops_the_gate_and_leaves_its_receipt(
    pipeline, applied, forge, tmp_path, in_pull_request
):
    applied.write(MOVED)
    receipt = tmp_path / "receipt.json"
    more = {"LEASEHOLD_CI_GATE": "true", "LEASEHOLD_CI_RECEIPT": str(receipt), "LEASEHOLD_CI_STATUS": "true"}
    done = pipeline("plan", in_pull_request, **more)
    assert done.returncode == 4, done.stderr
    assert "✋ Needs approval in `prod`" in forge.comments[0]["body"]
    assert "this run wrote `receipt.json`" in forge.comments[0]["body"]
    assert forge.statuses[-1]["state"] == "pending"
    kept = json.loads(receipt.read_text())
    assert (kept["verdict"], kept["granted"]) == ("needs_approval", False)
    assert kept["token"] not in forge.comments[0]["body"]
    assert receipt.stat().st_mode & 0o077 == 0


def test_a_deployment_passes_the_gate_with_what_was_approved_alone(pipeline, applied, registry, tmp_path, on_main):
    applied.write(MOVED)
    receipt = tmp_path / "receipt.json"
    gated = {"LEASEHOLD_CI_GATE": "true", "LEASEHOLD_CI_RECEIPT": str(receipt)}
    done = pipeline("deploy", on_main, **gated)
    assert (done.returncode, "not applied" in done.stderr) == (4, True), done.stderr
    assert registry.get("tool-servers", "github")["url"] == "https://mcp.example.com/github"
    kept = json.loads(receipt.read_text())
    approved = registry.call("POST", f"/v1/plan-reviews/{kept['id']}:approve", {"receipt": kept["token"]})
    brought = tmp_path / "approved.json"
    brought.write_text(json.dumps({**approved, "objects": kept["objects"]}))
    applied.write(MOVED.replace("/moved", "/elsewhere"))  # another commit, after the approval
    done = pipeline("deploy", on_main, **gated, LEASEHOLD_RECEIPT_FILE=str(brought))
    assert (done.returncode, "not applied" in done.stderr) == (4, True), done.stderr
    assert registry.get("tool-servers", "github")["url"] == "https://mcp.example.com/github"
    applied.write(MOVED)
    done = pipeline("deploy", on_main, **gated)  # nobody brings a receipt: the registry remembers the approval
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(receipt.read_text())["granted"] is True
    assert registry.get("tool-servers", "github")["url"] == "https://mcp.example.com/moved"


def test_the_check_of_a_pull_request_turns_green_once_its_change_is_approved(
    pipeline, applied, forge, registry, tmp_path, in_pull_request
):
    """An earlier test had the same change approved, applied and taken back: it is asked for anew."""
    applied.write(MOVED)
    receipt = tmp_path / "receipt.json"
    more = {"LEASEHOLD_CI_GATE": "true", "LEASEHOLD_CI_RECEIPT": str(receipt), "LEASEHOLD_CI_STATUS": "true"}
    assert pipeline("plan", in_pull_request, **more).returncode == 4
    kept = json.loads(receipt.read_text())
    registry.call("POST", f"/v1/plan-reviews/{kept['id']}:approve", {"receipt": kept["token"]})
    done = pipeline("plan", in_pull_request, **more)
    assert done.returncode == 0, done.stderr
    assert "✅ Approved in `prod`" in forge.comments[0]["body"]
    assert forge.statuses[-1]["state"] == "success"
    applied.write(MOVED.replace("/moved", "/elsewhere"))
    assert pipeline("plan", in_pull_request, **more).returncode == 4
    assert "✋ Needs approval in `prod`" in forge.comments[0]["body"]
    assert forge.statuses[-1]["state"] == "pending"


def test_a_schedule_opens_and_closes_the_issue_of_its_stack(pipeline, applied, forge, registry, on_main):
    put = registry.create("grants", BY_HAND_NAME, BY_HAND)
    assert put is not None
    done = pipeline("drift", on_main)
    assert done.returncode == 2, done.stderr
    assert forge.issues[0]["state"] == "open"
    assert "create_issue" in forge.issues[0]["body"]
    applied.apply()
    done = pipeline("drift", on_main)
    assert done.returncode == 0, done.stderr
    assert [one["state"] for one in forge.issues] == ["closed"]


@pytest.mark.cdktf
def test_a_stack_of_cdktf_is_planned_deployed_and_proved(tmp_path, forge, stack, tool_environment):
    folder = tmp_path / "infra"
    folder.mkdir()
    (folder / "main.py").write_text(APP)
    (folder / "cdktf.json").write_text('{"language": "python", "app": "python main.py", "sendCrashReports": "false"}')
    (tmp_path / "registry").mkdir()
    with live_registry(tmp_path / "registry") as registry:
        forge.identity = lambda _: registry.oidc_token("ci-prod")
        pipeline = Pipeline(tmp_path, forge, stack, registry)
        more = {
            "TF_CLI_CONFIG_FILE": tool_environment["TF_CLI_CONFIG_FILE"],
            "PATH": f"{pipeline.programs}:{tool_environment['PATH']}",
            "LEASEHOLD_CI_DIR": str(folder),
            "LEASEHOLD_CI_TOOL": "cdktf",
        }
        done = pipeline("plan", github_environment(forge, tmp_path), **more)
        assert done.returncode == 0, done.stderr
        assert forge.comments[0]["body"].startswith("<!-- leasehold:review stack=prod run=500.1 -->")
        assert "new agent `bot` can now `read_file` on `repo:web`" in forge.comments[0]["body"]
        done = pipeline("deploy", github_environment(forge, tmp_path), **more)
        assert done.returncode == 0, done.stdout + done.stderr
        done = pipeline("drift", github_environment(forge, tmp_path), **more)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("phase", "environment", "said"),
    [
        ("", {}, "usage"),
        ("plan; reboot", {}, "usage"),
        ("plan", {"LEASEHOLD_STACK": "../prod"}, "no name of a stack"),
        ("plan", {"LEASEHOLD_STACK": None}, "LEASEHOLD_STACK is not set"),
        ("plan", {"LEASEHOLD_ENDPOINT": None}, "LEASEHOLD_ENDPOINT is not set"),
        ("plan", {"LEASEHOLD_CI_TOOL": "sh"}, "must be terraform"),
        ("plan", {"GITHUB_EVENT_NAME": "pull_request_target"}, "pull_request_target"),
        ("plan", {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "wrong"}, "no OIDC token"),
    ],
)
def test_a_mistake_ends_before_anything_happens(pipeline, forge, in_pull_request, phase, environment, said):
    done = pipeline(phase, in_pull_request, **environment)
    assert done.returncode == 1
    assert said in done.stderr
    assert not forge.comments
