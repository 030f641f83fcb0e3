"""Live strings come from whoever could write an object: no fix and no sentence may let one break out."""

from __future__ import annotations

import shlex

import pytest

from leasehold.model.deployments import Deployment
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.review.fixes import fix_for_unmanaged, hcl_string, label_of
from leasehold.review.quotation import quoted

HOSTILE = [
    "`; rm -rf /`",
    "\x1b[2J\x1b[31mgone",
    "a\u202eb",
    "line\nbreak",
    '${file("/etc/passwd")}',
    "%{ for x in y }",
    '"} resource "x" "y" {',
    "back\\slash",
    "\U0001f600",
    "\u200bzero",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_quoted_string_ends_where_it_says(text):
    shown = quoted(text)
    assert shown.count("`") == 2
    assert shown[0] == shown[-1] == "`"
    assert shown.isprintable()


def test_an_endless_string_is_cut():
    assert len(quoted("x" * 10_000)) <= 202


@pytest.mark.parametrize("text", HOSTILE)
def test_a_string_in_hcl_is_one_string_without_templates(text):
    shown = hcl_string(text)
    inner = shown[1:-1].replace("\\\\", "").replace('\\"', "")
    assert '"' not in inner
    assert shown.isascii()
    assert shown.isprintable()
    assert "${" not in shown.replace("$${", "")
    assert "%{" not in shown.replace("%%{", "")


@pytest.mark.parametrize("resource", ["repo:$(reboot)", "repo:`id`", "repo:a;b", "repo:a'b", 'repo:"x"', "repo:<b>|"])
def test_a_fix_is_one_shell_command_whatever_the_name(resource):
    grant = Grant(agent="triage", tool_server="github", tools=frozenset({"read_file"}), resources=frozenset({resource}))
    fix = fix_for_unmanaged((Kind.GRANTS, grant.id), grant, claimed=False)
    assert shlex.split(fix.revert) == ["leasehold", "object", "delete", "grants", grant.id]


def test_an_adopted_object_says_all_that_is_not_a_default():
    deployment = Deployment(agent="triage", commit="${evil}")
    fix = fix_for_unmanaged((Kind.DEPLOYMENTS, "by-hand"), deployment, claimed=False)
    assert fix.adopt_hcl == (
        'resource "leasehold_deployment" "by_hand" {\n'
        '  name   = "by-hand"\n'
        '  agent  = "triage"\n'
        '  commit = "$${evil}"\n'
        "}\n"
    )
    assert fix.import_ == 'import {\n  to = leasehold_deployment.by_hand\n  id = "by-hand"\n}\n'


@pytest.mark.parametrize("name", [*HOSTILE, "1st", "", "ünïcode", "a" * 500])
def test_a_label_is_an_identifier_whatever_the_name(name):
    assert label_of(name).isidentifier()
    assert label_of(name).isascii()
