"""MCP's methods by the default mapping of COAZ-MCP, and what a denial says besides."""

import pytest
from tests.conformance.requirements import proves
from tests.fakes.decision_point import call
from tests.fakes.registry import GRANT, SERVER, USER

AGENT = {"type": "agent", "id": "triage"}
RICK = {"type": "identity", "id": f"user:{USER['ids'][0]}"}
GITHUB = {"type": "mcp_server", "id": "https://mcp.example.com/github"}
METHODS = {
    "mcp.resources.read": {"action": "read"},
    "mcp.prompts.get": {"action": "read"},
    "mcp.tasks.use": {"action": "write"},
    "fetch": {"action": "read", "resource": "repo:{repository}"},
}
HELD = {"mcp.resources.read": "uri:repo://web/*", "mcp.prompts.get": "prompt:review", "mcp.tasks.use": "task:*"}


def widened(world):
    """The tool server with methods beside its tools, and the agent's grants on some of them."""
    registry = world.registry
    revision = registry.get("tool-servers", "github").json()["revision"]
    everything = {**SERVER, "tools": {**SERVER["tools"], **METHODS}}
    assert registry.change("tool-servers", "github", everything, revision).is_success
    registry.delete("ceilings", "org", 1)
    for tool, resource in {**HELD, "fetch": "repo:web"}.items():
        wild = {"allow_wildcard": True, "justification": "all"} if "*" in resource else {}
        registry.grant({**GRANT, "tools": [tool], "resources": [resource], **wild})


@proves("coaz-call", "coaz-agent")
def test_the_default_mapping_of_a_tool_call_is_that_tools_call(world):
    document = 'permit(principal == user::"rick", action == Action::"github/read_file", resource);'
    world.must("policies", "people", {"document": document, "side": "user"})
    mapped = {
        "subject": {"type": "user", "id": USER["ids"][0]},
        "action": {"name": "tools/call"},
        "resource": {"type": "tool", "id": "read_file"},
        "context": {"agent": "triage", "tool_server": "https://mcp.example.com/github", "resource": "repo:web"},
    }
    permit = world.decide(**mapped)
    assert (permit["decision"], permit["context"]["sides"]) == (True, {"agent": True, "user": True})
    other = world.decide(**{**mapped, "subject": {"type": "user", "id": "stranger"}})
    assert (other["decision"], other["context"]["sides"]) == (False, {"agent": True, "user": False})
    autonomous = world.decide(**{**mapped, "subject": {"type": "identity", "id": "agent:triage"}})
    assert (autonomous["decision"], "sides" in autonomous["context"]) == (True, False)
    nowhere = {**mapped, "context": {"agent": "triage", "resource": "repo:web"}}
    assert world.decide(**nowhere)["context"]["reason"] == "unknown_action"


@pytest.mark.parametrize(
    ("method", "type_", "id_", "expected"),
    [
        ("resources/read", "resource", "repo://web/readme", True),
        ("resources/subscribe", "resource", "repo://web/readme", True),
        ("resources/unsubscribe", "resource", "repo://api/readme", False),
        ("resources/read", "resource", "repo://web/../api/readme", False),
        ("resources/read", "resource", "repo://web/%2e%2e/api", False),
        ("prompts/get", "prompt", "review", True),
        ("prompts/get", "prompt", "other", False),
        ("prompts/get", "tool", "review", False),
        ("completion/complete", "prompt", "review", True),
        ("completion/complete", "resource", "repo://api/x", False),
        ("completion/complete", "task", "t1", False),
        ("tasks/get", "task", "t1", True),
        ("tasks/cancel", "task", "t1", True),
        ("tasks/list", "mcp_server", GITHUB["id"], True),
    ],
)
@proves("coaz-methods")
def test_a_method_on_a_thing_is_decided_as_it_is_granted(world, method, type_, id_, expected):
    widened(world)
    asked = {"subject": AGENT, "action": {"name": method}, "resource": {"type": type_, "id": id_}}
    assert world.decide(**asked, context={"tool_server": GITHUB["id"]})["decision"] is expected
    if method != "tasks/list":  # whose resource says which server
        assert world.decide(**asked)["decision"] is False


@pytest.mark.parametrize("method", ["initialize", "tools/list", "resources/list", "prompts/list", "logging/setLevel"])
@proves("coaz-server", "coaz-identity", "coaz-agent")
def test_who_could_call_anything_of_a_server_may_open_and_list_it(world, method):
    def decide(subject, resource=GITHUB, **context):
        return world.decide(subject=subject, action={"name": method}, resource=resource, context=context)["decision"]

    assert decide(AGENT)
    assert decide({"type": "identity", "id": "agent:triage"}, agent="triage")
    assert decide(AGENT, {"type": "mcp_server", "id": "github"})
    assert not decide(AGENT, {"type": "mcp_server", "id": "https://elsewhere.example"})
    assert not decide(AGENT, {"type": "tool", "id": "github"})
    assert not decide({"type": "agent", "id": "nobody"})
    assert not decide(RICK)
    assert not decide(RICK, agent="triage")  # nothing lets the person
    person = 'permit(principal == user::"rick", action == Action::"github/read_file", resource);'
    world.must("policies", "people", {"document": person, "side": "user"})
    assert decide(RICK, agent="triage")
    assert world.decide(
        subject=RICK,
        action={"name": "tools/call"},
        resource={"type": "tool", "id": "read_file"},
        context={"agent": "triage", "tool_server": "github", "resource": "repo:web"},
    )["decision"]
    world.must("policies", "never", {"document": "forbid(principal, action, resource);", "side": "agent"})
    assert not decide(AGENT)


@proves("coaz-server")
def test_what_opened_is_on_record_and_asked_again_as_what_it_was(world):
    answer = world.decide(subject=AGENT, action={"name": "tools/list"}, resource=GITHUB)
    world.recorder.close()
    replayed = world.call("POST", "/v1/decisions:replay", json={}).json()
    assert (replayed["replayed"], replayed["flips"]) == (1, [])
    told = world.call("GET", f"/v1/decisions/{answer['context']['evaluation_id']}")
    assert (told.status_code, told.json()["reason"]) == (200, "granted")


@proves("coaz-call")
def test_what_a_call_is_about_is_what_the_registered_tool_says_unless_the_caller_does(world):
    widened(world)
    asked = {"subject": AGENT, "action": {"name": "tools/call"}, "resource": {"type": "tool", "id": "fetch"}}

    def decide(**context):
        return world.decide(**asked, context={"tool_server": "github", **context})["decision"]

    assert decide(arguments={"repository": "web"})
    assert not decide(arguments={"repository": "api"})
    assert decide(arguments={"repository": "api"}, resource="repo:web")
    for wrong in ({}, {"repository": ["web"]}, {"repository": "../web"}):
        assert not decide(arguments=wrong)


@pytest.mark.parametrize("method", ["resources/read", "sampling/createMessage", "tools/erase", "roots/list", "ping"])
@proves("coaz-unknown")
def test_a_method_that_nobody_granted_is_denied(world, method):
    question = {"subject": AGENT, "action": {"name": method}, "resource": {"type": "mcp_server", "id": "github"}}
    assert world.decide(**question)["decision"] is False


@proves("requestable")
def test_a_denial_says_whether_it_can_be_asked_for_and_what_for(world):
    lacking = world.decide(**call("delete_branch", "repo:x"))["context"]
    wanted = {"agent": "triage", "tool_server": "github", "tools": ["delete_branch"], "resources": ["repo:x"]}
    assert (lacking["requestable"], lacking["request"]) == (True, {"grant": wanted})
    assert "access_request" not in lacking
    metadata = world.send("GET", "/.well-known/authzen-configuration", None, app=world.access).json()
    assert "access_request_endpoint" not in metadata
    assert not world.decide(**call("read_file"))["context"].keys() & {"requestable", "request", "advice"}


@proves("requestable")
def test_where_somebody_takes_access_requests_a_requestable_denial_says_until_when(world):
    """The profile binds a request to `evaluation_id`; the service reads the decision by it, as an auditor does."""
    world.access = world.serving(requests="https://access.example/requests")
    lacking = world.decide(**call("delete_branch", "repo:x"))["context"]
    assert lacking["access_request"] == {"expires_at": "2026-11-23T12:10:00Z"}
    assert lacking["evaluation_id"]
    boxed = world.ask("evaluations", {"evaluations": [call("delete_branch", "repo:x"), call("read_file")]}).json()
    assert ["access_request" in one["context"] for one in boxed["evaluations"]] == [True, False]
    metadata = world.send("GET", "/.well-known/authzen-configuration", None, app=world.access).json()
    assert metadata["access_request_endpoint"] == "https://access.example/requests"
    assert metadata["capabilities"] == ["urn:openid:authzen:capability:access-request"]


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        ("", {}),
        ('@advice("ask Ada")', {"advice": ["ask Ada"]}),
        ('@requestable @advice("ask Ada")', {"advice": ["ask Ada"], "requestable": True}),
    ],
)
@proves("requestable")
def test_what_a_policy_forbids_can_be_asked_for_if_it_says_so(world, notes, expected):
    closed = f'{notes} forbid(principal, action == Action::"github/read_file", resource);'
    world.must("policies", "closed", {"document": closed, "side": "agent"})
    context = world.decide(**call("read_file"))["context"]
    assert {name: context[name] for name in context.keys() & {"advice", "requestable", "request"}} == expected
