"""`explain`, `who-can`, `what-can`, `replay`, `policy test` and `policy fmt`, through the real doors."""

import json

import httpx
import pytest
from tests.fakes.decision_point import DecisionWorld, call
from tests.fakes.registry import GRANT, SERVER
from tests.unit.cli.terraform import leasehold
from tests.unit.decisions.conftest import REFUND
from tests.unit.decisions.test_answers import CAP


@pytest.fixture
def world(tmp_path):
    world = DecisionWorld(tmp_path)
    world.registry.change("tool-servers", "github", {**SERVER, "tools": {**SERVER["tools"], "refund": REFUND}}, 1)
    world.registry.grant({**GRANT, "tools": ["refund"]})
    world.must("policies", "caps", {"document": CAP, "side": "agent"})
    yield world
    world.close()


def run(world, *arguments, caller="auditor"):
    def answer(request):
        headers = {name: value for name, value in request.headers.items() if name.lower() == "content-type"}
        sent = world.call(
            request.method, str(request.url).partition("8420")[2], caller, content=request.content, headers=headers
        )
        return httpx.Response(
            sent.status_code, content=sent.content, headers={"content-type": sent.headers["content-type"]}
        )

    return leasehold(*arguments, answer=answer)


def test_explain_says_which_side_which_line_and_which_condition(world):
    asked = world.decide(**call("refund", arguments={"amount": 70}))["context"]["evaluation_id"]
    world.recorder.close()
    code, out, err = run(world, "explain", asked)
    assert (code, err) == (0, "")
    assert out.startswith("denied: forbidden")
    assert "agent side: no, forbidden, by caps/cap" in out
    assert "forbid caps/cap  (caps:1)" in out
    assert "true: " in out
    assert "it would have passed with amount = 50" in out
    assert json.loads(run(world, "explain", asked, "--json")[1])["reason"] == "forbidden"
    assert run(world, "explain", "nothing")[0] == 1
    code, out, err = run(world, "explain", asked, caller="viewer")
    assert (code, out) == (1, "")
    assert "may not explain" in err


def test_who_can_and_what_can_list_ways_with_their_conditions(world):
    code, out, _ = run(world, "who-can", "github/refund", "on", "repo:web")
    assert code == 0
    assert out.startswith("agent:triage  github/refund  on repo:web  by grant")
    assert "    unless " in out
    assert json.loads(run(world, "what-can", "triage", "--json")[1])["items"][0]["action"] == "github/refund"
    assert run(world, "what-can")[0] == 1
    assert run(world, "what-can", "a", "--user", "b")[0] == 1
    assert run(world, "who-can", "github/refund", "on", "a:1", "b:2")[0] == 1


@pytest.mark.parametrize("question", [("who-can", "github/refnd"), ("what-can", "triag"), ("what-can", "--user", "no")])
def test_a_name_that_nobody_has_does_not_look_like_one_that_may_nothing(world, question):
    code, out, err = run(world, *question)
    assert (code, out) == (1, "")
    assert f"nothing is known by the name `{question[-1]}`" in err
    code, out, _ = run(world, *question, "--json")
    assert (code, json.loads(out)["known"]) == (0, False)


SHOP = "entity user = { level: Long }; entity item; action buy appliesTo { principal: user, resource: item };"


def test_what_the_schema_of_an_application_does_not_know_is_explained(world):
    buy = 'permit(principal, action == Action::"buy", resource);'
    world.registry.must("policies", "shop", {"side": "user", "document": buy, "schema": SHOP})
    world.registry.must("users", "lee", {"ids": ["lee"]})
    question = {
        "subject": {"type": "user", "id": "lee"},
        "action": {"name": "buy"},
        "resource": {"type": "item", "id": "1"},
    }
    levels = {"user.level: is required": {}, "user.level: not an integer": {"level": "high"}}
    asked = [
        world.decide(**{**question, "subject": {**question["subject"], "properties": of}}) for of in levels.values()
    ]
    world.recorder.close()
    for said, answer in zip(levels, asked, strict=True):
        code, out, err = run(world, "explain", answer["context"]["evaluation_id"])
        assert (code, said in out) == (0, True), err


def test_lists_say_whom_an_agent_acts_for_and_what_a_login_would_open(world):
    world.registry.must("users", "lee", {"ids": ["okta/00u1lee"]})
    tie = {"subject": "agent:triage", "relation": "acts_on_behalf_of", "object": "user:okta/00u1lee"}
    world.registry.must("relations", "user:okta/00u1lee#acts_on_behalf_of@agent:triage", tie)
    eng = 'permit(principal in group::"okta/eng", action == Action::"github/refund", resource);'
    world.registry.must("policies", "eng", {"side": "user", "document": eng})
    code, out, _ = run(world, "what-can", "triage")
    assert (code, out.splitlines()[-1]) == (0, "acts on behalf of user:okta/00u1lee, where a token says so")
    assert json.loads(run(world, "what-can", "triage", "--json")[1])["acts_on_behalf_of"] == ["user:okta/00u1lee"]
    for question in (("who-can", "github/refund"), ("what-can", "--user", "okta/00u1lee")):
        _, out, _ = run(world, *question)
        assert "    for anyone who logs in with okta/eng" in out
        assert "acts on behalf of" not in out


CALL = 'agent: triage, tool: github/refund, resource: "repo:web"'
TABLE = f"""
policies:
  caps: {{side: agent, document: caps.cedar}}
cases:
  - {{name: small, expect: allow, {CALL}, arguments: {{amount: 60}}, at: 2026-11-23T12:00:00Z}}
  - {{name: large, expect: deny, {CALL}, arguments: {{amount: 70}}}}
"""


def test_a_table_is_tried_on_the_policies_beside_it(world, tmp_path):
    table = tmp_path / "table.yaml"
    table.write_text(TABLE)
    (tmp_path / "caps.cedar").write_text(CAP.replace("50.0", "65.0"))
    code, out, err = run(world, "policy", "test", str(table))
    assert (code, out.splitlines()) == (0, ["ok      small", "ok      large"])
    assert "2 passed, 0 failed" in err
    table.write_text(TABLE.partition("cases:")[2].join(["cases:", ""]))
    code, out, _ = run(world, "policy", "test", str(table))
    assert code == 2
    assert "FAILED  small: expected allow, decided deny (forbidden)" in out
    assert "would pass with {'amount': 50}" in out
    assert json.loads(run(world, "policy", "test", str(table), "--json")[1])["tables"][str(table)]["failed"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "cases: {",
        "a: &a [*a",
        "cases: [5]",
        "more: 1\ncases: []",
        "policies: 5",
        "!!python/object:os.system x",
    ],
)
def test_a_table_that_is_none_is_an_error(world, tmp_path, text):
    table = tmp_path / "table.yaml"
    table.write_text(text)
    code, out, err = run(world, "policy", "test", str(table))
    assert (code, out) == (1, "")
    assert err.startswith("error: ")


def test_a_document_beside_the_table_that_is_not_there_is_an_error(world, tmp_path):
    (tmp_path / "table.yaml").write_text(TABLE)
    assert "caps.cedar" in run(world, "policy", "test", str(tmp_path / "table.yaml"))[2]


def test_replay_lists_the_flips(world, tmp_path):
    world.decide(**call("refund", arguments={"amount": 60}))
    world.recorder.close()
    assert run(world, "replay")[:2] == (0, "1 decisions: 0 newly allowed, 0 newly denied\n")
    (tmp_path / "candidate.yaml").write_text("policies: {caps: null}")
    code, out, _ = run(world, "replay", "--policies", str(tmp_path / "candidate.yaml"))
    assert code == 2
    assert out.startswith("newly allowed: agent:triage  github/refund  on repo:web  (forbidden -> granted)")


def test_documents_are_laid_out_as_cedar_does(world, tmp_path):
    file = tmp_path / "caps.cedar"
    file.write_text(CAP)
    assert run(world, "policy", "fmt", "--check", str(file))[0] == 2
    assert file.read_text() == CAP
    assert run(world, "policy", "fmt", str(file))[:2] == (0, f"{file}\n")
    assert file.read_text() != CAP
    assert run(world, "policy", "fmt", "--check", str(file)) == (0, "", "")
    for broken in ("permit(", "permit(principal, action, resource) when { " + "(" * 5000 + "true" + ")" * 5000 + " };"):
        file.write_text(broken)
        assert run(world, "policy", "fmt", str(file))[0] == 1
        assert file.read_text() == broken
