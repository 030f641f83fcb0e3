"""Rate limits are waited for, refusals are told, and what may not be written is shown elsewhere."""

from __future__ import annotations

import time

import pytest
from tests.fakes.forge import PRIMARY, READS, SECONDARY, Answer, Fault, github_environment


def test_the_token_of_a_fork_writes_the_summary_and_says_so(github, forge, tmp_path):
    environ = github_environment(forge, tmp_path, READS, fork=True)
    code, _, err = github("delete-tool-in-production", "--comment", "github", "--status", environ=environ)
    assert code == 0
    assert "no comment was written" in err
    assert "comes from a fork, whose token may only read" in err
    assert "comes from a fork" in github.summary
    assert "🔴 **Critical risk.**" in github.summary
    assert not forge.comments
    assert not forge.statuses


def test_a_fork_does_not_soften_the_gate(github, forge, tmp_path):
    environ = github_environment(forge, tmp_path, READS, fork=True)
    arguments = ("delete-tool-in-production", "--comment", "github", "--fail-on", "high")
    assert github(*arguments, environ=environ)[0] == 3


def test_a_job_token_of_gitlab_is_told_what_it_may_not(gitlab, forge):
    code, _, err = gitlab("delete-tool-in-production", "--comment", "gitlab", environ={"GITLAB_TOKEN": ""})
    assert code == 0
    assert "no comment was written" in err
    assert "GITLAB_TOKEN" in err
    assert not forge.notes


@pytest.mark.parametrize("token", ["", "expired"])
def test_a_token_that_is_none_is_told(github, token):
    code, _, err = github("delete-tool-in-production", "--comment", "github", environ={"GITHUB_TOKEN": token})
    assert code == 0
    assert "Bad credentials" in err
    assert "pull-requests: write" in err


def test_a_pull_request_that_is_not_there_is_told(gitlab):
    environ = {"CI_MERGE_REQUEST_IID": "99"}
    code, _, err = gitlab("delete-tool-in-production", "--comment", "gitlab", environ=environ)
    assert code == 0
    assert "404 Not found" in err


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        (Answer(403, SECONDARY, {"Retry-After": "7"}), 7.0),
        (Answer(429, SECONDARY, {"Retry-After": "9"}), 9.0),
        (Answer(403, SECONDARY), 60.0),
        (Answer(429, {"message": "Retry later"}), 60.0),
        (Answer(503, {"message": "Service Unavailable"}, {"Retry-After": "3"}), 3.0),
        (Answer(500, {"message": "Server Error"}), 1.0),
        (Answer(502, "<html>Unicorn!</html>"), 1.0),
        (None, 1.0),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_passes_is_waited_for(github, forge, answer, pause, method):
    forge.faults.append(Fault(method, "comments", answer))
    code, _, err = github("delete-tool-in-production", "--comment", "github")
    assert (code, err) == (0, "comment created\n")
    assert github.slept == [pause]
    assert len(forge.comments) == 1


def test_a_primary_limit_is_waited_out_by_the_forges_own_clock(github, forge):
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 30)}
    forge.faults.append(Fault("GET", "comments", Answer(403, PRIMARY, headers)))
    assert github("delete-tool-in-production", "--comment", "github")[0] == 0
    (pause,) = github.slept
    assert 25 <= pause <= 31


def test_a_limit_that_lasts_an_hour_is_not_waited_out(github, forge):
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3_600)}
    forge.faults.append(Fault("GET", "comments", Answer(403, PRIMARY, headers), times=99))
    code, _, err = github("delete-tool-in-production", "--comment", "github")
    assert code == 1
    assert "rate limit exceeded" in err
    assert "seconds of patience" in err
    assert github.slept == []
    assert "🔴 **Critical risk.**" in github.summary


def test_all_pauses_together_have_an_end(github, forge):
    forge.faults.append(Fault("*", "comments", Answer(429, SECONDARY, {"Retry-After": "50"}), times=99))
    assert github("delete-tool-in-production", "--comment", "github")[0] == 1
    assert sum(github.slept) <= 180


def test_a_comment_that_was_written_while_the_answer_was_lost_is_not_doubled(github, forge):
    lost = iter([True])

    def forget(method, path):
        if method == "POST" and "comments" in path and next(lost, False):
            forge.comment("<!-- leasehold:review stack=prod run=500.1 -->\nwritten, and never heard of\n")

    forge.before = forget
    forge.faults.append(Fault("POST", "comments", None))
    assert github("delete-tool-in-production", "--comment", "github")[0] == 0
    assert len(forge.comments) == 1
    assert "🔴 **Critical risk.**" in forge.comments[0]["body"]


def test_a_refused_body_is_told_with_the_reason(github, forge):
    told = {"message": "Validation Failed", "errors": [{"message": "Body is too long (maximum is 65536 characters)"}]}
    forge.faults.append(Fault("POST", "comments", Answer(422, told)))
    code, _, err = github("delete-tool-in-production", "--comment", "github")
    assert code == 1
    assert "422: Validation Failed; Body is too long" in err
    assert github.slept == []


def test_a_redirect_to_another_host_is_not_followed(github, forge):
    forge.faults.append(Fault("GET", "comments", Answer(301, {}, {"Location": "https://evil.example/comments"})))
    code, _, err = github("delete-tool-in-production", "--comment", "github")
    assert code == 1
    assert "another host" in err


def test_a_redirect_on_the_same_host_is_followed(github, forge):
    there = "/repos/acme/infra/issues/7/comments?per_page=100"
    forge.faults.append(Fault("GET", "comments", Answer(307, {}, {"Location": there})))
    assert github("delete-tool-in-production", "--comment", "github")[0] == 0
    assert len(forge.comments) == 1


def test_a_next_page_on_another_host_is_not_fetched(github, forge):
    link = {"Link": '<https://evil.example/?page=2>; rel="next"'}
    forge.faults.append(Fault("GET", "comments", Answer(200, [], link)))
    code, _, err = github("delete-tool-in-production", "--comment", "github")
    assert code == 1
    assert "another host" in err


@pytest.mark.parametrize("body", [{"no": "list"}, "text", [None, 7, {"body": None}, {"body": "<!-- leasehold:"}]])
def test_an_answer_that_is_none_is_no_crash(github, forge, body):
    forge.faults.append(Fault("GET", "comments", Answer(200, body)))
    code, _, err = github("delete-tool-in-production", "--comment", "github")
    assert code in {0, 1}
    assert "Traceback" not in err
    assert "unexpected" not in err


@pytest.mark.parametrize("body", [None, [], {"id": "x"}, {"body": 1}])
def test_an_answer_to_a_write_that_is_none_is_told(github, forge, body):
    forge.faults.append(Fault("POST", "comments", Answer(201, body)))
    code, _, err = github("delete-tool-in-production", "--comment", "github")
    assert code == 1
    assert "not understood" in err
