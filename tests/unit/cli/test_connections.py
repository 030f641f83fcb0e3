"""`leasehold connections`: what is sent, what is said, and that no secret is an argument."""

from __future__ import annotations

import json

import httpx
import pytest
from tests.unit.cli.terraform import leasehold

ONE = {
    "id": "c1",
    "user": None,
    "shared": "default",
    "tool_server": "github",
    "method": "oauth",
    "state": "connected",
    "promotions": [{"agent": "triage"}],
}
OWN = {**ONE, "id": "c2", "user": "user:people/a\u202elice", "shared": None, "promotions": []}


class Answers:
    """A registry with two connections, on two pages."""

    def __init__(self):
        self.seen = []

    def __call__(self, request):
        self.seen.append(request)
        path = request.url.path
        if request.method == "GET":
            second = "cursor" in request.url.params
            return httpx.Response(200, json={"items": [OWN if second else ONE], "next_cursor": None if second else "n"})
        if request.method == "DELETE" or path.endswith(":demote"):
            return httpx.Response(204)
        if path.endswith(":promote"):
            return httpx.Response(200, json={"agent": "triage", "promoted_at": "2026-11-26T12:00:00Z"})
        if path.endswith(":rotate-keys"):
            return httpx.Response(200, json={"key": "file:0002", "moved": 2, "left": 0})
        if "oauth" in json.loads(request.content):
            return httpx.Response(202, json={"connect_url": "https://leasehold.example/connect?ticket=t"})
        return httpx.Response(201, json={"id": "c3"})


def said(*arguments):
    answers = Answers()
    code, out, err = leasehold("connections", *arguments, answer=answers)
    return code, out, err, answers.seen


def body(request):
    return json.loads(request.content)


def test_every_page_is_listed_and_nothing_hidden_reaches_the_terminal():
    code, out, _, seen = said("list", "--tool-server", "github")
    assert code == 0
    assert out.splitlines()[0] == "c1  github  shared default  oauth  connected  for triage"
    assert "\u202e" not in out
    assert [request.url.params["tool_server"] for request in seen] == ["github", "github"]


def test_the_list_is_json_on_request():
    _, out, _, _ = said("list", "--json")
    assert [one["id"] for one in json.loads(out)["items"]] == ["c1", "c2"]


def test_a_person_lists_with_an_identity_token_of_theirs(tmp_path):
    (tmp_path / "alice.jwt").write_text("identity-token\n")
    _, _, _, seen = said("list", "--token-file", tmp_path / "alice.jwt")
    assert seen[0].headers["authorization"] == "Bearer identity-token"


def test_a_key_comes_out_of_a_file(tmp_path):
    (tmp_path / "key").write_text("canary\n")
    code, out, err, seen = said("add", "search", "--api-key-file", tmp_path / "key", "--shared", "bot")
    assert (code, out, err) == (0, "c3\n", "")
    assert body(seen[0]) == {"api_key": {"key": "canary"}, "shared": "bot"}


@pytest.mark.parametrize(
    ("option", "text", "sent"),
    [
        ("--basic-file", "bot:p:w d\n", {"basic": {"username": "bot", "password": "p:w d"}}),
        ("--aws-file", '{"access_key_id": "a"}', {"aws_sigv4": {"access_key_id": "a"}}),
    ],
)
def test_other_secrets_come_out_of_files_too(tmp_path, option, text, sent):
    (tmp_path / "secret").write_text(text)
    _, _, _, seen = said("add", "search", option, tmp_path / "secret")
    assert body(seen[0]) == sent


def test_a_certificate_and_its_key_come_together(tmp_path):
    (tmp_path / "c").write_text("CERT")
    (tmp_path / "k").write_text("KEY")
    both = ("--certificate-file", tmp_path / "c", "--key-file", tmp_path / "k")
    _, _, _, seen = said("add", "search", *both)
    assert body(seen[0]) == {"mtls": {"certificate": "CERT", "key": "KEY"}}
    code, _, err, seen = said("add", "search", *both[:2])
    assert (code, seen) == (1, [])
    assert "both files" in err


@pytest.mark.parametrize(
    ("option", "text"), [("--basic-file", "canary"), ("--aws-file", "canary"), ("--aws-file", "[]")]
)
def test_a_file_that_is_none_of_it_is_refused_and_not_shown(tmp_path, option, text):
    (tmp_path / "secret").write_text(text)
    code, out, err, seen = said("add", "search", option, tmp_path / "secret")
    assert (code, seen) == (1, [])
    assert "canary" not in out + err


def test_a_browser_is_sent_to_the_address_on_stdout():
    code, out, err, seen = said("add", "github", "--oauth")
    assert (code, out) == (0, "https://leasehold.example/connect?ticket=t\n")
    assert "log in there with the account to connect" in err
    assert body(seen[0]) == {"oauth": {}}


def test_a_promotion_says_for_whom_and_why():
    code, out, _, seen = said("promote", "c1", "--agent", "triage", "--justification", "nightly")
    assert (code, seen[0].url.path) == (0, "/v1/connections/c1:promote")
    assert body(seen[0]) == {"agent": "triage", "justification": "nightly"}
    assert out.startswith("triage may use it since 2026-11-26")


def test_what_was_given_is_taken_back_and_ended():
    _, out, _, seen = said("demote", "c1", "--agent", "triage")
    assert (seen[0].url.path, out) == ("/v1/connections/c1:demote", "triage may use it no more\n")
    _, out, _, seen = said("remove", "c1")
    assert (seen[0].method, seen[0].url.path, out) == ("DELETE", "/v1/connections/c1", "c1 is over\n")


def test_keys_are_replaced_with_one_command():
    _, out, _, seen = said("rotate-keys")
    assert (seen[0].url.path, out) == ("/v1/connections:rotate-keys", "2 wrapped by file:0002, 0 left\n")
