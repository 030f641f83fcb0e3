"""What users copy: well-formed, without secrets, without a stranger's rights, and no input that runs as code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[3]
CI = ROOT / "deploy" / "ci"
SHELLCHECK = Path(sys.executable).parent / "shellcheck"
VENDORED = files("check_jsonschema") / "builtin_schemas" / "vendor"
WORKFLOWS = sorted((CI / "github" / "workflows").glob("*.yml"))


def schema(name):
    return json.loads((VENDORED / f"{name}.json").read_text())


def valid(document, name):
    found = schema(name)
    jsonschema.validators.validator_for(found)(found).validate(document)


def read(path):
    return yaml.safe_load(path.read_text())


def test_the_action_is_what_its_schema_says():
    valid(read(CI / "github" / "action.yml"), "github-actions")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_what_its_schema_says(path):
    document = read(path)
    document["on"] = document.pop(True)  # YAML 1.1 takes the word for a truth
    valid(document, "github-workflows")


def test_the_component_is_what_gitlabs_schema_says():
    spec, jobs = yaml.safe_load_all((CI / "gitlab" / "leasehold.yml").read_text())
    assert set(spec) == {"spec"}
    text = json.dumps(jobs)
    for name in re.findall(r"\$\[\[ inputs\.([\w-]+) \]\]", text):
        assert name in spec["spec"]["inputs"]
        text = text.replace(f"$[[ inputs.{name} ]]", "prod")
    valid(json.loads(text), "gitlab-ci")
    plan = jobs["leasehold-plan"]["artifacts"]
    assert plan["access"] == "developer"  # a plan is readable by guests unless said otherwise


@pytest.mark.parametrize("path", sorted(CI.rglob("*.yml")), ids=lambda path: path.stem)
def test_nothing_asks_for_a_secret_or_runs_with_a_strangers_change_and_our_rights(path):
    code = re.sub(r"(^|\s)#.*$", "", path.read_text(), flags=re.MULTILINE)
    assert "secrets." not in code
    assert "pull_request_target" not in code
    assert "curl" not in code


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_only_what_it_needs(path):
    document = read(path)
    allowed = {"contents": {"read"}, "id-token": {"write"}, "pull-requests": {"write"}, "issues": {"write"}}
    assert all(right in allowed[name] for name, right in document["permissions"].items())
    assert ("pull-requests" in document["permissions"]) is (path.stem == "pull-request")
    for step in (step for job in document["jobs"].values() for step in job["steps"]):
        if step["uses"].startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False


def test_no_input_of_the_action_becomes_code():
    for step in read(CI / "github" / "action.yml")["runs"]["steps"]:
        assert "${{" not in step["run"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_gives_the_action_inputs_that_it_has(path):
    action = read(CI / "github" / "action.yml")["inputs"]
    for step in (step for job in read(path)["jobs"].values() for step in job["steps"]):
        if "leasehold" in step["uses"]:
            assert set(step["with"]) <= set(action)
            assert {name for name, one in action.items() if one.get("required")} <= set(step["with"])


def test_the_script_passes_the_shells_own_check():
    steps = read(CI / "github" / "action.yml")["runs"]["steps"]
    for shell, text in [("sh", (CI / "leasehold-ci.sh").read_text()), *(("bash", step["run"]) for step in steps)]:
        done = subprocess.run([SHELLCHECK, "-s", shell, "-"], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_the_script_is_installed_with_the_package():
    assert '"deploy/ci/leasehold-ci.sh" = "leasehold-ci"' in (ROOT / "pyproject.toml").read_text()
    assert (CI / "leasehold-ci.sh").stat().st_mode & 0o111


def test_the_action_passes_every_setting_of_the_script():
    script = (CI / "leasehold-ci.sh").read_text()
    settings = set(re.findall(r"\$\{(LEASEHOLD_CI_[A-Z_]+)", script)) - {"LEASEHOLD_CI_FORGE"}
    report = read(CI / "github" / "action.yml")["runs"]["steps"][1]
    assert settings <= set(report["env"])
