"""What a report says of a verdict: who approves, how, and what holds the apply back; nothing that no rule makes."""

from __future__ import annotations

import json
from pathlib import PurePath

import pytest
from tests.golden.pull_requests.samples import SAMPLES
from tests.unit.cli.terraform import leasehold

from leasehold.cli.review_evidence import moved
from leasehold.cli.review_markdown import headline, review_markdown

BY_NAME = {sample.name[3:]: sample for sample in SAMPLES}


@pytest.fixture
def report(tmp_path):
    def reviewed(name):
        path = tmp_path / "plan.json"
        path.write_text(json.dumps(BY_NAME[name].document()))
        code, out, err = leasehold("review", f"prod={path}", "--json", answer=BY_NAME[name].answer())
        assert code == 0, err
        return json.loads(out)

    return reviewed


def test_a_receipt_that_no_rule_asks_for_promises_no_refusal(report):
    told = report("delete-tool-in-production")
    told["receipt"]["required"] = False
    shown = review_markdown(told, receipt=PurePath("out/receipt-prod.json"))
    assert "`leasehold approve receipt-prod.json --out approved.json`" in shown
    assert "no rule asks for it here: the pipeline alone holds the apply back" in shown
    assert "the registry refuses" not in shown


def test_a_run_that_keeps_no_receipt_says_how_to_keep_one(report):
    shown = review_markdown(report("delete-tool-in-production"))
    assert "this run kept none: `leasehold review --receipt receipt.json` does" in shown


def test_a_registry_without_receipts_is_said(report):
    shown = review_markdown(report("delete-tool-in-production") | {"receipt": None})
    assert "there is nothing to approve" in shown


@pytest.mark.parametrize("name", ["$(reboot).json", "a b.json", "-rf", "`x`", "ä.json"])
def test_a_file_name_that_a_shell_would_read_is_not_put_into_a_command(report, name):
    shown = review_markdown(report("delete-tool-in-production"), receipt=PurePath(name))
    assert "`leasehold approve receipt.json --out approved.json`" in shown
    assert name not in shown


def test_a_receipt_is_in_no_report(report):
    told = report("delete-tool-in-production")
    assert told["receipt"]["token"] not in review_markdown(told, receipt=PurePath("receipt.json"))


def test_what_is_denied_offers_no_approval(report):
    shown = review_markdown(report("ceiling-lowered"), receipt=PurePath("receipt.json"))
    assert "nobody can approve it" in shown
    assert "leasehold approve" not in shown


def test_what_nothing_was_proved_of_is_never_told_as_proved(report):
    """An answer without proofs: of an older registry, or of one that stopped proving."""
    told = report("delete-tool-in-production") | {"proofs": []}
    shown = review_markdown(told)
    assert "agent `triage` might now `delete_branch` on `repo:web` (unproven)" in shown
    assert "⚠️ **unproven:** nothing was proved of `delete_branch`" in shown
    assert "can now" not in shown


@pytest.mark.parametrize(
    ("name", "risks"),
    [("no-access-change", []), ("policy-gone", ["high", "high"]), ("delete-tool-in-production", ["critical"])],
)
def test_what_policies_alone_let_more_counts_for_fail_on(report, name, risks):
    assert [one["risk"] for one in moved(report(name))] == risks


def test_a_headline_holds_no_live_string(report):
    for name in ("new-agent", "policy-gone", "granted-and-held-back", "not-provable"):
        assert not {"triage", "release-notes", "delete_branch"} & set(headline(report(name)).replace("`", " ").split())


def test_a_verdict_that_we_do_not_know_is_no_verdict(report):
    told = report("new-agent")
    told["gate"]["verdict"] = "perhaps"
    with pytest.raises(KeyError):
        review_markdown(told)
