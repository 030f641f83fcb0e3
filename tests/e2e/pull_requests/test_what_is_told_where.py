"""Summary, status, issue, SARIF and Code Quality; and what is told when nothing is known."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import httpx
import jsonschema
import pytest
from tests.e2e.pull_requests.conftest import BY_NAME
from tests.fakes.forge import Answer, Fault

from leasehold.cli.folding import COMMENT_LIMIT, SUMMARY_LIMIT

SARIF = json.loads((Path(__file__).parents[2] / "vectors" / "sarif-schema-2.1.0.json").read_text())
SHA = "c0ffee" + "0" * 34


def issues(job, forge):
    return [(one["state"], (one.get("body") or one.get("description")).split("\n")[1]) for one in forge.issues]


@pytest.mark.parametrize("sample", ["registry-unreachable"])
def test_an_unreachable_registry_is_told_in_the_comment_and_by_the_exit_code(job, forge, thread, sample):
    job("delete-tool-in-production", "--comment", job.kind)
    later = {"GITHUB_RUN_ID": "501", "CI_PIPELINE_ID": "501"}
    code, out, err = job(sample, "--comment", job.kind, "--status", environ=later)
    assert (code, out) == (1, "")
    assert "no answer from the registry" in err
    (comment,) = thread(job)
    assert "Do not read this as “no change”" in comment["body"]
    assert "Critical risk" not in comment["body"]
    assert "127.0.0.1:8420" not in comment["body"]
    assert forge.statuses[-1]["state"] in {"error", "failed"}


@pytest.mark.parametrize("text", ['{"format_version": "1.2", "planned_val', "[]", '{"resources": 7}', "\x00\xff"])
def test_a_plan_that_is_none_is_told_in_the_comment(github, forge, tmp_path, text):
    path = tmp_path / "broken.json"
    path.write_text(text, encoding="latin-1")
    code, _, _ = github.run(None, "review", f"prod={path}", "--comment", "github")
    assert code == 1
    assert "❌ Not known" in forge.comments[0]["body"]
    assert str(path) not in forge.comments[0]["body"]


def test_a_failure_writes_no_file_that_would_close_what_scanners_know(github, tmp_path):
    code, _, _ = github("registry-unreachable", "--sarif", tmp_path / "x.sarif", "--code-quality", tmp_path / "q.json")
    assert code == 1
    assert not (tmp_path / "x.sarif").exists()
    assert not (tmp_path / "q.json").exists()


@pytest.mark.parametrize(
    ("sample", "more", "state", "said"),
    [
        ("no-access-change", (), "success", "allowed automatically: no agent gains or loses access"),
        ("delete-tool-in-production", (), "success", "needs approval (critical risk): 1 agent gains access"),
        ("delete-tool-in-production", ("--fail-on", "high"), "failure", "needs approval (critical risk)"),
        (
            "granted-and-held-back",
            (),
            "success",
            "needs approval (critical risk): 1 agent is granted what it may not call",
        ),
        ("policy-gone", (), "success", "needs approval: policies let 1 agent do more"),
        ("ceiling-lowered", (), "success", "denied (medium risk): 1 agent loses access"),
        (
            "unknown-at-plan",
            ("--strict",),
            "failure",
            "needs approval: no agent gains or loses access, 1 object is not",
        ),
        ("grant-made-by-hand", (), "failure", ""),
    ],
)
def test_a_status_says_in_a_line_how_it_ended(job, forge, sample, more, state, said):
    job(sample, "--comment", job.kind, "--status", *more)
    (status,) = forge.statuses
    assert status["state"] == (state if job.kind == "github" else state.replace("failure", "failed"))
    assert status["sha"] == SHA
    assert status.get("context", status.get("name")).endswith("/prod")
    assert len(status["description"]) <= 140
    assert "`" not in status["description"]
    assert status["description"].startswith(said)


@pytest.mark.parametrize(
    ("sample", "code", "at_github", "at_gitlab"),
    [
        ("read-access-added", 0, "success", "success"),
        ("delete-tool-in-production", 4, "pending", "pending"),
        ("ceiling-lowered", 5, "failure", "failed"),
        ("not-provable", 5, "failure", "failed"),
    ],
)
def test_with_the_gate_a_status_waits_for_approval(job, forge, sample, code, at_github, at_gitlab):
    assert job(sample, "--comment", job.kind, "--status", "--gate")[0] == code
    assert [one["state"] for one in forge.statuses] == [at_github if job.kind == "github" else at_gitlab]


def test_a_plan_that_failed_for_its_risk_is_no_plan_that_waits(job, forge):
    code, _, _ = job("delete-tool-in-production", "--comment", job.kind, "--status", "--gate", "--fail-on", "high")
    assert code == 3
    assert forge.statuses[0]["state"] in {"failure", "failed"}


def test_scanners_are_told_the_verdict_the_proof_and_every_rule(github, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def told(sample):
        github(sample, "--sarif", "out.sarif", "--code-quality", "quality.json")
        (run,) = json.loads((tmp_path / "out.sarif").read_text())["runs"]
        jsonschema.Draft4Validator(SARIF).validate({"version": "2.1.0", "runs": [run]})
        quality = [one["description"] for one in json.loads((tmp_path / "quality.json").read_text())]
        assert {one["message"]["text"] for one in run["results"]} == set(quality)
        found = defaultdict(str)
        for one in run["results"]:
            found[one["ruleId"]] += one["message"]["text"] + "\n"
        return found

    gained = told("wider-by-argument")["access-gained-critical"]
    assert "needs approval (new_access, standing_production)" in gained
    assert 'proved: `payer` can call `pay` with `{"amount": 101, "currency": "EUR"}` on `account:suppliers`' in gained
    assert "denied: grant `triage/issues` goes beyond ceiling" in told("ceiling-lowered")["gate-above_ceiling-critical"]
    unproven = told("not-provable")
    assert "unproven: `delete_branch`" in unproven["access-gained-critical"]
    assert "is unproven" in unproven["gate-unproven_in_production-critical"]
    assert "no more of `delete_branch`" in told("granted-and-held-back")["access-gained-critical"]
    policies = told("policy-gone")["gate-policy_widens-high"]
    assert "needs approval: for agent `triage`, `github/delete_branch` on `repo:web` is allowed" in policies


def test_a_summary_is_added_below_what_is_there(github):
    Path(github.environment["GITHUB_STEP_SUMMARY"]).write_text("# mine\n")
    github("delete-tool-in-production", "--comment", "github")
    assert github.summary.startswith("# mine\n")
    assert "✋ Needs approval in `prod`: agent `triage` can now `delete_branch` on `repo:web`" in github.summary
    assert "**proved:** `triage` can call `delete_branch` on `repo:web`" in github.summary


def test_a_summary_that_is_full_is_said_and_not_overrun(github):
    Path(github.environment["GITHUB_STEP_SUMMARY"]).write_text("x" * 1_040_000)
    github("delete-tool-in-production", "--comment", "github")
    assert len(github.summary.encode()) < 1_048_576
    assert "does not fit" in github.summary


def huge(sample_answer, many):
    """A registry that answers with many changes of one size."""

    def answer(request):
        report = json.loads(sample_answer(request).content)
        report["access"] = [{**report["access"][0], "agent": f"agent-{at}"} for at in range(many)]
        return httpx.Response(200, json=report)

    return answer


def test_ten_thousand_changes_fit_into_comment_and_summary(github, forge, tmp_path):
    sample = BY_NAME["delete-tool-in-production"]
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(sample.document()))
    code, _, err = github.run(huge(sample.answer(), 10_000), "review", f"prod={path}", "--comment", "github", "--json")
    assert (code, err) == (0, "comment created\n")
    assert len(forge.comments[0]["body"].encode()) <= COMMENT_LIMIT + 100
    assert "more changes are not shown here" in forge.comments[0]["body"]
    assert len(github.summary.encode()) <= SUMMARY_LIMIT + 100


def test_drift_opens_updates_closes_and_reopens_one_issue(job, forge):
    def drift(sample):
        return job(sample, "--issue", job.kind)

    open_, closed = ("open", "closed") if job.kind == "github" else ("opened", "closed")
    assert drift("grant-made-by-hand")[2] == "issue opened\n"
    assert [state for state, _ in issues(job, forge)] == [open_]
    assert drift("grant-made-by-hand")[2] == "issue updated\n"
    assert drift("clean-state")[2] == "issue closed\n"
    assert [state for state, _ in issues(job, forge)] == [closed]
    assert "✅ Live access in `prod` is as declared" in issues(job, forge)[0][1]
    assert drift("clean-state")[2] == "issue closed already\n"
    assert drift("grant-made-by-hand")[2] == "issue reopened\n"
    assert [state for state, _ in issues(job, forge)] == [open_]


def test_no_drift_opens_no_issue(job, forge):
    assert job("clean-state", "--issue", job.kind)[2] == "issue nothing to open\n"
    assert not forge.issues


def test_what_could_not_be_told_neither_closes_nor_opens_an_issue(job, forge):
    job("grant-made-by-hand", "--issue", job.kind)
    before = json.dumps(forge.issues)
    assert job("drift-unreachable", "--issue", job.kind)[0] == 1
    assert json.dumps(forge.issues) == before


def test_a_forge_that_takes_no_issue_leaves_the_code_of_drift(job, forge):
    forge.faults.append(Fault("POST", "issues", Answer(422, {"message": "Validation Failed"}), times=9))
    code, _, err = job("grant-made-by-hand", "--issue", job.kind)
    assert code == 2
    assert "no issue was written" in err


@pytest.mark.parametrize(
    "sample", ["new-agent", "delete-tool-in-production", "ceiling-lowered", "unknown-at-plan", "grant-made-by-hand"]
)
def test_sarif_is_what_its_schema_says_and_points_into_the_code(github, tmp_path, monkeypatch, sample):
    code_of = tmp_path / "infra"
    code_of.mkdir()
    (code_of / "agents.tf").write_text('# agents\n\nresource "leasehold_agent_grants_exclusive" "triage" {\n}\n')
    monkeypatch.chdir(tmp_path)
    github(sample, "--sarif", "out.sarif", "--code-quality", "quality.json")
    log = json.loads((tmp_path / "out.sarif").read_text())
    jsonschema.Draft4Validator(SARIF).validate(log)
    (run,) = log["runs"]
    assert run["results"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["partialFingerprints"]
    places = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]}
    assert places == {"infra/agents.tf"}
    if sample == "delete-tool-in-production":
        assert run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 3
        assert run["results"][0]["level"] == "error"
    assert run["invocations"][0]["executionSuccessful"] is (sample != "unknown-at-plan")
    quality = json.loads((tmp_path / "quality.json").read_text())
    assert len(quality) == len(run["results"])
    for issue in quality:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert not issue["location"]["path"].startswith(("/", "./"))


def test_no_findings_are_an_empty_list_that_closes_the_old_ones(github, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    github("no-access-change", "--sarif", "out.sarif", "--code-quality", "quality.json")
    log = json.loads((tmp_path / "out.sarif").read_text())
    jsonschema.Draft4Validator(SARIF).validate(log)
    assert log["runs"][0]["results"] == json.loads((tmp_path / "quality.json").read_text()) == []


def test_fingerprints_stay_while_times_move(github, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = []
    for name in ("a", "b"):
        github("delete-tool-in-production", "--sarif", name)
        found.append(
            [one["partialFingerprints"] for one in json.loads((tmp_path / name).read_text())["runs"][0]["results"]]
        )
    assert found[0] == found[1]


def test_a_file_that_cannot_be_written_ends_with_1(github):
    code, _, err = github("new-agent", "--sarif", "/nonexistent/x.sarif")
    assert code == 1
    assert "cannot be written" in err


def test_a_status_without_a_forge_is_a_mistake(github):
    code, _, err = github("new-agent", "--status")
    assert code == 1
    assert "at which forge" in err
