"""The examples work as they stand: their own tests pass, and Terraform takes what they make to the real provider."""

import json
import re

import pytest

pytestmark = [pytest.mark.cdktf]


@pytest.mark.parametrize(("example", "tests"), [("platform", 3), ("triage", 4), ("assistants", 3)])
def test_an_examples_own_tests_pass(examples, python, example, tests):
    said = python(examples / example, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert re.search(rf"^{tests} passed", said, re.MULTILINE), said


@pytest.mark.terraform
@pytest.mark.parametrize("example", ["platform", "triage"])
def test_terraform_accepts_an_examples_synth(examples, python, run, example):
    python(examples / example, f"{example}_stack.py")
    stack = examples / example / "cdktf.out" / "stacks" / example
    run(stack, "terraform", "init", "-input=false", "-no-color")
    assert json.loads(run(stack, "terraform", "validate", "-json"))["diagnostics"] == []


@pytest.mark.terraform
@pytest.mark.parametrize("example", ["platform", "triage"])
def test_terraform_accepts_an_examples_hcl(examples, run, example):
    folder = examples / "terraform" / example
    run(folder, "terraform", "fmt", "-check", "-diff")
    run(folder, "terraform", "init", "-input=false", "-no-color")
    assert json.loads(run(folder, "terraform", "validate", "-json"))["diagnostics"] == []


def test_the_cdktf_cli_synthesises_json_and_refuses_hcl_with_the_way_out(examples, run, tool_environment):
    folder = examples / "triage"
    run(folder, "cdktf", "synth")
    assert (folder / "cdktf.out" / "stacks" / "triage" / "cdk.tf.json").is_file()
    with pytest.raises(AssertionError, match="Run `cdktf synth` without `--hcl`"):
        run(folder, "cdktf", "synth", "--hcl")
