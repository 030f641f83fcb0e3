"""The seven policies that everybody asks for: written in CDKTF, applied by a real terraform, decided for real."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.provider.stack import Stack
from tests.fakes.leasehold_process import leasehold as leasehold_command

from leasehold_provider.packaging.archive import ENTRY, PACKAGE, archive_bytes, read_sources

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "policies"
TABLES = {path.stem: path for path in sorted((EXAMPLE / "tables").glob("*.yaml"))}
pytestmark = [pytest.mark.cdktf, pytest.mark.terraform]


@pytest.fixture(scope="module")
def applied(registry, tmp_path_factory, tool_environment):
    """The stack, synthesised and applied."""
    folder = tmp_path_factory.mktemp("stack")
    copy = folder / "policies"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("__pycache__", "cdktf.out"))
    environment = tool_environment | {"LEASEHOLD_ENDPOINT": registry.url}
    done = subprocess.run(
        [sys.executable, "policies_stack.py"], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    registry.create("workload-bindings", "role-ci-policies", {
        "trust_issuer": "idp", "oidc": {"subject": "ci-policies"}, "role": "security-admin", "stack": "policies",
    })  # fmt: skip
    stack = Stack(folder, archive_bytes(read_sources(PACKAGE), ENTRY), registry, "policies", "ci-policies")
    (stack.root / "versions.tf").unlink()
    stack.write((copy / "cdktf.out" / "stacks" / "policies" / "cdk.tf.json").read_text(), "main.tf.json")
    stack.apply()
    return stack


def leasehold(registry, *arguments, subject="admin"):
    """The command line, as a process of its own."""
    environment = {"LEASEHOLD_ENDPOINT": registry.url, "LEASEHOLD_TOKEN": registry.token(subject)}
    return leasehold_command(*arguments, environment=environment)


@pytest.mark.parametrize("table", TABLES)
def test_every_case_of_a_table_is_decided_as_it_says(applied, registry, table):
    done = leasehold(registry, "policy", "test", TABLES[table])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout
    assert done.stdout.count("ok  ") >= 5


def test_a_plan_right_after_changes_nothing(applied):
    applied.plan(expect=0)


def test_an_enforcement_point_gets_the_same_decision_over_http(applied, registry, pep):
    asked = {
        "subject": {"type": "agent", "id": "support"},
        "action": {"name": "payments/refund", "properties": {"arguments": {"amount": 49.99}}},
        "resource": {"type": "order", "id": "7"},
    }
    assert pep.until(asked, expected=True)["context"]["reason"] == "granted"
    asked["action"]["properties"]["arguments"]["amount"] = 50.01
    denied = pep.decide(asked)
    assert (denied["decision"], denied["context"]["reason"]) == (False, "condition_not_met")
    explained = leasehold(registry, "explain", denied["context"]["evaluation_id"])
    assert "permit payments/small-refunds" in explained.stdout, explained.stderr
    assert "false: " in explained.stdout


def test_a_policy_with_a_typo_stops_the_plan_and_replaces_nothing(applied, registry, pep):
    text = (applied.root / "main.tf.json").read_text()
    (applied.root / "main.tf.json").write_text(text.replace("context.input.amount", "context.input.amout"))
    said = applied.plan(expect=1)
    (applied.root / "main.tf.json").write_text(text)
    assert "amout" in said
    assert "did you mean" in said
