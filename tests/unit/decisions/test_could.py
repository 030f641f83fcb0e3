"""Could this agent delete a branch last Friday at 22:20? Answered on what lived then, whatever lives now."""

import io
import json

import httpx
import pytest
from tests.fakes.registry import AGENT, DELETE, DELETE_GRANT, GUARD, POLICY, READ

from leasehold.cli.main import run
from leasehold.cli.session import Session

MINUTE, HOUR = 60, 3600


@pytest.fixture
def history(world):
    """The delete grant lives for an hour; a guard forbids it for the second half; then all is gone. Times by name."""
    times = {"before": world.registry.now.isoformat()}
    world.later(HOUR)
    world.registry.grant(DELETE_GRANT)
    world.later(MINUTE)
    times["granted"] = world.registry.now.isoformat()
    world.later(HOUR / 2)
    world.must("policies", "guards", POLICY)
    world.later(MINUTE)
    times["forbidden"] = world.registry.now.isoformat()
    world.later(HOUR / 2)
    assert world.call("DELETE", "/v1/policies/guards", headers={"If-Match": '"1"'}).is_success
    assert world.call("DELETE", f"/v1/grants/{DELETE}", headers={"If-Match": '"1"'}).is_success
    world.later(HOUR)
    times["after"] = world.registry.now.isoformat()
    return times


def ask(world, when, caller="auditor", **asked):
    query = {"agent": "triage", "action": "github/delete_branch", "resource": "repo:web", "at": when, **asked}
    return world.call("GET", "/v1/access:could", caller, params={k: v for k, v in query.items() if v is not None})


def test_what_was_allowed_then_is_told_by_the_grants_and_policies_of_then(world, history):
    found = {name: ask(world, when).json() for name, when in history.items()}
    assert {name: one["decision"] for name, one in found.items()} == {
        "before": False,
        "granted": True,
        "forbidden": False,
        "after": False,
    }
    assert GUARD in POLICY["document"]
    assert found["forbidden"]["reason"] == "forbidden"
    assert len({one["revision"] for one in found.values()}) == 4


def test_without_a_resource_the_ways_are_told(world, history):
    found = ask(world, history["granted"], resource=None).json()
    assert (found["decision"], found["reason"]) == (True, None)
    assert [(one["grant"], one["resource"]) for one in found["items"]] == [(DELETE, "repo:web")]
    assert ask(world, history["after"], resource=None).json()["items"] == []


def test_another_tool_is_another_question(world, history):
    assert ask(world, history["after"], action="github/read_file").json()["decision"] is True
    found = ask(world, history["after"], action="github/read_file", resource=None).json()
    assert [one["grant"] for one in found["items"]] == [READ]


def test_an_agent_that_did_not_live_could_do_nothing(world, history):
    world.must("agents", "scout", AGENT)
    found = ask(world, history["granted"], agent="scout").json()
    assert (found["stopped"], found["decision"]) == ("agent_unknown", False)
    assert ask(world, "2000-01-01T00:00:00Z").json()["stopped"] == "agent_unknown"


def test_an_agent_that_was_suspended_could_do_nothing(world, history):
    world.later(1)
    world.registry.change("agents", "triage", {**AGENT, "state": "suspended"}, 1)
    world.later(1)
    when = world.registry.now.isoformat()
    found = ask(world, when, action="github/read_file").json()
    assert (found["decision"], found["stopped"]) == (False, "agent_suspended")
    assert ask(world, history["after"], action="github/read_file").json()["decision"] is True


@pytest.mark.parametrize(
    "wrong", [{"at": "friday"}, {"at": "2026-11-20T22:20:00"}, {"resource": "web"}, {"agent": "No One"}, {"at": None}]
)
def test_a_question_that_is_none_is_refused(world, wrong):
    wrong = dict(wrong)
    given = {"when": wrong.pop("at", "2026-11-20T22:20:00Z"), **wrong}
    assert ask(world, **given).status_code == 400


def test_only_auditors_and_admins_look_back(world):
    assert ask(world, "2026-11-20T22:20:00Z", "admin").status_code == 200
    for caller in ("viewer", "alice", "pep"):
        assert ask(world, "2026-11-20T22:20:00Z", caller).status_code == 403


class Transport(httpx.BaseTransport):
    def __init__(self, world):
        self.world = world

    def handle_request(self, request):
        answer = self.world.call(request.method, request.url.raw_path.decode(), "auditor")
        return httpx.Response(answer.status_code, headers={"content-type": "application/json"}, content=answer.content)


def leasehold(world, *arguments):
    out = io.StringIO()
    session = Session({"LEASEHOLD_TOKEN": "auditor"}, out, io.StringIO(), Transport(world))
    return run(["audit", "could", *arguments], session), out.getvalue()


def test_the_command_line_says_yes_or_no(world, history):
    tool = "github/delete_branch"
    code, out = leasehold(world, "triage", tool, "on", "repo:web", "--at", history["granted"])
    assert code == 0
    assert out.startswith("yes: triage at ")
    assert f"by grant {DELETE}" in out
    code, out = leasehold(world, "triage", tool, "on", "repo:web", "--at", history["forbidden"])
    assert (code, out[:3]) == (5, "no:")
    code, out = leasehold(world, "nobody", tool, "--at", history["granted"])
    assert code == 5
    assert "agent_unknown" in out
    code, out = leasehold(world, "triage", tool, "--at", history["granted"], "--json")
    assert (code, json.loads(out)["decision"]) == (0, True)
