"""One comment per stack, whatever happens to it meanwhile: on GitHub and on GitLab."""

from __future__ import annotations

import threading

import pytest
from tests.fakes.forge import MALLORY, OCTOCAT, PERSON, STRANGER, Answer, Fault

MARKER = "<!-- leasehold:review stack=prod run="


def ours(found):
    return [one for one in found if one["body"].startswith(MARKER)]


def only(found):
    assert len(ours(found)) == 1, [one["body"][:60] for one in found]
    return ours(found)[0]


def later(job, by=1):
    """The environment of a later run."""
    return {"GITHUB_RUN_ID": str(500 + by)} if job.kind == "github" else {"CI_PIPELINE_ID": str(500 + by)}


def test_the_first_run_comments_and_the_second_brings_that_comment_up_to_date(job, forge, thread):
    code, _, err = job("delete-tool-in-production", "--comment", job.kind)
    assert (code, err) == (0, "comment created\n")
    first = only(thread(job))
    assert "✋ Needs approval in `prod`: agent `triage` can now `delete_branch` on `repo:web`" in first["body"]
    code, _, err = job("no-access-change", "--comment", job.kind, environ=later(job))
    assert (code, err) == (0, "comment updated\n")
    second = only(thread(job))
    assert second["id"] == first["id"]
    assert "✅ No agent gains or loses access" in second["body"]


def test_the_same_run_may_report_twice(job, thread):
    job("delete-tool-in-production", "--comment", job.kind)
    job("narrower-only", "--comment", job.kind)
    assert "loses access" in only(thread(job))["body"]


def test_a_comment_is_found_on_a_later_page(job, forge, thread):
    put = forge.comment if job.kind == "github" else forge.note
    stranger = MALLORY if job.kind == "github" else STRANGER
    job("delete-tool-in-production", "--comment", job.kind)
    mine = thread(job)[0]
    for at in range(250):
        put(f"chatter {at}", stranger)
    mine["id"] = 1_000_000  # so that it stands last
    thread(job).sort(key=lambda one: one["id"])
    job("no-access-change", "--comment", job.kind, environ=later(job))
    assert only(thread(job))["id"] == 1_000_000
    assert forge.count("POST", "comments|notes") == 1


def test_a_comment_deleted_by_hand_is_made_anew(job, thread):
    job("delete-tool-in-production", "--comment", job.kind)
    thread(job).clear()
    code, _, err = job("narrower-only", "--comment", job.kind, environ=later(job))
    assert (code, err) == (0, "comment created\n")
    assert "loses access" in only(thread(job))["body"]


def test_a_comment_deleted_between_look_and_write_is_made_anew(job, forge, thread):
    job("delete-tool-in-production", "--comment", job.kind)

    def vanish(method, _):
        if method in {"PATCH", "PUT"}:
            thread(job).clear()

    forge.before = vanish
    code, _, _ = job("narrower-only", "--comment", job.kind, environ=later(job))
    assert code == 0
    assert "loses access" in only(thread(job))["body"]


def test_comments_of_two_stacks_live_side_by_side(job, tmp_path, thread):
    job("delete-tool-in-production", "--comment", job.kind)
    thread(job)[0]["body"] = thread(job)[0]["body"].replace("stack=prod", "stack=prod-eu")
    job("narrower-only", "--comment", job.kind)
    assert len(thread(job)) == 2


def test_a_strangers_comment_with_our_marker_is_left_alone(job, forge, thread):
    put = forge.comment if job.kind == "github" else forge.note
    fake = put(f"{MARKER}9999.1 -->\nall is well", MALLORY if job.kind == "github" else STRANGER)
    job("delete-tool-in-production", "--comment", job.kind)
    assert fake["body"].endswith("all is well")
    assert len(ours(thread(job))) == 2


def test_what_only_quotes_a_marker_is_left_alone(job, forge, thread):
    put = forge.comment if job.kind == "github" else forge.note
    quote = put(f"> {MARKER}1.1 -->\n> old report")
    job("delete-tool-in-production", "--comment", job.kind)
    assert "old report" in quote["body"]


def test_an_older_run_does_not_overwrite_a_newer_report(job, thread):
    job("delete-tool-in-production", "--comment", job.kind, environ=later(job, 5))
    code, _, err = job("no-access-change", "--comment", job.kind)
    assert (code, err) == (0, "comment superseded\n")
    assert "🔴 **Critical risk.**" in only(thread(job))["body"]


def test_a_comment_of_two_that_an_earlier_race_left_goes_away(job, forge, thread):
    job("delete-tool-in-production", "--comment", job.kind)
    put = forge.comment if job.kind == "github" else forge.note
    put(thread(job)[0]["body"])
    job("narrower-only", "--comment", job.kind, environ=later(job))
    assert "loses access" in only(thread(job))["body"]


def test_two_runs_that_race_leave_one_comment_with_the_newer_report(job, forge, thread):
    """Both have looked, and found nothing, before either writes."""
    both = threading.Barrier(2, timeout=20)

    def wait(method, path):
        if method == "POST" and ("comments" in path or "notes" in path):
            both.wait()

    forge.before = wait
    ends = []
    runs = [("narrower-only", 1), ("delete-tool-in-production", 2)]
    threads = [
        threading.Thread(target=lambda s=s, by=by: ends.append(job(s, "--comment", job.kind, environ=later(job, by))))
        for s, by in runs
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [code for code, _, _ in ends] == [0, 0], ends
    assert forge.count("POST", "comments|notes") == 2
    assert "🔴 **Critical risk.**" in only(thread(job))["body"]


def test_a_person_whose_token_it_is_finds_their_own_comment(github, forge):
    github.kind = "github"
    forge.comment(f"{MARKER}1.1 -->\nof the bot")
    for by in (1, 2):
        github(
            "delete-tool-in-production", "--comment", "github", environ={"GITHUB_TOKEN": PERSON, **later(github, by)}
        )
    mine = [one for one in forge.comments if one["user"] == OCTOCAT]
    assert len(mine) == 1
    assert len(forge.comments) == 2


def test_a_job_without_a_pull_request_comments_nowhere_and_fails_nothing(github, forge, tmp_path):
    event = tmp_path / "push.json"
    event.write_text('{"ref": "refs/heads/main"}')
    push = {"GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(event), "GITHUB_REF": "refs/heads/main"}
    code, _, err = github("delete-tool-in-production", "--comment", "github", environ=push)
    assert code == 0
    assert "belongs to no pull request" in err
    assert "🔴 **Critical risk.**" in github.summary
    assert not forge.requests


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"GITHUB_EVENT_NAME": "pull_request_target"}, "pull_request_target"),
        ({"GITHUB_REPOSITORY": "acme/../evil"}, "GITHUB_REPOSITORY"),
        ({"GITHUB_REPOSITORY": ""}, "GITHUB_REPOSITORY"),
        ({"GITHUB_API_URL": "http://api.example.com"}, "https URL"),
        ({"GITHUB_API_URL": "https://me@api.example.com"}, "https URL"),
        ({"GITHUB_EVENT_PATH": "/nonexistent"}, "event of this job"),
    ],
)
def test_an_environment_that_is_not_right_ends_before_anything_is_asked(github, forge, environ, said):
    def asked(_):
        raise AssertionError("the registry is asked")

    code, _, err = github.run(asked, "review", "prod=/nonexistent.json", "--comment", "github", environ=environ)
    assert code == 1
    assert said in err
    assert not forge.requests


def test_a_fault_that_stays_is_told_and_fails_the_job(job, forge):
    forge.faults.append(Fault("*", "", Answer(502, {"message": "Bad Gateway"}), times=1_000))
    code, out, err = job("delete-tool-in-production", "--comment", job.kind)
    assert code == 1
    assert "prod: needs approval; 1 critical" in out
    assert "delete_branch" in out
    assert "no comment was written: the forge answered GET with 502" in err
    assert job.slept == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
