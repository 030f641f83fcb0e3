"""A stack of cdktf that is applied with a receipt alone: `cdktf deploy` plans anew, and what it plans was reviewed."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from tests.e2e.drift.conftest import CommandLine
from tests.fakes.registry_http import LiveRegistry
from tests.fakes.terraform_workspace import plain, terraform_executable

pytestmark = [pytest.mark.terraform, pytest.mark.cdktf]
RULES = "receipts: [prod]\nnew_access:\n  low: needs_approval\n"
APP = """
import os
from cdktf import App, TerraformStack
from leasehold_cdktf import Agent, LeaseholdProvider, Owner, ToolServer

app = App()
stack = TerraformStack(app, "prod")
LeaseholdProvider(stack, "leasehold", endpoint=os.environ["LEASEHOLD_ENDPOINT"], stack="prod")
owner = Owner(stack, "alice", display_name="Alice", email="alice@example.com", team="web")
server = ToolServer(stack, "github", url="https://mcp.example.com/github", tools={"read_file": "read"})
grants = [server.tool("read_file").on(where) for where in ["RESOURCES"]]
Agent(stack, "bot", owner=owner, review_by="2027-05-01", grants=grants)
app.synth()
"""


class Project:
    """A project of cdktf, and what it takes to deploy it."""

    def __init__(self, folder, registry, tools):
        self.folder, self.registry = folder / "infra", registry
        self.folder.mkdir()
        (self.folder / "cdktf.json").write_text(
            '{"language": "python", "app": "python main.py", "sendCrashReports": "false"}'
        )
        token = folder / "oidc-token"
        token.write_text(registry.oidc_token("ci-prod"))
        programs = folder / "bin"
        programs.mkdir()
        (programs / "terraform").symlink_to(terraform_executable())
        more = {"LEASEHOLD_ENDPOINT": registry.url, "LEASEHOLD_OIDC_TOKEN_FILE": str(token)}
        self.environment = {**tools, **more, "PATH": f"{programs}{os.pathsep}{tools['PATH']}"}
        self.pipeline = CommandLine(registry, token)

    def write(self, *resources):
        listed = ", ".join(f'"{one}"' for one in resources)
        (self.folder / "main.py").write_text(APP.replace('"RESOURCES"', listed))

    def run(self, *command, expect=0, cwd=None, **environment):
        done = subprocess.run(
            command,
            cwd=cwd or self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        said = plain(done.stdout + done.stderr)
        assert done.returncode == expect, said
        return done.stdout if expect == 0 else said

    def deploy(self, expect=0, receipt=None):
        environment = {"LEASEHOLD_RECEIPT_FILE": str(receipt)} if receipt is not None else {}
        return self.run("cdktf", "deploy", "--auto-approve", "prod", expect=expect, **environment)

    def reviewed(self, out):
        """The pipeline's review of what cdktf synthesised; its exit code, its report, its comment."""
        self.run("cdktf", "synth")
        stack = self.folder / "cdktf.out" / "stacks" / "prod"
        self.run("terraform", "init", "-no-color", cwd=stack)
        self.run("terraform", "plan", "-no-color", "-out", "reviewed", cwd=stack)
        plan = out / "plan.json"
        plan.write_text(self.run("terraform", "show", "-json", "reviewed", cwd=stack))
        asked = ("review", f"prod={plan}", "--gate", "--receipt", out / "receipt.json")
        done = self.pipeline(*asked, "--json")
        return done.returncode, json.loads(done.stdout), self.pipeline(*asked, "--markdown").stdout

    def live(self):
        """Everything that lives, with its revisions."""
        return self.registry.call("GET", "/v1/snapshot")


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry")
    (folder / "rules.yaml").write_text(RULES)
    running = LiveRegistry(folder)
    running.environment = {"LEASEHOLD_GATE_RULES": str(folder / "rules.yaml")}
    try:
        running.furnish()
        yield running
    finally:
        running.close()


@pytest.fixture
def project(tmp_path, registry, tool_environment):
    return Project(tmp_path, registry, dict(tool_environment))


def objects(snapshot):
    return {name: value for name, value in snapshot.items() if name not in {"at", "revision"}}


def test_what_was_approved_is_what_cdktf_deploy_applies_and_nothing_else(project, registry, tmp_path):
    (tmp_path / "admin").write_text(registry.oidc_token("admin"))
    admin = CommandLine(registry, tmp_path / "admin")
    project.write("repo:web")
    assert "leasehold_agent" in project.run("cdktf", "diff", "prod")

    code, report, comment = project.reviewed(tmp_path)
    assert (code, report["gate"]["verdict"]) == (4, "needs_approval")
    assert "✋ Needs approval in `prod`: new agent `bot` can now `read_file` on `repo:web`" in comment
    assert "**proved:** `bot` can call `read_file` on `repo:web`" in comment
    assert "`leasehold approve receipt.json --out approved.json`" in comment
    assert "the registry refuses the apply, and any other change" in comment

    untouched = objects(project.live())
    assert "need the receipt" in project.deploy(expect=1)
    assert "not approved" in project.deploy(expect=1, receipt=tmp_path / "receipt.json")
    assert objects(project.live()) == untouched

    approved = tmp_path / "approved.json"
    assert admin("approve", tmp_path / "receipt.json", "--out", approved).returncode == 0
    project.deploy(receipt=approved)
    assert registry.names("grants") == ["bot/github.read_file@repo:web"]

    project.write("repo:web", "repo:api")
    code, _, _ = project.reviewed(tmp_path)
    assert code == 4
    assert admin("approve", tmp_path / "receipt.json", "--out", approved).returncode == 0
    approved_once = objects(project.live())
    project.write("repo:web", "repo:secrets")  # somebody pushes another commit after the approval
    assert "is not changed as it was reviewed" in project.deploy(expect=1, receipt=approved)
    assert objects(project.live()) == approved_once
    project.write("repo:web", "repo:api")
    project.deploy(receipt=approved)
    assert registry.names("grants") == ["bot/github.read_file@repo:api", "bot/github.read_file@repo:web"]
