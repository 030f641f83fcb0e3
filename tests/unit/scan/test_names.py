"""Names that look like other names."""

import pytest

from leasehold.scan.findings import FindingKind, Response, ScanPolicy
from leasehold.scan.names import name_findings, skeleton

KNOWN = ["get_issue", "list_repos", "pay", "close-file"]


def rules(name, policy=None):
    return [one.rule for one in name_findings(name, KNOWN, policy or ScanPolicy())]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("gеt_issue", "look_alike"),  # Cyrillic
        ("get_іssue", "mixed_scripts"),
        ("рау", "look_alike"),  # Cyrillic throughout: no mixture to see
        ("list_repοs", "look_alike"),  # Greek
        ("ɡet_issue", "look_alike"),  # a Latin letter beyond ASCII
        ("get_1ssue", None),
        ("1ist_repos", "look_alike"),
        ("get＿issue", "folded"),
        ("ｇet_issue", "look_alike"),
        ("𝗀et_issue", "look_alike"),
        ("get_is\u200bsue", "hidden"),
        ("get_is\u200bsue", "look_alike"),
        ("close‑file", "look_alike"),  # a hyphen that does not break
        ("gét_issue", "look_alike"),
    ],
)
def test_a_name_that_can_be_taken_for_another_is_told(name, rule):
    assert (rule in rules(name)) if rule else rules(name) == []


@pytest.mark.parametrize("name", ["get_issue", "get_issues", "天気を見る", "get_天気", "погода", "GetIssue2"])
def test_plain_names_of_any_language_are_left(name):
    assert rules(name) == []


def test_a_skeleton_is_one_for_all_that_look_alike():
    assert skeleton("rnodern") == skeleton("modern") == skeleton("mоdеrn")


def test_a_policy_can_allow_and_log_them():
    assert rules("рау", ScanPolicy(responses={FindingKind.CONFUSABLE: Response.ALLOW})) == []
    logged = name_findings("рау", KNOWN, ScanPolicy(responses={FindingKind.CONFUSABLE: Response.LOG}))
    assert logged[0].response is Response.LOG


def test_a_name_that_is_no_text_is_looked_at_all_the_same():
    assert isinstance(rules("a\ud800b"), list)
