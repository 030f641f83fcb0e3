"""`Mcp-Param-*` headers say what the arguments say, or the call goes nowhere."""

import base64

import pytest

SCHEMA = {
    "type": "object",
    "properties": {
        "repository": {"type": "string", "x-mcp-header": "Repository"},
        "count": {"type": "integer", "x-mcp-header": "Count"},
        "force": {"type": "boolean", "x-mcp-header": "Force"},
        "where": {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}},
        "note": {"type": "string"},
    },
}
MISMATCH = -32020


@pytest.fixture
def listed(world):
    """A server whose tools were listed."""
    tools = [{"name": "read_file", "inputSchema": SCHEMA}, {"name": "delete_branch", "inputSchema": SCHEMA}]
    answer, world.upstream.answer = world.upstream.answer, lambda _message: {"tools": tools}
    assert world.ask("tools/list").status == 200
    world.upstream.answer = answer
    world.upstream.sent.clear()
    return world


def call(world, arguments, tool="read_file", **headers):
    given = {f"mcp_param_{name}": value for name, value in headers.items()}
    return world.ask("tools/call", {"name": tool, "arguments": arguments}, **given)


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({"repository": "web"}, {"repository": "web"}),
        ({"repository": "web"}, {"repository": f"=?base64?{base64.b64encode(b'web').decode()}?="}),
        ({"repository": "web", "count": 42}, {"repository": "web", "count": "42"}),
        ({"repository": "web", "count": 42.0}, {"repository": "web", "count": "42"}),
        ({"repository": "web", "force": True}, {"repository": "web", "force": "true"}),
        ({"repository": "web", "where": {"region": "eu"}}, {"repository": "web", "region": "eu"}),
        ({"repository": "web", "note": "n"}, {"repository": "web"}),
        ({"repository": "web", "count": None}, {"repository": "web"}),
        ({"repository": "web"}, {"repository": "web", "elsewhere": "is no header that the tool knows"}),
    ],
)
def test_headers_that_say_what_the_arguments_say_pass(listed, arguments, headers):
    assert call(listed, arguments, **headers).status == 200
    (sent,) = listed.upstream.sent
    assert sent.headers["mcp-param-repository"] == headers["repository"]


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({"repository": "web"}, {"repository": "api"}),
        ({"repository": "web"}, {}),
        ({"repository": "web"}, {"repository": "Web"}),
        ({"repository": "web"}, {"repository": "=?base64?d2Vi"}),
        ({"repository": "web"}, {"repository": "=?base64?@@?="}),
        ({"repository": "web"}, {"repository": "web", "count": "42"}),
        ({"repository": "web", "count": None}, {"repository": "web", "count": "null"}),
        ({"repository": "web", "count": 42}, {"repository": "web", "count": "43"}),
        ({"repository": "web", "count": 42}, {"repository": "web", "count": "4.2e1"}),
        ({"repository": "web", "count": 42}, {"repository": "web"}),
        ({"repository": "web", "force": True}, {"repository": "web", "force": "True"}),
        ({"repository": "web", "force": True}, {"repository": "web", "force": "1"}),
        ({"repository": "web", "where": {"region": "eu"}}, {"repository": "web", "region": "us"}),
        ({"repository": "web", "where": "eu"}, {"repository": "web", "region": "eu"}),
        ({"repository": "web", "note": "api"}, {"repository": "api"}),
    ],
)
def test_a_header_that_differs_from_its_argument_is_refused(listed, arguments, headers):
    reply = call(listed, arguments, **headers)
    assert (reply.status, reply.json["error"]["code"]) == (400, MISMATCH)
    assert not listed.upstream.sent


@pytest.mark.parametrize(("header", "status"), [("web", 200), ("deep", 200), ("api", 400), ("repository", 400)])
def test_of_a_tool_that_nobody_saw_a_header_says_what_some_argument_says(world, header, status):
    reply = call(world, {"repository": "web", "in": {"it": "deep"}}, anything=header)
    assert reply.status == status
    assert len(world.upstream.sent) == (status == 200)


def test_headers_tell_nobody_of_a_tool_that_it_cannot_call(listed):
    """A hidden tool with a header that differs is answered like one that nobody has."""
    hidden = call(listed, {"repository": "web"}, tool="delete_branch", repository="api")
    unknown = call(listed, {"repository": "web"}, tool="delete_branchx", repository="api")
    assert hidden.body.replace(b"branchx", b"branch") == unknown.body.replace(b"branchx", b"branch")


def test_header_spoofing_counts_in_the_handshake_era_too(listed):
    headers = {"host": "leasehold.example", "content-type": "application/json", "mcp-protocol-version": "2025-11-25"}
    headers |= {"authorization": f"Bearer {listed.token()}", "mcp-param-repository": "api"}
    body = (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_file","arguments":{"repository":"web"}}}'
    )
    assert listed.run("/mcp/code", body, headers).json["error"]["code"] == MISMATCH
    del headers["mcp-param-repository"]
    assert listed.run("/mcp/code", body, headers).status == 200, "nobody has to send them in this era"


@pytest.mark.parametrize(
    "properties",
    [
        {"a": {"x-mcp-header": "Same"}, "b": {"x-mcp-header": "same"}},
        {"a": {"x-mcp-header": "no token"}},
        {"a": {"x-mcp-header": 7}},
        {"a": {"x-mcp-header": ""}},
    ],
)
def test_a_schema_that_clients_drop_asks_for_nothing(world, properties):
    tools = [{"name": "read_file", "inputSchema": {"type": "object", "properties": properties}}]
    answer, world.upstream.answer = world.upstream.answer, lambda _message: {"tools": tools}
    world.ask("tools/list")
    world.upstream.answer = answer
    assert call(world, {"repository": "web", "a": "x", "b": "y"}).status == 200
