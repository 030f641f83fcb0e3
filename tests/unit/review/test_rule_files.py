"""Rules of a gate as files: YAML or JSON, nothing unclear, and the line of whatever is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.cli.terraform import leasehold

from leasehold.model.errors import InvalidValue
from leasehold.review.gate.rules import USUAL, Check, Verdict, plain_rules, rules_of
from leasehold.review.gate.rules_schema import rules_schema
from leasehold.rule_files import LIMIT, RulesRefused, rules_in
from leasehold.settings import InvalidSetting, read_settings
from leasehold.wiring import _rules

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "deploy" / "gate" / "rules.yaml"
YAML = """\
# who may not hold what
checks:
  wildcard: deny
  mass_change: needs_approval
new_access: {low: auto, critical: deny}
separations:
  - name: four eyes
    left: [github/create_pr]
    right:
      - github/merge_*
labels:
  egress: ["mail/send"]
mass_agents: 7
receipts: [prod*]
"""
VALIDATOR = jsonschema.Draft202012Validator(rules_schema())


def test_yaml_says_what_the_same_json_says():
    plain = {
        "checks": {"wildcard": "deny", "mass_change": "needs_approval"},
        "new_access": {"low": "auto", "critical": "deny"},
        "separations": [{"name": "four eyes", "left": ["github/create_pr"], "right": ["github/merge_*"]}],
        "labels": {"egress": ["mail/send"]},
        "mass_agents": 7,
        "receipts": ["prod*"],
    }
    by_yaml, by_json = rules_in(YAML.encode(), "gate.yaml"), rules_in(json.dumps(plain).encode(), "gate.json")
    assert by_yaml.digest == by_json.digest == rules_of(plain).digest
    assert by_yaml.verdict(Check.WILDCARD) is Verdict.DENY
    assert by_yaml.mass_agents == 7


def test_json_may_stand_in_a_file_of_any_name():
    assert rules_in(b'\n {"mass_agents": 3}', "rules").mass_agents == 3
    assert rules_in(b"mass_agents: 3", "rules").mass_agents == 3
    assert rules_in(b'{\n\t"mass_agents": 3\n}', "rules.yaml").mass_agents == 3  # tabs, as JSON has them


WRONG = {
    "a key twice": ("checks:\n  wildcard: auto\n  unproven: deny\n  wildcard: deny\n", 4, "stands in line 2 already"),
    "a section twice": ("mass_agents: 1\nchecks: {}\nmass_agents: 99\n", 3, "stands in line 1 already"),
    "an unknown rule": ("mass_agents: 1\ncheks:\n  wildcard: auto\n", 2, "`cheks` is no rule"),
    "an unknown check": ("checks:\n  unproven: deny\n  wildcrd: auto\n", 3, "`wildcrd` is no check"),
    "a verdict that is none": ("checks:\n  wildcard: allow\n", 2, "must be auto, needs_approval, deny"),
    "a yes, which YAML takes for true": ("checks:\n  wildcard: yes\n", 2, "must be auto, needs_approval, deny"),
    "a number as YAML 1.1 has them": ("mass_agents: 1:30\n", 1, "whole number"),
    "an octal number": ("mass_agents: 010\n", 1, "whole number"),
    "a fraction": ("max_ttl: 3.5\n", 1, "whole number"),
    "nothing for a rule": ("max_ttl:\n", 1, "whole number"),
    "a tool of no server": (
        "separations:\n  - name: x\n    left: [a/b]\n    right:\n      - c\n",
        5,
        "must list tools",
    ),
    "a list for an object": ("checks:\n- wildcard\n", 2, "must be an object"),
    "an alias": ("labels:\n  private: &a [x/y]\n  egress: *a\n", 2, "anchors and aliases"),
    "a tag": ("receipts: !!python/object/apply:os.system ['id']\n", 1, "tags"),
    "a harmless tag": ("mass_agents: !!int 3\n", 1, "tags"),
    "a merge": ("checks:\n  <<: {wildcard: auto}\n", 2, "`<<` is no check"),
    "a key that is no text": ("? [a, b]\n: 1\n", 1, "keys must be plain texts"),
    "two documents": ("mass_agents: 1\n---\nmass_agents: 2\n", 2, "is no YAML"),
    "a tab": ("checks:\n\twildcard: deny\n", 2, "is no YAML"),
    "a bracket that is not closed": ("receipts: [prod\n\n", 3, "is no YAML"),
    "a depth that no rule has": ("checks: " + "[" * 200 + "]" * 200, 1, "too deep"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_said_with_its_line(wrong):
    text, line, said = WRONG[wrong]
    with pytest.raises(RulesRefused, match=said.replace("(", r"\(")) as refused:
        rules_in(text.encode(), "gate.yaml")
    assert refused.value.line == line


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null", "[]", "text"])
def test_a_file_that_says_nothing_is_refused(text):
    with pytest.raises(RulesRefused):
        rules_in(text.encode(), "gate.yaml")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'{"mass_agents": 1, "checks": {},\n "mass_agents": 99}', "twice"),
        (b'{"checks": {"wildcard": "auto", "wildcard": "deny"}}', "twice"),
        (b'{"mass_agents": NaN}', "is no JSON"),
        (b'{"mass_agents": 1}}', "is no JSON"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"mass_agents: 1 \x07", "is no YAML"),
        (b"#" * (LIMIT + 1), "at most"),
        (b'{"a":' * 5_000, "is no JSON|too deep"),
    ],
)
def test_a_file_that_is_unclear_or_hostile_is_refused(raw, said):
    with pytest.raises(RulesRefused, match=said):
        rules_in(raw, "gate.json" if raw.startswith(b"{") else "gate.yaml")


def test_a_rule_that_json_gets_wrong_has_its_line_too():
    with pytest.raises(RulesRefused, match="is no check") as refused:
        rules_in(b'{\n "checks": {\n  "wildcrd": "auto"}}', "gate.json")
    assert refused.value.line == 3


def test_the_example_is_understood_and_names_its_schema():
    rules = rules_in(EXAMPLE.read_bytes(), EXAMPLE.name)
    assert rules.digest != USUAL.digest
    assert "gate-rules.schema.json" in EXAMPLE.read_text().split("\n")[0]
    VALIDATOR.validate(plain_rules(rules))


def test_the_usual_rules_hold_to_the_schema():
    jsonschema.Draft202012Validator.check_schema(rules_schema())
    VALIDATOR.validate(plain_rules(USUAL))


words = st.sampled_from(["auto", "needs_approval", "deny", "yes", "a/b", "c/*", "x", "", "low", "critical", "wildcard"])
values = st.recursive(
    words | st.integers(-1, 3) | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["name", "left", "right", "private", "low", "wildcard", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@settings(max_examples=600, deadline=None)
@given(st.dictionaries(st.sampled_from([*plain_rules(USUAL), "other"]), values, max_size=3))
def test_the_schema_takes_exactly_what_the_gate_takes(plain):
    try:
        rules_of(plain)
    except InvalidValue:
        taken = False
    else:
        taken = True
    assert VALIDATOR.is_valid(plain) is taken


def run(tmp_path, text, *more):
    path = tmp_path / "gate.yaml"
    path.write_text(text)

    def nobody(request):
        raise AssertionError("no registry is asked")

    return leasehold("rules", "check", path, *more, answer=nobody)


def test_the_command_says_what_differs_from_the_usual(tmp_path):
    code, out, err = run(tmp_path, YAML)
    assert (code, err) == (0, "")
    assert out.startswith(f"understood, {rules_in(YAML.encode(), 'gate.yaml').digest}\n")
    assert "  checks.wildcard: deny (usually needs_approval)\n" in out
    assert "  mass_agents: 7 (usually 20)\n" in out
    assert '  receipts: ["prod*"]\n' in out
    assert "mass_change" not in out


def test_the_command_ends_with_1_and_the_line_of_what_is_wrong(tmp_path):
    code, out, err = run(tmp_path, "checks:\n  wildcrd: \x1b[2J\n")
    assert (code, out) == (1, "")
    assert "\x1b" not in err
    code, _, err = run(tmp_path, "checks:\n  wildcrd: deny\n")
    assert "line 2: checks: `wildcrd` is no check" in err
    assert leasehold("rules", "check", tmp_path / "none.yaml", answer=None)[0] == 1


def test_the_command_writes_all_rules_as_json(tmp_path):
    code, out, _ = run(tmp_path, YAML, "--json")
    assert code == 0
    assert rules_of(json.loads(out)["rules"]).digest == json.loads(out)["digest"]


def test_a_server_does_not_start_with_rules_that_are_unclear(tmp_path):
    path = tmp_path / "gate.yaml"
    path.write_text("mass_agents: 1\nmass_agents: 99\n")
    environ = {"LEASEHOLD_GATE_RULES": str(path), "LEASEHOLD_DATA_DIR": str(tmp_path)}
    with pytest.raises(InvalidSetting, match="LEASEHOLD_GATE_RULES cannot be used: line 2: `mass_agents` stands in"):
        _rules(read_settings(environ))
    path.write_text(YAML)
    assert _rules(read_settings(environ)).mass_agents == 7
