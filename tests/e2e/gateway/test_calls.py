"""A tool server of the official SDK behind a served gateway: both eras, every kind of method."""

import pytest

ARGUMENT = {"name": "a", "value": ""}


@pytest.fixture
def token(sdk):
    return sdk.token("triage", "github")


def test_who_brings_no_token_hears_the_same_of_every_tool_server(sdk):
    known, unknown = (sdk.ask(server, None, "tools/list") for server in ("github", "nowhere"))
    assert known.status == unknown.status == 401
    assert known.body == unknown.body
    told = [one.headers["www-authenticate"] for one in (known, unknown)]
    assert told[0].replace("github", "X") == told[1].replace("nowhere", "X")
    assert f'resource_metadata="{sdk.registry.url}/.well-known/oauth-protected-resource/mcp/github"' in told[0]


def test_a_call_within_the_grant_goes_through(sdk, token):
    reply = sdk.call("github", token, "read_file", {"repository": "web", "path": "a.txt"})
    assert reply.status == 200, reply.body
    assert reply.message["result"]["content"][0]["text"] == "web:a.txt"
    reply = sdk.modern(
        "github", token, "tools/call", {"name": "comment", "arguments": {"repository": "web", "text": "hi"}}
    )
    assert reply.status == 200, reply.body
    assert reply.message["result"]["content"][0]["text"] == "web says hi"


def test_a_call_outside_the_grant_is_denied_and_an_unknown_tool_is_like_a_hidden_one(sdk, token):
    reply = sdk.call("github", token, "read_file", {"repository": "secret", "path": "a"})
    assert (reply.status, reply.json["error"]["code"]) == (403, -31001)
    hidden = sdk.call("github", token, "delete_branch", {"repository": "web", "branch": "x"})
    unknown = sdk.call("github", token, "deletes_branch", {"repository": "web", "branch": "x"})
    upstreams_own = sdk.call("github", token, "undeclared", {"repository": "web"})
    said = [one.body.replace(b"deletes_branch", b"X").replace(b"delete_branch", b"X").replace(b"undeclared", b"X")
            for one in (hidden, unknown, upstreams_own)]  # fmt: skip
    assert said[0] == said[1] == said[2]
    assert hidden.status == unknown.status == 200
    assert hidden.json["error"] == {"code": -32602, "message": "Unknown tool: delete_branch"}


@pytest.mark.parametrize("era", ["ask", "modern"])
def test_lists_show_what_can_be_called_in_order_and_private(sdk, token, era):
    def result(method):
        reply = getattr(sdk, era)("github", token, method)
        assert reply.status == 200, reply.body
        return reply.message["result"]

    tools = result("tools/list")
    assert [tool["name"] for tool in tools["tools"]] == ["comment", "fail", "read_file"]
    assert [one["uri"] for one in result("resources/list")["resources"]] == ["docs://handbook"]
    assert [one["name"] for one in result("resources/templates/list")["resourceTemplates"]] == ["readme"]
    assert [one["name"] for one in result("prompts/list")["prompts"]] == ["review"]
    if era == "modern":
        assert tools["cacheScope"] == "private"


@pytest.mark.parametrize("era", ["ask", "modern"])
def test_resources_prompts_and_completion_need_a_grant_of_their_own(sdk, token, era):
    ask = getattr(sdk, era)
    assert (
        ask("github", token, "resources/read", {"uri": "docs://handbook"}).message["result"]["contents"][0]["text"]
        == "be kind"
    )
    assert "this is web" in ask("github", token, "resources/read", {"uri": "repo://web/readme"}).body.decode()
    for method, params in (
        ("resources/read", {"uri": "docs://salaries"}),
        ("resources/read", {"uri": "repo://x/../../salaries"}),
        ("resources/read", {"uri": "repo://%2e%2e/readme"}),
        ("prompts/get", {"name": "secret_plan"}),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "secret_plan"}, "argument": ARGUMENT}),
    ):  # fmt: skip
        reply = ask("github", token, method, params)
        assert reply.json["error"]["code"] == -32602, (method, reply.body)
    assert (
        "review web"
        in ask("github", token, "prompts/get", {"name": "review", "arguments": {"repository": "web"}}).body.decode()
    )


@pytest.mark.parametrize(
    "method", ["tools/erase", "sampling/createMessage", "tools/Call", "tools/call/", "rpc.discover", "tasks/list"]
)
def test_a_method_that_nobody_has_is_denied(sdk, token, method):
    reply = sdk.modern("github", token, method)
    assert reply.status == 404
    assert reply.json["error"]["code"] == -32601


def test_discovery_and_initialize_pass(sdk, token):
    found = sdk.modern("github", token, "server/discover")
    assert "2026-07-28" in found.message["result"]["supportedVersions"], found.body
    client = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    assert sdk.ask("github", token, "initialize", client).message["result"]["serverInfo"]["name"] == "github"


def test_every_call_is_remembered_with_its_outcome(sdk, token):
    sdk.call("github", token, "fail", {"repository": "web"})
    event = sdk.calls("github")[0]
    assert (event["outcome"], event["reason"], event["principal"]) == ("error", "tool_error", "agent:triage")
    assert event["detail"]["called"] == ["fail"]
    sdk.call("github", token, "comment", {"repository": "web", "text": "x"})
    ended, begun = sdk.calls("github")[:2]
    assert (begun["outcome"], begun["reason"]) == ("error", "not_finished")
    assert (ended["outcome"], ended["reason"]) == ("ok", "")
    sdk.call("github", token, "read_file", {"repository": "secret", "path": "x"})
    assert sdk.calls("github")[0]["outcome"] == "denied"
