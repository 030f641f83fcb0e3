"""The commands that hand tokens on and end tasks: what they send, and what they refuse to send."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs

import httpx
import pytest
from tests.unit.cli.terraform import leasehold


def token_file(tmp_path):
    path = tmp_path / "t.jwt"
    path.write_text("a.b.c")
    return path


def raw_path(request):
    return request.url.raw_path.decode()


def head(typ):
    return base64.urlsafe_b64encode(json.dumps({"typ": typ, "alg": "ES256"}).encode()).rstrip(b"=").decode()


class Tokens:
    """Answers a token exchange, and remembers the forms."""

    def __init__(self):
        self.forms = []

    def __call__(self, request):
        self.forms.append({key: value for key, (value,) in parse_qs(request.content.decode()).items()})
        return httpx.Response(200, json={"access_token": "x.y.z", "expires_in": 300, "scope": "s", "lease": "l-1"})


@pytest.mark.parametrize(("typ", "kind"), [("at+jwt", "access_token"), ("JWT", "jwt"), (None, "jwt")])
def test_a_token_is_handed_on_to_whoever_proves_to_be_the_sub_agent(tmp_path, typ, kind):
    parent, actor, details = (tmp_path / name for name in ("parent.jwt", "actor.jwt", "details.json"))
    parent.write_text(f"{head('at+jwt')}.b.c")
    actor.write_text(f"{head(typ)}.b.c")
    details.write_text('[{"type": "mcp_tool", "actions": ["read_file"], "resources": ["repo:web"]}]')
    tokens = Tokens()

    code, out, _ = leasehold(
        *("token", "exchange", "--resource", "https://mcp.example.com/github"),
        *("--subject-token-file", parent, "--actor-token-file", actor, "--authorization-details", details),
        *("--task", "ticket-4711"),
        answer=tokens,
    )

    assert (code, out) == (0, "x.y.z\n")
    (form,) = tokens.forms
    assert form["subject_token_type"].endswith(":access_token")
    assert form["actor_token"] == actor.read_text()
    assert form["actor_token_type"].endswith(f":{kind}")
    assert json.loads(form["authorization_details"]) == json.loads(details.read_text())
    assert (form["task"], "scope" in form) == ("ticket-4711", False)


def test_a_task_and_its_deadline_are_asked_for(tmp_path):
    tokens = Tokens()
    asked = ("--resource", "https://t.example", "--task", "ticket-4711", "--task-deadline", "2027-05-01T12:00:00Z")
    code, _, _ = leasehold("token", "exchange", "--subject-token-file", token_file(tmp_path), *asked, answer=tokens)

    assert code == 0
    assert tokens.forms[0]["task_deadline"] == "2027-05-01T12:00:00Z"
    assert tokens.forms[0]["subject_token_type"].endswith(":jwt")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--task-deadline", "2027-05-01T12:00:00Z"), "--task"),
        (("--task", "ticket-4711", "--task-deadline", "x", "--actor-token-file", "FILE"), "opens"),
        (("--actor-token-file", "FILE", "--authorization-details", "FILE"), "is not JSON"),
        (("--actor-token-file", "FILE", "--authorization-details", "NONE"), "cannot be read"),
        (("--actor-token-file", "FILE", "--authorization-details", "OBJECT"), "is not a list"),
        (("--actor-token-file", "NONE"), "cannot read a token"),
    ],
)
def test_an_exchange_that_could_only_be_refused_is_not_sent(tmp_path, options, said):
    (tmp_path / "object.json").write_text("{}")
    places = {"FILE": token_file(tmp_path), "NONE": tmp_path / "none", "OBJECT": tmp_path / "object.json"}
    tokens = Tokens()
    code, _, err = leasehold(
        *("token", "exchange", "--resource", "https://t.example", "--subject-token-file", token_file(tmp_path)),
        *(places.get(option, option) for option in options),
        answer=tokens,
    )

    assert (code, tokens.forms) == (1, [])
    assert said in err
    assert "a.b.c" not in err


def test_two_tokens_do_not_come_through_one_stdin():
    tokens = Tokens()
    code, _, err = leasehold(
        *("token", "exchange", "--subject-token-file", "-", "--actor-token-file", "-"), answer=tokens
    )
    assert (code, tokens.forms) == (1, [])
    assert "stdin" in err


@pytest.mark.parametrize("own", [True, False])
def test_a_task_is_ended_by_its_agent_or_as_ourselves(tmp_path, own):
    seen = []

    def answer(request):
        seen.append(request)
        return httpx.Response(200, json={"task": "ticket-4711", "generation": 2, "ended_at": "2026-11-22T06:00:00Z"})

    options = ("--token-file", token_file(tmp_path)) if own else ()
    code, out, _ = leasehold("task", "end", "ticket-4711", *options, answer=answer)

    assert (code, out) == (0, "task ticket-4711 is over since 2026-11-22T06:00:00Z\n")
    assert raw_path(seen[0]) == "/v1/tasks/ticket-4711:end"
    assert (seen[0].headers["authorization"] == "Bearer a.b.c") is own


def test_a_task_of_another_agent_is_said_to_be_unknown():
    refusal = {"code": "not_found", "title": "Not found", "detail": "task `ticket-4711` does not exist"}
    code, out, err = leasehold("task", "end", "ticket-4711", answer=lambda _: httpx.Response(404, json=refusal))
    assert (code, out) == (1, "")
    assert "ticket-4711" in err
