"""Every method of MCP at Envoy's door, under the names that the gateway decides it by, and what fools nobody there."""

import json
from dataclasses import replace

import pytest
from tests.fakes.envoy_door import EXTENSIONS, call, door_on, error, headers_of, message

from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.mcp_methods import GET_PROMPT, LIST_ROOTS, READ_RESOURCE, SAMPLE, USE_TASK
from leasehold.model.tools import Action, Tool

OPEN = {"tool_server": "github"}
GRANTED = {
    READ_RESOURCE: ("uri:repo://web/*", Action.READ),
    GET_PROMPT: ("prompt:summary", Action.READ),
    USE_TASK: ("task:*", Action.READ),
}
NOTE = {"jsonrpc": "2.0", "method": "notifications/initialized"}


@pytest.fixture
def door(tmp_path):
    with door_on(tmp_path) as door:
        with door.world.store.read() as unit:
            server = unit.objects.get(Kind.TOOL_SERVERS, "github").spec
        declared = {name: Tool(action=action) for name, (_, action) in GRANTED.items()}
        declared |= {SAMPLE: Tool(action=Action.EXECUTE), LIST_ROOTS: Tool(action=Action.READ)}
        schema = '{"type": "object", "properties": {"repository": {"type": "string", "x-mcp-header": "Repository"}}}'
        read = replace(server.tools["read_file"], input_schema=schema)
        tools = {**server.tools, **declared, "read_file": read}
        door.world.put(Kind.TOOL_SERVERS, "github", replace(server, tools=tools))
        for tool, (pattern, _) in GRANTED.items():
            grant(door, tool, pattern)
        yield door


def grant(door, tool, pattern):
    wild = {"allow_wildcard": True, "justification": "all of them"} if "*" in pattern else {}
    one = Grant(agent="triage", tool_server="github", tools=frozenset({tool}), resources=frozenset({pattern}), **wild)
    door.world.put(Kind.GRANTS, one.id, one)


def status(door, body, **more):
    response = door.check(body, door.token(), **{"extensions": OPEN, **more})
    return 200 if response.status.code == 0 else response.denied_response.status.code


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (message("resources/read", uri="repo://web/readme"), 200),
        (message("resources/read", uri="repo://secret/readme"), 403),
        (message("resources/read", uri="repo://web/../secret"), 400),
        (message("resources/read"), 400),
        (message("resources/subscribe", uri="repo://web/readme"), 200),
        (message("resources/unsubscribe", uri="repo://secret/readme"), 403),
        (message("prompts/get", name="summary"), 200),
        (message("prompts/get", name="other"), 403),
        (message("completion/complete", ref={"type": "ref/prompt", "name": "summary"}, argument={}), 200),
        (message("completion/complete", ref={"type": "ref/prompt", "name": "other"}, argument={}), 403),
        (message("completion/complete", ref={"type": "ref/resource", "uri": "repo://web/{name}"}, argument={}), 200),
        (message("completion/complete", ref={"type": "ref/resource", "uri": "repo://{all}"}, argument={}), 403),
        (message("completion/complete", ref={"type": "ref/else"}, argument={}), 400),
        (message("tasks/get", taskId="t-1"), 200),
        (message("tasks/list"), 200),
        (message("tasks/cancel"), 400),
        (message("ping"), 200),
        (message("initialize"), 200),
        (message("logging/setLevel", level="debug"), 200),
        (message("prompts/list"), 200),
        (message("resources/templates/list"), 200),
        (NOTE, 200),
        ({**NOTE, "method": "notifications/cancelled"}, 200),
        ({**NOTE, "method": "notifications/message"}, 403),
        ({**NOTE, "id": 1}, 403),
        (message("resources/erase"), 403),
        (message("sampling/createMessage"), 403),
        (message("tools/call", name=READ_RESOURCE, arguments={}), 400),
        (message("tools/call", name=SAMPLE, arguments={}), 400),
    ],
)
def test_each_method_is_decided_under_its_name(door, body, expected):
    assert status(door, body) == expected
    assert door.check(body, extensions=OPEN).denied_response.status.code == 401


def test_routes_name_resources_of_tools_and_of_nothing_else(door):
    """`resource: "repo:{repository}"` speaks of tools: no method becomes one on a repository by it."""
    assert status(door, message("resources/read", uri="repo://web/readme"), extensions=EXTENSIONS) == 200
    assert status(door, message("resources/read", uri="uri"), extensions=EXTENSIONS) == 403


def test_a_decision_on_a_method_is_on_record_and_named(door):
    response = door.check(message("resources/read", uri="repo://web/readme"), door.token(), extensions=OPEN)
    decision = headers_of(response)["x-leasehold-decision"]
    door.recorder.close()
    with door.world.store.read() as unit:
        (event,) = unit.audit.list(kind="decisions", name=decision)
    assert event.event.detail["action"] == f"github/{READ_RESOURCE}"


def test_who_could_call_nothing_opens_and_lists_nothing(door):
    token = door.token()
    assert door.check(message("tools/list"), token, extensions=OPEN).status.code == 0
    with door.world.store.read() as unit:
        names = unit.objects.names(Kind.GRANTS)
    for name in names:
        door.world.delete(Kind.GRANTS, name)
    for body in (message("initialize"), message("tools/list"), message("resources/list")):
        assert door.check(body, token, extensions=OPEN).denied_response.status.code == 403
    for method in ("GET", "DELETE"):
        assert door.check("", token, extensions=OPEN, method=method).denied_response.status.code == 403


ANSWER = {"jsonrpc": "2.0", "id": 3, "result": {"content": {"type": "text", "text": "all I know"}}}


def test_an_answer_passes_where_a_server_may_ask_something(door):
    """What it asked went past Envoy unseen: nothing is answered where nothing may be asked."""
    assert status(door, ANSWER) == 403
    assert status(door, {"jsonrpc": "2.0", "id": 3, "result": {}}) == 200  # of a ping
    assert status(door, {"jsonrpc": "2.0", "id": 3, "error": {"code": -1, "message": "no"}}) == 200
    grant(door, SAMPLE, "tool_server:github")
    assert status(door, ANSWER) == 200


# What is read twice, and differently.


@pytest.mark.parametrize(
    "batch",
    [[call()], [NOTE, call(repository="secret")], [message("ping"), call(repository="secret")], [call(), call()], []],
)
def test_a_batch_smuggles_nothing(door, batch):
    assert status(door, batch, extensions=EXTENSIONS) == 400
    versioned = {"mcp-protocol-version": "2025-03-26"}
    assert status(door, batch, extensions=EXTENSIONS, **versioned) == 400


@pytest.mark.parametrize(
    "text",
    [
        '{"jsonrpc":"2.0","id":7,"method":"ping","method":"tools/call","params":{"name":"merge"}}',
        '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"read_file","name":"merge"}}',
        json.dumps(call()) + json.dumps(call(repository="secret")),
        json.dumps(call()) + "\n" + json.dumps(call(repository="secret")),
        json.dumps({**call(), "result": {}}),
        json.dumps({**call(), "Method": "ping"}),
        "\ufeff" + json.dumps(call()),
    ],
)
def test_a_body_with_two_readings_is_no_call(door, text):
    assert status(door, text, extensions=EXTENSIONS) == 400
    assert status(door, text.encode(), extensions=EXTENSIONS) == 400


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"mcp-method": "tools/call", "mcp-name": "read_file"}, 200),
        ({"mcp-method": "ping"}, 400),
        ({"mcp-method": "tools/call", "mcp-name": "merge"}, 400),
        ({"mcp-method": "tools/call,tools/call"}, 400),
        ({"mcp-param-repository": "secret"}, 400),
        ({"mcp-param-repository": "web"}, 200),
        ({"mcp-protocol-version": "1999-01-01"}, 400),
        ({"mcp-protocol-version": "2026-07-28"}, 400),  # without what that revision asks for
    ],
)
def test_headers_that_say_other_than_the_body_are_refused(door, headers, expected):
    assert status(door, call(), extensions=EXTENSIONS, **headers) == expected


def test_a_body_that_is_not_all_there_is_refused(door):
    whole = json.dumps(call()).encode()
    said = {"content-length": str(len(whole))}
    assert status(door, whole, extensions=EXTENSIONS, **said) == 200
    smuggled = whole + b" " * 10 + json.dumps(call(repository="secret")).encode()
    for cut in (whole[:-1], whole[:20], b""):
        assert status(door, cut, extensions=EXTENSIONS, **said) == 400
    # Envoy hands over a whole message, and there is more behind it.
    assert status(door, whole, extensions=EXTENSIONS, **{"content-length": str(len(smuggled))}) == 400
    assert status(door, whole, extensions=EXTENSIONS, **{"x-envoy-auth-partial-body": "true"}) == 400
    assert status(door, whole, extensions=EXTENSIONS, **{"x-envoy-auth-partial-body": "TRUE,false"}) == 400


def test_a_body_that_was_not_packed_as_bytes_is_refused_where_it_lost_some(door):
    """Without `pack_as_bytes` Envoy hands over a text, in which bytes that are no UTF-8 are replaced."""
    sent = json.dumps(call(note="x")).encode().replace(b"x", b"\xff")
    told = sent.decode(errors="replace")
    assert status(door, told, extensions=EXTENSIONS, **{"content-length": str(len(sent))}) == 400
    assert status(door, sent, extensions=EXTENSIONS) == 400


@pytest.mark.parametrize(
    "headers",
    [{"content-type": "text/plain"}, {"content-type": "application/json-rpc"}, {"content-encoding": "gzip"}],
)
def test_a_body_of_another_kind_is_not_guessed_at(door, headers):
    assert status(door, call(), extensions=EXTENSIONS, **headers) == 400


def test_an_errors_code_and_id_are_the_callers_own(door):
    refused = error(door.check(message("prompts/get", name=5), door.token(), extensions=OPEN))
    assert (refused["id"], refused["error"]["code"]) == (7, -32602)
    denied = error(door.check(message("prompts/get", name="other"), door.token(), extensions=OPEN))
    assert (denied["id"], denied["error"]["code"]) == (7, -32001)


def test_a_listening_message_asks_for_so_many_things_at_most(door):
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    modern = {"mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen"}

    def listening(*uris):
        return message("subscriptions/listen", _meta=meta, notifications={"resourceSubscriptions": list(uris)})

    assert status(door, listening("repo://web/a", "repo://web/b"), **modern) == 200
    assert status(door, listening("repo://web/a", "repo://secret/b"), **modern) == 403
    assert status(door, listening(*(f"repo://web/{n}" for n in range(33))), **modern) == 400
    assert status(door, listening(), **modern) == 200
