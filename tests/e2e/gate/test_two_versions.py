"""Two branches, and two revisions of a policy, compared by the command line with a served registry."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from tests.e2e.drift.conftest import CommandLine
from tests.fakes.registry_http import live_registry
from tests.fakes.terraform_workspace import plain, terraform_executable

pytestmark = [pytest.mark.terraform, pytest.mark.cdktf]
APP = """
import os
from cdktf import App, TerraformStack
from leasehold_cdktf import Agent, LeaseholdProvider, Owner, Policy, Scope, ToolServer

app = App()
stack = TerraformStack(app, "prod")
LeaseholdProvider(stack, "leasehold", endpoint=os.environ["LEASEHOLD_ENDPOINT"], stack="prod")
owner = Owner(stack, "alice", display_name="Alice", email="alice@example.com", team="web")
tools = {"read_file": "read", "delete_branch": "delete"}
server = ToolServer(stack, "github", url="https://mcp.example.com/github", tools=tools)
grants = [server.tool("read_file").on("repo:web"), GRANTS]
Agent(stack, "bot", owner=owner, review_by="2027-05-01", grants=grants)
app.synth()
"""
MAIN, BRANCH = "", 'server.tool("delete_branch").on("repo:web"), server.tool("read_file").on("repo:api")'


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with live_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def leasehold(tmp_path, registry):
    (tmp_path / "ci").write_text(registry.oidc_token("ci-prod"))
    return CommandLine(registry, tmp_path / "ci")


@pytest.fixture(scope="module")
def synthesised(tmp_path_factory, registry, tool_environment):
    """`cdktf.out` of each branch."""

    def synth(name, grants):
        folder = tmp_path_factory.mktemp(name)
        (folder / "main.py").write_text(APP.replace("GRANTS", grants))
        environment = {**tool_environment, "LEASEHOLD_ENDPOINT": registry.url}
        run(folder, environment, sys.executable, "main.py")
        return folder / "cdktf.out"

    return {"main": synth("main", MAIN), "branch": synth("branch", BRANCH)}


def run(folder, environment, *command):
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, plain(done.stdout + done.stderr)
    return done.stdout


def compared(leasehold, base, head, *more):
    done = leasehold("review", "--base", base, "--head", head, "--json", *more)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def test_a_branch_says_what_it_would_let_agents_do_before_there_is_a_plan(leasehold, synthesised):
    code, report = compared(leasehold, synthesised["main"], synthesised["branch"])
    assert code == 2
    (change,) = report["access"]
    gains = {(one["tool"], one["resource"]) for one in change["gains"]}
    assert gains == {("delete_branch", "repo:web"), ("read_file", "repo:api")}
    assert change["losses"] == []
    assert (report["stacks"], report["against"], report["unproven"], report["receipt"]) == (["prod"], "base", [], None)
    proofs = {one["tool"]: one["witness"]["resource"] for one in report["proofs"]}
    assert proofs == {"delete_branch": "repo:web", "read_file": "repo:api"}
    assert compared(leasehold, synthesised["main"], synthesised["branch"], "--gate")[0] == 4
    assert compared(leasehold, synthesised["main"], synthesised["branch"], "--fail-on", "low")[0] == 3


def test_back_again_only_loses_and_the_same_is_the_same(leasehold, synthesised):
    code, report = compared(leasehold, synthesised["branch"], synthesised["main"])
    assert code == 2
    assert [(len(one["gains"]), len(one["losses"])) for one in report["access"]] == [(0, 2)]
    assert {one["movement"] for one in report["proofs"]} == {"narrows"}
    code, report = compared(leasehold, synthesised["main"], synthesised["main"])
    assert (code, report["access"], report["gate"]["verdict"]) == (0, [], "auto")


def test_what_is_synthesised_means_what_its_plan_means(leasehold, registry, synthesised, tool_environment, tmp_path):
    folder = synthesised["branch"] / "stacks" / "prod"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "terraform").symlink_to(terraform_executable())
    environment = {
        **tool_environment,
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{tool_environment['PATH']}",
        "LEASEHOLD_OIDC_TOKEN_FILE": str(tmp_path / "ci"),
    }
    run(folder, environment, "terraform", "init", "-no-color")
    run(folder, environment, "terraform", "plan", "-no-color", "-out", "tfplan")
    plan = tmp_path / "plan.json"
    plan.write_text(run(folder, environment, "terraform", "show", "-json", "tfplan"))
    for base, head in ((folder, f"prod={plan}"), (f"prod={plan}", synthesised["branch"])):
        code, report = compared(leasehold, base, head)
        assert (code, report["access"], report["foundations"], report["unproven"]) == (0, [], [], [])
        assert report["summary"]["coverage_pct"] == 100.0


def test_a_comparison_reads_as_one_and_leaves_the_reviews_comment_alone(leasehold, synthesised):
    shown = leasehold("review", "--base", synthesised["main"], "--head", synthesised["branch"], "--markdown")
    assert shown.returncode == 2
    first, title, *_ = shown.stdout.split("\n")
    assert first == "<!-- leasehold:comparison stack=prod -->"
    assert title.startswith("### ✋ Needs approval in `prod`: agent `bot` gains access")
    assert "Compared with the base" in shown.stdout
    assert "leasehold approve" not in shown.stdout
    table = leasehold("review", "--base", synthesised["main"], "--head", synthesised["branch"])
    assert "prod, compared with the base: needs approval" in table.stdout


def test_revisions_of_a_policy_are_compared(leasehold, registry):
    forbid = 'forbid(principal, action == Action::"wiki/{}", resource);\n'
    server = {"url": "https://mcp.example.com/wiki", "tools": {"read": {"action": "read"}, "edit": {"action": "write"}}}
    registry.create("tool-servers", "wiki", server)
    registry.create("policies", "limits", {"document": forbid.format("edit"), "side": "agent"})
    registry.change("policies", "limits", document=forbid.format("read"))
    done = leasehold("review", "--policy", "limits@1..2", "--json")
    assert done.returncode == 2, done.stderr
    proofs = {one["tool"]: one["movement"] for one in json.loads(done.stdout)["proofs"]}
    assert proofs == {"edit": "widens", "read": "narrows"}
    assert leasehold("review", "--policy", "limits@1..2", "--gate", "--json").returncode == 4
    assert leasehold("review", "--policy", "limits@2", "--json").returncode == 0  # what lives
    assert leasehold("review", "--policy", "limits@1", "--fail-on", "high").returncode == 3
    missing = leasehold("review", "--policy", "limits@7")
    assert (missing.returncode, "limits@7" in missing.stderr) == (1, True)


def test_what_is_no_comparison_ends_with_1_and_says_why(leasehold, synthesised, tmp_path):
    main = synthesised["main"]
    for arguments, said in (
        (("--base", main), "belong together"),
        (("plan.json", "--base", main, "--head", main), "what is reviewed"),
        ((), "what is reviewed"),
        (("--base", main, "--head", f"other={main}"), "no stack `other`"),
        (("--base", main, "--head", main, "--receipt", tmp_path / "r.json"), "has no receipt"),
        (("--base", f"prod={tmp_path / 'nothing'}", "--head", main), "it is not there"),
        (("--policy", "limits"), "names no revisions"),
    ):
        done = leasehold("review", *arguments)
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
