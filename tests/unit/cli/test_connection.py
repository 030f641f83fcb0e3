"""The way to the registry: where a token may go, and how a refusal reads."""

from __future__ import annotations

import io
import json
from urllib.parse import parse_qs

import httpx
import pytest
from tests.unit.cli.terraform import leasehold

from leasehold.cli.connection import Environment, read_environment, segment
from leasehold.cli.exits import Failure
from leasehold.cli.main import run
from leasehold.cli.session import Session

WHOAMI = {"id": "oidc:alice", "role": "viewer", "teams": [], "stack": None, "plan_only": False, "lease": "l-1"}


class Answers:
    """Gives the same answer to everything, and remembers what it was asked."""

    def __init__(self, status=200, body=None, **more):
        self.status, self.body, self.more, self.seen = status, body, more, []

    def __call__(self, request):
        self.seen.append(request)
        return httpx.Response(self.status, json=self.body if self.body is not None else WHOAMI, **self.more)


def problem(status, code, detail="no", **members):
    return Answers(status, {"code": code, "detail": detail, "title": "T", "status": status, **members})


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://registry.example.com",
        "http://127.0.0.1.evil.example",
        "http://localhost@evil.example",
        "https://user:pass@registry.example.com",
        "https://registry.example.com/?x=1",
        "ftp://127.0.0.1",
        "registry.example.com",
        "file:///etc/passwd",
    ],
)
def test_a_token_goes_nowhere_but_over_https_or_to_ourselves(endpoint):
    answer = Answers()
    code, out, err = leasehold("whoami", answer=answer, environ={"LEASEHOLD_ENDPOINT": endpoint})
    assert (code, out, answer.seen) == (1, "", [])
    assert "s3cret" not in err
    assert "pass" not in err.replace("password", "")


@pytest.mark.parametrize(
    "endpoint", ["https://registry.example.com", "http://127.0.0.1:8420", "http://localhost:1/", "http://[::1]:8420"]
)
def test_https_and_loopback_are_spoken_to(endpoint):
    answer = Answers()
    assert leasehold("whoami", answer=answer, environ={"LEASEHOLD_ENDPOINT": endpoint})[0] == 0
    assert answer.seen[0].headers["authorization"] == "Bearer t0ken-s3cret"


def test_a_redirect_is_not_followed():
    answer = Answers(307, {}, headers={"location": "https://evil.example/"})
    code, _, err = leasehold("whoami", answer=answer)
    assert (code, len(answer.seen)) == (1, 1)
    assert "evil" not in err


def test_without_a_credential_nothing_is_sent():
    answer = Answers()
    code, _, err = leasehold("whoami", answer=answer, environ={"LEASEHOLD_TOKEN": ""})
    assert (code, answer.seen) == (1, [])
    assert "LEASEHOLD_OIDC_TOKEN_FILE" in err


def test_a_workload_token_is_exchanged_on_the_fly_for_the_registry_and_the_stack(tmp_path):
    path = tmp_path / "ci.jwt"
    path.write_text("subject.token.sig\n")
    seen = []

    def answer(request):
        seen.append(request)
        exchanged = {"access_token": "fresh", "expires_in": 300}
        return httpx.Response(200, json=exchanged if request.url.path == "/oauth2/token" else WHOAMI)

    environ = {"LEASEHOLD_TOKEN": "", "LEASEHOLD_OIDC_TOKEN_FILE": str(path), "LEASEHOLD_STACK": "prod"}
    assert leasehold("whoami", answer=answer, environ=environ)[0] == 0
    form = {key: value for key, (value,) in parse_qs(seen[0].content.decode()).items()}
    assert form == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "subject.token.sig",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "resource": "http://127.0.0.1:8420/v1",
        "stack": "prod",
    }
    assert "authorization" not in seen[0].headers
    assert seen[1].headers["authorization"] == "Bearer fresh"


@pytest.mark.parametrize("content", [b"", b"two tokens", b"\xff\xfe"])
def test_a_token_file_that_holds_no_single_token_is_refused_without_showing_it(tmp_path, content):
    path = tmp_path / "bad.jwt"
    path.write_bytes(content)
    environ = {"LEASEHOLD_TOKEN": "", "LEASEHOLD_OIDC_TOKEN_FILE": str(path)}
    code, _, err = leasehold("whoami", answer=Answers(), environ=environ)
    assert code == 1
    assert "two tokens" not in err


def test_a_refusal_says_what_where_and_what_next():
    code, out, err = leasehold("whoami", answer=problem(401, "unauthenticated", "the token is not accepted"))
    assert (code, out) == (1, "")
    assert err == (
        "error: the token is not accepted (unauthenticated)\n"
        "  where: GET /v1/whoami\n"
        "  next: get a new token: `leasehold token exchange`, or set LEASEHOLD_OIDC_TOKEN_FILE\n"
    )


def test_a_refused_exchange_points_to_the_audit_log(tmp_path):
    path = tmp_path / "ci.jwt"
    path.write_text("subject.token.sig")
    answer = Answers(400, {"error": "invalid_grant", "error_description": "the subject token was not accepted"})
    code, _, err = leasehold("token", "exchange", "--subject-token-file", path, answer=answer)
    assert code == 1
    assert "the subject token was not accepted (invalid_grant)" in err
    assert "audit log" in err
    assert "subject.token.sig" not in err


def test_hostile_words_in_a_refusal_stay_words():
    _, _, err = leasehold("whoami", answer=problem(403, "forbidden", "\x1b[2Jgone\u202e"))
    assert "\x1b" not in err
    assert "\\u{1b}[2Jgone\\u{202e}" in err


def test_a_stale_revision_is_told_with_who_changed_what():
    changed = [
        {
            "revision": 4,
            "by": "oidc:bob",
            "at": "2026-11-22T06:00:00Z",
            "changes": [{"path": "owner", "before": "alice", "after": "bob"}],
        }
    ]
    _, _, err = leasehold("whoami", answer=problem(412, "precondition_failed", changed_since=changed))
    assert "revision 4 by oidc:bob at 2026-11-22T06:00:00Z" in err
    assert "owner: alice -> bob" in err


@pytest.mark.parametrize("content", [b"<html>proxy login</html>", b"[1]", b"\xff"])
def test_an_answer_that_is_no_registrys_is_an_error_without_a_traceback(content):
    code, _, err = leasehold("whoami", answer=lambda _: httpx.Response(200, content=content))
    assert code == 1
    assert "is this a Leasehold registry?" in err


def test_a_report_that_is_not_understood_is_an_error_without_a_traceback(tmp_path):
    path = tmp_path / "state.json"
    path.write_text('{"version": 4, "resources": []}')
    code, _, err = leasehold("drift", "--state", f"prod={path}", answer=Answers(200, {"findings": [{}]}))
    assert code == 1
    assert "Traceback" not in err
    assert "not understood" in err


def test_no_answer_at_all_says_where_we_looked():
    def down(request):
        raise httpx.ConnectError("refused", request=request)

    code, _, err = leasehold("whoami", answer=down)
    assert code == 1
    assert "no answer from the registry (ConnectError)" in err
    assert "where: http://127.0.0.1:8420" in err


def test_what_nobody_foresaw_is_one_line():
    def broken(_):
        raise RuntimeError("t0ken-s3cret")

    code, out, err = leasehold("whoami", answer=broken)
    assert (code, out) == (1, "")
    assert err.startswith("error: unexpected RuntimeError\n")
    assert "s3cret" not in err


def test_ctrl_c_ends_with_130():
    def interrupted(_):
        raise KeyboardInterrupt

    assert leasehold("whoami", answer=interrupted)[0] == 130


class FullDisk(io.StringIO):
    """Takes every word, and keeps none."""

    def flush(self):
        raise OSError(28, "No space left on device")


def test_a_report_that_could_not_be_written_is_no_success():
    err = io.StringIO()
    session = Session({"LEASEHOLD_TOKEN": "t"}, FullDisk(), err, httpx.MockTransport(Answers()))
    assert run(["whoami"], session) == 1
    assert err.getvalue() == "error: cannot write the answer (No space left on device)\n"


def test_the_environment_hides_its_token():
    assert "s3cret" not in repr(read_environment({"LEASEHOLD_TOKEN": "t0ken-s3cret"}))
    assert read_environment({}) == Environment()


@pytest.mark.parametrize("name", ["../../oauth2/token", "a/b", "a?x=1", "a#b", "a%2fb", "ü", "a b", "a;b"])
def test_a_name_stays_one_segment_of_the_path(name):
    assert "/" not in segment(name)
    assert not set("?#; ") & set(segment(name))


@pytest.mark.parametrize("name", [".", ".."])
def test_a_name_that_climbs_is_refused(name):
    with pytest.raises(Failure):
        segment(name)


def test_a_trust_store_that_is_none_is_told(tmp_path):
    path = tmp_path / "ca.pem"
    path.write_text("nonsense")
    code, _, err = leasehold("whoami", answer=Answers(), environ={"LEASEHOLD_CA_FILE": str(path)})
    assert code == 1
    assert "holds no certificates" in err


def test_whoami_as_json():
    code, out, _ = leasehold("whoami", "--json", answer=Answers())
    assert (code, json.loads(out)) == (0, WHOAMI)


JOB = {
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://runner.example/oidc?api-version=2.0",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runn3r",
}


def in_a_job(*words, answer, **environ):
    """Standard output and error of a command in a job of GitHub Actions."""
    out, err = io.StringIO(), io.StringIO()
    code = run(list(words), Session({**JOB, **environ}, out, err, httpx.MockTransport(answer)))
    return code, out.getvalue(), err.getvalue()


def test_a_job_of_github_needs_nothing_set_to_say_who_it_is():
    def answer(request):
        if request.url.host == "runner.example":
            assert request.headers["authorization"] == "bearer runn3r"
            assert request.url.params["audience"] == "https://registry.example.com"
            assert request.url.params["api-version"] == "2.0"
            return httpx.Response(200, json={"value": "j0b.t0ken.x"})
        if request.url.path == "/oauth2/token":
            assert parse_qs(request.content.decode())["subject_token"] == ["j0b.t0ken.x"]
            return httpx.Response(200, json={"access_token": "registry-token"})
        assert request.headers["authorization"] == "Bearer registry-token"
        return httpx.Response(200, json=WHOAMI)

    code, _, err = in_a_job("whoami", answer=answer, LEASEHOLD_ENDPOINT="https://registry.example.com")
    assert (code, err) == (0, "")


def test_the_jobs_token_is_for_whoever_is_named():
    def answer(request):
        return httpx.Response(200, json={"value": f"for-{request.url.params['audience']}"})

    assert in_a_job("token", "identity", "--audience", "vault", answer=answer) == (0, "for-vault\n", "")
    assert in_a_job("token", "identity", answer=answer, LEASEHOLD_OIDC_AUDIENCE="us")[1] == "for-us\n"


@pytest.mark.parametrize(
    "answer",
    [
        Answers(401, {"message": "no"}),
        Answers(200, {"value": "two\nlines"}),
        Answers(200, {}),
        Answers(302, {}, headers={"location": "https://thief.example"}),
    ],
)
def test_a_forge_that_hands_out_nothing_is_told_and_its_secret_goes_nowhere_else(answer):
    code, out, err = in_a_job("token", "identity", answer=answer)
    assert (code, out) == (1, "")
    assert "no OIDC token" in err
    assert "runn3r" not in err
    assert {request.url.host for request in answer.seen} == {"runner.example"}


def test_the_forges_secret_does_not_travel_in_the_open():
    answer = Answers()
    code, _, err = in_a_job("token", "identity", answer=answer, ACTIONS_ID_TOKEN_REQUEST_URL="http://runner.example")
    assert (code, answer.seen) == (1, [])
    assert "no https" in err


def test_outside_a_job_there_is_no_identity_to_ask_for():
    code, out, err = leasehold("token", "identity", answer=Answers(), environ={})
    assert (code, out) == (1, "")
    assert "GitHub Actions" in err
