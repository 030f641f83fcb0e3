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
    assert "Nobody can approve it" in shown
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


@pytest.fixture
def plan(tmp_path):
    """The arguments that review a sample, and the registry that answers."""

    def written(name):
        path = tmp_path / "plan.json"
        path.write_text(json.dumps(BY_NAME[name].document()))
        return ("review", f"prod={path}", "--gate"), BY_NAME[name].answer()

    return written


@pytest.mark.parametrize(
    ("name", "code"), [("approved", 0), ("delete-tool-in-production", 4), ("ceiling-lowered", 5), ("new-agent", 4)]
)
def test_the_gate_is_green_for_what_was_approved_and_red_for_all_else(plan, name, code):
    arguments, answer = plan(name)
    assert leasehold(*arguments, answer=answer)[0] == code


def test_an_approval_does_not_soften_a_risk_that_was_to_fail_the_run(plan):
    arguments, answer = plan("approved")
    assert leasehold(*arguments, "--fail-on", "critical", answer=answer)[0] == 3


def test_who_approved_stands_in_the_terminal_too(plan):
    arguments, answer = plan("approved")
    assert leasehold(*arguments, answer=answer)[1].startswith("prod: approved by oidc:anna@example.com; ")


@pytest.mark.parametrize("by_option", [True, False])
def test_an_approved_receipt_is_shown_to_the_registry(plan, tmp_path, by_option):
    arguments, answer = plan("delete-tool-in-production")
    path = tmp_path / "approved.json"
    path.write_text(
        json.dumps({"id": f"r_{'0' * 32}", "token": "a.b.c", "objects": {"grants/x": "-"}, "granted": True})
    )
    option = ["--approved", path] if by_option else []
    leasehold(*arguments, *option, answer=answer, environ={} if by_option else {"LEASEHOLD_RECEIPT_FILE": str(path)})
    assert json.loads(answer.seen[-1].content)["receipt"] == {"token": "a.b.c", "objects": {"grants/x": "-"}}


def test_a_receipt_that_does_not_cover_the_plan_is_said_right_below_the_title(report):
    told = report("delete-tool-in-production") | {"receipt_refused": "`grants/x` is not changed as it was reviewed"}
    head, _, rest = review_markdown(told).partition("| Gate |")
    assert "does not let it be applied: `grants/x` is not changed as it was reviewed" in head
    assert rest


@pytest.mark.parametrize("text", ["{}", "nope", '{"id": "r_1", "token": "x", "objects": {}}'])
def test_a_file_that_is_no_receipt_is_not_shown(plan, tmp_path, text):
    arguments, answer = plan("delete-tool-in-production")
    (tmp_path / "junk.json").write_text(text)
    code, _, said = leasehold(*arguments, "--approved", tmp_path / "junk.json", answer=answer)
    assert (code, answer.seen) == (1, [])
    assert "receipt" in said or "JSON" in said
